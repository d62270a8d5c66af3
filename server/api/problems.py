"""Errors as problem details (RFC 9457): the one place where a refusal becomes an HTTP status.

``type`` is ``/problems/<code>`` and stable; docs/problems.md has a heading for each. ``field`` and
``errors`` name what is wrong or missing. A fault of ours says no more than that it is ours.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import msgspec
from litestar.exceptions import HTTPException, LitestarException, SerializationException

from ..errors import Fault, FolkmootError, Invalid, TooMany

MEDIA_TYPE = "application/problem+json"

STATUS: dict[str, int] = {
    "refused": 400,
    "malformed": 400,
    "not-signed-in": 401,
    "forbidden": 403,
    "csrf": 403,
    "foreign-origin": 403,
    "invite-unusable": 403,
    "not-found": 404,
    "method-not-allowed": 405,
    "wrong-phase": 409,
    "conflict": 409,
    "moved": 410,
    "too-large": 413,
    "unsupported-media-type": 415,
    "invalid": 422,
    "idempotency-key-reused": 422,
    "unreadable-file": 422,
    "nothing-to-synthesise": 422,
    "too-many-requests": 429,
    "fault": 500,
    "log-broken": 500,
    "embedder-unavailable": 503,
    "embedder-failed": 503,
    "storage-fault": 503,
    "outcome-unknown": 503,
    "database-held": 503,
    "database-newer": 503,
    "stopping": 503,
    "storage-full": 507,
}
"""Every code that can be answered, and its status."""

_TITLES: dict[str, str] = {
    "refused": "This cannot be done",
    "malformed": "The request cannot be read",
    "not-signed-in": "Not signed in",
    "forbidden": "Not for this role",
    "csrf": "The request does not carry its token",
    "foreign-origin": "The request comes from another site",
    "invite-unusable": "The invite cannot be used",
    "not-found": "Not found",
    "method-not-allowed": "This address does not take that method",
    "wrong-phase": "Not in this phase",
    "conflict": "The state has moved on",
    "moved": "The assembly has moved",
    "too-large": "Too large",
    "unsupported-media-type": "Another kind of content is needed",
    "invalid": "The input is wrong",
    "idempotency-key-reused": "The idempotency key came with another body",
    "unreadable-file": "The file cannot be read",
    "nothing-to-synthesise": "There is too little to work on",
    "too-many-requests": "Too many requests",
    "fault": "Something of ours failed",
    "log-broken": "The log does not hold",
    "embedder-unavailable": "The embedder is not there",
    "embedder-failed": "The embedder failed",
    "storage-fault": "The database failed",
    "outcome-unknown": "It is not known whether this was recorded",
    "database-held": "Another server holds the database",
    "database-newer": "The database is of a newer version",
    "stopping": "The server is going down",
    "storage-full": "The disk is full",
}

_FAULTS: dict[str, str] = {
    "storage-full": "The server's disk is full; nothing was recorded. Please try again later.",
    "storage-fault": "The database failed; nothing was recorded. Please try again.",
    "outcome-unknown": "The database was lost while it recorded this: it may have, or not. "
    "Please send the same again with the same idempotency key.",
    "stopping": "The server is restarting; please try again in a moment.",
    "embedder-failed": "Comparing meanings failed this time; please try again.",
}
_OURS = "Something of ours failed; nothing that was acknowledged is lost. Please try again."

_OF_STATUS = {
    400: "malformed",
    401: "not-signed-in",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "unsupported-media-type",
    429: "too-many-requests",
}
_RETRY_AFTER = {
    "stopping": 2,
    "storage-fault": 1,
    "outcome-unknown": 1,
    "embedder-failed": 2,
    "storage-full": 60,
}


class FieldError(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with one field of the input."""

    field: str
    message: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem as RFC 9457 has it, with the fields that are meant."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    errors: tuple[FieldError, ...] = ()
    retry_after: int | None = None
    request_id: str | None = None

    @property
    def code(self) -> str:
        """The last segment of ``type``."""
        return self.type.rpartition("/")[2]

    @property
    def headers(self) -> dict[str, str]:
        """The headers that go with it."""
        headers: dict[str, str] = {}
        if self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after)
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers["www-authenticate"] = "Bearer"
        return headers

    @property
    def body(self) -> bytes:
        """It as JSON."""
        return _encode(self)


_encode = msgspec.json.Encoder().encode


def problem(
    code: str, detail: str, *, field: str | None = None, retry_after: int | None = None
) -> Problem:
    """Return the problem of one of our codes (a key of :data:`STATUS`)."""
    return Problem(
        type=f"/problems/{code}",
        title=_TITLES[code],
        status=STATUS[code],
        detail=detail,
        field=field,
        errors=(FieldError(field=field, message=detail),) if field else (),
        retry_after=_RETRY_AFTER.get(code) if retry_after is None else retry_after,
    )


def problem_of(error: BaseException) -> Problem:
    """Return what somebody is told of ``error``; of what nobody foresaw nothing but that it was."""
    match error:
        case TooMany():
            return problem(error.code, error.message, retry_after=error.retry_after)
        case Fault():
            code = error.code if error.code in STATUS else Fault.code
            return problem(code, _FAULTS.get(code, _OURS))
        case FolkmootError():
            code = error.code if error.code in STATUS else "refused"
            return problem(code, error.message, field=error.field)
        case msgspec.ValidationError():
            return _invalid(str(error))
        case msgspec.DecodeError() | UnicodeDecodeError() | RecursionError():
            return problem("malformed", malformed(error))
        case SerializationException():
            cause = error.__cause__
            return problem_of(cause) if cause is not None else problem("malformed", _UNREADABLE)
        case HTTPException():
            return _of_framework(error)
        case LitestarException():
            return problem("malformed", _UNREADABLE)
        case _:
            return problem("fault", _OURS)


_UNREADABLE = "The request cannot be read."
_GONE = "client disconnected prematurely"
"""What the framework calls a peer that leaves in the middle of a body; it is no fault of ours."""


def malformed(error: BaseException) -> str:
    """Return a sentence on JSON that cannot be read, without any of it."""
    if isinstance(error, RecursionError):
        return "The JSON is nested too deeply."
    if "surrogate" in str(error) or isinstance(error, UnicodeDecodeError):
        return "The JSON contains broken characters (lone surrogates, or bytes that are not UTF-8)."
    return "The body is not JSON."


def _of_framework(error: HTTPException) -> Problem:
    cause = error.__cause__
    if isinstance(cause, SerializationException):
        return problem_of(cause)
    if error.detail == _GONE:
        return problem("malformed", "The body ended before it was whole.")
    absent = _ABSENT.match(error.detail)
    if absent:
        return invalid_field(absent["field"], "is missing")
    extra: Any = error.extra
    if isinstance(extra, list) and extra and isinstance(extra[0], dict):
        first = extra[0]
        message = str(first.get("message", ""))
        key = str(first.get("key", ""))
        missing = _MISSING.search(message)
        if missing:
            return invalid_field(missing["field"], "is missing")
        if message == "'data'":
            return invalid_field("body", "is missing")
        return invalid_field("body" if key in ("", "data") else key, _told(message))
    code = _OF_STATUS.get(error.status_code)
    if code is None:
        if error.status_code < 500:
            return problem("refused", "This request is not understood.")
        return problem("fault", _OURS)
    return problem(code, _DETAILS.get(code, _UNREADABLE))


_DETAILS = {
    "not-signed-in": "Please join with an invite first, or sign in with a return code.",
    "forbidden": "This is not for you.",
    "not-found": "There is nothing at this address.",
    "method-not-allowed": "This address exists, but does not take that method.",
    "too-large": "The body is too large.",
    "unsupported-media-type": "Send JSON, with 'Content-Type: application/json'.",
}

_ABSENT = re.compile(r"Missing required \w+ parameter '(?P<field>[^']+)'")
_MISSING = re.compile(r"missing required field `(?P<field>[^`]+)`")
_PLACE = re.compile(r" - at `(?P<place>[^`]*)`$")


def invalid_field(field: str, what: str) -> Problem:
    """Return the problem of a field that is wrong; ``what`` goes on from its name."""
    return problem("invalid", f"'{field}' {what}.", field=field)


def invalid(error: msgspec.ValidationError) -> Invalid:
    """Return msgspec's complaint as a refusal that names the field."""
    found = _invalid(str(error))
    return Invalid(found.detail, field=found.field)


def _invalid(message: str) -> Problem:
    place = _PLACE.search(message)
    path = place["place"].removeprefix("$").lstrip(".") if place else ""
    if "..." in path:
        path = ""  # somewhere in the body, and the decoder does not know where
    text = message[: place.start()] if place else message
    missing = _MISSING.search(text)
    if missing:
        field = f"{path}.{missing['field']}" if path else missing["field"]
        return invalid_field(field, "is missing")
    return invalid_field(path or "body", _told(text))


def _told(message: str) -> str:
    message = _PLACE.sub("", message).strip().rstrip(".")
    expected = re.match(r"Expected (?P<wanted>.+), got (?P<got>.+)$", message)
    if expected:
        return f"must be {_plain(expected['wanted'])}, not {_plain(expected['got'])}"
    value = re.match(r"Invalid enum value (?P<value>.+)$", message)
    if value:
        return f"cannot be {value['value']}"
    return f"is wrong: {message[:1].lower()}{message[1:]}"


_PLAIN = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def _plain(kind: str) -> str:
    names = kind.replace("`", "").split(" | ")
    return " or ".join(_PLAIN.get(name, name) for name in names)
