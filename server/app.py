"""The one place where everything is wired: settings in, an application out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from litestar import Litestar
from litestar.static_files import create_static_files_router
from litestar.types import ControllerRouterHandler

from .api.documentation import configuration
from .api.errors import Errors
from .api.limits import Limits, LocalLimits
from .api.metrics import Metrics
from .api.routes import handlers
from .api.services.desk import Desk
from .api.services.similar import SimilarStatements
from .api.sessions import Sessions
from .api.shell import Shell
from .pages import failure_page
from .pages import handlers as page_handlers
from .runtime.exporting import exporter
from .runtime.house import open_house
from .runtime.installation import secret_key
from .runtime.ports import Chance, Clock, SystemClock
from .runtime.vectors import StoredVectors
from .settings import Settings
from .synthesis.adapters.choose import make_embedder

STATIC = "/static"


def create_app(
    settings: Settings,
    *,
    clock: Clock | None = None,
    chance: Chance | None = None,
    limits: Limits | None = None,
) -> Litestar:
    """Return an application; its lifespan opens the house and what belongs to it, and closes it.

    Raises:
        Invalid, Fault: the secret key cannot be used.
    """
    desk = Desk(
        settings=settings,
        sessions=Sessions(secret_key(settings)),
        limits=limits or LocalLimits(),
        metrics=Metrics(),
        clock=clock or SystemClock(),
    )
    errors = Errors(failure_page)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            house = await stack.enter_async_context(
                open_house(settings, write=True, clock=clock, chance=chance)
            )
            embedder = make_embedder(settings.embedder)
            stack.push_async_callback(embedder.close)
            similar = SimilarStatements(embedder, StoredVectors(house.database))
            stack.push_async_callback(similar.close)
            desk.open(house, similar)
            desk.report = exporter(house.database, settings).report_html
            yield

    app = Litestar(
        [*handlers(desk), *page_handlers(desk), *_static()],
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
        observer=desk.metrics,
        render=errors.render,
    )
    return app


def _static() -> list[ControllerRouterHandler]:
    """Return the handler of what is built for browsers: in a checkout, or inside the package."""
    here = Path(__file__).resolve().parent
    for place in (here / "web" / "dist", here.parent / "web" / "dist"):
        if place.is_dir():
            return [create_static_files_router(STATIC, [place], include_in_schema=False)]
    return []
