"""Making invites: the codes go to who asked, the digests into the log."""

from __future__ import annotations

from dataclasses import dataclass

from ...deliberation import commands as c
from ...deliberation.vocabulary import Role
from ...errors import Invalid
from ...ids import LogId
from ...runtime.invites import code_from, digest_of, new_code
from ...runtime.writer import House, Key

MOST_INVITES = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """Invites to make; ``expires`` in ms since 1970."""

    role: Role = Role.PARTICIPANT
    count: int = 1
    reusable: bool = False
    expires: int | None = None


async def invite(
    house: House,
    assembly: LogId,
    wanted: Wanted,
    actor: c.Actor | None,
    *,
    key: Key | None = None,
    code_key: bytes = b"",
) -> tuple[str, ...]:
    """Make invites, all or none, and return their codes; with a ``key``, the same ones again.

    Raises:
        Invalid: the number is not 1 to 500, or the role cannot be reusable.
        Forbidden: ``actor`` may not invite.
        KeyReused: the key came with something else before; nothing was made.
    """
    if not 1 <= wanted.count <= MOST_INVITES:
        raise Invalid(f"Make 1 to {MOST_INVITES} invites at once.", field="count")
    if key is None:
        codes = [new_code() for _ in range(wanted.count)]
    else:
        names = [f"{key.key}#{place}" for place in range(wanted.count)]
        codes = [code_from(code_key, "invite", assembly, key.person, name) for name in names]
    units = [
        (
            assembly,
            c.IssueInvite(
                digest=digest_of(code),
                role=wanted.role,
                reusable=wanted.reusable,
                expires=wanted.expires,
            ),
        )
        for code in codes
    ]
    await house.submit_together(units, actor, key=key)
    return tuple(codes)
