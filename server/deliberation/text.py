"""What people write, made safe to keep: NFC, trimmed, without controls that lie to a reader."""

from __future__ import annotations

import unicodedata

from ..errors import Invalid

STATEMENT_LENGTH = 280
TESTIMONY_LENGTH = 2000
BECAUSE_LENGTH = 280
NAME_LENGTH = 40
NOTE_LENGTH = 500
CRITICISM_LENGTH = 500
COMBINING_RUN = 8

_JOINERS = "\u200c\u200d"
_VISIBLE_FORMATS = frozenset(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
)
_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def clean(text: str, *, limit: int, field: str, lines: bool = False, empty: bool = False) -> str:
    """Return ``text`` in NFC and trimmed, of 1 to ``limit`` characters (code points).

    Bidirectional, zero-width and other invisible controls are removed: they can make a sentence
    read as another, or carry text that only a program reads. The joiners U+200C and U+200D stay,
    since Persian, Hindi and emoji need them. White space is folded to single blanks, with ``lines``
    to at most one empty line. What comes out goes in again unchanged.

    Raises:
        Invalid: lone surrogates or control characters, nothing left (unless ``empty``), or too
            long; ``field`` is named.
    """
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise Invalid("The text contains broken characters (lone surrogates).", field=field)
    # Composed last: what a removed character stood between may belong together.
    text = "".join(c for c in text.replace("\r\n", "\n") if not _is_hidden(c))
    text = unicodedata.normalize("NFC", text)
    if any(unicodedata.category(c) == "Cc" and c not in "\n\t" for c in text):
        raise Invalid("The text contains control characters.", field=field)
    if lines:
        folded = [" ".join(line.split()) for line in text.split("\n")]
        text = "\n".join(folded).strip()
        while "\n\n\n" in text:
            text = text.replace("\n\n\n", "\n\n")
    else:
        text = " ".join(text.split())
    if not empty and not any(_shows(c) for c in text):
        raise Invalid("The text is empty.", field=field)
    if len(text) > limit:
        raise Invalid(f"The text has {len(text)} characters; {limit} are possible.", field=field)
    if _longest_combining_run(text) > COMBINING_RUN:
        raise Invalid("Too many marks are stacked on one character.", field=field)
    return text


def clean_name(name: str) -> str:
    """Return a display name: NFKC, one line, at most 40 characters; may be empty.

    Names never go to a model, and are shown escaped and isolated.

    Raises:
        Invalid: as :func:`clean` does, with the field ``name``.
    """
    folded = unicodedata.normalize("NFKC", name) if not _broken(name) else name
    return clean(folded, limit=NAME_LENGTH, field="name", empty=True)


def _broken(text: str) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in text)


def _is_hidden(c: str) -> bool:
    return unicodedata.category(c) == "Cf" and c not in _JOINERS and c not in _VISIBLE_FORMATS


def _shows(c: str) -> bool:
    if c.isspace() or c in _BLANKS:
        return False
    return unicodedata.category(c) not in ("Cf", "Mn", "Me", "Zs", "Cn")


def _longest_combining_run(text: str) -> int:
    longest = run = 0
    for c in text:
        if c not in _JOINERS:
            run = run + 1 if unicodedata.category(c) in ("Mn", "Me") else 0
        longest = max(longest, run)
    return longest
