"""The Entailer's first form: words, not understanding."""

from __future__ import annotations

import re

from ..cues import Reading, read
from ..naming import stopwords
from ..polarity import opposite
from ..ports import Judgement, SupportFault
from ..words import kind, terms

RELATED = 0.5
"""The share of a clause's content that must be found in its source."""
_STEM = 5
_DIGITS = re.compile(r"\d+")


class LexicalEntailer:
    """An :class:`~..ports.Entailer` that compares cue words and counts shared terms.

    ``support`` is the share of the clause's content terms whose stem stands in the source. Faults:
    the contrary polarity; a stronger quantifier (some < most or none at all < all) or modality
    (may < should or none < must), or more such words than the source has; a condition left out; a
    number that is not in the source; too little in common. It knows no synonyms and does not
    translate.
    """

    name = "lexical"

    def judge(self, clause: str, source: str, language: str | None) -> Judgement:
        """Judge a clause against one cited text; ``language`` is the source's."""
        said, written = read(clause), read(source, language)
        if said.language != written.language and _same_script(said, written):
            said = read(clause, written.language)
        faults: list[SupportFault] = []
        support = _shared(clause, source)
        if opposite(clause, source, said.language, written.language):
            faults.append("polarity")
        if _quantity(said) > _quantity(written) or said.count("strong") > written.count("strong"):
            faults.append("quantifier")
        if _modality(said) > _modality(written) or said.count("must") > written.count("must"):
            faults.append("modality")
        if written.count("condition") and not said.count("condition"):
            faults.append("condition")
        if not set(_DIGITS.findall(clause)) <= set(_DIGITS.findall(source)):
            faults.append("number")
        if support < RELATED:
            faults.append("unrelated")
        return Judgement(support, tuple(faults))


def _same_script(one: Reading, other: Reading) -> bool:
    latin = {"en", "es", "fr", "de", "pt", "it", "sw"}
    return one.language in latin and other.language in latin


def _quantity(reading: Reading) -> int:
    if reading.count("strong"):
        return 3
    return 1 if reading.count("some") and not reading.count("many") else 2


def _modality(reading: Reading) -> int:
    if reading.count("must"):
        return 3
    return 1 if reading.count("may") and not reading.count("should") else 2


def _shared(clause: str, source: str) -> float:
    wanted, given = _content(clause), _content(source)
    if not wanted:
        return 1.0 if clause.strip() == source.strip() else 0.0
    return len(wanted & given) / len(wanted)


def _content(text: str) -> set[str]:
    ignored = stopwords()
    found = {
        term[:_STEM] if kind(term[0]) == "w" else term
        for term in terms(text)
        if term not in ignored and (kind(term[0]) == "w" or len(term) == 2)
    }
    return found or set(terms(text))
