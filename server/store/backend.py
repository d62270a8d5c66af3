"""What a kind of database offers to the store above it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from sqlalchemy import Connection, Engine

READERS = 4
"""So many threads read at once, each on a connection of its own."""


class Backend(Protocol):
    """An opened database of one kind: connections to it, and what only this kind can do."""

    place: str
    """Where it is, for an operator's eyes: a path, or host:port/name; never a password."""

    @property
    def held(self) -> bool:
        """This process alone can write to it."""
        ...

    shared: bool
    """Any number of processes write to it."""

    reader: Engine
    """Connections whose transactions see one moment, and cannot write."""

    writer: Engine | None
    """Connections whose transactions write; None where it was opened for reading only."""

    def named(self) -> AbstractContextManager[None]:
        """Turn the database's errors into ours while the block runs, as :mod:`.faults` does."""
        ...

    def fresh(self, connection: Connection) -> bool:
        """Tell whether an idle connection still has somebody at its other end."""
        ...

    def grouped(self, connection: Connection) -> AbstractContextManager[None]:
        """Send the statements of the block together, where that spares ways; results come after."""
        ...

    def limit_pages(self, pages: int | None) -> None:
        """Let the database grow to so many pages and no more; None: no limit."""
        ...

    def limit(self, connection: Connection) -> None:
        """Apply :meth:`limit_pages` to a connection that is going to write."""
        ...

    def checkpoint(self) -> None:
        """Clear out of the journals what was erased, as far as this kind needs it."""
        ...

    def clock_offset(self) -> float:
        """Return the seconds by which the database's clock is ahead of this machine's."""
        ...

    def close(self) -> None:
        """Close every connection and let go of the database."""
        ...


@contextmanager
def nothing() -> Iterator[None]:
    """Do nothing before and after a block."""
    yield
