"""Moderation has reasons, and "it can't be done" is none of them."""

from __future__ import annotations

import re

import pytest

from server.deliberation.vocabulary import Reason
from server.moderation.policy import REASONS_TO_REJECT, RULES


def test_every_reason_has_a_rule_that_its_author_can_act_on() -> None:
    assert set(RULES) == set(Reason)
    for rule in RULES.values():
        assert rule.title
        assert rule.meaning.endswith(".")
        assert rule.remedy.endswith(".")


def test_accepting_and_importing_are_no_reasons_to_reject() -> None:
    assert set(REASONS_TO_REJECT) == set(Reason) - {Reason.FITS, Reason.IMPORTED}


@pytest.mark.parametrize("reason", REASONS_TO_REJECT)
def test_that_something_cannot_be_done_is_no_reason(reason: Reason) -> None:
    rule = RULES[reason]
    words = f"{reason} {rule.title} {rule.meaning}".lower()
    assert not re.search(r"infeasib|impossib|unrealis|too expensive|can't be (done|met)", words)
