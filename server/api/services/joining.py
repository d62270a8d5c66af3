"""Coming in: by an invite, or back by a return code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...deliberation import commands as c
from ...deliberation import events as e
from ...deliberation.assembly import AssemblyState
from ...deliberation.events import Consent
from ...errors import Fault, InviteUnusable
from ...ids import LogId, ParticipantId
from ...runtime.invites import code_from, digest_of, new_code
from ...runtime.writer import House, Key
from ..sessions import Sessions

LONG_KEY = 16
NOTHING_ALLOWED = Consent()


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody is in: who, where, the token of their session, and their return code, this once."""

    state: AssemblyState
    participant: ParticipantId
    token: str
    return_code: str | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """A wish to join: the invite's code or link, and what the person says of themselves.

    ``key`` and ``body_digest`` are of the write that carries it, ``address`` is where it comes
    from.
    """

    invite: str
    name: str = ""
    consent: Consent = NOTHING_ALLOWED
    address: str = ""
    key: str = ""
    body_digest: bytes = b""


async def invited_to(house: House, code: str) -> AssemblyState:
    """Return the assembly that an invite is for; using it may still be refused.

    Raises:
        InviteUnusable: there is no such invite.
    """
    digest = digest_of(code)
    state = await _with(house, lambda state: digest in state.invites)
    if state is None:
        raise InviteUnusable("This invite does not exist or was withdrawn.", field="invite")
    return state


async def _with(house: House, holds: Callable[[AssemblyState], bool]) -> AssemblyState | None:
    """Return the assembly for which ``holds``, even if another server made it so a moment ago."""
    logs = [LogId(assembly) for assembly in await house.assemblies()]
    for again in (False, True):
        if again:
            await house.look(*logs)
        for log in logs:
            state = await house.assembly(log)
            if holds(state):
                return state
    return None


async def join(house: House, sessions: Sessions, asking: Asking) -> Arrival:
    """Use an invite and return who came of it.

    A repeated write with the same key gives the same person with the same return code, since the
    code follows from key and invite by the server's secret.

    Raises:
        InviteUnusable: there is no such invite, or it was used, withdrawn or has expired.
        Invalid: the name is wrong.
        KeyReused: the key came with something else before.
    """
    state = await invited_to(house, asking.invite)
    digest = digest_of(asking.invite)
    key: Key | None = None
    code = new_code()
    if asking.key:
        # Whoever guesses the key of another's join would be them: a short one holds only together
        # with the address it came from.
        person = digest if len(asking.key) >= LONG_KEY else f"{digest}@{asking.address}"
        key = Key(person, asking.key, asking.body_digest)
        code = code_from(sessions.code_key, "return", person, asking.key)
    command = c.Join(
        digest=digest, name=asking.name, consent=asking.consent, return_digest=digest_of(code)
    )
    done = await house.submit(state.log, command, None, key=key)
    for recorded in done.recorded:
        if isinstance(recorded.event, e.ParticipantJoined):
            participant = recorded.event.participant
            fresh = await house.assembly(state.log)
            token = sessions.issue(state.log, participant, recorded.at)
            return Arrival(fresh, participant, token, code)
    raise Fault("The join left no trace.")


async def come_back(house: House, sessions: Sessions, code: str, now: int) -> Arrival:
    """Return the person whose return code this is, with a fresh session.

    Raises:
        InviteUnusable: nobody who is still in has it.
    """
    digest = digest_of(code)
    state = await _with(house, lambda state: digest in state.returns)
    if state is not None:
        participant = state.returns[digest]
        member = state.members[participant]
        if member.role is not None:
            issued = max(now, member.sessions_from + 1)
            return Arrival(state, participant, sessions.issue(state.log, participant, issued))
    raise InviteUnusable("There is nobody with this return code.", field="code")
