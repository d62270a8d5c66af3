"""What the database's errors are called outside this package."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoneFree

from ..errors import Conflicted, Fault, StorageFault, StorageFull, Unreachable

_READ_ONLY = (
    "The database at {place} takes no writes: it is a standby, or was set to read only there."
)
_REFUSED = (
    "The database at {place} refused this user: the user's name or password is wrong or has "
    "expired, or the server doesn't let this machine in; its log says which."
)
_NO_DATABASE = "There is no database at {place}: create it there, then run the command migrate."
_CROWDED = (
    "The database at {place} takes no more connections: raise max_connections there, or run fewer "
    "servers and workers."
)
_DOWN = "The database at {place} is stopping, starting or recovering; it is tried again."
_LOST = "The connection to the database at {place} was lost; it is tried again."
_AWAY = "The database at {place} can't be reached."
_ENCRYPTION = "The database at {place} doesn't offer the encryption that its address asks for."
_ADDRESS = (
    "The address of the database {place} can't be used: its port, or an option in it, has a value "
    "that PostgreSQL doesn't know."
)
_OTHER_KIND = (
    "No database at {place} is of the kind that its address asks for (target_session_attrs): it is "
    "a standby, or is not."
)
_FORBIDDEN = (
    "The database at {place} doesn't allow this to its user. For servers and workers, run the "
    "command migrate with --grant and the user's name, as the owner of the tables; migrate itself "
    "needs that owner, or on an empty database a user who may create tables."
)
_NO_TABLE = "The database at {place} lacks a table of this version: run the command migrate."
_TAKEN = (
    "The database at {place} has tables that this program didn't make, by names that it needs: "
    "give it a database of its own."
)
_LOCKED = "The database at {place} was locked by another process for longer than is waited for."
_CONFLICTED = "Another process wrote the same to the database at the same moment."

_BY_STATE: dict[str, tuple[type[Fault], str]] = {
    "53100": (StorageFull, "The database at {place} could not grow: its disk is full."),
    "53200": (StorageFault, "The database server at {place} ran out of memory."),
    "53300": (Unreachable, _CROWDED),
    "25006": (StorageFault, _READ_ONLY),
    "28000": (Unreachable, _REFUSED),
    "28P01": (Unreachable, _REFUSED),
    "3D000": (StorageFault, _NO_DATABASE),
    "42501": (StorageFault, _FORBIDDEN),
    "42P01": (StorageFault, _NO_TABLE),
    "42P07": (StorageFault, _TAKEN),
    "57014": (StorageFault, "The database at {place} took longer than it may."),
    "55P03": (StorageFault, _LOCKED),
    "57P01": (Unreachable, _DOWN),
    "57P02": (Unreachable, _DOWN),
    "57P03": (Unreachable, _DOWN),
    "57P05": (Unreachable, _LOST),
    "25P03": (Unreachable, _LOST),
    "23505": (Conflicted, _CONFLICTED),
    "40001": (Conflicted, _CONFLICTED),
    "40P01": (Conflicted, _CONFLICTED),
}
"""By PostgreSQL's SQLSTATE."""

_TOLD_BY_SERVER: tuple[tuple[str, type[Fault], str], ...] = (
    ("connection slots", Unreachable, _CROWDED),
    ("too many", Unreachable, _CROWDED),
    ("the database system is", Unreachable, _DOWN),
    ("terminating connection", Unreachable, _DOWN),
    ("database ", StorageFault, _NO_DATABASE),
)
_TOLD_BY_DRIVER: tuple[tuple[str, type[Fault], str], ...] = (
    ("password", Unreachable, _REFUSED),
    ("SSL", StorageFault, _ENCRYPTION),
    ("certificate", StorageFault, _ENCRYPTION),
    ("session is", Unreachable, _OTHER_KIND),
    ("hot standby", Unreachable, _OTHER_KIND),
)
"""Where no session came about the SQLSTATE doesn't come through: the words say what it was."""

_BY_FILE: dict[int, str] = {
    sqlite3.SQLITE_NOTADB: "isn't one: the file holds something else.",
    sqlite3.SQLITE_CORRUPT: "is damaged: put a backup in its place.",
    sqlite3.SQLITE_READONLY: "can't be written: this user needs the right to, on its folder too.",
    sqlite3.SQLITE_CANTOPEN: "can't be opened: see its path, and who may use file and folder.",
}
"""By SQLite's code, what is said of the file."""

_BY_SERVER = "FATAL:"
_BAD_ADDRESS = "connection is bad: invalid"
_CONNECTING = ("connection failed", "connection timeout", "failed to resolve", "all attempts")


@contextmanager
def named(place: str = "") -> Iterator[None]:
    """Turn the database's errors into ours; the driver's text may hold people's words and is left.

    ``place`` is where the database is, for an operator's eyes.

    Raises:
        StorageFull: the database could not grow.
        Unreachable: it doesn't answer, or not to us.
        Conflicted: another process wrote the same at the same moment.
        StorageFault: anything else that the database refused.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, psycopg.Error) as error:
        raise _fault(error, place) from None


def _fault(error: Exception, place: str) -> Fault:
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, sqlite3.Error):
        return _of_sqlite(original, place)
    if isinstance(original, psycopg.Error):
        return _of_postgres(original, place)
    if isinstance(original, NoneFree):
        return StorageFault(f"All connections to the database at {place} are in use.")
    return _unknown(type(original).__name__)


def _of_sqlite(error: sqlite3.Error, place: str) -> Fault:
    # What has an extended code is of the kind that its last eight bits say.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return StorageFull("The database could not grow: its disk is full.")
    if code in _BY_FILE:
        return StorageFault(f"The database{f' at {place}' if place else ''} {_BY_FILE[code]}")
    return _unknown(getattr(error, "sqlite_errorname", type(error).__name__))


def _of_postgres(error: psycopg.Error, place: str) -> Fault:
    state = error.sqlstate
    if state is None:
        if isinstance(error, psycopg.OperationalError):
            return _of_words(str(error), place)
        return _unknown(type(error).__name__)
    if state.startswith("08"):
        return Unreachable(_LOST.format(place=place))
    kind, sentence = _BY_STATE.get(state, (StorageFault, ""))
    return kind(sentence.format(place=place)) if sentence else _unknown(state)


def _of_words(told: str, place: str) -> Fault:
    """Return what a connection without a SQLSTATE died of, or was never made for."""
    if _BAD_ADDRESS in told:
        return StorageFault(_ADDRESS.format(place=place))
    if not any(words in told for words in _CONNECTING):
        return Unreachable(_LOST.format(place=place))
    _, by_server, last = told.rpartition(_BY_SERVER)
    for words, kind, sentence in _TOLD_BY_SERVER if by_server else _TOLD_BY_DRIVER:
        if words in last:
            return kind(sentence.format(place=place))
    return Unreachable((_REFUSED if by_server else _AWAY).format(place=place))


def _unknown(name: str) -> StorageFault:
    return StorageFault(f"The database refused or broke ({name}).")
