"""Copying a SQLite database while a server writes to it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from ..errors import StorageFault
from .faults import named


def copy(source: Path, target: Path) -> None:
    """Write what ``source`` holds at this moment to ``target``, a new file of mode 0600, durably.

    Everything acknowledged before the call is in it. Those who write to ``source`` are not kept
    waiting; its write-ahead log grows meanwhile. What was erased leaves no trace in the copy.

    Raises:
        StorageFault: there is no database at ``source``, or it or the copy doesn't hold together.
        StorageFull: there is no room for the copy.
        OSError: ``target`` cannot be made; FileExistsError where it is there already.
    """
    if not source.is_file():
        raise StorageFault(f"There is no database at {source}.")
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with named():
            # SQLite's other way, its backup interface, begins anew whenever another process
            # writes, and so would not end beside a busy server.
            _execute(source, "VACUUM INTO ?", str(target))
            _check(target)
        for place in (target, target.parent):
            _sync(place)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _execute(path: Path, statement: str, *arguments: str) -> object:
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)
    try:
        row = connection.execute(statement, arguments).fetchone()
        return row[0] if row else None
    finally:
        connection.close()


def _check(copied: Path) -> None:
    if _execute(copied, "PRAGMA integrity_check") != "ok":
        raise StorageFault(f"{copied} would not hold together: what it was copied from doesn't.")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
