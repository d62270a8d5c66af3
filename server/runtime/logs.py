"""Lines of the log: text for people at a terminal, or one JSON object a line for machines.

A line says what happened, never in whose words. Of an exception it names the kind and the places
in the code; of what a module adds, only the fields listed in :data:`FIELDS` get through.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, TextIO

import msgspec

FIELDS: Final = (
    "request",
    "room",
    "assembly",
    "method",
    "route",
    "status",
    "seconds",
    "code",
    "sockets",
    "places",
)
"""What a module may add to a line with ``extra=fields(…)``; ids, templates and numbers."""
FORMS: Final = ("text", "json")
_LONGEST = 500
_OWN = __name__.partition(".")[0]
_ID = re.compile(r"[a-z][0-9a-hjkmnp-tv-z]{16}")
_PLACES = 12
_encode = msgspec.json.Encoder().encode


def fields(**given: object) -> dict[str, object]:
    """Return the ``extra`` of a log call; what is None or empty is left out."""
    return {f"_{name}": value for name, value in given.items() if value is not None and value != ""}


def ids_in(path_params: Mapping[str, object]) -> dict[str, object]:
    """Return the ids of room and assembly among a route's parameters, where they are ids at all."""
    found: dict[str, object] = {}
    for name in ("room", "assembly"):
        value = path_params.get(f"{name}_id")
        if isinstance(value, str) and _ID.fullmatch(value):
            found[name] = value
    return found


def places_of(error: BaseException) -> str:
    """Return where in the code an error came from, the innermost first, and nothing it said."""
    frames = traceback.extract_tb(error.__traceback__)
    innermost = list(reversed(frames))[:_PLACES]
    return " < ".join(f"{f.filename.rpartition('/')[2]}:{f.lineno}" for f in innermost)


def configure(form: str = "text", *, requests: bool = False, stream: TextIO | None = None) -> None:
    """Let this process log in a form of :data:`FORMS`, on standard error unless told otherwise.

    As text only warnings are shown; as JSON also what a process begins and ends. ``requests``
    shows every request in both.
    """
    handler = logging.StreamHandler(stream) if stream is not None else _StandardError()
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(_OWN).setLevel(logging.INFO if form == "json" else logging.NOTSET)
    logging.getLogger(f"{_OWN}.requests").setLevel(
        logging.INFO if requests or form == "json" else logging.NOTSET
    )
    # It would log tracebacks, and what went wrong may quote what people wrote.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)


def requests_log() -> logging.Logger:
    """Return the logger of requests."""
    return logging.getLogger(f"{_OWN}.requests")


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to what standard error is when a line comes, which is not always what it was."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        self.stream = sys.stderr
        super().emit(record)


class JsonLines(logging.Formatter):
    """Formats a record as a JSON object: time, level, logger, event, and the fields it carries."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "time": at.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": _event(record),
        }
        return _encode(line | _carried(record)).decode()


class TextLines(logging.Formatter):
    """Formats a record for people: level, logger, event, and its fields as ``name=value``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        more = "".join(f" {name}={value}" for name, value in _carried(record).items())
        return f"{record.levelname} {record.name}: {_event(record)}{more}"


def _event(record: logging.LogRecord) -> str:
    # What follows the first line is a library's: asyncio shows the task there, and its exception.
    first = record.getMessage().partition("\n")[0][:_LONGEST]
    if record.exc_info and record.exc_info[0] is not None:
        return f"{first} ({record.exc_info[0].__name__})"
    return first


def _carried(record: logging.LogRecord) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in FIELDS:
        value = getattr(record, f"_{name}", None)
        if value is not None:
            found[name] = value if isinstance(value, int | float) else str(value)
    if record.exc_info and record.exc_info[1] is not None and "places" not in found:
        found["places"] = places_of(record.exc_info[1])
    return found
