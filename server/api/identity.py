"""Who asks: the person behind a session's cookie or a script's bearer token."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..deliberation.assembly import AssemblyState
from ..deliberation.commands import Actor
from ..deliberation.views import Viewer
from ..deliberation.vocabulary import Channel, Role
from ..errors import NotFound, NotSignedIn
from ..ids import LogId, ParticipantId
from .sessions import COOKIE, LIFETIME_MS, Sessions, Token

_COOKIE_START = COOKIE + "="
_BEARER = "bearer "


@dataclass(frozen=True, slots=True)
class Credentials:
    """The token that came with a request, and how: only a cookie is sent by a browser unasked."""

    token: str
    by_cookie: bool


@dataclass(frozen=True, slots=True)
class Identity:
    """A person who is in: their assembly's state, role and channel as they stand now."""

    state: AssemblyState
    participant: ParticipantId
    role: Role
    channel: Channel
    token: str
    by_cookie: bool

    @property
    def assembly(self) -> LogId:
        """The log of the assembly they are in."""
        return self.state.log

    @property
    def actor(self) -> Actor:
        """They, as commands name who asks."""
        return Actor(self.participant, self.role)

    @property
    def viewer(self) -> Viewer:
        """They, as views name who looks."""
        return Viewer(self.participant, self.role)


class Assemblies(Protocol):
    """Where the state of an assembly is found; the house."""

    async def assembly(self, log: LogId) -> AssemblyState:
        """Return the state; raises NotFound where there is no such assembly."""
        ...


def credentials(headers: Iterable[tuple[bytes, bytes]]) -> Credentials | None:
    """Return the token in a request's raw headers; a bearer token goes before a cookie."""
    cookie: Credentials | None = None
    for name, value in headers:
        if name == b"authorization":
            text = value.decode("latin-1")
            if text[:7].lower() == _BEARER:
                return Credentials(text[7:].strip(), by_cookie=False)
        elif name == b"cookie":
            for part in value.decode("latin-1").split(";"):
                piece = part.strip()
                if piece.startswith(_COOKIE_START) and len(piece) > len(_COOKIE_START):
                    cookie = Credentials(piece[len(_COOKIE_START) :], by_cookie=True)
    return cookie


class Identities:
    """Finds who asks; ``clock`` gives ms since 1970."""

    def __init__(
        self, sessions: Sessions, assemblies: Assemblies, clock: Callable[[], int]
    ) -> None:
        self._sessions = sessions
        self._assemblies = assemblies
        self._clock = clock

    async def of(self, scope: Mapping[str, Any]) -> Identity:
        """Return who sent the request or opened the socket behind an ASGI scope.

        Raises:
            NotSignedIn: no session, an unreadable one, or one that no longer holds.
        """
        given = credentials(scope["headers"])
        if given is None:
            raise NotSignedIn("Please join with an invite first, or sign in with a return code.")
        return await self.behind(given)

    async def found(self, scope: Mapping[str, Any]) -> Identity | None:
        """Return who asks, or None for somebody who is not signed in."""
        try:
            return await self.of(scope)
        except NotSignedIn:
            return None

    async def behind(self, given: Credentials) -> Identity:
        """Return the person behind ``given``; raises NotSignedIn where the session ended."""
        token = self._sessions.read(given.token)
        try:
            state = await self._assemblies.assembly(token.assembly)
        except NotFound:
            raise NotSignedIn("This session is not valid here; please join again.") from None
        return self.within(state, token, given)

    def within(self, state: AssemblyState, token: Token, given: Credentials) -> Identity:
        """Return the person that ``token`` names, as the assembly's state knows them now."""
        member = state.members.get(token.participant)
        if member is None or member.role is None:
            raise NotSignedIn("This session is not valid here; please join again.")
        if token.issued <= member.sessions_from or self._clock() - token.issued > LIFETIME_MS:
            raise NotSignedIn("This session has ended; please sign in again.")
        return Identity(
            state, token.participant, member.role, member.channel, given.token, given.by_cookie
        )
