"""The layer around the whole application: what holds for every request, whatever its route.

Unsafe requests with a cookie need an Origin of ours and the session's CSRF token; a bearer token
needs neither. Bodies are counted as they come in. Every answer gets the security headers. Sockets
opened with a cookie need an Origin of ours before anything else happens. It is one plain ASGI
layer, since it sits in the path of every vote.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import Invalid, NotSignedIn, TooLarge
from ..runtime.at_once import AT_ONCE
from .asked import Asked
from .facts import Credentials, Facts, facts_of
from .problems import Problem, problem
from .sessions import Sessions

SEND = "folkmoot.send"
"""Our own key in a socket's scope: the server's ``send``, without the framework's layers."""
RECEIPT = "folkmoot.receipt"
"""Our own key in a request's scope: ``receipt(scope, body)``, a JSON answer with 201 in one write.

It returns False, with nothing sent, where the server can't.
"""
CSRF_FIELD = "csrf"
MOST_FIELDS = 1000
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FORM = b"application/x-www-form-urlencoded"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"cache-control", b"no-store"),
)
"""What every answer carries, unless it says something else under the same name itself."""
_ADDED = frozenset(name for name, _ in SECURITY_HEADERS)
NUMBER = b"x-request-id"
_RECEIPT_HEAD = b"".join(
    b"%s: %s\r\n" % pair
    for pair in ((b"content-type", b"application/json"), *SECURITY_HEADERS, (NUMBER, b"%s"))
)


class Shell:
    """Wraps ``app``; ``public_url`` is the address people use, empty for whatever they asked for.

    ``max_body`` in bytes; 0 means no limit.
    """

    def __init__(
        self,
        app: ASGIApp,
        sessions: Sessions,
        *,
        public_url: str,
        max_body: int,
        asked: Asked,
        render: Callable[[Problem, Scope], tuple[bytes, str]],
    ) -> None:
        self._app = app
        self._sessions = sessions
        self._own_origin = _origin_of(public_url) if public_url else None
        self._max_body = max_body
        self._asked = asked
        self._render = render

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request or socket through, or refuse it."""
        kind: str = scope["type"]
        if kind == "http":
            await self._http(scope, receive, send)
        elif kind == "websocket" and not self._may_open(scope):
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "foreign origin"})
        else:
            scope[SEND] = send  # type: ignore[literal-required]  # our own key in the scope
            await self._app(scope, receive, send)

    def _may_open(self, scope: Scope) -> bool:
        facts = facts_of(scope)
        given = facts.credentials
        if given is None or not given.by_cookie:
            return True
        return facts.origin is not None and self._is_ours(facts, scope)

    def _is_ours(self, facts: Facts, scope: Scope) -> bool:
        if self._own_origin is not None:
            return facts.origin == self._own_origin
        scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
        return facts.origin == _origin_of(f"{scheme}://{facts.host}")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = str(scope.get("method"))
        asked = self._asked
        facts = facts_of(scope)
        asked.begin(facts, scope)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                asked.end(facts, scope, method, message["status"])
                message["headers"] = _completed(message["headers"], facts.number)
            elif method == "HEAD" and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        if method in _SAFE:
            if method == "HEAD":
                # Answered as GET is, but for the body.
                scope = cast("Scope", {**scope, "method": "GET"})
            await self._app(scope, receive, answer)
            return
        refusal = self._refusal(facts, scope)
        if refusal is None and self._max_body and facts.length is None:
            receive = _counted(receive, self._max_body)
        if refusal is None and self._needs_form_token(facts, scope):
            try:
                refusal, receive = await self._form_refusal(facts, receive)
            except (Invalid, TooLarge) as error:
                refusal = problem(error.code, error.message)
        if refusal is None:
            scope[RECEIPT] = self._receipt  # type: ignore[literal-required]  # ours
            await self._app(scope, receive, answer)
        else:
            body, media_type = self._render(refusal, scope)
            await _refuse(refusal, body, media_type, answer)

    def _receipt(self, scope: Scope, body: bytes) -> bool:
        extensions: dict[str, Any] = scope.get("extensions") or {}
        at_once: Callable[[Scope, int, bytes, bytes], bool] | None = extensions.get(AT_ONCE)
        facts = facts_of(scope)
        head = _RECEIPT_HEAD % facts.number
        if at_once is None or not at_once(scope, 201, head, body):
            return False
        self._asked.end(facts, scope, "POST", 201)
        return True

    def _refusal(self, facts: Facts, scope: Scope) -> Problem | None:
        if self._max_body and facts.length is not None and facts.length > self._max_body:
            return problem("too-large", _too_large(self._max_body))
        given = facts.credentials
        if given is not None and not given.by_cookie:
            return None
        if facts.origin is not None and not self._is_ours(facts, scope):
            return problem("foreign-origin", "This request was sent by another site.")
        if given is None or not self._is_session(given) or self._is_form(facts, scope):
            return None
        if not self._sessions.csrf_holds(given.token, facts.csrf):
            return problem("csrf", _CSRF, field="X-CSRF-Token")
        return None

    def _is_session(self, given: Credentials) -> bool:
        try:
            self._sessions.read(given.token)
        except NotSignedIn:
            return False
        return True

    @staticmethod
    def _is_form(facts: Facts, scope: Scope) -> bool:
        form = facts.content_type.startswith(_FORM) and not facts.csrf
        return form and not scope["path"].startswith("/api/")

    def _needs_form_token(self, facts: Facts, scope: Scope) -> bool:
        given = facts.credentials
        return (
            given is not None
            and given.by_cookie
            and self._is_session(given)
            and self._is_form(facts, scope)
        )

    async def _form_refusal(self, facts: Facts, receive: Receive) -> tuple[Problem | None, Receive]:
        """Look into a form for its hidden field, and hand on what was read."""
        body = await read_body(receive)
        given = facts.credentials
        try:
            fields = parse_qs(body.decode("latin-1"), max_num_fields=MOST_FIELDS)
        except ValueError:
            return problem("malformed", f"A form has at most {MOST_FIELDS} fields."), receive
        found = fields.get(CSRF_FIELD, [""])[0]
        if given is None or not self._sessions.csrf_holds(given.token, found):
            return problem("csrf", _CSRF, field=CSRF_FIELD), receive
        return None, _replayed(body, receive)


_CSRF = "The request does not carry its session's token; please load the page again."


def _too_large(limit: int) -> str:
    return f"The body is larger than {limit} bytes."


def _origin_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return "invalid"
    if ":" in host:
        host = f"[{host}]"
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{host}" + (f":{port}" if port and port != default else "")


def _completed(headers: Iterable[tuple[bytes, bytes]], number: bytes) -> list[tuple[bytes, bytes]]:
    given = [*headers, (NUMBER, number)]
    names = {name for name, _ in given}
    if names.isdisjoint(_ADDED):
        return [*given, *SECURITY_HEADERS]
    return [*given, *(pair for pair in SECURITY_HEADERS if pair[0] not in names)]


def _counted(receive: Receive, limit: int) -> Receive:
    seen = 0

    async def counting() -> Any:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > limit:
                raise TooLarge(_too_large(limit))
        return message

    return counting


async def read_body(receive: Receive) -> bytes:
    """Return a request's whole body; for where nobody else reads it.

    Raises:
        Invalid: who sends it went away before its end.
    """
    body = bytearray()
    more = True
    while more:
        message: Any = await receive()
        if message["type"] != "http.request":
            raise Invalid("The body ended before it was whole.")
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replaying() -> Any:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replaying


async def _refuse(found: Problem, body: bytes, media_type: str, send: Send) -> None:
    headers = [
        (b"content-type", media_type.encode()),
        (b"content-length", str(len(body)).encode()),
        *((name.encode(), value.encode()) for name, value in found.headers.items()),
    ]
    start: Any = {"type": "http.response.start", "status": found.status, "headers": headers}
    end: Any = {"type": "http.response.body", "body": body, "more_body": False}
    await send(start)
    await send(end)
