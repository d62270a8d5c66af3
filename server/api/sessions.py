"""Sessions: signed tokens that name a person in an assembly, kept by the person alone.

A token is ``assembly.participant.issued.mac``: two ids, the time of issue (ms since 1970, base 36)
and an HMAC-SHA256 over them. The server stores none. A session ends when its person's role is
withdrawn, when they sign out everywhere, or with its lifetime; whether it still holds is checked
against the assembly's state by :mod:`.identity`.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass

from ..errors import NotSignedIn
from ..ids import AssemblyId, LogId, ParticipantId

COOKIE = "folkmoot"
LIFETIME_MS = 180 * 24 * 3600 * 1000
_LONGEST_TOKEN = 512
_MOST_REMEMBERED = 20_000
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Token:
    """What a session says: who, where, since when (ms since 1970)."""

    assembly: LogId
    participant: ParticipantId
    issued: int


class Sessions:
    """Issues and reads tokens with one secret of at least 32 bytes."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < 32:
            raise ValueError("the secret key has at least 32 bytes")
        self._secret = secret
        self._session_key = hmac.digest(secret, b"folkmoot session", "sha256")
        self._csrf_key = hmac.digest(secret, b"folkmoot csrf", "sha256")
        self._code_key = hmac.digest(secret, b"folkmoot code", "sha256")
        self._read: dict[str, Token] = {}

    @property
    def code_key(self) -> bytes:
        """The key from which codes of repeatable writes come (``runtime.invites.code_from``)."""
        return self._code_key

    def issue(self, assembly: LogId | AssemblyId, participant: ParticipantId, at: int) -> str:
        """Return the token of a person for a session that begins ``at`` (ms since 1970)."""
        body = f"{assembly}.{participant}.{_base36(at)}"
        return f"{body}.{self._mac(body)}"

    def read(self, token: str) -> Token:
        """Return what a token says.

        Raises:
            NotSignedIn: it is not one of ours.
        """
        known = self._read.get(token)
        if known is not None:
            return known
        body, _, mac = token.rpartition(".")
        parts = body.split(".")
        if len(token) > _LONGEST_TOKEN or len(parts) != 3 or not token.isascii():
            raise NotSignedIn("This session cannot be read; please join again.")
        if not hmac.compare_digest(self._mac(body), mac):
            raise NotSignedIn("This session is not valid here; please join again.")
        found = Token(LogId(parts[0]), ParticipantId(parts[1]), int(parts[2], 36))
        if len(self._read) >= _MOST_REMEMBERED:
            self._read.clear()
        self._read[token] = found
        return found

    def csrf(self, token: str) -> str:
        """Return what an unsafe request with this session's cookie must carry."""
        return _text(hmac.digest(self._csrf_key, token.encode("ascii", "replace"), "sha256"))

    def csrf_holds(self, token: str, given: str) -> bool:
        """Tell whether ``given`` is the session's CSRF token, in constant time."""
        return given.isascii() and hmac.compare_digest(self.csrf(token), given)

    def _mac(self, body: str) -> str:
        return _text(hmac.digest(self._session_key, body.encode("ascii", "replace"), "sha256"))


def _text(mac: bytes) -> str:
    return urlsafe_b64encode(mac).rstrip(b"=").decode("ascii")


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"


def set_cookie(token: str, *, secure: bool) -> str:
    """Return the ``Set-Cookie`` header of a session; ``secure`` where the scheme is https."""
    return f"{COOKIE}={token}; Path=/; Max-Age={LIFETIME_MS // 1000}; HttpOnly; SameSite=Lax" + (
        "; Secure" if secure else ""
    )


def drop_cookie(*, secure: bool) -> str:
    """Return the ``Set-Cookie`` header that ends a session in this browser."""
    return f"{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")
