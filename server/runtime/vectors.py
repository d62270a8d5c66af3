"""Embeddings that outlast the process: a cache of vectors in the database."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..store import artifacts
from ..store.database import Database
from ..synthesis.ports import Vectors


class StoredVectors:
    """An :class:`~..synthesis.ports.EmbeddingCache` in the store: float32 rows by model and digest.

    A vector that can't be kept is only computed again: what the database refuses is raised by
    :meth:`put` and :meth:`get` as its own errors, and nothing else depends on it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, model: str, digests: Sequence[str]) -> dict[str, Vectors]:
        """Return the rows (d,) that are known, by digest."""
        found = await self._database.reading(artifacts.vectors, model, tuple(digests))
        return {digest: np.frombuffer(row, dtype="<f4") for digest, row in found.items()}

    async def put(self, model: str, rows: dict[str, Vectors]) -> None:
        """Keep rows (d,) by digest."""
        packed = {digest: row.astype("<f4").tobytes() for digest, row in rows.items()}
        await self._database.writing(artifacts.keep_vectors, model, packed)
