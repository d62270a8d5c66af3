"""What a draft is: clauses, what they rest on, and how they came about."""

from __future__ import annotations

from collections.abc import Callable, Collection

import msgspec


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """A verbatim piece of a statement: ``text`` stands at [start, end) of it, in code points."""

    statement: str
    start: int
    end: int
    text: str


class GroupSupport(msgspec.Struct, frozen=True, kw_only=True):
    """The lower Wilson bound of the agree share of a clause's citations in one opinion group."""

    group: int
    wilson_low: float


class Clause(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence that people can adopt, with the statements it rests on."""

    id: str
    text: str
    cites: tuple[str, ...]
    quotes: tuple[Quote, ...] = ()
    support: float = 0.0
    groups: tuple[GroupSupport, ...] = ()


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How well a draft covers what people agreed with in votes that the drafter did not see."""

    mean: float
    lowest_decile: float
    gap: float
    uncovered: int


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """How a draft came about; fields of a model are empty where none was asked."""

    drafter: str
    seed: int
    approach: str = ""
    prompt_id: str | None = None
    prompt_sha256: str | None = None
    rendered_sha256: str | None = None
    shown: tuple[str, ...] = ()
    model_asked: str | None = None
    model_answered: str | None = None
    fingerprint: str | None = None
    parameters: dict[str, float | int | str | bool] = {}
    attempts: int = 1
    tokens: int = 0
    answer_sha256: str | None = None
    entailer: str = ""
    embedder: str = ""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A text of three to six clauses that could unite people across their differences."""

    id: str
    clauses: tuple[Clause, ...]
    coverage: Coverage | None
    provenance: Provenance


class DraftFailure(msgspec.Struct, frozen=True, kw_only=True):
    """A draft that could not be shown: a stable reason and what was found."""

    reason: str
    detail: str = ""


def by_reference(clause: Clause, text_of: Callable[[str], str]) -> Clause:
    """Return ``clause`` with its verbatim quotes as places alone, without the words.

    So the words stand once, with the statement they come from, and go when its author takes them
    back. A clause that is nothing but a quote loses its text too; :func:`filled` puts all in again.
    """
    quotes = tuple(
        msgspec.structs.replace(quote, text="") if _said(quote, text_of) else quote
        for quote in clause.quotes
    )
    own = any(_said(quote, text_of) and quote.text == clause.text for quote in clause.quotes)
    return msgspec.structs.replace(clause, text="" if own else clause.text, quotes=quotes)


def filled(clause: Clause, text_of: Callable[[str], str]) -> Clause:
    """Return ``clause`` with the words at its places; what was taken back stays empty."""
    quotes = tuple(
        quote
        if quote.text
        else msgspec.structs.replace(quote, text=text_of(quote.statement)[quote.start : quote.end])
        for quote in clause.quotes
    )
    text = clause.text or (quotes[0].text if quotes else "")
    return msgspec.structs.replace(clause, text=text, quotes=quotes)


def with_clauses(draft: Draft, change: Callable[[Clause], Clause]) -> Draft:
    """Return ``draft`` with each clause changed."""
    return msgspec.structs.replace(draft, clauses=tuple(change(clause) for clause in draft.clauses))


def without_words(clause: Clause, statements: Collection[str]) -> Clause:
    """Return ``clause`` without the words that it quotes from ``statements``."""
    taken = [quote for quote in clause.quotes if quote.statement in statements]
    if not taken:
        return clause
    quotes = tuple(
        msgspec.structs.replace(quote, text="") if quote.statement in statements else quote
        for quote in clause.quotes
    )
    own = any(quote.text == clause.text for quote in taken)
    return msgspec.structs.replace(clause, text="" if own else clause.text, quotes=quotes)


def same_words(clause: Clause) -> tuple[object, ...]:
    """Return what two clauses have in common that say the same, erased words or not."""
    places = tuple((quote.statement, quote.start, quote.end) for quote in clause.quotes)
    own = any(quote.text == clause.text for quote in clause.quotes)
    return (places, "" if own else clause.text)


def _said(quote: Quote, text_of: Callable[[str], str]) -> bool:
    return bool(quote.text) and text_of(quote.statement)[quote.start : quote.end] == quote.text
