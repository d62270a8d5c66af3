"""From statements to comparable rows: what is known is read from the cache, the rest embedded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .offsets import LanguageOffsets, MeaningSpace, everyday_sentences, meaning_space, offsets_from
from .ports import Embedder, EmbeddingCache, SourceStatement, Vectors
from .text import clean, digest


@dataclass(frozen=True)
class Embedded:
    """Statements with their rows (n, d) in a space that says where a new text would lie."""

    embedder: str
    statements: tuple[SourceStatement, ...]
    rows: Vectors
    space: MeaningSpace


async def embed_texts(
    texts: Sequence[str], embedder: Embedder, cache: EmbeddingCache | None = None
) -> Vectors:
    """Return raw unit rows (n, d), each distinct text embedded at most once.

    Raises :class:`~.ports.EmbedderFailed`; what was embedded before that is not kept.
    """
    digests = [digest(text) for text in texts]
    known = dict(await cache.get(embedder.name, sorted(set(digests)))) if cache else {}
    missing = {key: text for key, text in zip(digests, texts, strict=True) if key not in known}
    if missing or not texts:
        fresh = await embedder.embed(list(missing.values()))
        if not texts:
            return fresh
        added = dict(zip(missing, fresh, strict=True))
        if cache is not None:
            await cache.put(embedder.name, added)
        known |= added
    return np.stack([known[key] for key in digests])


async def language_offsets(
    embedder: Embedder, cache: EmbeddingCache | None = None
) -> LanguageOffsets:
    """Return this model's offsets, embedding the everyday sentences if the cache lacks them."""
    sentences = everyday_sentences()
    rows = await embed_texts(
        [text for texts in sentences.values() for text in texts], embedder, cache
    )
    blocks, start = {}, 0
    for tag, texts in sentences.items():
        blocks[tag] = rows[start : start + len(texts)]
        start += len(texts)
    return offsets_from(blocks)


async def embed_statements(
    statements: Sequence[SourceStatement],
    embedder: Embedder,
    cache: EmbeddingCache | None = None,
    offsets: LanguageOffsets | None = None,
) -> Embedded:
    """Return the statements with rows that are free of their language and of what all share.

    What moderation took out, and what has no text, is not embedded: its row is zero, near nothing,
    and it has no part in the mean.
    """
    if offsets is None:
        offsets = await language_offsets(embedder, cache)
    usable = [place for place, statement in enumerate(statements) if is_usable(statement)]
    texts = [statements[place].text for place in usable]
    languages = [statements[place].language for place in usable]
    rows = np.zeros((len(statements), len(offsets.common)), np.float32)
    if not usable:
        space = MeaningSpace(offsets, np.zeros_like(offsets.common))
        return Embedded(embedder.name, tuple(statements), rows, space)
    raw = await embed_texts(texts, embedder, cache)
    space = meaning_space(raw, languages, offsets)
    rows[usable] = space.place(raw, languages)
    return Embedded(embedder.name, tuple(statements), rows, space)


def is_usable(statement: SourceStatement) -> bool:
    """Whether a statement takes part in synthesis: it says something, and was not taken out."""
    return not statement.moderated_out and bool(clean(statement.text))
