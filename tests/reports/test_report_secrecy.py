"""What the report keeps to itself: votes while they may be cast, and words that may not leave."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from server.deliberation.vocabulary import Phase
from server.deliberation.votes import EMPTY
from server.reports import html, report
from server.reports.material import Material, Theme, Themes

from .held import e


def test_nothing_of_the_votes_is_told_of_a_room_that_is_open_again(closed: Material) -> None:
    shown = tuple(replace(each, shown=7) for each in closed.statements)
    again = replace(closed, phase=Phase.OPEN, statements=shown)
    found = report.build(again)
    assert all(clause.against == () for clause in found.clauses)
    assert all(each.shown is None for each in found.statements)
    turned = np.where(closed.votes == EMPTY, EMPTY, -closed.votes).astype(np.int8)
    assert report.build(replace(again, votes=turned)) == found


def test_a_theme_is_named_only_by_words_that_may_leave(closed: Material) -> None:
    def themes(*words: str) -> Themes:
        found = (Theme(" · ".join(words[:3]), words, tuple(s.id for s in closed.statements)),)
        return Themes("lexical", 0, found, 0, None, 1)

    told = report.build(replace(closed, themes=themes("secret", "statement", "number"))).themes
    assert told is not None
    assert told.themes[0].words == ("statement", "number")
    assert told.themes[0].name == "statement · number"
    nobody = {p: replace(each, consent=e.Consent()) for p, each in closed.people.items()}
    quiet = report.build(replace(closed, people=nobody, themes=themes("statement"))).themes
    assert quiet is not None
    assert quiet.themes[0].words == ()
    assert quiet.themes[0].name == ""
    assert html.page(report.build(replace(closed, people=nobody, themes=themes("number"))), None)
