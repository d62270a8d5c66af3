"""One process owns a SQLite file: a lock file beside it says which."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from ..errors import DatabaseHeld

_LOOK_EVERY = 0.05


def for_its_owner(path: Path) -> None:
    """Make an empty file for people's votes that only its owner may read, unless there is one.

    SQLite gives the journals beside a file the file's own mode.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))


class Hold:
    """The lock beside a database file, held until :meth:`release` or the end of the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, database: Path, *, wait: float) -> Hold:
        """Take the lock, waiting up to ``wait`` seconds for another process to let go.

        Blocks its thread while it waits.

        Raises:
            DatabaseHeld: somebody else still holds it.
        """
        path = database.with_name(database.name + ".lock")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        until = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= until:
                    os.close(descriptor)
                    raise DatabaseHeld(
                        f"Another server holds {database}; only one process may write to it."
                    ) from None
                time.sleep(_LOOK_EVERY)
            else:
                return cls(descriptor)

    def release(self) -> None:
        """Let go; a second call does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
