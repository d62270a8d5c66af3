"""A cache of embeddings that lasts as long as the process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from ..ports import Vectors


class MemoryCache:
    """An :class:`~..ports.EmbeddingCache` that forgets the least recently used beyond ``limit``."""

    def __init__(self, limit: int = 20_000) -> None:
        self._limit = limit
        self._rows: OrderedDict[tuple[str, str], Vectors] = OrderedDict()

    def __len__(self) -> int:
        return len(self._rows)

    async def get(self, model: str, digests: Sequence[str]) -> dict[str, Vectors]:
        """Return the rows that are known, by digest."""
        found: dict[str, Vectors] = {}
        for digest in digests:
            row = self._rows.get((model, digest))
            if row is not None:
                self._rows.move_to_end((model, digest))
                found[digest] = row
        return found

    async def put(self, model: str, rows: dict[str, Vectors]) -> None:
        """Keep rows by digest."""
        for digest, row in rows.items():
            kept = row.copy()
            kept.setflags(write=False)
            self._rows[model, digest] = kept
            self._rows.move_to_end((model, digest))
        while len(self._rows) > self._limit:
            self._rows.popitem(last=False)
