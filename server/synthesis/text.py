"""How a text is made fit for counting, comparing and embedding. Pure."""

from __future__ import annotations

import re
import unicodedata
from hashlib import sha256

LONGEST = 2000
"""Characters of a text that are read: the length of the longest testimony."""

_SPACES = re.compile(r"\s+")


def clean(text: str) -> str:
    """Return the text in NFC, white space folded, controls and lone surrogates gone, capped.

    Bidirectional and zero-width controls go too, but for the joiners that Arabic, Persian and
    Hindi spell with.
    """
    kept = [_kept(character) for character in text[: 4 * LONGEST]]
    return fold("".join(kept))[:LONGEST].rstrip()


def fold(text: str) -> str:
    """Return the text in NFC with every run of white space as one space, trimmed."""
    return _SPACES.sub(" ", unicodedata.normalize("NFC", text)).strip()


def digest(text: str) -> str:
    """SHA-256 of the cleaned text, in hexadecimal: the second key of the embedding cache."""
    return sha256(clean(text).encode()).hexdigest()


def primary(language: str | None) -> str | None:
    """The primary subtag of a language tag (``pt-BR`` → ``pt``), or ``None``."""
    if not language:
        return None
    return language.replace("_", "-").split("-", 1)[0].lower() or None


def _kept(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cs":
        return "\N{REPLACEMENT CHARACTER}"
    if category == "Cc" or (category == "Cf" and character not in "\u200c\u200d"):
        return " " if category == "Cc" else ""
    return character
