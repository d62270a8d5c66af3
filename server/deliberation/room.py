"""How a room comes about: its log, folded. What may happen in it is in ``decisions``."""

from __future__ import annotations

from collections.abc import Callable

from ..ids import ParticipantId, StatementId
from . import events as e
from .drafts import filled, with_clauses, without_words
from .redaction import strike
from .state import (
    TALLY_BATCH,
    TALLY_FROM,
    Because,
    Person,
    Published,
    RoomState,
    Round,
    Statement,
    Tally,
)
from .vocabulary import Decision, Kind, Origin, Phase, Status

__all__ = [
    "TALLY_BATCH",
    "TALLY_FROM",
    "Person",
    "Published",
    "RoomState",
    "Round",
    "Statement",
    "Tally",
    "evolve",
    "person_of",
]


def evolve(state: RoomState, recorded: e.Recorded) -> RoomState:
    """Fold one event into ``state`` (changed in place) and return it."""
    apply = _APPLY.get(type(recorded.event))
    if apply is None:
        raise TypeError(f"a room's log holds no {type(recorded.event).__name__}")
    apply(state, recorded, recorded.event)
    state.seq = recorded.seq
    state.at = recorded.at
    return state


def person_of(state: RoomState, participant: ParticipantId) -> Person:
    """Return the person's entry, made with a new row of votes where there is none."""
    person = state.people.get(participant)
    if person is None:
        person = state.people[participant] = Person(state.votes.add_participant())
        state.rows.append(participant)
    return person


def _created(state: RoomState, _: e.Recorded, event: e.RoomCreated) -> None:
    state.assembly = event.assembly
    state.title = event.title
    state.question = event.question
    state.language = event.language
    state.moderation = event.moderation
    state.charter = event.charter


def _phase(state: RoomState, _: e.Recorded, event: e.PhaseChanged) -> None:
    state.phase = event.phase
    if event.phase is not Phase.OPEN:
        _publish_tally(state)
    if event.phase is Phase.RATIFYING:
        state.assents = {}


def _notice(state: RoomState, recorded: e.Recorded, event: e.NoticePosted) -> None:
    state.notices.append((recorded.seq, event.text))


def _submitted(state: RoomState, recorded: e.Recorded, event: e.StatementSubmitted) -> None:
    column = -1
    if event.kind is Kind.STATEMENT:
        column = state.votes.add_statement()
        state.columns.append(event.statement)
    state.statements[event.statement] = Statement(
        id=event.statement,
        column=column,
        author=event.author,
        text=event.text,
        language=event.language,
        origin=event.origin,
        kind=event.kind,
        status=event.status,
        seq=recorded.seq,
        source=event.source,
        erased=event.erased,
    )
    if event.source:
        state.sources[event.source] = event.statement
    if event.author is not None:
        if event.origin is not Origin.IMPORTED:
            person_of(state, event.author).submitted.append(event.statement)
        if event.text:
            state.words.setdefault(event.author, []).append(recorded.seq)
    _recount(state, state.statements[event.statement], was_visible=False)


def _moderated(state: RoomState, _: e.Recorded, event: e.StatementModerated) -> None:
    statement = state.statements[event.statement]
    was_visible = statement.visible
    accepted = event.decision is Decision.ACCEPT
    statement.status = Status.ACCEPTED if accepted else Status.REJECTED
    statement.reason = event.reason
    statement.note = event.note
    _recount(state, statement, was_visible=was_visible)


def _shown(state: RoomState, recorded: e.Recorded, event: e.StatementShown) -> None:
    if recorded.by is None:
        return
    person = person_of(state, recorded.by)
    person.showing = event
    person.shown += 1
    state.statements[event.statement].shown += 1


def _skipped(state: RoomState, recorded: e.Recorded, event: e.StatementSkipped) -> None:
    if recorded.by is None:
        return
    person = person_of(state, recorded.by)
    if event.statement in person.skipped:
        person.skipped.remove(event.statement)
    person.skipped.append(event.statement)
    if person.showing and person.showing.statement == event.statement:
        person.showing = None


def _voted(state: RoomState, recorded: e.Recorded, event: e.VoteCast) -> None:
    if recorded.by is None:
        return
    person = state.people.get(recorded.by) or person_of(state, recorded.by)
    statement = state.statements[event.statement]
    state.votes.cast(person.row, statement.column, event.choice.value_in_matrix)
    if person.showing is not None and person.showing.statement == event.statement:
        person.showing = None
    if event.because:
        state.words.setdefault(recorded.by, []).append(recorded.seq)
        statement.because[recorded.by] = Because(recorded.seq, event.choice, event.because)
    elif statement.because:
        statement.because.pop(recorded.by, None)
    state.voted_since.setdefault(recorded.by, recorded.seq)
    _changed(state, recorded.by)


def _changed(state: RoomState, participant: ParticipantId) -> None:
    state.tally.changed.add(participant)
    if len(state.tally.changed) >= TALLY_BATCH and state.votes.voters >= TALLY_FROM:
        _publish_tally(state)


def _publish_tally(state: RoomState) -> None:
    state.tally = Tally(state.votes.voters, state.votes.votes, state.tally.statements)


def _recount(state: RoomState, statement: Statement, *, was_visible: bool) -> None:
    if statement.column >= 0:
        state.tally.statements += statement.visible - was_visible


def _votes_imported(state: RoomState, recorded: e.Recorded, event: e.VotesImported) -> None:
    row = person_of(state, event.participant).row
    for statement, choice in zip(event.statements, event.choices, strict=True):
        state.votes.cast(row, state.statements[statement].column, choice)
    state.voted_since.setdefault(event.participant, recorded.seq)
    _changed(state, event.participant)


def _analysis(state: RoomState, recorded: e.Recorded, event: e.AnalysisPublished) -> None:
    state.analysis = Published(recorded.seq, event.as_of_seq, event.digest, event.groups)
    # Whose votes came while it was computed is not in it.
    later = {who: seq for who, seq in state.voted_since.items() if seq > event.as_of_seq}
    state.voted_since = later


def _themes(state: RoomState, recorded: e.Recorded, event: e.ThemesPublished) -> None:
    state.themes = Published(recorded.seq, event.as_of_seq, event.digest, event.themes)


def _requested(state: RoomState, recorded: e.Recorded, event: e.DraftsRequested) -> None:
    state.requests[recorded.seq] = event


def _proposed(state: RoomState, recorded: e.Recorded, event: e.DraftsProposed) -> None:
    state.requests.pop(event.request, None)
    if state.round is not None and state.round.result is None:
        state.rounds.pop()
    state.rounds.append(
        Round(
            number=event.round,
            request=event.request,
            seq=recorded.seq,
            drafts=tuple(
                with_clauses(draft, lambda clause: filled(clause, state.text_of))
                for draft in event.drafts
            ),
            groups=dict(event.groups),
            group_count=event.group_count,
            failed=event.failed,
        )
    )


def _draft_failed(state: RoomState, recorded: e.Recorded, event: e.DraftFailed) -> None:
    state.requests.pop(event.request, None)
    state.failures.append((recorded.seq, event.failures))


def _placed(state: RoomState, _: e.Recorded, event: e.SimulatedPlaced) -> None:
    if state.round is not None:
        state.round.groups.update(event.groups)


def _ranked(state: RoomState, recorded: e.Recorded, event: e.RankingCast) -> None:
    if recorded.by is None or state.round is None:
        return
    state.round.ballots[recorded.by] = (recorded.seq, event)
    if event.criticism:
        state.words.setdefault(recorded.by, []).append(recorded.seq)


def _ranking_closed(state: RoomState, _: e.Recorded, event: e.RankingClosed) -> None:
    if state.round is not None:
        state.round.result = event.ranking


def _ratified(state: RoomState, recorded: e.Recorded, event: e.RatificationCast) -> None:
    if recorded.by is not None:
        state.assents.setdefault(event.clause, {})[recorded.by] = event.choice


def _ratification_closed(state: RoomState, _: e.Recorded, event: e.RatificationClosed) -> None:
    if state.round is not None:
        state.round.outcomes = event.outcomes


def _erased(state: RoomState, _: e.Recorded, event: e.ContentErased) -> None:
    for seq, remains in event.remains.items():
        match remains.event:
            case e.StatementSubmitted(statement=statement):
                known = state.statements[statement]
                was_visible = known.visible
                known.text, known.language, known.erased = "", None, True
                _unquote(state, statement)
                _recount(state, known, was_visible=was_visible)
            case e.VoteCast(statement=statement) if remains.by is not None:
                _without_because(state.statements[statement], seq, remains.by)
            case e.RankingCast() if remains.by is not None:
                _without_criticism(state, seq, remains.by, remains.event)
        strike(state.words, seq)


def _unquote(state: RoomState, statement: StatementId) -> None:
    for round_ in state.rounds:
        round_.drafts = tuple(
            with_clauses(draft, lambda clause: without_words(clause, (statement,)))
            for draft in round_.drafts
        )


def _without_because(statement: Statement, seq: int, participant: ParticipantId) -> None:
    given = statement.because.get(participant)
    if given is not None and given.seq == seq:
        del statement.because[participant]


def _without_criticism(
    state: RoomState, seq: int, participant: ParticipantId, left: e.RankingCast
) -> None:
    for round_ in state.rounds:
        ballot = round_.ballots.get(participant)
        if ballot is not None and ballot[0] == seq:
            round_.ballots[participant] = (seq, left)


_APPLY: dict[type, Callable[..., None]] = {
    e.RoomCreated: _created,
    e.PhaseChanged: _phase,
    e.NoticePosted: _notice,
    e.StatementSubmitted: _submitted,
    e.StatementModerated: _moderated,
    e.StatementShown: _shown,
    e.StatementSkipped: _skipped,
    e.VoteCast: _voted,
    e.VotesImported: _votes_imported,
    e.AnalysisPublished: _analysis,
    e.ThemesPublished: _themes,
    e.DraftsRequested: _requested,
    e.DraftsProposed: _proposed,
    e.DraftFailed: _draft_failed,
    e.SimulatedPlaced: _placed,
    e.RankingCast: _ranked,
    e.RankingClosed: _ranking_closed,
    e.RatificationCast: _ratified,
    e.RatificationClosed: _ratification_closed,
    e.ContentErased: _erased,
}
