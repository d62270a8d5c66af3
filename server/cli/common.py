"""What the commands share: settings, an open house, and errors in one sentence.

Heavy imports wait until a command runs, so that ``--help`` is quick.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import FolkmootError
from ..settings import Settings

if TYPE_CHECKING:
    from rich.progress import Progress

    from ..runtime.house import House

T = TypeVar("T")


class Failure(click.ClickException):
    """A command that could not do what it says: one sentence on standard error, exit code 1."""

    exit_code = 1


def settings() -> Settings:
    """Return the settings of this process's environment.

    Raises:
        Failure: one of them is not what it should be.
    """
    with failing_in_one_sentence():
        return Settings.from_environment(os.environ)


@contextmanager
def failing_in_one_sentence() -> Iterator[None]:
    """Turn what went wrong on purpose, or in the file system, into a :class:`Failure`."""
    try:
        yield
    except FolkmootError as error:
        raise Failure(error.message) from error
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        raise Failure(f"{error.strerror or 'The operating system refused'}{where}") from error


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` to its end on an event loop of its own.

    Raises:
        Failure: it failed on purpose, or in the file system.
    """
    with failing_in_one_sentence():
        return asyncio.run(work)


@asynccontextmanager
async def open_house(given: Settings, *, write: bool) -> AsyncIterator[House]:
    """Give a started house on the settings' database, and stop it in the end.

    With ``write`` it holds the database alone; without, it reads beside a running server.

    Raises:
        DatabaseHeld: a server, or another command that writes, holds the database.
        DatabaseNewer: a newer version of this program wrote it.
    """
    from ..runtime.house import open_house as opened

    async with opened(given, write=write) as house:
        yield house


def write_json(path: Path, document: bytes) -> None:
    """Write a JSON document of ``--json``, ending in a line feed."""
    path.write_bytes(document.rstrip(b"\n") + b"\n")


@contextmanager
def progress() -> Iterator[Progress]:
    """Give a progress display on standard error; it stays silent unless that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not sys.stderr.isatty()) as shown:
        yield shown
