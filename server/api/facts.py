"""What a request's or handshake's headers say, read in one pass and kept in its scope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar.types import Scope

from .sessions import COOKIE

FACTS = "folkmoot.facts"
_COOKIE_START = COOKIE + "="
_BEARER = "bearer "
_TEXTS = {
    b"host": "host",
    b"origin": "origin",
    b"x-csrf-token": "csrf",
    b"idempotency-key": "key",
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """The token that came with a request, and how: only a cookie is sent by a browser unasked."""

    token: str
    by_cookie: bool


@dataclass(slots=True)
class Facts:
    """The headers that matter; a bearer token goes before a cookie."""

    credentials: Credentials | None = None
    origin: str | None = None
    host: str = ""
    csrf: str = ""
    content_type: bytes = b""
    length: int | None = None
    key: str = ""
    number: bytes = b""
    """The request's number: first what came with it, then what it has here (api/asked.py)."""
    at: float = 0.0
    """When it began, by ``perf_counter``."""
    noted: bool = False
    """What went wrong has been logged already."""


def facts_of(scope: Scope) -> Facts:
    """Return what the headers in an ASGI scope say; they are read once."""
    kept: dict[str, Any] = scope  # type: ignore[assignment]  # its type has no place for our keys
    known: Facts | None = kept.get(FACTS)
    if known is not None:
        return known
    facts = kept[FACTS] = Facts()
    for name, value in scope["headers"]:
        if name == b"content-length":
            facts.length = int(value) if value.isdigit() else None
        elif name == b"content-type":
            facts.content_type = value
        elif name == b"authorization":
            text = value.decode("latin-1")
            if text[:7].lower() == _BEARER:
                facts.credentials = Credentials(text[7:].strip(), by_cookie=False)
        elif name == b"cookie":
            _read_cookie(facts, value.decode("latin-1"))
        elif name in _TEXTS:
            setattr(facts, _TEXTS[name], value.decode("latin-1"))
        elif name == b"x-request-id":
            facts.number = value
    return facts


def _read_cookie(facts: Facts, header: str) -> None:
    if facts.credentials is not None and not facts.credentials.by_cookie:
        return
    for part in header.split(";"):
        piece = part.strip()
        if piece.startswith(_COOKIE_START) and len(piece) > len(_COOKIE_START):
            facts.credentials = Credentials(piece[len(_COOKIE_START) :], by_cookie=True)
