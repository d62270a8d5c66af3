"""From statements to themes in one call, and the file ``folkmoot.themes/1``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from .embedding import Embedded, embed_statements, is_usable
from .offsets import LanguageOffsets
from .ports import Embedder, EmbeddingCache, SourceId, SourceStatement

if TYPE_CHECKING:
    from .themes import Themes

FORMAT = "folkmoot.themes/1"


class ThemeDocument(msgspec.Struct, frozen=True):
    """One theme; ``statements`` are ids, those at its middle first."""

    id: int
    name: str
    words: tuple[str, ...]
    statements: tuple[SourceId, ...]
    size: int


class ThemesDocument(msgspec.Struct, frozen=True):
    """The whole file. ``labels``: a theme's id by statement id as text, −1 for unthemed.

    Statements that moderation took out, and testimonies, are not in it. ``reason`` says why there
    are no themes where there are none; ``stability`` is the mean adjusted Rand index between this
    and ``reruns`` runs on 90 % of the statements.
    """

    embedder: str
    seed: int
    themes: tuple[ThemeDocument, ...]
    unthemed: tuple[SourceId, ...]
    labels: dict[str, int]
    reason: str | None = None
    stability: float | None = None
    reruns: int = 0
    format: str = FORMAT


@dataclass(frozen=True)
class Themed:
    """The document, the rows it came from, and a label for each statement given (−1: none)."""

    document: ThemesDocument
    embedded: Embedded
    labels: tuple[int, ...]


async def theme_statements(
    statements: Sequence[SourceStatement],
    embedder: Embedder,
    *,
    seed: int,
    cache: EmbeddingCache | None = None,
    offsets: LanguageOffsets | None = None,
    reruns: int = 10,
) -> Themed:
    """Embed the statements and find their themes. Raises :class:`~.ports.EmbedderFailed`."""
    embedded = await embed_statements(statements, embedder, cache, offsets)
    return theme_embedded(embedded, seed=seed, reruns=reruns)


def theme_embedded(embedded: Embedded, *, seed: int, reruns: int = 10) -> Themed:
    """Find the themes of embedded statements. Blocks: run it on a thread beside an event loop."""
    # hdbscan and scikit-learn take a second to import, which a server's start need not wait for.
    from .themes import find_themes  # noqa: PLC0415

    statements = embedded.statements
    listed = [place for place, each in enumerate(statements) if _listed(each)]
    usable = [place for place in listed if is_usable(statements[place])]
    found = find_themes(
        embedded.rows[usable], [statements[p].text for p in usable], seed=seed, reruns=reruns
    )
    labels = [-1] * len(statements)
    for place, label in zip(usable, found.labels, strict=True):
        labels[place] = label
    document = ThemesDocument(
        embedder=embedded.embedder,
        seed=seed,
        themes=_documents(found, [statements[place].id for place in usable]),
        unthemed=tuple(statements[place].id for place in listed if labels[place] < 0),
        labels={str(statements[place].id): labels[place] for place in listed},
        reason=found.reason,
        stability=found.stability,
        reruns=found.reruns,
    )
    return Themed(document, embedded, tuple(labels))


def _listed(statement: SourceStatement) -> bool:
    return statement.kind == "statement" and not statement.moderated_out


def _documents(found: Themes, ids: Sequence[SourceId]) -> tuple[ThemeDocument, ...]:
    return tuple(
        ThemeDocument(
            theme.id,
            theme.name,
            theme.words,
            tuple(ids[member] for member in theme.members),
            len(theme.members),
        )
        for theme in found.themes
    )
