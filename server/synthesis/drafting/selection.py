"""What is put before a drafter: never only the popular. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..counts import GroupCounts, count_groups
from ..cues import read
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
    ``voice`` (groups × m): that bound in a group that stands out by it, where it is above ½, less
    what all others reject. ``minority``: the same for whoever is not the largest group.
    ``weight``: less for what only describes its author, more for what says what should be.
    ``eligible``: may stand in a draft at all.
    """

    counts: GroupCounts
    bridge: NDArray[np.float64]
    voice: NDArray[np.float64]
    minority: NDArray[np.float64]
    weight: NDArray[np.float64]
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
    typical = float(np.median(counts.all_seen)) if len(counts.all_seen) else 0.0
    heard = counts.all_seen >= max(FEWEST_VOTES, typical / 20)
    fit = np.array(
        [not s.moderated_out and s.kind == "statement" and has_good_form(s.text)
         for s in corpus.statements],
        dtype=bool,
    )  # fmt: skip
    low = np.maximum(counts.agree_low, 1e-3)
    bridge = np.exp(np.log(low).mean(axis=0)) if counts.groups else np.zeros(len(fit))
    voice = _voice(counts)
    if len(counts.groups) > 1:
        largest = int(np.argmax([(corpus.labels == group).sum() for group in counts.groups]))
        minority = np.delete(voice, largest, axis=0).max(axis=0)
    else:
        share = (counts.all_agree + 1) / (counts.all_seen + 2)
        rejected = counts.all_disagree / np.maximum(counts.all_seen, 1)
        minority = np.where((share < 0.5) & (share > 0.2), share * (1 - rejected), -1.0)
    weight = np.array([_weight(s.text, s.language) for s in corpus.statements])
    return Scores(counts, bridge, voice, minority, weight, fit & heard)


def _voice(counts: GroupCounts) -> NDArray[np.float64]:
    """What a group holds strongly and more than the others do, and the others reject least."""
    seen = np.maximum(counts.all_seen - counts.seen, 1)
    others_agree = (counts.all_agree - counts.agree) / seen
    others_reject = (counts.all_disagree - counts.disagree) / seen
    own = (counts.agree_low > 0.5) & (counts.agree_low > others_agree)
    return np.asarray(np.where(own, counts.agree_low * (1 - others_reject), -1.0))


def _weight(text: str, language: str | None) -> float:
    reading = read(text, language)
    if reading.count("must") or reading.count("should"):
        return 1.25
    return 0.25 if reading.count("self") else 1.0


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
        for place in _best(scores.bridge * scores.weight, inside, a_theme * scale, floor=0.0):
            why.setdefault(place, set()).add("consensus")
        for row in scores.voice if len(scores.counts.groups) > 1 else ():
            for place in _best(row * scores.weight, inside, 2 * scale, floor=0.0):
                why.setdefault(place, set()).add("representative")
        for place in _best(scores.minority * scores.weight, inside, 2 * scale, floor=0.0):
            why.setdefault(place, set()).add("minority")
    noise = stable_noise(brief.corpus.statement_ids, seed)
    order = sorted(why, key=lambda place: (noise[place], place))
    return Selection(tuple(order), {place: frozenset(why[place]) for place in order})


def _best(
    values: NDArray[np.float64], inside: NDArray[np.intp], many: int, *, floor: float
) -> list[int]:
    ranked = sorted((int(place) for place in inside), key=lambda place: (-values[place], place))
    return [place for place in ranked[:many] if values[place] > floor]
