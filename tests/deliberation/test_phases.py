"""Which phase may follow which: every pair."""

from __future__ import annotations

from itertools import product

import pytest

from server.deliberation.phases import following, requires_phase, requires_step
from server.deliberation.vocabulary import Phase
from server.errors import WrongPhase

STEPS = {
    ("draft", "open"),
    ("draft", "closed"),
    ("open", "drafting"),
    ("open", "closed"),
    ("drafting", "open"),
    ("drafting", "ranking"),
    ("drafting", "closed"),
    ("ranking", "drafting"),
    ("ranking", "ratifying"),
    ("ranking", "closed"),
    ("ratifying", "drafting"),
    ("ratifying", "closed"),
}


@pytest.mark.parametrize(("now", "wanted"), list(product(Phase, Phase)))
def test_a_step_is_possible_or_refused_with_what_is(now: Phase, wanted: Phase) -> None:
    if (now, wanted) in STEPS:
        requires_step(now, wanted)
        assert wanted in following(now)
        return
    with pytest.raises(WrongPhase) as caught:
        requires_step(now, wanted)
    assert caught.value.field == "phase"
    assert all(option in caught.value.message for option in following(now))


def test_closed_is_reached_from_everywhere_and_left_for_nothing() -> None:
    assert following(Phase.CLOSED) == ()
    assert all(Phase.CLOSED in following(phase) for phase in Phase if phase is not Phase.CLOSED)


def test_what_belongs_to_a_phase_says_which() -> None:
    requires_phase(Phase.OPEN, Phase.DRAFT, Phase.OPEN, what="Writing")
    with pytest.raises(WrongPhase, match="Voting belongs to the phase 'draft' or 'open'"):
        requires_phase(Phase.CLOSED, Phase.DRAFT, Phase.OPEN, what="Voting")
