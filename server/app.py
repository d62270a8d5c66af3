"""The one place where everything is wired: settings in, an application out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from litestar import Litestar
from litestar.datastructures import CacheControlHeader
from litestar.static_files import create_static_files_router
from litestar.types import ControllerRouterHandler

from .api import live
from .api.asked import Asked
from .api.documentation import configuration
from .api.errors import Errors
from .api.health import clock_check, redis_check, workers_check
from .api.limits import Limits, LocalLimits
from .api.measures import Work, measure, measure_shared
from .api.metrics import Metrics
from .api.routes import handlers
from .api.services.desk import Desk
from .api.services.similar import SimilarStatements
from .api.sessions import Sessions
from .api.shared_limits import SharedLimits
from .api.shell import Shell
from .deliberation.state import RoomState
from .ids import LogId
from .pages import failure_page
from .pages import handlers as page_handlers
from .runtime.exporting import exporter
from .runtime.house import House, open_house
from .runtime.hub import Hub
from .runtime.installation import secret_key
from .runtime.ports import Chance, Clock, SharedClock
from .runtime.presence import Presence
from .runtime.vectors import StoredVectors
from .settings import Settings
from .synthesis.adapters.choose import make_embedder
from .workflows.service import start as start_workflows
from .workflows.worker import spent, standing

STATIC = "/static"
_YEAR = 365 * 24 * 3600


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What can be put in the place of the real thing, and what is told how it goes.

    Without ``workflows`` nothing is analysed or drafted: for tests of everything else. ``opened``
    is called with the house before anybody is served; ``failed`` with what kept the application
    from opening, or went wrong as it closed.
    """

    clock: Clock | None = None
    chance: Chance | None = None
    limits: Limits | None = None
    workflows: bool = True
    opened: Callable[[House], Awaitable[None]] | None = None
    failed: Callable[[Exception], None] | None = None


AS_IT_IS = Parts()


def create_app(settings: Settings, parts: Parts = AS_IT_IS) -> Litestar:
    """Return an application; its lifespan opens the house and what belongs to it, and closes it.

    Raises:
        Invalid, Fault: the secret key cannot be used.
    """
    desk = Desk(
        settings=settings,
        sessions=Sessions(secret_key(settings)),
        limits=parts.limits or _limits(settings),
        metrics=Metrics(database=settings.resolved_database_url.partition(":")[0]),
        clock=parts.clock or SharedClock(),
    )
    errors = Errors(failure_page, desk.metrics.told)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        try:
            async with AsyncExitStack() as stack:
                await _open(desk, parts, stack)
                yield
        except Exception as error:
            if parts.failed is not None:
                parts.failed(error)
            raise

    app = Litestar(
        [*handlers(desk), live.handler(desk), *page_handlers(desk), *_static()],
        lifespan=[lifespan],
        exception_handlers={Exception: errors.handle},
        openapi_config=configuration(),
        logging_config=None,
    )
    app.state["desk"] = desk
    app.asgi_handler = Shell(
        app.asgi_handler,
        desk.sessions,
        public_url=settings.public_url,
        max_body=settings.max_body,
        asked=Asked(
            desk.metrics, trusted=settings.trusted_proxies, every=bool(settings.log_requests)
        ),
        render=errors.render,
    )
    return app


async def _open(desk: Desk, parts: Parts, stack: AsyncExitStack) -> None:
    """Open everything; what was opened is closed by ``stack``, the last first."""
    settings = desk.settings
    rooms = _Rooms()
    hub = Hub(rooms)
    rooms.house = house = await stack.enter_async_context(
        open_house(settings, write=True, clock=desk.clock, chance=parts.chance, announcer=hub)
    )
    house.watch(desk.metrics.committed)
    stack.callback(hub.stop)
    if isinstance(desk.limits, SharedLimits):
        desk.limits.start()
        stack.push_async_callback(desk.limits.close)
    if settings.redis_url:
        presence = Presence(settings.redis_url, settings.redis_prefix, hub.here, hub.elsewhere)
        presence.start()
        stack.push_async_callback(presence.close)
    embedder = make_embedder(settings.embedder)
    stack.push_async_callback(embedder.close)
    similar = SimilarStatements(embedder, StoredVectors(house.database))
    stack.push_async_callback(similar.close)
    desk.open(house, hub, similar)
    bundles = exporter(house.database, settings)
    desk.export = lambda state: bundles.export_zip(state.slug)
    desk.report = bundles.report_html
    _show(desk, house, hub)
    if parts.opened is not None:
        await parts.opened(house)
    if parts.workflows and house.database.held:  # where others write too, there are workers
        at_work = await start_workflows(house, embedder, settings)
        stack.push_async_callback(at_work.stop)
        desk.moved.append(lambda _: at_work.wake())


def _limits(settings: Settings) -> Limits:
    if settings.redis_url:
        return SharedLimits(settings.redis_url, settings.redis_prefix)
    return LocalLimits()


def _show(desk: Desk, house: House, hub: Hub) -> None:
    """Show at every scrape how the parts that were opened stand."""
    measure(desk.metrics, house, hub)
    measure_shared(desk.metrics, house, desk.limits, desk.clock)
    if desk.settings.redis_url:
        desk.readiness.wants("redis", redis_check(house.doorbell))
    desk.readiness.wants("clock", clock_check(desk.clock))
    database = house.database
    work = Work(standing=lambda: standing(database), spent=lambda: spent(database))
    work.show(desk.metrics)
    if not database.held:
        desk.readiness.wants("workers", workers_check(work.alive))


class _Rooms:
    """The house's rooms for the hub, which must be there before the house is."""

    house: House

    async def room(self, log: LogId) -> RoomState:
        """Return a room, at rest."""
        return await self.house.room(log)

    async def look(self, *logs: LogId) -> None:
        """Bring rooms to where they stand."""
        await self.house.look(*logs)


def _static() -> list[ControllerRouterHandler]:
    """Return the handler of what is built for browsers: in a checkout, or inside the package."""
    here = Path(__file__).resolve().parent
    for place in (here / "web" / "dist", here.parent / "web" / "dist"):
        if place.is_dir():
            return [
                create_static_files_router(
                    STATIC,
                    [place],
                    include_in_schema=False,
                    # Pages ask for them by a version, so that they can be kept.
                    cache_control=CacheControlHeader(public=True, max_age=_YEAR, immutable=True),
                )
            ]
    return []
