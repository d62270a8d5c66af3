"""Embedders that do what a test tells them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..ports import EmbedderFailed, Vectors


class ScriptedEmbedder:
    """Answers from a table of text → direction, and counts what it was asked.

    A text that is not in the table raises :class:`EmbedderFailed`, unless ``otherwise`` makes a
    direction of it. Directions are brought to length one.
    """

    name = "scripted"

    def __init__(
        self,
        table: Mapping[str, Sequence[float]],
        *,
        otherwise: Callable[[str], Sequence[float]] | None = None,
    ) -> None:
        self._table = dict(table)
        self._otherwise = otherwise
        self.asked: list[str] = []
        self.closed = False

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return the scripted rows; see :class:`~..ports.Embedder`."""
        self.asked.extend(texts)
        rows = []
        for text in texts:
            if text in self._table:
                rows.append(self._table[text])
            elif self._otherwise is not None:
                rows.append(self._otherwise(text))
            else:
                raise EmbedderFailed("the script has no direction for a text")
        table = np.array(rows, np.float32).reshape(len(rows), -1)
        return np.asarray(table / np.linalg.norm(table, axis=1, keepdims=True), np.float32)

    async def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True


class FailingEmbedder:
    """Fails every call, as a worker does that cannot start."""

    name = "failing"

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Raise :class:`EmbedderFailed`."""
        raise EmbedderFailed(f"scripted to fail on {len(texts)} texts")

    async def close(self) -> None:
        """Nothing is held."""
