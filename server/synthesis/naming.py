"""What a theme is called when no model names it: the words that set it apart. Pure."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from .words import kind, terms

WORDS = 6
"""How many words a theme carries; the first three are its name."""
_COMMON_SHARE = 0.2
_SHORTEST = 3
_GLUE = frozenset(
    "的了是在有我你他她它們们不也都就還还很會会要能可這这那個个而且與与及或被把讓让給给對对和為为之其所以"
    "上下到去來来說说得著着過过嗎吗呢吧啊但若則则因此又再只更最讓應应該该需什麼么怎樣样一"
)
"""Characters that, in Chinese, hold words together and belong to no theme's name."""


@cache
def stopwords() -> frozenset[str]:
    """Words of all our languages that name nothing (``data/stopwords.json``)."""
    source = files(__package__).joinpath("data", "stopwords.json").read_text(encoding="utf-8")
    return frozenset(
        word for text in json.loads(source)["words"].values() for word in text.casefold().split()
    )


def theme_words(texts: Sequence[str], labels: Sequence[int], count: int) -> list[tuple[str, ...]]:
    """Return, for each of ``count`` themes, the words that set it apart, best first.

    Class-based TF-IDF over statements (Grootendorst 2022): how many of the theme's statements
    have a term, times log(1 + mean size of a theme in terms / statements with it anywhere). Words
    on our lists, terms in more than a fifth of all statements and terms of a single statement are
    left out; where nothing is left, the last two rules are dropped. Ties go by the alphabet.
    """
    documents = [_document(text) for text in texts]
    anywhere = Counter(term for document in documents for term in document)
    inside: list[Counter[str]] = [Counter() for _ in range(count)]
    for label, document in zip(labels, documents, strict=True):
        if label >= 0:
            inside[label].update(document)
    mean = sum(sum(counter.values()) for counter in inside) / max(count, 1)
    common = max(_COMMON_SHARE * len(texts), 3)
    named = []
    for counter in inside:
        weights = {
            term: times * math.log(1 + mean / anywhere[term]) for term, times in counter.items()
        }
        ranked = sorted(weights, key=lambda term: (-round(weights[term], 9), -len(term), term))
        strict = [term for term in ranked if counter[term] > 1 and anywhere[term] <= common]
        named.append(_distinct(strict or ranked, counter))
    return named


def theme_name(words: Sequence[str]) -> str:
    """Return a theme's name: its first three words."""
    return " · ".join(words[:3])


def _document(text: str) -> set[str]:
    ignored = stopwords()
    return {
        term
        for term in terms(text)
        if term not in ignored
        and not term.isnumeric()
        and (len(term) >= _SHORTEST if kind(term[0]) == "w" else _GLUE.isdisjoint(term))
    }


def _distinct(ranked: Sequence[str], counter: Counter[str]) -> tuple[str, ...]:
    chosen: list[str] = []
    for term in ranked:
        if len(chosen) == WORDS:
            break
        longer = _completed(term, counter) if kind(term[0]) == "u" else term
        if not any(_same(longer, other) for other in chosen):
            chosen.append(longer)
    return tuple(chosen)


def _completed(term: str, counter: Counter[str]) -> str:
    """In an unspaced script: the longer run of which this one is nearly always a part."""
    holders = [
        other
        for other, times in counter.items()
        if len(other) > len(term) and term in other and times >= 0.8 * counter[term]
    ]
    return max(holders, key=lambda other: (counter[other], len(other), other), default=term)


def _same(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    if kind(one[0]) == "u":
        return short in long or one[1:] == other[:-1] or other[1:] == one[:-1]
    return long.startswith(short[: max(4, len(short) - 2)]) and len(long) - len(short) <= 3
