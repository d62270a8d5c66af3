"""Rounds of drafts: asking for them, proposing, ranking, ratifying."""

from __future__ import annotations

import msgspec

from ...errors import Conflict, Invalid, NotFound
from ...ids import StatementId
from .. import commands as c
from .. import events as e
from ..drafts import Draft, by_reference
from ..phases import requires_phase
from ..ranking import BallotView, check_ballot
from ..room import RoomState
from ..text import CRITICISM_LENGTH, clean
from ..vocabulary import Phase
from .permissions import requires_participant, requires_program, requires_runs

MOST_DRAFTS = 8
LARGEST_SEED = 2**63 - 1


def request(state: RoomState, command: c.RequestDrafts, context: c.Context) -> tuple[e.Event, ...]:
    """Ask for drafts; refused while some are being made or when the rounds are used up."""
    requires_runs(context)
    requires_phase(state.phase, Phase.DRAFTING, what="Asking for drafts")
    if not 1 <= command.count <= MOST_DRAFTS:
        raise Invalid(f"Ask for 1 to {MOST_DRAFTS} drafts.", field="count")
    if not -LARGEST_SEED <= command.seed <= LARGEST_SEED:
        raise Invalid("A seed is a whole number of at most 64 bits.", field="seed")
    if state.requests:
        raise Conflict("Drafts are being made already; they will appear here.")
    ranked = sum(1 for round_ in state.rounds if round_.result is not None)
    if ranked >= state.charter.rounds:
        raise Conflict(
            f"The charter allows {state.charter.rounds} rounds of drafts; all were held."
        )
    return (e.DraftsRequested(count=command.count, seed=command.seed),)


def propose(state: RoomState, command: c.ProposeDrafts, context: c.Context) -> tuple[e.Event, ...]:
    """Put drafts before the room, if they still rest on what stands."""
    requires_program(context)
    _requires_request(state, command.request)
    ids = [draft.id for draft in command.drafts]
    clause_ids = [clause.id for draft in command.drafts for clause in draft.clauses]
    if not ids or len(set(ids)) != len(ids) or len(set(clause_ids)) != len(clause_ids):
        raise Invalid("Drafts and clauses need ids of their own, and at least one draft.")
    for draft in command.drafts:
        for clause in draft.clauses:
            for cited in (*clause.cites, *(quote.statement for quote in clause.quotes)):
                statement = state.statements.get(StatementId(cited))
                if statement is None or not statement.visible:
                    raise Conflict(
                        f"The clause {clause.id} rests on {cited}, which does not stand."
                    )
    ranked = sum(1 for round_ in state.rounds if round_.result is not None)
    return (
        e.DraftsProposed(
            request=command.request,
            round=ranked + 1,
            drafts=tuple(_by_reference(state, draft) for draft in command.drafts),
            groups=command.groups,
            group_count=command.group_count,
            failed=command.failed,
        ),
    )


def _by_reference(state: RoomState, draft: Draft) -> Draft:
    clauses = tuple(by_reference(clause, state.text_of) for clause in draft.clauses)
    return msgspec.structs.replace(draft, clauses=clauses)


def fail(state: RoomState, command: c.FailDrafts, context: c.Context) -> tuple[e.Event, ...]:
    """Say why a request brought nothing."""
    requires_program(context)
    _requires_request(state, command.request)
    return (e.DraftFailed(request=command.request, failures=command.failures),)


def _requires_request(state: RoomState, request_seq: int) -> None:
    if request_seq not in state.requests:
        raise Conflict("This request for drafts has its outcome already.")
    requires_phase(state.phase, Phase.DRAFTING, what="Proposing drafts")


def place_simulated(
    state: RoomState, command: c.PlaceSimulated, context: c.Context
) -> tuple[e.Event, ...]:
    """Say whom simulated people imitate."""
    requires_program(context)
    current = state.round
    if current is None:
        raise Conflict("There is no round of drafts.")
    if any(not 0 <= group < max(current.group_count, 1) for group in command.groups.values()):
        raise Invalid("There is no such opinion group in this round.", field="groups")
    if any(p in current.groups and current.groups[p] != g for p, g in command.groups.items()):
        raise Conflict("One of these people has an opinion group from their own votes.")
    new = {p: g for p, g in command.groups.items() if p not in current.groups}
    return (e.SimulatedPlaced(groups=new),) if new else ()


def rank_drafts(
    state: RoomState, command: c.CastRanking, context: c.Context
) -> tuple[e.Event, ...]:
    """Cast a ballot over the drafts one has seen."""
    participant = requires_participant(context, "rank")
    requires_phase(state.phase, Phase.RANKING, what="Ranking")
    current = state.round
    if current is None:
        raise NotFound("There are no drafts.")
    if not command.seen:
        raise Invalid("'seen' lists the drafts of this round that you saw.", field="seen")
    if () in command.order:
        raise Invalid("'order' has a level without a draft.", field="order")
    check_ballot(
        BallotView(participant=participant, order=command.order, seen=command.seen),
        [draft.id for draft in current.drafts],
    )
    if not set(command.criticism) <= set(command.seen):
        raise Invalid("'criticism' is about drafts that you saw.", field="criticism")
    criticism = {
        draft: clean(text, limit=CRITICISM_LENGTH, field="criticism", lines=True)
        for draft, text in command.criticism.items()
        if text.strip()
    }
    return (
        e.RankingCast(
            round=current.number,
            order=command.order,
            seen=command.seen,
            none_of_these=command.none_of_these,
            criticism=criticism,
        ),
    )


def ratify(
    state: RoomState, command: c.CastRatification, context: c.Context
) -> tuple[e.Event, ...]:
    """Say yes, no or blank to one clause."""
    requires_participant(context, "ratify")
    requires_phase(state.phase, Phase.RATIFYING, what="Ratifying")
    if not any(clause.id == command.clause for clause in state.clauses):
        raise NotFound("There is no such clause to ratify.", field="clause")
    return (e.RatificationCast(clause=command.clause, choice=command.choice),)
