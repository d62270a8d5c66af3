"""Making invites: the codes go to who asked, the digests into the log."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

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
    """Make invites and return their codes; with a ``key``, the same ones again.

    Raises:
        Invalid: the number is not 1 to 500, or the role cannot be reusable.
        Forbidden: ``actor`` may not invite.
    """
    if not 1 <= wanted.count <= MOST_INVITES:
        raise Invalid(f"Make 1 to {MOST_INVITES} invites at once.", field="count")
    if key is None:
        codes = [new_code() for _ in range(wanted.count)]
        keys: list[Key | None] = [None] * wanted.count
    else:
        names = [f"{key.key}#{place}" for place in range(wanted.count)]
        codes = [code_from(code_key, "invite", assembly, key.person, name) for name in names]
        keys = [replace(key, key=name) for name in names]
    await asyncio.gather(
        *(
            house.submit(
                assembly,
                c.IssueInvite(
                    digest=digest_of(code),
                    role=wanted.role,
                    reusable=wanted.reusable,
                    expires=wanted.expires,
                ),
                actor,
                key=each,
            )
            for code, each in zip(codes, keys, strict=True)
        )
    )
    return tuple(codes)
