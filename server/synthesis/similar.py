"""Which statements exist already that say this, or its contrary."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .embedding import Embedded, embed_texts
from .polarity import opposite
from .ports import Embedder, EmbeddingCache, SourceId, Vectors

THRESHOLD = 0.45
"""The centred cosine from which a statement is shown as similar."""


@dataclass(frozen=True, slots=True)
class Similar:
    """A statement near a text: its centred cosine, and whether it says the contrary."""

    statement: SourceId
    score: float
    opposite: bool


def similar(
    row: Vectors,
    text: str,
    language: str | None,
    corpus: Embedded,
    *,
    k: int = 5,
    threshold: float = THRESHOLD,
) -> tuple[Similar, ...]:
    """Return up to ``k`` statements nearest to a text, best first, from ``threshold`` on.

    ``row`` (d,) is the text's place in the corpus's space. Moderated-out statements are left out.
    Equal scores go by the order of the corpus.
    """
    if not len(corpus.rows) or k < 1:
        return ()
    scores = corpus.rows @ row
    hidden = [place for place, s in enumerate(corpus.statements) if s.moderated_out]
    scores[hidden] = -np.inf
    nearest = np.argsort(-scores, kind="stable")[:k]
    found = []
    for place in nearest:
        score = float(scores[place])
        if score < threshold:
            break
        statement = corpus.statements[place]
        contrary = opposite(text, statement.text, language, statement.language)
        found.append(Similar(statement.id, min(score, 1.0), contrary))
    return tuple(found)


async def similar_to_text(
    text: str,
    language: str | None,
    corpus: Embedded,
    embedder: Embedder,
    cache: EmbeddingCache | None = None,
    *,
    k: int = 5,
    threshold: float = THRESHOLD,
) -> tuple[Similar, ...]:
    """Embed a text and return what is :func:`similar` to it.

    Raises :class:`~.ports.EmbedderFailed`, and ``ValueError`` if the corpus was embedded by
    another model.
    """
    if embedder.name != corpus.embedder:
        raise ValueError(f"the corpus is {corpus.embedder}, the embedder {embedder.name}")
    if not corpus.statements:
        return ()
    raw = await embed_texts([text], embedder, cache)
    row = corpus.space.place(raw, [language])[0]
    return similar(row, text, language, corpus, k=k, threshold=threshold)
