"""The lexical embedder: hashed words and character n-grams, for where no model can run."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from ..ports import Vectors
from ..text import clean
from ..words import words

_DIMENSIONS = 1024


class LexicalEmbedder:
    """An :class:`~..ports.Embedder` that knows letters and not meanings.

    Words, and character trigrams inside them, are hashed into 1,024 signed places and weighted
    by the root of their count. It finds rewordings that share stems within one language; across
    languages it finds nothing but names and numbers, which is what its name admits.
    """

    name = "lexical-hash/1 (letters, not meanings)"

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return unit rows (n, 1024); see :class:`~..ports.Embedder`. It does not fail."""
        rows = np.zeros((len(texts), _DIMENSIONS), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for feature, weight in _features(clean(text).casefold()).items():
                code = int.from_bytes(blake2b(feature.encode(), digest_size=8).digest(), "little")
                row[code % _DIMENSIONS] += weight if code >> 63 else -weight
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        empty = lengths[:, 0] < 1e-6
        rows[empty] = 0
        rows[empty, 0] = 1  # a text without letters is still somewhere, and all such are together
        lengths[empty] = 1
        return np.asarray(rows / lengths, np.float32)

    async def close(self) -> None:
        """Nothing is held."""


def _features(text: str) -> dict[str, float]:
    counts: dict[str, int] = {}
    for word in words(text):
        padded = f"^{word}$"
        grams = [padded[i : i + 3] for i in range(len(padded) - 2)]
        for gram in (f"word {word}", *grams):
            counts[gram] = counts.get(gram, 0) + 1
    return {
        gram: (2.0 if gram.startswith("word ") else 1.0) * count**0.5
        for gram, count in counts.items()
    }
