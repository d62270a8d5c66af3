"""Running a room: founding it, its phases, notices, and publishing what was computed."""

from __future__ import annotations

from ...errors import Conflict, WrongPhase
from .. import adoption, ranking
from .. import commands as c
from .. import events as e
from ..drafts import DraftFailure
from ..phases import requires_step
from ..room import RoomState
from ..state import Published
from ..text import NOTE_LENGTH, clean
from ..vocabulary import Phase
from .permissions import requires_program, requires_runs

PUBLISH_BATCH = 5
"""While a room is open, a new analysis needs votes of so many people since the last one."""

LEFT = DraftFailure(
    reason="phase-changed", detail="The room went on before the drafts that were asked for came."
)
"""What becomes of a request whose room leaves the phase in which drafts are proposed."""


def create(state: RoomState, command: c.CreateRoom, context: c.Context) -> tuple[e.Event, ...]:
    """Found the room."""
    if state.seq:
        raise Conflict("This room exists already.")
    requires_program(context)
    created = e.RoomCreated(
        assembly=command.assembly,
        title=command.title,
        question=command.question,
        language=command.language,
        moderation=command.moderation,
        charter=command.charter,
    )
    if command.phase is Phase.DRAFT:
        return (created,)
    return (created, e.PhaseChanged(phase=command.phase))


def change_phase(
    state: RoomState, command: c.ChangePhase, context: c.Context
) -> tuple[e.Event, ...]:
    """Move on, closing the ranking or the ratification that is left behind."""
    requires_runs(context)
    if command.phase is state.phase:
        return ()
    requires_step(state.phase, command.phase)
    closing: tuple[e.Event, ...] = ()
    if state.phase is Phase.DRAFTING:
        closing = tuple(e.DraftFailed(request=seq, failures=(LEFT,)) for seq in state.requests)
    elif state.phase is Phase.RANKING:
        closing = _close_ranking(state, command.phase)
    elif state.phase is Phase.RATIFYING:
        closing = (e.RatificationClosed(outcomes=_outcomes(state)),)
    if command.phase is Phase.RANKING:
        _requires_drafts(state)
    return (*closing, e.PhaseChanged(phase=command.phase))


def _requires_drafts(state: RoomState) -> None:
    if state.round is None or state.round.result is not None:
        raise WrongPhase("There are no drafts to rank yet: ask for drafts first.", field="phase")


def _close_ranking(state: RoomState, following: Phase) -> tuple[e.Event, ...]:
    current = state.round
    if current is None or (not current.ballots and following is not Phase.RATIFYING):
        return ()
    if not current.ballots:
        raise WrongPhase("Nobody has ranked the drafts yet.", field="phase")
    result = ranking.rank(
        [
            ranking.BallotView(
                participant=participant,
                order=ballot.order,
                seen=ballot.seen,
                none_of_these=ballot.none_of_these,
            )
            for participant, (_, ballot) in current.ballots.items()
        ],
        [draft.id for draft in current.drafts],
        current.groups,
    )
    if following is Phase.RATIFYING and not result.winners:
        raise WrongPhase(
            '"None of these speaks for me" came first: there is nothing to ratify. '
            "Go back to drafting for another round.",
            field="phase",
        )
    return (e.RankingClosed(round=current.number, ranking=result, ballots=len(current.ballots)),)


def _outcomes(state: RoomState) -> tuple[adoption.ClauseOutcome, ...]:
    current = state.round
    groups = current.groups if current else {}
    return tuple(
        adoption.decide_clause(
            clause.id,
            {str(person): assent for person, assent in state.assents.get(clause.id, {}).items()},
            groups,
            quorum=state.charter.quorum,
        )
        for clause in state.clauses
    )


def post_notice(state: RoomState, command: c.PostNotice, context: c.Context) -> tuple[e.Event, ...]:
    """Tell everybody something."""
    requires_runs(context)
    return (e.NoticePosted(text=clean(command.text, limit=NOTE_LENGTH, field="text", lines=True)),)


def publish_analysis(
    state: RoomState, command: c.PublishAnalysis, context: c.Context
) -> tuple[e.Event, ...]:
    """Publish an analysis, in batches while the room is open."""
    requires_program(context)
    # Only whose votes it counts: of two that were computed at nearly the same moment, the second
    # would tell by the first how a single person voted, however many have voted by now.
    counted = sum(seq <= command.as_of_seq for seq in state.voted_since.values())
    if state.phase is Phase.OPEN and counted < PUBLISH_BATCH:
        raise Conflict("Too few people have voted since the last analysis was published.")
    _requires_later(state.analysis, command.as_of_seq)
    return (
        e.AnalysisPublished(
            as_of_seq=command.as_of_seq, digest=command.digest, groups=command.groups
        ),
    )


def _requires_later(published: Published | None, as_of_seq: int) -> None:
    """Refuse what a worker brings that was outrun by another, or brings for the second time."""
    if published is not None and as_of_seq <= published.as_of_seq:
        raise Conflict("What is published already is of a later moment, or of the same.")


def publish_themes(
    state: RoomState, command: c.PublishThemes, context: c.Context
) -> tuple[e.Event, ...]:
    """Publish themes."""
    requires_program(context)
    _requires_later(state.themes, command.as_of_seq)
    return (
        e.ThemesPublished(
            as_of_seq=command.as_of_seq, digest=command.digest, themes=command.themes
        ),
    )
