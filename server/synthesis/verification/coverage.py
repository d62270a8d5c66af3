"""Check 5: how well a draft covers what people agreed with in votes its drafter did not see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...deliberation.drafts import Coverage
from ..counts import counts_of
from ..polarity import direction
from ..ports import AGREE, DISAGREE, EMPTY, SourceId
from .findings import VerificationContext


def coverage(
    texts: Sequence[str],
    languages: Sequence[str | None],
    cites: Sequence[Sequence[SourceId]],
    context: VerificationContext,
) -> Coverage | None:
    """Return METHODS' measure for clauses, given their texts, languages and citations.

    For each participant: the mean over themes of the mean, over the theme's held-out statements
    they agreed with, of the highest centred cosine to a clause of the same polarity (0–1), minus
    the share of clauses that rest on a statement they disagreed with in a held-out vote.
    Statements without a theme make one theme. Who agreed with nothing held out is not measured;
    ``None`` if that is everybody. ``lowest_decile`` is the mean of the lowest tenth, ``gap`` the
    highest mean of a group minus the lowest, ``uncovered`` how many are at 0 or below. Raises
    ``KeyError`` for a clause that has no row.
    """
    if not texts:
        return None
    agreed = context.held_out == AGREE
    measured = agreed.any(axis=1)
    if not measured.any():
        return None
    best = _best_match(texts, languages, context)
    scores = _mean_over_themes(agreed, best, context.themes) - _rejected(cites, context)
    return _summary(scores[measured], context.corpus.labels[measured])


def baseline(size: int, context: VerificationContext) -> Coverage | None:
    """Return the coverage of the ``size`` single statements with the highest consensus.

    Consensus is counted without the held-out votes, as a drafter would have to.
    """
    corpus = context.corpus
    visible = np.where(context.held_out != EMPTY, np.int8(EMPTY), corpus.votes)
    shares = counts_of(visible, corpus.labels, corpus.groups).consensus()
    usable = [
        place
        for place, statement in enumerate(corpus.statements)
        if not statement.moderated_out and statement.kind == "statement" and statement.text.strip()
    ]
    chosen = sorted(usable, key=lambda place: (-shares[place], place))[:size]
    rows = {corpus.statements[place].text: context.rows[place] for place in chosen}
    widened = replace(context, clause_rows=rows)
    return coverage(
        [corpus.statements[place].text for place in chosen],
        [corpus.statements[place].language for place in chosen],
        [[corpus.statements[place].id] for place in chosen],
        widened,
    )


def _best_match(
    texts: Sequence[str], languages: Sequence[str | None], context: VerificationContext
) -> NDArray[np.float64]:
    statements = context.corpus.statements
    ways = [direction(statement.text, statement.language) for statement in statements]
    best = np.zeros(len(statements))
    for text, language in zip(texts, languages, strict=True):
        way = direction(text, language)
        same = np.array([not way.contrary_to(other) for other in ways])
        cosines = np.asarray(context.rows @ context.clause_rows[text], np.float64)
        best = np.maximum(best, np.where(same, np.clip(cosines, 0, 1), 0))
    return best


def _mean_over_themes(
    agreed: NDArray[np.bool_], best: NDArray[np.float64], themes: Sequence[int]
) -> NDArray[np.float64]:
    labels = np.asarray(themes)
    total, present = np.zeros(len(agreed)), np.zeros(len(agreed))
    for theme in np.unique(labels):
        inside = agreed[:, labels == theme]
        many = inside.sum(axis=1)
        total += np.where(many > 0, inside @ best[labels == theme] / np.maximum(many, 1), 0)
        present += many > 0
    return np.asarray(total / np.maximum(present, 1))


def _rejected(
    cites: Sequence[Sequence[SourceId]], context: VerificationContext
) -> NDArray[np.float64]:
    against = np.zeros(len(context.held_out))
    for cited in cites:
        places = [context.columns[statement] for statement in cited]
        against += (context.held_out[:, places] == DISAGREE).any(axis=1)
    return np.asarray(against / len(cites))


def _summary(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> Coverage:
    lowest = np.sort(scores)[: -(-len(scores) // 10)]
    means = [float(scores[labels == group].mean()) for group in np.unique(labels) if group >= 0]
    return Coverage(
        mean=float(scores.mean()),
        lowest_decile=float(lowest.mean()),
        gap=max(means) - min(means) if means else 0.0,
        uncovered=int((scores <= 0).sum()),
    )
