"""What is language rather than meaning, measured on parallel everyday sentences.

METHODS "Themes": a language's own mean over the statements at hand would erase a difference in
subject wherever languages speak of different things. So the offset of a language is the mean of
sentences that say the same everywhere (``data/everyday.json``), and only then is the mean of all
statements taken away.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from .ports import Vectors
from .text import primary

PRIOR = 8.0
"""How many statements' weight "no mean at all" has: with few statements their mean is mostly
themselves, and taking it away would leave noise. At 693 it changes the mean by 1 %."""


@cache
def everyday_sentences() -> Mapping[str, tuple[str, ...]]:
    """Return the parallel sentences by language; place i means the same in every language."""
    source = files(__package__).joinpath("data", "everyday.json").read_text(encoding="utf-8")
    return {tag: tuple(texts) for tag, texts in json.loads(source)["sentences"].items()}


@dataclass(frozen=True)
class LanguageOffsets:
    """Where each language lies in one model's space, and where all of them lie together."""

    by_language: Mapping[str, NDArray[np.float64]]
    common: NDArray[np.float64]

    def of(self, language: str | None) -> NDArray[np.float64]:
        """The offset (d,) of a language tag; the common one where it is unknown."""
        return self.by_language.get(primary(language) or "", self.common)


def offsets_from(rows: Mapping[str, Vectors]) -> LanguageOffsets:
    """Return the offsets, given each language's embedded everyday sentences (n, d)."""
    means = {tag: block.mean(axis=0, dtype=np.float64) for tag, block in rows.items()}
    return LanguageOffsets(means, np.mean(list(means.values()), axis=0))


@dataclass(frozen=True)
class MeaningSpace:
    """How raw embeddings become comparable: minus the language, minus the corpus, length one."""

    offsets: LanguageOffsets
    mean: NDArray[np.float64]

    def place(self, raw: Vectors, languages: Sequence[str | None]) -> Vectors:
        """Return unit rows (n, d); a row of which nothing is left becomes zero."""
        centred = _without_language(raw, languages, self.offsets) - self.mean
        lengths = np.linalg.norm(centred, axis=1, keepdims=True)
        there = lengths > 1e-6
        return np.asarray(np.where(there, centred / np.where(there, lengths, 1), 0), np.float32)


def meaning_space(
    raw: Vectors, languages: Sequence[str | None], offsets: LanguageOffsets
) -> MeaningSpace:
    """Return the space whose middle is the mean of these statements (n, d), see ``PRIOR``."""
    placed = _without_language(raw, languages, offsets)
    return MeaningSpace(offsets, placed.sum(axis=0) / (len(placed) + PRIOR))


def _without_language(
    raw: Vectors, languages: Sequence[str | None], offsets: LanguageOffsets
) -> NDArray[np.float64]:
    if len(raw) != len(languages):
        raise ValueError(f"{len(raw)} rows and {len(languages)} languages")
    if not len(raw):
        return np.zeros((0, offsets.common.shape[0]))
    taken = np.stack([offsets.of(language) for language in languages])
    return np.asarray(raw, np.float64) - taken
