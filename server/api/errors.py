"""What answers when something is refused or fails: a problem, or a page that says the same."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from time import perf_counter
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.types import Scope
from litestar.utils.scope.state import ScopeState

from ..errors import Fault
from ..runtime.logs import fields, ids_in, places_of
from .facts import facts_of
from .problems import MEDIA_TYPE, Problem, problem, problem_of

_log = logging.getLogger(__name__)

Renderer = Callable[[Problem, Scope], bytes]
"""Gives a page for a problem."""
PAGE_TYPE = "text/html; charset=utf-8"


def wants_page(scope: Scope) -> bool:
    """Tell whether a browser asks for a page, and not a script for data."""
    path: str = scope["path"]
    if path.startswith("/api/") or path == "/api":
        return False
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


class Errors:
    """Answers for exceptions; ``page`` renders one for people, where there are pages.

    ``told`` is called with the code of every problem that is answered.
    """

    def __init__(
        self, page: Renderer | None = None, told: Callable[[str], None] = lambda _: None
    ) -> None:
        self._page = page
        self._told = told

    def handle(self, request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        """Return the answer to an exception; what nobody foresaw is logged without its words."""
        found = problem_of(error)
        if found.code == "malformed":
            found = _broken_text(ScopeState.from_scope(request.scope).body) or found
        if found.status >= 500:
            note(error, request.scope)
        body, media_type = self.render(found, request.scope)
        headers = found.headers
        if found.status == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["allow"] = _allowed(error)
        return Response(body, status_code=found.status, media_type=media_type, headers=headers)

    def render(self, found: Problem, scope: Scope) -> tuple[bytes, str]:
        """Return a problem as a page where one is asked for, else as JSON.

        What is our fault carries the request's number, so that a person can name it to an operator.
        """
        self._told(found.code)
        if found.status >= 500:
            number = facts_of(scope).number.decode()
            found = msgspec.structs.replace(found, request_id=number or None)
        if self._page is not None and wants_page(scope):
            return self._page(found, scope), PAGE_TYPE
        return found.body, MEDIA_TYPE


def keep_body(scope: Scope, body: bytes) -> None:
    """Keep a body that a handler has read itself, so that what is wrong in it can be named."""
    ScopeState.from_scope(scope).body = body


def note(error: BaseException, scope: Scope) -> None:
    """Log where an error happened: its kind and the places in the code, nothing that was said."""
    facts = facts_of(scope)
    facts.noted = True
    found = problem_of(error)
    # The sentence of a fault is ours, and made for the operator.
    said = f": {error.message}" if isinstance(error, Fault) else ""
    _log.error(
        "%s%s",
        type(error).__name__,
        said,
        extra=fields(
            request=facts.number.decode(),
            method=scope.get("method"),
            route=scope.get("path_template") or "none",
            seconds=round(perf_counter() - facts.at, 4) if facts.at else None,
            code=found.code,
            status=found.status,
            places=places_of(error),
            **ids_in(scope.get("path_params") or {}),
        ),
    )


def _allowed(error: Exception) -> str:
    """Return what an address takes; what serves files names nothing, and takes what reads."""
    headers: Mapping[str, str] = getattr(error, "headers", None) or {}
    methods = {each.strip() for each in headers.get("allow", "GET").split(",")}
    if "GET" in methods:
        methods.add("HEAD")
    return ", ".join(sorted(methods))


def _broken_text(body: object) -> Problem | None:
    """Name the field of a body that is JSON but for lone surrogates."""
    if not isinstance(body, bytes):
        return None
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    for place, text in _texts(parsed, "", 0):
        if any("\ud800" <= ch <= "\udfff" for ch in text):
            field = place.encode("ascii", "replace").decode()[:100]
            return problem(
                "invalid", "The text contains broken characters (lone surrogates).", field=field
            )
    return None


def _texts(value: object, place: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield place or "body", value
    elif isinstance(value, dict) and depth < 8:
        for key, inner in value.items():
            yield from _texts(inner, f"{place}.{key}" if place else str(key), depth + 1)
    elif isinstance(value, list) and depth < 8:
        for number, inner in enumerate(value):
            yield from _texts(inner, f"{place}[{number}]", depth + 1)
