"""Questions that the projections answer without folding a log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, select

from ..deliberation.vocabulary import CHOICE_OF_VALUE, Choice, Phase
from ..ids import AssemblyId, ParticipantId, RoomId, StatementId
from .tables import ASSEMBLY, ROOM, STATEMENT, VOTE


@dataclass(frozen=True, slots=True)
class AssemblyEntry:
    """An assembly in a list of them."""

    id: AssemblyId
    slug: str
    title: str
    question: str
    language: str
    as_of_seq: int


@dataclass(frozen=True, slots=True)
class RoomEntry:
    """A room in a list of them."""

    id: RoomId
    assembly: AssemblyId
    title: str
    question: str
    language: str
    phase: Phase
    as_of_seq: int


@dataclass(frozen=True, slots=True)
class VoteEntry:
    """A person's latest vote on a statement."""

    room: RoomId
    statement: StatementId
    choice: Choice
    seq: int


@dataclass(frozen=True, slots=True)
class StatementEntry:
    """A statement as its author may see it."""

    statement: StatementId
    room: RoomId
    text: str
    status: str
    reason: str | None
    note: str
    kind: str
    erased: bool
    seq: int


def assemblies(connection: Connection) -> tuple[AssemblyEntry, ...]:
    """Return all assemblies, by slug."""
    return tuple(
        AssemblyEntry(*row)
        for row in connection.execute(select(ASSEMBLY).order_by(ASSEMBLY.c.slug))
    )


def assembly_of_slug(connection: Connection, slug: str) -> AssemblyId | None:
    """Return the id of the assembly with this slug."""
    found = connection.execute(
        select(ASSEMBLY.c.id).where(ASSEMBLY.c.slug == slug)
    ).scalar_one_or_none()
    return None if found is None else AssemblyId(found)


def rooms(connection: Connection, assembly: AssemblyId | None = None) -> tuple[RoomEntry, ...]:
    """Return the rooms of an assembly, or of all, by id."""
    asked = select(ROOM).order_by(ROOM.c.id)
    if assembly is not None:
        asked = asked.where(ROOM.c.assembly == assembly)
    return tuple(
        RoomEntry(id_, of, title, question, language, Phase(phase), as_of)
        for id_, of, title, question, language, phase, as_of in connection.execute(asked)
    )


def votes_of(
    connection: Connection, assembly: AssemblyId, participant: ParticipantId
) -> tuple[VoteEntry, ...]:
    """Return a person's latest votes in the rooms of their assembly, by room and then by seq."""
    rooms = connection.execute(
        select(ROOM.c.id).where(ROOM.c.assembly == assembly).order_by(ROOM.c.id)
    ).scalars()
    return tuple(
        VoteEntry(room, statement, CHOICE_OF_VALUE[choice], seq)
        for room in rooms.all()
        for statement, choice, seq in connection.execute(votes_asked(RoomId(room), participant))
    )


def votes_asked(room: RoomId, participant: ParticipantId) -> Select[Any]:
    """Return the question for a person's votes in a room.

    A vote's key is room, statement, participant: naming the statements makes it a search for each
    of them, and no scan of everybody's votes.
    """
    statements = select(STATEMENT.c.id).where(STATEMENT.c.room == room)
    return (
        select(VOTE.c.statement, VOTE.c.choice, VOTE.c.seq)
        .where(
            VOTE.c.room == room,
            VOTE.c.statement.in_(statements),
            VOTE.c.participant == participant,
        )
        .order_by(VOTE.c.seq)
    )


def statements_of(connection: Connection, author: ParticipantId) -> tuple[StatementEntry, ...]:
    """Return what a person wrote, in all rooms, in order of their seqs."""
    asked = (
        select(
            STATEMENT.c.id,
            STATEMENT.c.room,
            STATEMENT.c.text,
            STATEMENT.c.status,
            STATEMENT.c.reason,
            STATEMENT.c.note,
            STATEMENT.c.kind,
            STATEMENT.c.erased,
            STATEMENT.c.seq,
        )
        .where(STATEMENT.c.author == author)
        .order_by(STATEMENT.c.room, STATEMENT.c.seq)
    )
    return tuple(StatementEntry(*row) for row in connection.execute(asked))
