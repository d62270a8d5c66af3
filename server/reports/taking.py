"""Take one moment of an assembly out of its live state and its log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..deliberation import events as e
from ..deliberation.assembly import AssemblyState
from ..deliberation.chain import Envelope, check_chain, day_of
from ..deliberation.opinion import Verdict
from ..deliberation.published import PublishedAnalysis
from ..deliberation.room import RoomState, Round
from ..deliberation.vocabulary import Channel
from ..deliberation.votes import EMPTY
from ..ids import LogId, ParticipantId, StatementId
from . import material as m

if TYPE_CHECKING:
    from ..synthesis.theming import ThemesDocument

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is neither in the two states nor in the log: when, by what, with which secret."""

    at: int
    version: str
    key: bytes = field(repr=False)
    logs: tuple[m.PublicLog, ...] = ()
    opinion: m.Opinion | None = None
    themes: m.Themes | None = None


def take(
    assembly: AssemblyState,
    room: RoomState,
    history: Iterable[e.Recorded],
    around: Surroundings,
) -> m.Material:
    """Return the frozen moment at which ``room`` stands.

    ``history`` are the room's events from the first; those after ``room.seq`` are left out. Call it
    where nobody changes the two states meanwhile, or with copies of them.
    """
    told = _listen(room, history)
    simulated = {
        member.id for member in assembly.members.values() if member.channel is Channel.SIMULATED
    }
    return m.Material(
        assembly=assembly.id,
        slug=assembly.slug,
        title=assembly.title,
        question=assembly.question,
        language=assembly.language,
        charter=assembly.charter,
        people={
            member.id: m.Person(member.id, member.role, member.channel, member.consent)
            for member in assembly.members.values()
        },
        room=room.id,
        moderation=room.moderation,
        phase=room.phase,
        steps=tuple(told.steps),
        statements=tuple(
            m.Statement(
                id=each.id,
                column=each.column,
                author=each.author,
                text=each.text,
                language=each.language,
                origin=each.origin,
                kind=each.kind,
                status=each.status,
                reason=each.reason,
                seq=each.seq,
                day=told.written.get(each.id, ""),
                shown=each.shown,
                erased=each.erased,
                because=tuple(
                    m.Because(person, given.choice, given.text)
                    for person, given in sorted(each.because.items())
                ),
            )
            for each in room.statements.values()
        ),
        columns=tuple(room.columns),
        rows=tuple(room.rows),
        votes=_read_only(room.votes.view().copy()),
        days=told.days,
        chances=told.chances,
        tally=m.Tally(room.tally.voters, room.tally.votes, room.tally.statements),
        moderated=tuple(told.moderated),
        rounds=tuple(_round(each, simulated) for each in room.rounds),
        clauses=room.clauses,
        outcomes=room.outcomes,
        simulated_assents={
            clause: len(simulated & assents.keys()) for clause, assents in room.assents.items()
        },
        erasures=told.erasures,
        logs=around.logs,
        made_on=day_of(around.at),
        version=around.version,
        key=around.key,
        opinion=around.opinion,
        themes=around.themes,
        requested=len(room.requests),
    )


def opinion_of(published: PublishedAnalysis) -> m.Opinion | None:
    """Return a published analysis as material, or None for one that is for a display only."""
    document = published.document
    if document.groups.verdict == Verdict.PROVISIONAL:
        return None
    places = {ParticipantId(each): place for each, place in published.map.places.items()}
    return m.Opinion(document, places, published.as_of_seq)


def themes_of(document: ThemesDocument, as_of_seq: int) -> m.Themes:
    """Return published themes as material."""
    return m.Themes(
        embedder=document.embedder,
        seed=document.seed,
        themes=tuple(
            m.Theme(
                each.name,
                each.words,
                tuple(StatementId(str(statement)) for statement in each.statements),
            )
            for each in document.themes
        ),
        unthemed=len(document.unthemed),
        stability=document.stability,
        as_of_seq=as_of_seq,
    )


def public_log(log: LogId, kind: str, envelopes: Sequence[Envelope]) -> m.PublicLog:
    """Return a log's envelopes with the head they lead to.

    Raises:
        LogBroken: they are not a chain from the log's beginning.
    """
    return m.PublicLog(log, kind, len(envelopes), check_chain(log, envelopes), tuple(envelopes))


@dataclass(slots=True)
class _Told:
    days: NDArray[np.int16]
    chances: NDArray[np.float32]
    steps: list[m.Step] = field(default_factory=list)
    moderated: list[m.Moderated] = field(default_factory=list)
    written: dict[StatementId, str] = field(default_factory=dict)
    erasures: int = 0


def _listen(room: RoomState, history: Iterable[e.Recorded]) -> _Told:
    shape = (room.votes.rows, room.votes.columns)
    told = _Told(np.zeros(shape, np.int16), np.zeros(shape, np.float32))
    rows = {participant: row for row, participant in enumerate(room.rows)}
    columns = {statement: column for column, statement in enumerate(room.columns)}
    for recorded in history:
        if recorded.seq > room.seq:
            break
        _hear(told, recorded, rows, columns)
    empty = room.votes.view() == EMPTY
    for kept in (told.days, told.chances):
        kept[empty] = 0
        kept.flags.writeable = False
    return told


def _hear(
    told: _Told,
    recorded: e.Recorded,
    rows: dict[ParticipantId, int],
    columns: dict[StatementId, int],
) -> None:
    event, day = recorded.event, day_of(recorded.at)
    match event:
        case e.VoteCast() if recorded.by is not None:
            place = rows[recorded.by], columns[event.statement]
            told.days[place] = recorded.at // _DAY_MS
        case e.VotesImported():
            row = rows.get(event.participant)
            for statement in event.statements if row is not None else ():
                told.days[row, columns[statement]] = recorded.at // _DAY_MS
        case e.StatementShown() if recorded.by is not None:
            place = rows[recorded.by], columns[event.statement]
            told.chances[place] = event.probability
        case e.StatementSubmitted():
            told.written[event.statement] = day
        case e.StatementModerated():
            told.moderated.append(
                m.Moderated(recorded.seq, day, event.statement, event.decision, event.reason)
            )
        case e.PhaseChanged():
            told.steps.append(m.Step(recorded.seq, day, event.phase))
        case e.ContentErased():
            told.erasures += len(event.remains)
        case _:
            pass


def _round(each: Round, simulated: set[ParticipantId]) -> m.Round:
    return m.Round(
        number=each.number,
        request=each.request,
        seq=each.seq,
        drafts=each.drafts,
        groups=dict(each.groups),
        group_count=each.group_count,
        failed=each.failed,
        ballots=len(each.ballots),
        simulated=len(simulated & each.ballots.keys()),
        criticisms=tuple(
            m.Criticism(participant, draft, text)
            for participant, (_, ballot) in each.ballots.items()
            for draft, text in ballot.criticism.items()
        ),
        result=each.result,
    )


def _read_only(votes: NDArray[np.int8]) -> NDArray[np.int8]:
    votes.flags.writeable = False
    return votes
