"""``serve``: the server, from the first to the last connection."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

import click

from ..settings import Settings
from .common import Failure, failing_in_one_sentence, settings

if TYPE_CHECKING:
    import uvicorn
    from litestar import Litestar

    from ..api.services.desk import Desk
    from ..runtime.house import House

GRACE_SECONDS = 5
"""So long may requests that are under way take, once no more are accepted."""
SOCKET_FRAME = 64 * 1024
_BACKLOG = 2048


@click.command(
    short_help="Run the server.",
    epilog="Example: python -m server serve --host 127.0.0.1 --port 8000 --demo",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="The port to listen on; 0 takes a free one.",
)
@click.option("--demo", is_flag=True, help="Open the demo assembly, and print its links.")
def command(host: str, port: int, *, demo: bool) -> None:
    """Run the server until it is told to stop (SIGTERM or Ctrl-C).

    Everything acknowledged is on disk then; sockets are closed with 1012, and clients come back.
    """
    serve(settings(), host, port, demo=demo)


def serve(given: Settings, host: str, port: int, *, demo: bool) -> None:
    """Listen until a signal comes.

    Raises:
        Failure: the address is taken, a setting is wrong, or the database cannot be opened.
    """
    from ..app import Parts, create_app
    from ..runtime import logs
    from ..runtime.installation import note_address, public_address

    logs.configure(given.log, requests=bool(given.log_requests))
    failure: list[Exception] = []

    async def opened(house: House) -> None:
        note_address(
            given, _address(listening)
        )  # a server that is refused the database writes none
        click.echo(f"Folkmoot is at {public_address(given)}")
        if demo:
            await _open_demo(house, public_address(given))
        sys.stdout.flush()

    with failing_in_one_sentence():
        app = create_app(given, Parts(opened=opened, failed=failure.append))
        listening = listen(host, port)
    try:
        with listening:
            server_of(app).run(sockets=[listening])
    except SystemExit:
        # So it says that the application did not start; why is known better here.
        if not failure:
            raise
    with failing_in_one_sentence():
        for error in failure:
            raise error


def server_of(app: Litestar, *, signals: bool = True) -> uvicorn.Server:
    """Return a server for ``app`` with the limits of this house; give it a listening socket.

    Without ``signals`` it shares its process with others: it leaves signals and memory alone, and
    ends when its ``should_exit`` is set.
    """
    import uvicorn

    from ..runtime.at_once import AtOnceProtocol
    from ..runtime.protocol import DroppingProtocol
    from .server import Server

    desk = _desk_of(app)
    return Server(
        uvicorn.Config(
            app,
            http=AtOnceProtocol,
            ws=DroppingProtocol,
            ws_max_size=SOCKET_FRAME,
            ws_per_message_deflate=False,
            access_log=False,
            log_config=None,
            lifespan="on",
            timeout_graceful_shutdown=GRACE_SECONDS,
            server_header=False,
            forwarded_allow_ips=desk.settings.trusted_proxies if desk is not None else None,
        ),
        desk,
        signals=signals,
    )


def _desk_of(app: Litestar) -> Desk | None:
    """Return the desk of our application; another one, such as a benchmark's, has none."""
    state = getattr(app, "state", None)
    desk: Desk | None = state.get("desk") if state is not None else None
    return desk


async def _open_demo(house: House, address: str) -> None:
    from ..demo.founding import ensure_demo
    from ..runtime.invites import link
    from ..runtime.ports import SystemChance

    access = await ensure_demo(house, SystemChance())
    click.echo(f"Join the demo at       {link(address, access.invite)}")
    click.echo(f"Run it as facilitator  {link(address, access.facilitator)}")
    click.echo("Its 300 participants are simulated.")


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one. Raises Failure where it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise Failure(f"{host} port {port} cannot be listened on: {error.strerror}.") from error
    listening.setblocking(False)
    return listening


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - what is printed, not what is bound
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
