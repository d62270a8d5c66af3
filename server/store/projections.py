"""What events do to the projections: rows that can be asked for without folding a log.

:func:`apply` runs in the transaction that appends the events, and again when a replay rebuilds the
same rows from the log alone; it reads nothing but what it wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from sqlalchemy import Connection, bindparam, update

from ..deliberation import events as e
from ..deliberation.vocabulary import CHOICE_OF_VALUE, Decision, Phase, Status
from ..ids import LogId
from . import bulk
from .log import ROOM
from .tables import ASSEMBLY, MEMBER, STATEMENT, VOTE
from .tables import ROOM as ROOMS

Run = Sequence[e.Recorded]

PROJECTED = (ASSEMBLY, MEMBER, ROOMS, STATEMENT, VOTE)
"""The tables that a replay rebuilds."""


def apply(connection: Connection, log: LogId, kind: str, recorded: Sequence[e.Recorded]) -> None:
    """Bring the projections of ``log`` from the event before ``recorded`` to its last one."""
    votes: dict[tuple[str, str], tuple[int, int]] = {}
    for type_, same in groupby(recorded, key=lambda each: type(each.event)):
        run = list(same)
        if type_ is e.VoteCast:
            _votes(votes, run)
        elif type_ is e.VotesImported:
            _imported_votes(votes, run)
        else:
            project = _PROJECT.get(type_)
            if project is not None:
                project(connection, log, run)
    if votes:
        rows: list[bulk.Cells] = [
            (log, statement, participant, choice, seq)
            for (participant, statement), (choice, seq) in votes.items()
        ]
        bulk.upsert(connection, VOTE, rows, ("choice", "seq"))
    if recorded:
        mark = _ROOM_MARK if kind == ROOM else _ASSEMBLY_MARK
        bulk.execute(connection, mark, (recorded[-1].seq, log))


_ROOM_MARK = "UPDATE room SET as_of_seq = ? WHERE id = ?"
_ASSEMBLY_MARK = "UPDATE assembly SET as_of_seq = ? WHERE id = ?"


def _votes(votes: dict[tuple[str, str], tuple[int, int]], run: Run) -> None:
    for each in run:
        event = each.event
        if isinstance(event, e.VoteCast) and each.by is not None:
            votes[each.by, event.statement] = (event.choice.value_in_matrix, each.seq)


def _imported_votes(votes: dict[tuple[str, str], tuple[int, int]], run: Run) -> None:
    for each in run:
        if not isinstance(each.event, e.VotesImported):
            continue
        participant = each.event.participant
        for statement, choice in zip(each.event.statements, each.event.choices, strict=True):
            if choice in CHOICE_OF_VALUE:
                votes[participant, statement] = (choice, each.seq)


def _assembly(connection: Connection, log: LogId, run: Run) -> None:
    for each in run:
        if isinstance(each.event, e.AssemblyCreated):
            made = each.event
            row = (log, made.slug, made.title, made.question, made.language, each.seq)
            bulk.insert(connection, ASSEMBLY, [row])


def _room(connection: Connection, log: LogId, run: Run) -> None:
    for each in run:
        if isinstance(each.event, e.RoomCreated):
            made = each.event
            row = (
                log,
                made.assembly,
                made.title,
                made.question,
                made.language,
                Phase.DRAFT,
                each.seq,
            )
            bulk.insert(connection, ROOMS, [row])


def _phase(connection: Connection, log: LogId, run: Run) -> None:
    last = run[-1].event
    if isinstance(last, e.PhaseChanged):
        connection.execute(update(ROOMS).where(ROOMS.c.id == log).values(phase=str(last.phase)))


def _joined(connection: Connection, log: LogId, run: Run) -> None:
    rows: list[bulk.Cells] = []
    for each in run:
        if isinstance(each.event, e.ParticipantJoined):
            who = each.event
            allowed = who.consent
            rows.append(
                (
                    log,
                    who.participant,
                    who.role,
                    who.channel,
                    who.name,
                    who.source,
                    allowed.publish,
                    allowed.research,
                    allowed.training,
                    each.at,
                    each.seq,
                )
            )
    bulk.insert(connection, MEMBER, rows)


def _consented(connection: Connection, log: LogId, run: Run) -> None:
    for each in run:
        if isinstance(each.event, e.ConsentGiven):
            allowed = each.event.consent
            connection.execute(
                update(MEMBER)
                .where(MEMBER.c.assembly == log, MEMBER.c.participant == each.by)
                .values(
                    publish=allowed.publish, research=allowed.research, training=allowed.training
                )
            )


def _role(connection: Connection, log: LogId, run: Run) -> None:
    for each in run:
        if isinstance(each.event, e.RoleChanged):
            role = each.event.role
            connection.execute(
                update(MEMBER)
                .where(MEMBER.c.assembly == log, MEMBER.c.participant == each.event.participant)
                .values(role=None if role is None else str(role))
            )


def _submitted(connection: Connection, log: LogId, run: Run) -> None:
    rows: list[bulk.Cells] = []
    for each in run:
        if isinstance(each.event, e.StatementSubmitted):
            made = each.event
            rows.append(
                (
                    log,
                    made.statement,
                    made.author,
                    made.text,
                    made.language,
                    made.origin,
                    made.kind,
                    made.status,
                    None,
                    "",
                    made.source,
                    made.erased,
                    each.seq,
                )
            )
    bulk.insert(connection, STATEMENT, rows)


_MODERATE = (
    update(STATEMENT)
    .where(STATEMENT.c.room == bindparam("in_room"), STATEMENT.c.id == bindparam("statement"))
    .values(status=bindparam("to"), reason=bindparam("why"), note=bindparam("remark"))
)


def _moderated(connection: Connection, log: LogId, run: Run) -> None:
    rows: list[dict[str, str]] = []
    for each in run:
        if isinstance(each.event, e.StatementModerated):
            said = each.event
            accepted = said.decision is Decision.ACCEPT
            rows.append(
                {
                    "in_room": log,
                    "statement": said.statement,
                    "to": str(Status.ACCEPTED if accepted else Status.REJECTED),
                    "why": str(said.reason),
                    "remark": said.note,
                }
            )
    connection.execute(_MODERATE, rows)


def _erased(connection: Connection, log: LogId, run: Run) -> None:
    for each in run:
        if not isinstance(each.event, e.ContentErased):
            continue
        for remains in each.event.remains.values():
            match remains.event:
                case e.StatementSubmitted(statement=statement):
                    connection.execute(
                        update(STATEMENT)
                        .where(STATEMENT.c.room == log, STATEMENT.c.id == statement)
                        .values(text="", language=None, erased=True)
                    )
                case e.ParticipantJoined(participant=participant):
                    connection.execute(
                        update(MEMBER)
                        .where(MEMBER.c.assembly == log, MEMBER.c.participant == participant)
                        .values(name="")
                    )


_PROJECT: dict[type, Callable[[Connection, LogId, Run], None]] = {
    e.AssemblyCreated: _assembly,
    e.ParticipantJoined: _joined,
    e.ConsentGiven: _consented,
    e.RoleChanged: _role,
    e.RoomCreated: _room,
    e.PhaseChanged: _phase,
    e.StatementSubmitted: _submitted,
    e.StatementModerated: _moderated,
    e.ContentErased: _erased,
}
