"""Words that turn, strengthen or bind what is said, found in a text of any of our languages."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal, TypeAlias

from .text import clean, primary
from .words import kind, words

Kind: TypeAlias = Literal[
    "negation", "concord", "reversing", "excepted", "more", "less", "strong", "many", "some",
    "must", "should", "may", "condition", "overclaim", "group", "self",
]  # fmt: skip

_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'"})
_SCRIPTS = {
    "ARABIC": "ar",
    "DEVANAGARI": "hi",
    "CYRILLIC": "ru",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
}
_SUBSTRINGS = frozenset({"zh", "ja"})


@dataclass(frozen=True)
class Reading:
    """A text made ready for looking up cues: folded, lower case, its language known or guessed."""

    text: str
    language: str

    def count(self, what: Kind) -> int:
        """How many times cues of one kind occur; longer cues hide the shorter ones inside them."""
        return sum(1 for _ in self.found(what))

    def found(self, what: Kind) -> tuple[str, ...]:
        """The cues of one kind that occur, as often as they do."""
        return _found(self.text, self.language, what)


def read(text: str, language: str | None = None) -> Reading:
    """Return the text ready for :class:`Reading`; an unknown language is guessed."""
    tag = primary(language)
    if tag not in languages():
        tag = guess_language(text)
    folded = unicodedata.normalize("NFC", clean(text).casefold().translate(_APOSTROPHES))
    if tag in _SUBSTRINGS:
        return Reading(folded, tag)
    if tag == "ar":
        folded = "".join(c for c in folded if unicodedata.category(c) != "Mn" and c != "ـ")
    if tag == "en":
        return Reading(f" {' '.join(_english(folded))} ", tag)
    return Reading(f" {' '.join(words(folded))} ", tag)


@cache
def languages() -> frozenset[str]:
    """The languages whose cues are known."""
    return frozenset(_all_cues())


@lru_cache(maxsize=4096)
def guess_language(text: str) -> str:
    """Guess a language from script and function words; ``en`` where nothing tells."""
    tokens = words(clean(text))
    scripts: dict[str, int] = {}
    for character in "".join(tokens)[:400]:
        script = unicodedata.name(character, "").split(" ", 1)[0]
        scripts[script] = scripts.get(script, 0) + 1
    for script, tag in _SCRIPTS.items():
        if scripts.get(script, 0) > 0.2 * sum(scripts.values()):
            return tag
    if scripts.get("CJK", 0) > 0.3 * sum(scripts.values()):
        return "zh"
    common = _function_words()
    hits = {tag: sum(token in common[tag] for token in tokens) for tag in common}
    best = max(hits.values(), default=0)
    return next((tag for tag in ("en", *hits) if hits.get(tag, 0) == best), "en")


@cache
def _function_words() -> Mapping[str, frozenset[str]]:
    source = files(__package__).joinpath("data", "stopwords.json").read_text(encoding="utf-8")
    listed = {tag: set(text.split()) for tag, text in json.loads(source)["words"].items()}
    for tag, kinds in _all_cues().items():
        listed[tag] |= {cue for items in kinds.values() for cue in items if " " not in cue}
    return {tag: frozenset(found) for tag, found in listed.items()}


@cache
def _all_cues() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    source = files(__package__).joinpath("data", "cues.json").read_text(encoding="utf-8")
    return {
        tag: {name: tuple(items) for name, items in kinds.items()}
        for tag, kinds in json.loads(source)["cues"].items()
    }


def _english(folded: str) -> list[str]:
    """Words with their apostrophes, for *don't* is one word and says more than *don*."""
    marked = "".join(c if kind(c) or c == "'" else " " for c in folded)
    return [token.strip("'") for token in marked.split() if token.strip("'")]


@lru_cache(maxsize=16_384)
def _found(text: str, language: str, what: Kind) -> tuple[str, ...]:
    cues = _all_cues()[language]
    spaced = language not in _SUBSTRINGS
    if what == "negation":
        for phrase in sorted(cues["excepted"], key=len, reverse=True):
            text = text.replace(f" {phrase} " if spaced else phrase, "  ")
    hits: list[str] = []
    for cue in sorted(cues[what], key=len, reverse=True):
        needle = f" {cue.rstrip('*')}" + ("" if cue.endswith("*") else " ")
        needle = needle if spaced else cue
        times = text.count(needle)
        if times:
            hits += [cue] * times
            text = text.replace(needle, "  ")
    if language == "sw" and what == "negation":
        hits += [word for word in text.split() if _swahili_negative(word)]
    return tuple(hits)


def _swahili_negative(word: str) -> bool:
    """A negative subjunctive (*isitumike*, *wasiruhusiwe*): subject, ``si``, stem, final ``e``."""
    subjects = ("i", "ya", "wa", "zi", "tu", "u", "li", "vi", "ki", "m", "a")
    return (
        len(word) > 5 and word.endswith("e") and word.startswith(tuple(s + "si" for s in subjects))
    )
