"""The drafter without a model: every clause is what a participant wrote, word for word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..cues import read
from ..polarity import direction
from ..ports import (
    AGREE,
    DraftingBrief,
    ProposedClause,
    ProposedDraft,
    ProposedQuote,
    Provenance,
)
from ..text import clean
from .held_out import stable_noise
from .selection import Scores, Selection, score, select

Approach: TypeAlias = Literal["bridging", "coverage", "voices"]

APPROACHES: tuple[Approach, ...] = ("bridging", "coverage", "voices")
CLAUSES = 5
PARAPHRASE = 0.75
"""The centred cosine from which a statement of the same polarity is cited beside the quoted one."""
_MOST_CITED = 4
_USED_BEFORE = 0.6
_NOISE = 0.08


class ExtractiveDrafter:
    """A :class:`~..ports.Drafter` that composes and does not write.

    A draft has up to five clauses (never fewer unless statements lack): each is one statement,
    quoted whole, and cites its near-paraphrases too. Drafts take turns in how they choose:
    ``bridging`` by the geometric mean over groups of lower bounds; ``coverage`` greedily by what
    people agreed with, theme by theme; ``voices`` each group's own in turn, and what bridges.
    Every draft ends with something that a minority holds strongly, if there is any. What earlier
    drafts of the call said counts for less, and a seeded noise of 8 % breaks near ties, so that
    drafts differ. Same brief, count and seed: same drafts, whatever the order of rows.
    """

    name = "extractive"

    async def propose(
        self, brief: DraftingBrief, *, count: int, seed: int
    ) -> Sequence[ProposedDraft]:
        """Return ``count`` drafts, or fewer clauses than three where too little was said."""
        scores = score(brief)
        selection = select(brief, scores, seed=seed)
        used = np.zeros(len(brief.corpus.statements))
        drafts = []
        for number in range(count):
            work = _Work(brief, scores, selection, used, seed + number)
            approach = APPROACHES[number % len(APPROACHES)]
            chosen = work.compose(approach)
            used[chosen] += 1
            clauses = tuple(work.clause(place) for place in chosen)
            cited = {cite for clause in clauses for cite in clause.cites}
            shown = selection.ids(brief)
            beside = sorted(cited - set(shown), key=brief.corpus.statement_ids.index)
            drafts.append(
                ProposedDraft(
                    f"d{number + 1}",
                    clauses,
                    Provenance(
                        drafter="extractive",
                        approach=approach,
                        shown=(*shown, *beside),
                        parameters={"clauses": CLAUSES, "paraphrase": PARAPHRASE},
                        seed=seed + number,
                        embedder=brief.embedder,
                    ),
                )
            )
        return drafts


@dataclass
class _Work:
    brief: DraftingBrief
    scores: Scores
    selection: Selection
    used: NDArray[np.float64]
    seed: int
    chosen: list[int] = field(default_factory=list)

    def compose(self, approach: Approach) -> list[int]:
        """Return the places of the statements that make the draft."""
        minority = self._minority()
        if minority is not None:
            self.chosen.append(minority)
        if approach == "coverage":
            gain = self._gains()
            while len(self.chosen) < CLAUSES and self._take(gain()):
                pass
        elif approach == "voices" and len(self.scores.voice) > 1:
            for row in self.scores.voice:
                if len(self.chosen) < CLAUSES - 1:
                    self._take(np.where(row > 0, row, 0))
        while len(self.chosen) < CLAUSES and self._take(self.scores.bridge):
            pass
        if minority is not None:  # what bridges is read first
            self.chosen.append(self.chosen.pop(0))
        return self.chosen

    def clause(self, place: int) -> ProposedClause:
        """Return the clause that quotes a statement, citing those that say the same."""
        statements, rows = self.brief.corpus.statements, self.brief.rows
        quoted = statements[place]
        way = direction(quoted.text, quoted.language)
        cosines = rows @ rows[place]
        near = [
            int(other)
            for other in np.argsort(-cosines, kind="stable")
            if cosines[other] >= PARAPHRASE
            and other != place
            and self.scores.eligible[other]
            and not way.contrary_to(direction(statements[other].text, statements[other].language))
            and self._stands(int(other))
        ]
        text = quoted.text.strip()
        start = quoted.text.index(text)
        return ProposedClause(
            text,
            (quoted.id, *(statements[other].id for other in near[: _MOST_CITED - 1])),
            (ProposedQuote(quoted.id, start, start + len(text), text),),
            quoted.language,
        )

    def _minority(self) -> int | None:
        values = self.scores.minority * self._weights()
        places = [p for p in self.selection.order if "minority" in self.selection.why[p]]
        places = [p for p in places if values[p] > 0 and self._stands(p)]
        return max(places, key=lambda p: (values[p], -p), default=None)

    def _take(self, values: NDArray[np.float64]) -> bool:
        """Add the best candidate that says something new; whether there was one."""
        weighted = values * self._weights() * self._novelty()
        candidates = [
            p for p in self.selection.order
            if p not in self.chosen and weighted[p] > 0 and self._stands(p)
        ]  # fmt: skip
        if not candidates:
            return False
        self.chosen.append(max(candidates, key=lambda p: (weighted[p], -p)))
        return True

    def _novelty(self) -> NDArray[np.float64]:
        themes = np.asarray(self.brief.themes)
        novelty = np.ones(len(themes))
        for place in self.chosen:
            cosines = self.brief.rows @ self.brief.rows[place]
            novelty = np.minimum(novelty, 1 - np.clip(cosines, 0, 1))
            novelty[(themes == themes[place]) & (themes >= 0)] *= 0.5
        return np.where(novelty < 1 - PARAPHRASE, 0, novelty)

    def _weights(self) -> NDArray[np.float64]:
        noise = 1 + _NOISE * (stable_noise(self.brief.corpus.statement_ids, self.seed) - 0.5)
        return np.asarray(self.scores.weight * noise * _USED_BEFORE**self.used)

    def _gains(self) -> _Gains:
        return _Gains(self)

    def _stands(self, place: int) -> bool:
        """Whether a clause may say it: a question says nothing, "we all" needs every group."""
        statement = self.brief.corpus.statements[place]
        if clean(statement.text).endswith(("?", "？", "؟")):
            return False
        claims = read(statement.text, statement.language).count("overclaim") > 0
        return not claims or bool((self.scores.counts.agree_low[:, place] > 0.55).all())


class _Gains:
    """What each statement would add to the mean coverage of visible votes over the groups."""

    def __init__(self, work: _Work) -> None:
        self._work = work
        brief = work.brief
        agreed = brief.corpus.votes == AGREE
        themes = np.asarray(brief.themes)
        weights = np.zeros(agreed.shape)
        present = np.zeros(len(agreed))
        for theme in np.unique(themes):
            inside = agreed[:, themes == theme]
            many = inside.sum(axis=1, keepdims=True)
            weights[:, themes == theme] = inside / np.maximum(many, 1)
            present += many[:, 0] > 0
        weights /= np.maximum(present, 1)[:, None]
        groups = work.scores.counts.groups
        rows = [weights[brief.corpus.labels == group].mean(axis=0) for group in groups]
        self._weights = np.mean(rows, axis=0) if rows else weights.mean(axis=0)
        statements = brief.corpus.statements
        ways = [direction(s.text, s.language) for s in statements]
        seen = np.maximum(work.scores.counts.all_seen, 1)
        self._against = work.scores.counts.all_disagree / seen
        self._cosines = {}
        for place in work.selection.order:
            same = np.array([not ways[place].contrary_to(other) for other in ways])
            near = np.clip(brief.rows @ brief.rows[place], 0, 1)
            self._cosines[place] = np.where(same, near, 0)

    def __call__(self) -> NDArray[np.float64]:
        width = len(self._weights)
        already = np.zeros(width)
        for place in self._work.chosen:
            already = np.maximum(already, self._cosines[place])
        gains = np.zeros(width)
        for place, cosines in self._cosines.items():
            more = float(self._weights @ np.maximum(cosines - already, 0))
            gains[place] = max(more - self._against[place] / CLAUSES, 0)
        return gains
