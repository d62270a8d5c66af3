"""Founding an assembly with its plenary, as commands of one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..deliberation import commands as c
from ..deliberation.charter import Charter
from ..deliberation.vocabulary import Moderation, Phase, Role
from ..ids import AssemblyId, LogId, RoomId, make_id
from .batch import ID_BYTES, Unit
from .invites import digest_of
from .ports import Chance

PLENARY_TITLE = "Plenary"


@dataclass(frozen=True, slots=True)
class Plan:
    """What an assembly is to be when it begins."""

    slug: str
    title: str
    question: str
    language: str = "en"
    charter: Charter = field(default_factory=Charter)
    phase: Phase = Phase.DRAFT
    moderation: Moderation = Moderation.AFTER


@dataclass(frozen=True, slots=True)
class Founding:
    """The ids that a new assembly gets, and the commands that found it.

    The units before which nothing else may stand in the transaction: the assembly, its plenary, and
    an invite for a facilitator whose code is the caller's alone.
    """

    assembly: LogId
    room: LogId
    units: tuple[Unit, ...]


def founding(plan: Plan, facilitator_code: str, chance: Chance) -> Founding:
    """Return how to found an assembly; nothing has happened yet."""
    assembly = LogId(make_id("assembly", chance.entropy(ID_BYTES)))
    room = LogId(make_id("room", chance.entropy(ID_BYTES)))
    return Founding(
        assembly,
        room,
        (
            (
                assembly,
                c.CreateAssembly(
                    slug=plan.slug,
                    title=plan.title,
                    question=plan.question,
                    language=plan.language,
                    charter=plan.charter,
                ),
            ),
            (assembly, c.OpenRoom(room=RoomId(room), title=PLENARY_TITLE, plenary=True)),
            (
                assembly,
                c.IssueInvite(digest=digest_of(facilitator_code), role=Role.FACILITATOR),
            ),
            (
                room,
                c.CreateRoom(
                    assembly=AssemblyId(assembly),
                    title=plan.title,
                    question=plan.question,
                    language=plan.language,
                    moderation=plan.moderation,
                    charter=plan.charter,
                    phase=plan.phase,
                ),
            ),
        ),
    )
