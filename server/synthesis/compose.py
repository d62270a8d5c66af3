"""From votes and statements to verified drafts, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .drafting.document import DraftDocument, DraftsDocument, FailureDocument
from .drafting.held_out import hold_out
from .embedding import Embedded, embed_texts
from .ports import (
    Corpus,
    Drafter,
    DraftingBrief,
    Embedder,
    EmbeddingCache,
    Entailer,
    ProposedDraft,
    Vectors,
)
from .verification.findings import Finding, VerificationContext
from .verification.verdict import verify


@dataclass(frozen=True)
class Composition:
    """What came of a request for drafts: the document, and all findings by draft id."""

    document: DraftsDocument
    findings: dict[str, tuple[Finding, ...]]


@dataclass(frozen=True)
class Material:
    """What drafts are made of: ``embedded`` and ``themes`` go with ``corpus.statements``."""

    corpus: Corpus
    embedded: Embedded
    themes: tuple[int, ...]
    names: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.embedded.statements != self.corpus.statements:
            raise ValueError("the embedded statements are not those of the corpus")
        if len(self.themes) != len(self.corpus.statements):
            raise ValueError("there is not one theme label for each statement")


async def compose_drafts(
    material: Material,
    drafter: Drafter,
    entailer: Entailer,
    embedder: Embedder,
    *,
    count: int,
    seed: int,
    cache: EmbeddingCache | None = None,
) -> Composition:
    """Hold votes out, let the drafter propose, verify each draft, and report what failed.

    Raises :class:`~.ports.EmbedderFailed` if a clause that is nobody's statement can't be placed.
    A drafter that proposes fewer drafts than asked for is a failure each, with its reason.
    """
    corpus = material.corpus
    split = hold_out(corpus, seed=seed)
    brief = DraftingBrief(
        split.visible, material.embedded.rows, material.themes, material.embedded.embedder
    )
    drafts: list[DraftDocument] = []
    failed: list[FailureDocument] = []
    findings: dict[str, tuple[Finding, ...]] = {}
    proposals = await drafter.propose(brief, count=count, seed=seed)
    rows = await _clause_rows(proposals, material.embedded, embedder, cache)
    for proposal in proposals:
        context = VerificationContext(
            corpus=corpus,
            shown=frozenset(proposal.provenance.shown),
            entailer=entailer,
            rows=material.embedded.rows,
            themes=material.themes,
            held_out=split.held_out,
            clause_rows=rows,
            names=material.names,
        )
        verdict = verify(proposal, context)
        findings[proposal.id] = verdict.findings
        if verdict.draft is not None:
            drafts.append(verdict.draft)
        if verdict.failure is not None:
            failed.append(verdict.failure)
    missing = FailureDocument("not-proposed", "The drafter proposed fewer drafts than asked for.")
    failed += [missing] * (count - len(proposals))
    return Composition(DraftsDocument(tuple(drafts), tuple(failed)), findings)


async def _clause_rows(
    proposals: Sequence[ProposedDraft],
    embedded: Embedded,
    embedder: Embedder,
    cache: EmbeddingCache | None,
) -> dict[str, Vectors]:
    own = {s.text.strip(): row for s, row in zip(embedded.statements, embedded.rows, strict=True)}
    clauses = [clause for proposal in proposals for clause in proposal.clauses]
    rows = {clause.text: own[clause.text] for clause in clauses if clause.text in own}
    new = {clause.text: clause.language for clause in clauses if clause.text not in rows}
    if new:
        raw = await embed_texts(list(new), embedder, cache)
        placed = embedded.space.place(raw, list(new.values()))
        rows |= dict(zip(new, placed, strict=True))
    return rows
