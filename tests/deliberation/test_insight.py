"""What a person may see of an analysis: exact while the room is open, everything afterwards."""

from __future__ import annotations

import functools

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from server.deliberation import events as e
from server.deliberation.charter import Charter
from server.deliberation.insight import AnalysisView, Standing, analysis_for
from server.deliberation.opinion import Analysis, Effort, analyze
from server.deliberation.published import (
    SEED,
    Outline,
    PublishedAnalysis,
    Smoothing,
    compute,
    decode,
    encode,
    moment_of,
    outlook_of,
    smoothed,
)
from server.deliberation.room import evolve
from server.deliberation.state import RoomState
from server.deliberation.views import Viewer
from server.deliberation.vocabulary import (
    Decision,
    Kind,
    Moderation,
    Origin,
    Phase,
    Reason,
    Role,
    Status,
)
from server.deliberation.votes import EMPTY
from server.demo.population import population
from server.ids import AssemblyId, LogId, ParticipantId, StatementId

LOG = LogId("r1")


class Room:
    """A room folded out of events, one at a time."""

    def __init__(self) -> None:
        self.state = RoomState(LOG)
        self.happens(
            e.RoomCreated(
                assembly=AssemblyId("a1"),
                title="t",
                question="q",
                language="en",
                moderation=Moderation.AFTER,
                charter=Charter(),
            )
        )

    def happens(self, event: e.RoomEvent, by: str | None = None) -> None:
        recorded = e.Recorded(
            log=LOG,
            seq=self.state.seq + 1,
            at=self.state.seq,
            by=None if by is None else ParticipantId(by),
            event=event,
        )
        evolve(self.state, recorded)


def two_camps(people: int, statements: int, seed: int = 1) -> NDArray[np.int8]:
    """Return votes of two camps that disagree on most things; each votes on two thirds."""
    rng = np.random.default_rng(seed)
    camp = np.arange(people) % 2
    stance = np.where(np.arange(statements) % 3 == 0, 1, -1)
    sign = np.where((camp[:, None] == 1) & (stance[None, :] < 0), -1, 1)
    votes = np.where(rng.random((people, statements)) < 0.85, sign, -sign).astype(np.int8)
    votes[rng.random((people, statements)) < 0.1] = 0
    votes[rng.random((people, statements)) < 0.33] = EMPTY
    return votes


def room_with(votes: NDArray[np.int8], phase: Phase = Phase.OPEN) -> RoomState:
    """Return a room in which person i has the votes of row i."""
    room = Room()
    room.happens(e.PhaseChanged(phase=phase))
    for column in range(votes.shape[1]):
        room.happens(
            e.StatementSubmitted(
                statement=StatementId(f"s{column}"),
                author=None,
                text=f"statement {column}",
                language=None,
                origin=Origin.ORGANISER,
                kind=Kind.STATEMENT,
                status=Status.ACCEPTED,
            )
        )
    for row, cast in enumerate(votes):
        columns = np.flatnonzero(cast != EMPTY).tolist()
        room.happens(
            e.VotesImported(
                participant=ParticipantId(f"p{row}"),
                statements=tuple(StatementId(f"s{column}") for column in columns),
                choices=tuple(cast[columns].tolist()),
            )
        )
    return room.state


def person(number: int, role: Role = Role.PARTICIPANT) -> Viewer:
    return Viewer(ParticipantId(f"p{number}"), role)


def seen(state: RoomState, viewer: Viewer) -> AnalysisView:
    return analysis_for(compute(moment_of(state), shuffles=19), state, viewer)


VOTES = two_camps(64, 12)


@functools.cache
def published_in(phase: Phase) -> PublishedAnalysis:
    """Return the analysis of the two camps; computed once a phase, since chance takes its time."""
    return compute(moment_of(room_with(VOTES, phase)), shuffles=19)


def camps(viewer: Viewer) -> AnalysisView:
    """Return what somebody sees of the two camps while the room is open."""
    return analysis_for(published_in(Phase.OPEN), room_with(VOTES), viewer)


def test_exchanging_the_votes_of_two_others_changes_nothing() -> None:
    before = camps(person(0))
    assert before.standing is Standing.GROUPS
    assert before.you is not None
    assert before.you.group is not None
    assert before.statements
    for one, two in ((1, 2), (10, 55)):
        exchanged = VOTES.copy()
        exchanged[[one, two]] = exchanged[[two, one]]
        assert (exchanged != VOTES).any()
        assert msgspec.json.encode(seen(room_with(exchanged), person(0))) == msgspec.json.encode(
            before
        )


def test_exchanging_ones_own_votes_does_change_it() -> None:
    exchanged = VOTES.copy()
    exchanged[[0, 1]] = exchanged[[1, 0]]
    assert seen(room_with(exchanged), person(0)) != camps(person(0))


def test_an_open_room_gives_counts_only_of_what_the_person_voted_on() -> None:
    view = camps(person(0))
    voted = {f"s{column}" for column in np.flatnonzero(VOTES[0] != EMPTY)}
    assert {each.statement_id for each in view.statements} == voted
    assert not view.complete
    assert view.intervals == "sequence"
    assert all(
        not each.groups and each.shown is None and each.label is None for each in view.statements
    )
    assert all(each.p is None for group in view.groups for each in group.defining)
    assert view.evidence is None
    assert not view.divisive
    assert not view.agreed


def test_five_others_must_have_voted() -> None:
    votes = VOTES.copy()
    votes[:, 4] = EMPTY
    votes[:6, 4] = 1
    votes[:, 5] = EMPTY
    votes[:5, 5] = 1
    shown = {each.statement_id for each in seen(room_with(votes), person(0)).statements}
    assert "s4" in shown
    assert "s5" not in shown


def test_a_vote_after_the_publication_moves_the_person_and_no_count() -> None:
    votes = VOTES.copy()
    votes[0] = EMPTY
    votes[0, :6] = 1
    room = room_with(votes)
    published = compute(moment_of(room), shuffles=19)
    before = analysis_for(published, room, person(0))
    assert before.you is not None
    assert before.you.group is None
    assert before.you.votes == 6
    assert before.you.needed == 7
    row = room.people[ParticipantId("p0")].row
    room.votes.cast(row, 6, -1)
    after = analysis_for(published, room, person(0))
    assert after.you is not None
    assert after.you.group is not None
    assert after.you != before.you
    kept = {each.statement_id: each for each in after.statements}
    assert all(kept[each.statement_id] == each for each in before.statements)
    assert set(kept) - {each.statement_id for each in before.statements} == {"s6"}


def test_nothing_before_the_close_with_fewer_than_ten_voters() -> None:
    few = room_with(VOTES[:9])
    view = seen(few, person(0))
    assert view == AnalysisView(phase=Phase.OPEN, standing=Standing.WAITING, complete=False)
    few.phase = Phase.DRAFTING
    assert seen(few, person(0)).complete
    assert seen(few, person(0)).standing is Standing.TOO_FEW_PEOPLE


def test_without_a_publication_there_is_nothing() -> None:
    assert analysis_for(None, room_with(VOTES), person(0)).standing is Standing.WAITING


def test_one_group_is_said_plainly() -> None:
    rng = np.random.default_rng(5)
    noise = rng.choice(np.array([-1, 1], dtype=np.int8), (120, 12))
    view = seen(room_with(noise), person(0))
    assert view.standing is Standing.ONE_GROUP
    assert view.k == 1
    assert not view.groups
    assert view.you is not None
    assert view.you.group is None


@pytest.mark.parametrize("phase", [Phase.DRAFTING, Phase.RANKING, Phase.CLOSED])
def test_after_the_voting_everybody_sees_all_tallies(phase: Phase) -> None:
    room = room_with(VOTES, phase)
    view = analysis_for(published_in(Phase.CLOSED), room, person(3, Role.OBSERVER))
    assert view.complete
    assert view.intervals == "wilson"
    assert len(view.statements) == VOTES.shape[1]
    assert all(len(each.groups) == view.k for each in view.statements)
    assert view.evidence is not None
    assert view.evidence.chance_p95 is not None
    assert view.divisive
    assert view.agreed


def test_an_analyst_sees_all_tallies_of_an_open_room_and_nobodys_place() -> None:
    view = camps(Viewer(ParticipantId("analyst"), Role.ANALYST))
    assert view.complete
    assert view.intervals == "sequence"
    assert len(view.statements) == VOTES.shape[1]
    assert view.you is None
    assert b'"p1"' not in msgspec.json.encode(view)


@pytest.mark.parametrize("role", [Role.FACILITATOR, Role.OWNER, Role.MODERATOR, Role.OBSERVER])
def test_who_runs_an_open_room_sees_no_tally(role: Role) -> None:
    view = camps(Viewer(ParticipantId("staff"), role))
    assert not view.complete
    assert not view.statements
    assert view.you is None


def test_what_was_moderated_out_since_is_not_in_it() -> None:
    room = Room()
    room.state = room_with(VOTES)
    published = published_in(Phase.OPEN)
    before = analysis_for(published, room.state, person(0))
    defining = before.groups[0].defining[0].statement_id
    room.happens(
        e.StatementModerated(
            statement=StatementId(defining), decision=Decision.REJECT, reason=Reason.SPAM
        )
    )
    assert defining not in mentioned(analysis_for(published, room.state, person(0)))
    room.state.phase = Phase.CLOSED
    assert defining not in mentioned(analysis_for(published, room.state, person(0)))
    moderator = analysis_for(published, room.state, Viewer(ParticipantId("m"), Role.MODERATOR))
    assert defining in mentioned(moderator)


def mentioned(view: AnalysisView) -> set[str]:
    """Return every statement that a view speaks of."""
    return {
        *(each.statement_id for each in (*view.statements, *view.divisive)),
        *(each.statement_id for group in view.groups for each in group.defining),
        *view.agreed,
        *view.disagreed,
    }


def test_an_outline_hides_a_single_person() -> None:
    published = published_in(Phase.OPEN)
    for group in published.map.groups:
        outline = group.outline
        assert isinstance(outline, Outline)
        size = published.document.groups.sizes[str(group.group)]
        assert size >= 10
        assert outline.major >= outline.minor > 0
        assert outline.angle % 5 == 0
    places = set(published.map.places.values())
    assert not any((group.outline.x, group.outline.y) in places for group in published.map.groups)


def test_a_published_analysis_survives_being_written_down() -> None:
    published = published_in(Phase.OPEN)
    assert decode(encode(published)) == published
    outlook = outlook_of(published)
    assert outlook.extremity.shape == (VOTES.shape[1],)
    assert outlook.appeal is not None
    assert outlook.appeal.shape == (VOTES.shape[1],)


def test_the_shown_number_of_groups_changes_after_four_wins() -> None:
    """The demo's people fall into three groups, and into two that are better than chance too."""
    votes = population().votes
    room = room_with(votes)
    found = analyze(
        votes, moderated_out=np.zeros(votes.shape[1], np.bool_), seed=SEED, effort=Effort(19)
    )
    assert found.groups.k == 3
    shown = []
    smoothing = Smoothing(k=2)
    for _ in range(5):
        smoothing = smoothed(smoothing, found)
        shown.append(smoothing.k)
    assert shown == [2, 2, 2, 3, 3]
    # From no groups to some, and back, there is no waiting; nor for one that chance would explain.
    assert smoothed(Smoothing(k=1), found).k == 3
    assert smoothed(Smoothing(k=5), found).k == (5 if stands(found, 5) else 3)
    display = compute(moment_of(room), previous=Smoothing(k=2), shuffles=19)
    assert len(display.map.groups) == 2
    assert display.smoothing == Smoothing(k=2, challenger=3, wins=1)


def stands(found: Analysis, k: int) -> bool:
    """Tell whether so many groups would be better than chance and none of them tiny."""
    limit = found.groups.chance_p95 or 1.0
    return any(
        each.k == k and each.large_enough and each.silhouette > limit
        for each in found.groups.candidates
    )


def test_nothing_in_an_empty_room_can_be_computed() -> None:
    with pytest.raises(ValueError, match="nothing to analyze"):
        compute(moment_of(RoomState(LOG)))
