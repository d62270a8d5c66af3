"""Check 6: what a clause may look like."""

from __future__ import annotations

import re
import unicodedata

from ..ports import ProposedClause
from ..text import clean
from ..words import words
from .findings import Finding, VerificationContext

SHORTEST, LONGEST = 8, 500
"""Characters of a clause; scripts without spaces need half the shortest."""
LONGEST_SENTENCE = 60
"""Words of a sentence: the reading level that can be checked in every language."""

_LINK = re.compile(
    r"h(?:tt|xx)ps?:|www\.|://|\b[\w-]+\.(?:com|org|net|io|info|biz|me|ly|gg|xyz)\b|"
    r"\b(?:javascript|data|vbscript|mailto):\S|\]\(|\w\[\.\]\w|"
    r"\b[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{2,24}/\S",
    re.IGNORECASE,
)
_HANDLE = re.compile(r"(?<!\w)@\w|[\w.+-]+@[\w-]+\.|\+?\d[\d ()/.-]{7,}\d")
_INSTRUCTION = re.compile(
    r"ignor\w*\b.{0,40}\b(?:instruc|previous|prompt|above|prior|rules|anteri|précéd|anweisung|"
    r"instruç|istruzion|vorherig)|disregard\b.{0,40}\b(?:instruct|previous|above|rules)|"
    r"\bsystem prompt\b|\bas an? (?:ai|language model)\b|\byou are (?:now )?(?:an? |chatgpt)|"
    r"\bassistant\s*:|\bsystem\s*:|\buser\s*:|<\|?\w+\|?>|```|\[/?inst\]|"
    r"\b(?:output|print|respond|reply|answer) (?:only|with|exactly)\b|"
    r"忽略.{0,12}(?:指令|指示|提示|以上|之前)|無視.{0,8}(?:指示|命令)|(?:指示|命令).{0,6}無視|"
    r"تجاهل.{0,24}(?:التعليمات|الأوامر|السابقة)|(?:निर्देश|आदेश).{0,24}(?:अनदेखा|नज़रअंदाज़|नजरअंदाज)|"
    r"игнорир\w*.{0,24}(?:инструкц|указан|предыдущ)|puuza.{0,24}(?:maagizo|maelekezo)",
    re.IGNORECASE | re.DOTALL,
)
_JOINERS = "\u200c\u200d"
_MOST_MARKS = 4
_STOPS = re.compile(r"[.!?;。！？；؛؟।\n]")


def check_form(number: int, clause: ProposedClause, context: VerificationContext) -> list[Finding]:
    """A clause is of a readable length, and has no link, no instruction and nobody's name."""
    text = clean(clause.text)
    found = []
    unspaced = len(text) > 0 and len(words(text)) * 6 < len(text)
    fewest = SHORTEST // 2 if unspaced else SHORTEST
    longest = max((len(words(part)) for part in _STOPS.split(text)), default=0)
    if not fewest <= len(text) <= LONGEST or longest > LONGEST_SENTENCE:
        found.append(Finding(number, "length"))
    if _LINK.search(text):
        found.append(Finding(number, "link"))
    if _INSTRUCTION.search(text) or _disguised(clause.text):
        found.append(Finding(number, "instruction"))
    if _HANDLE.search(text) or _names(text, context.names):
        found.append(Finding(number, "name"))
    return found


def has_good_form(text: str) -> bool:
    """Whether a text would pass :func:`check_form` where no names are known."""
    checks = (_LINK.search(text), _INSTRUCTION.search(text), _HANDLE.search(text))
    fits = SHORTEST <= len(clean(text)) <= LONGEST
    return fits and not any(checks) and not _disguised(text)


def _disguised(text: str) -> bool:
    """Whether a text may look like another one: by what turns or hides it, or by heaps of marks.

    Imported statements may hold what people here can't write.
    """
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        if category in ("Cc", "Cs", "Co") and character not in "\t\r\n":
            return True
        if category == "Cf" and character not in _JOINERS:
            return True
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks > _MOST_MARKS:
            return True
    return False


def _names(text: str, names: frozenset[str]) -> bool:
    spaced = f" {' '.join(words(text))} "
    return any(
        f" {' '.join(words(name))} " in spaced for name in names if len("".join(words(name))) > 2
    )
