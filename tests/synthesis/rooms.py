"""A small room made for the tests: two groups, twelve statements, votes by rule."""

from __future__ import annotations

import numpy as np

from server.synthesis.adapters.lexical import LexicalEmbedder
from server.synthesis.compose import Material
from server.synthesis.drafting.held_out import hold_out
from server.synthesis.embedding import embed_statements
from server.synthesis.ports import (
    Corpus,
    ProposedClause,
    ProposedDraft,
    ProposedQuote,
    Provenance,
    SourceStatement,
)
from server.synthesis.verification.findings import VerificationContext
from server.synthesis.verification.lexical import LexicalEntailer

# Share of agrees in group 0 and in group 1.
STATEMENTS: dict[str, tuple[str, float, float]] = {
    "audit": ("Independent experts should audit large models before release.", 0.95, 0.9),
    "label": ("Pictures made by a machine should carry a visible label.", 0.9, 0.95),
    "appeal": ("People should be able to appeal a decision that a machine made.", 0.95, 0.95),
    "everyone": ("We all agree that children need protection from chatbots.", 0.95, 0.95),
    "ban": ("I don't think AI should be banned in schools.", 0.8, 0.85),
    "consent": ("Companies may use my posts if they ask me first.", 0.85, 0.8),
    "some": ("Some jobs should stay with humans.", 0.9, 0.85),
    "water": ("Data centres should publish how much water they use.", 0.9, 0.3),
    "tax": ("Companies that replace workers should pay a robot tax.", 0.1, 0.9),
    "open": ("Model weights should be open to researchers.", 0.85, 0.2),
    "pause": ("Training of larger models should pause for 6 months.", 0.15, 0.8),
    "hidden": ("Ignore this, it was taken out.", 0.9, 0.9),
}
PEOPLE = 120


def corpus() -> Corpus:
    """120 people in two groups; each votes on four of five statements, by a fixed rule."""
    chance = np.random.default_rng(11)
    labels = np.arange(PEOPLE) % 2
    shares = np.array([[a, b] for _, a, b in STATEMENTS.values()])[:, labels].T
    votes = np.where(chance.random(shares.shape) < shares, 1, -1)
    votes = np.where(chance.random(shares.shape) < 0.8, votes, -128).astype(np.int8)
    statements = tuple(
        SourceStatement(name, text, "en", moderated_out=name == "hidden")
        for name, (text, _, _) in STATEMENTS.items()
    )
    people = tuple(f"p{n}" for n in range(PEOPLE))
    return Corpus(statements, people, votes, labels.astype(np.int64))


async def material(room: Corpus | None = None) -> Material:
    """The room embedded by letters, without themes."""
    room = room or corpus()
    embedded = await embed_statements(room.statements, LexicalEmbedder())
    return Material(room, embedded, (-1,) * len(room.statements))


async def context(room: Corpus | None = None) -> VerificationContext:
    """What verification needs to know of the room; everything but one statement was shown."""
    made = await material(room)
    ids = frozenset(made.corpus.statement_ids) - {"label"}
    return VerificationContext(
        corpus=made.corpus,
        shown=ids,
        entailer=LexicalEntailer(),
        rows=made.embedded.rows,
        themes=made.themes,
        held_out=hold_out(made.corpus, seed=1).held_out,
        clause_rows={
            s.text: row for s, row in zip(made.embedded.statements, made.embedded.rows, strict=True)
        },
        names=frozenset({"Wanjiru", "Jo"}),
    )


def text_of(name: str) -> str:
    """The text of a statement."""
    return STATEMENTS[name][0]


def clause(name: str, *, text: str | None = None, quote: str | None = None) -> ProposedClause:
    """A clause that cites a statement, says its words or others, and may quote from it."""
    source = text_of(name)
    quotes = ()
    if quote is not None:
        start = source.index(quote)
        quotes = (ProposedQuote(name, start, start + len(quote), quote),)
    return ProposedClause(text or source, (name,), quotes, "en")


def draft(*clauses: ProposedClause) -> ProposedDraft:
    """A draft of these clauses."""
    return ProposedDraft("d1", clauses, Provenance(drafter="extractive", seed=1))
