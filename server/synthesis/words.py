"""Words of any script: found by Unicode category, so that vowel signs stay with their letters."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import groupby

UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "BOPOMOFO", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")
"""How the Unicode names of letters begin in scripts that do not put spaces between words."""


@lru_cache(maxsize=16_384)
def kind(character: str) -> str:
    """``w`` for a letter, mark or digit, ``u`` for one of an unspaced script, else empty."""
    category = unicodedata.category(character)
    if category[0] not in "LMN" and character not in "\u200c\u200d":
        return ""
    return "u" if unicodedata.name(character, "").startswith(UNSPACED) else "w"


def runs(text: str) -> list[tuple[str, str]]:
    """Return (kind, run) of the text, lower case, white space and punctuation left out."""
    return [(key, "".join(run)) for key, run in groupby(text.casefold(), kind) if key]


def words(text: str) -> list[str]:
    """Return the words in order; an unspaced run stays whole."""
    return [run for _, run in runs(text)]


def terms(text: str) -> list[str]:
    """Return what can be counted: words, and in unspaced scripts every run of 2 to 4 letters."""
    found: list[str] = []
    for key, run in runs(text):
        if key == "w":
            found.append(run)
        else:
            found += [run[i : i + n] for n in (2, 3, 4) for i in range(len(run) - n + 1)]
    return found
