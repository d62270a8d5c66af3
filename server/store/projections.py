"""What events do to the projections: rows that can be asked for without folding a log.

:func:`apply` runs in the transaction that appends the events, and again when a replay rebuilds the
same rows from the log alone; it reads nothing but what it wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from sqlalchemy import Connection

from ..deliberation import events as e
from ..deliberation.vocabulary import CHOICE_OF_VALUE, Decision, Phase, Status
from ..ids import LogId
from . import bulk
from .log import ROOM
from .tables import ASSEMBLY, MEMBER, STATEMENT, VOTE
from .tables import ROOM as ROOMS

Run = Sequence[e.Recorded]
_Vote = tuple[tuple[str, str], tuple[int, int]]
"""Participant and statement, and the choice with its seq."""

_CONSENT = (
    "UPDATE member SET publish = ?, research = ?, training = ? "
    "WHERE assembly = ? AND participant = ?"
)
_ROLE = "UPDATE member SET role = ? WHERE assembly = ? AND participant = ?"
_MODERATE = "UPDATE statement SET status = ?, reason = ?, note = ? WHERE room = ? AND id = ?"
_UNSAY = "UPDATE statement SET text = '', language = NULL, erased = TRUE WHERE room = ? AND id = ?"
_UNNAME = "UPDATE member SET name = '' WHERE assembly = ? AND participant = ?"

PROJECTED = (ASSEMBLY, MEMBER, ROOMS, STATEMENT, VOTE)
"""The tables that a replay rebuilds."""


def apply(connection: Connection, log: LogId, kind: str, recorded: Sequence[e.Recorded]) -> None:
    """Bring the projections of ``log`` from the event before ``recorded`` to its last one."""
    apply_all(connection, [(log, kind, recorded)])


def apply_all(connection: Connection, logs: Iterable[tuple[LogId, str, Run]]) -> None:
    """Do :func:`apply` for several logs; nothing of it waits for what the database answers."""
    rows: list[bulk.Cells] = []
    rooms: list[bulk.Cells] = []
    assemblies: list[bulk.Cells] = []
    for log, kind, recorded in logs:
        rows.extend(
            (log, statement, participant, choice, seq)
            for (participant, statement), (choice, seq) in _project(connection, log, recorded)
        )
        if recorded:
            (rooms if kind == ROOM else assemblies).append((log, recorded[-1].seq))
    bulk.upsert(connection, VOTE, rows, ("choice", "seq"))
    bulk.update(connection, ROOMS, "as_of_seq", rooms)
    bulk.update(connection, ASSEMBLY, "as_of_seq", assemblies)


def _project(connection: Connection, log: LogId, recorded: Run) -> Iterable[_Vote]:
    """Write everything but the votes, of which many come at once, and return those."""
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
    return votes.items()


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
        bulk.update(connection, ROOMS, "phase", [(log, str(last.phase))])


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
            cells = (allowed.publish, allowed.research, allowed.training, log, each.by)
            bulk.execute(connection, _CONSENT, cells)


def _role(connection: Connection, log: LogId, run: Run) -> None:
    for each in run:
        if isinstance(each.event, e.RoleChanged):
            role = None if each.event.role is None else str(each.event.role)
            bulk.execute(connection, _ROLE, (role, log, each.event.participant))


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


def _moderated(connection: Connection, log: LogId, run: Run) -> None:
    for each in run:
        if isinstance(each.event, e.StatementModerated):
            said = each.event
            accepted = said.decision is Decision.ACCEPT
            status = str(Status.ACCEPTED if accepted else Status.REJECTED)
            cells = (status, str(said.reason), said.note, log, said.statement)
            bulk.execute(connection, _MODERATE, cells)


def _erased(connection: Connection, log: LogId, run: Run) -> None:
    for each in run:
        if not isinstance(each.event, e.ContentErased):
            continue
        for remains in each.event.remains.values():
            match remains.event:
                case e.StatementSubmitted(statement=statement):
                    bulk.execute(connection, _UNSAY, (log, statement))
                case e.ParticipantJoined(participant=participant):
                    bulk.execute(connection, _UNNAME, (log, participant))


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
