"""Who asks: the person behind a session's cookie or a script's bearer token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from litestar.types import Scope

from ..deliberation.assembly import AssemblyState
from ..deliberation.commands import Actor
from ..deliberation.views import Viewer
from ..deliberation.vocabulary import Channel, Role
from ..errors import NotFound, NotSignedIn
from ..ids import LogId, ParticipantId
from .facts import Credentials, facts_of
from .sessions import LIFETIME_MS, Sessions, Token


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

    async def look(self, *logs: LogId) -> None:
        """Bring assemblies to where they stand, if other servers write to them too."""
        ...


class Identities:
    """Finds who asks; ``clock`` gives ms since 1970."""

    def __init__(
        self, sessions: Sessions, assemblies: Assemblies, clock: Callable[[], int]
    ) -> None:
        self._sessions = sessions
        self._assemblies = assemblies
        self._clock = clock

    async def of(self, scope: Scope) -> Identity:
        """Return who sent the request or opened the socket behind an ASGI scope.

        Raises:
            NotSignedIn: no session, an unreadable one, or one that no longer holds.
        """
        given = facts_of(scope).credentials
        if given is None:
            raise NotSignedIn("Please join with an invite first, or sign in with a return code.")
        return await self.behind(given)

    async def found(self, scope: Scope) -> Identity | None:
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
        member = state.members.get(token.participant)
        if member is None or member.role is None:
            # Another server may have let them in a moment ago.
            await self._assemblies.look(token.assembly)
            state = await self._assemblies.assembly(token.assembly)
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
