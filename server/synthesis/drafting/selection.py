"""What is put before a drafter: never only the popular. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..counts import GroupCounts, count_groups
from ..ports import DraftingBrief, SourceId
from ..verification.form import has_good_form
from .held_out import stable_noise

Why: TypeAlias = Literal["consensus", "representative", "minority"]

FEWEST_VOTES = 5
"""Statements on which fewer people voted (or a twentieth of the median) are not yet heard."""


@dataclass(frozen=True)
class Scores:
    """What the visible votes say to each statement (m,), lower bounds throughout.

    ``bridge``: the geometric mean over groups of Wilson's lower bound of the agree share.
    ``voice`` (groups × m): by how much that bound in a group exceeds the agree share of all
    others. ``minority``: how strongly a minority holds it, whoever they are. ``eligible``: may
    stand in a draft at all.
    """

    counts: GroupCounts
    bridge: NDArray[np.float64]
    voice: NDArray[np.float64]
    minority: NDArray[np.float64]
    eligible: NDArray[np.bool_]


@dataclass(frozen=True)
class Selection:
    """Places of statements in a seeded order, and why each was chosen."""

    order: tuple[int, ...]
    why: Mapping[int, frozenset[Why]]

    def ids(self, brief: DraftingBrief) -> tuple[SourceId, ...]:
        """The ids in the order in which they are shown."""
        return tuple(brief.corpus.statements[place].id for place in self.order)


def score(brief: DraftingBrief) -> Scores:
    """Return the scores of every statement of a brief.

    A minority is every group but the largest; where no groups can be told, those who agree with
    a statement that most do not agree with.
    """
    corpus = brief.corpus
    counts = count_groups(corpus)
    heard = counts.all_seen >= max(FEWEST_VOTES, float(np.median(counts.all_seen)) / 20)
    fit = np.array(
        [not s.moderated_out and s.kind == "statement" and has_good_form(s.text)
         for s in corpus.statements],
        dtype=bool,
    )  # fmt: skip
    low = np.maximum(counts.agree_low, 1e-3)
    bridge = np.exp(np.log(low).mean(axis=0)) if counts.groups else np.zeros(len(fit))
    others_seen = counts.all_seen - counts.seen
    others = (counts.all_agree - counts.agree + 1) / (others_seen + 2)
    voice = np.where(counts.agree_low > 0.5, counts.agree_low - others, -1.0)
    if len(counts.groups) > 1:
        largest = int(np.argmax([(corpus.labels == group).sum() for group in counts.groups]))
        minority = np.delete(voice, largest, axis=0).max(axis=0)
    else:
        share = (counts.all_agree + 1) / (counts.all_seen + 2)
        minority = np.where((share < 0.5) & (share > 0.1), share, -1.0)
    return Scores(counts, bridge, voice, minority, fit & heard)


def select(brief: DraftingBrief, scores: Scores, *, seed: int, a_theme: int = 4) -> Selection:
    """Return what a drafter is shown.

    From each theme (statements without one are a theme here) the ``a_theme`` with the highest
    consensus, each group's two most its own, and the two a minority holds most strongly; where
    there are fewer than four themes, as many more as four themes would bring. Only eligible ones.
    """
    themes = np.asarray(brief.themes)
    kinds = np.unique(themes)
    scale = max(1, -(-4 // max(len(kinds), 1)))
    why: dict[int, set[Why]] = {}
    for theme in kinds:
        inside = np.flatnonzero((themes == theme) & scores.eligible)
        for place in _best(scores.bridge, inside, a_theme * scale, floor=0.0):
            why.setdefault(place, set()).add("consensus")
        for row in scores.voice if len(scores.counts.groups) > 1 else ():
            for place in _best(row, inside, 2 * scale, floor=0.0):
                why.setdefault(place, set()).add("representative")
        for place in _best(scores.minority, inside, 2 * scale, floor=0.0):
            why.setdefault(place, set()).add("minority")
    noise = stable_noise(brief.corpus.statement_ids, seed)
    order = sorted(why, key=lambda place: (noise[place], place))
    return Selection(tuple(order), {place: frozenset(why[place]) for place in order})


def _best(
    values: NDArray[np.float64], inside: NDArray[np.intp], many: int, *, floor: float
) -> list[int]:
    ranked = sorted((int(place) for place in inside), key=lambda place: (-values[place], place))
    return [place for place in ranked[:many] if values[place] > floor]
