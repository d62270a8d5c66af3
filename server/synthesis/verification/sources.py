"""Checks 1 and 2: what a clause cites exists and was shown; a quote says what was written."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..cues import read
from ..polarity import turns
from ..ports import ProposedClause, ProposedQuote, SourceStatement
from ..text import fold
from ..words import kind
from .findings import Finding, VerificationContext

_SENTENCES = re.compile(r"[^.!?;。！？；؛؟।\n]+[.!?;。！？；؛؟।\n]*")


def check_ids(number: int, clause: ProposedClause, context: VerificationContext) -> list[Finding]:
    """Cited ids exist, were shown to the drafter, and are not moderated out; at least one is."""
    if not clause.cites:
        return [Finding(number, "no-source")]
    found = []
    for cited in clause.cites:
        statement = context.statement(cited)
        if statement is None:
            found.append(Finding(number, "unknown-id", cited))
        elif cited not in context.shown:
            found.append(Finding(number, "not-shown", cited))
        elif statement.moderated_out:
            found.append(Finding(number, "moderated-out", cited))
    return found


def check_quotes(
    number: int, clause: ProposedClause, context: VerificationContext
) -> list[Finding]:
    """A quote stands where it says (NFC, white space folded), is cited, and is not torn.

    Torn: cut inside a word, or out of a sentence whose negation or condition it leaves behind.
    """
    found = []
    for quote in clause.quotes:
        statement = context.statement(quote.statement)
        if statement is None or quote.statement not in clause.cites:
            found.append(Finding(number, "quote-uncited", quote.statement))
        elif not 0 <= quote.start < quote.end <= len(statement.text):
            found.append(Finding(number, "quote-place", quote.statement))
        elif fold(statement.text[quote.start : quote.end]) != fold(quote.text):
            found.append(Finding(number, "quote-differs", quote.statement))
        elif _torn(quote, statement):
            found.append(Finding(number, "torn-quote", quote.statement))
    return found


def _torn(quote: ProposedQuote, statement: SourceStatement) -> bool:
    text = statement.text
    if _inside_word(text, quote.start) or _inside_word(text, quote.end):
        return True
    for start, end in _sentences(text):
        overlap = max(start, quote.start), min(end, quote.end)
        piece = text[slice(*overlap)]
        if overlap[0] >= overlap[1] or not fold(piece):
            continue
        whole, part = read(text[start:end], statement.language), read(piece, statement.language)
        if turns(whole) % 2 != turns(part) % 2:
            return True
        if whole.count("condition") > part.count("condition"):
            return True
    return False


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    return ((match.start(), match.end()) for match in _SENTENCES.finditer(text))


def _inside_word(text: str, place: int) -> bool:
    return 0 < place < len(text) and kind(text[place - 1]) == "w" and kind(text[place]) == "w"
