"""Whatever somebody writes comes out as one honest text, or is refused with a sentence."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from server.deliberation.text import COMBINING_RUN, NAME_LENGTH, clean, clean_name
from server.errors import Invalid

SURROGATES = st.characters(categories=("Cs",))
ANY = st.text(alphabet=st.one_of(st.characters(), SURROGATES), max_size=60)
NASTY = st.text(
    alphabet=st.sampled_from(
        "ae \n\t\r\u0301\u0323\u200b\u200c\u200d\u200e\u202e\u2066\u2069\u2028\u00ad\ufeff"
        "\u3164\u2800\u0645\u0627\u0915\u094d\U000e0041\U000e0001\U0001f469\ufe0f\u212b\ufb01"
    ),
    max_size=40,
)


def _attempt(clean_it: Callable[[str], str], text: str) -> str | Invalid:
    try:
        return clean_it(text)
    except Invalid as refusal:
        return refusal


@given(st.one_of(ANY, NASTY), st.booleans(), st.booleans())
@example("e\u200b\u0301", False, False)
@example("a\n\n\n\n\u200b\n b", True, False)
def test_what_comes_out_is_composed_trimmed_visible_and_goes_in_again(
    text: str, lines: bool, empty: bool
) -> None:
    def cleaned(written: str) -> str:
        return clean(written, limit=40, field="text", lines=lines, empty=empty)

    out = _attempt(cleaned, text)
    if isinstance(out, Invalid):
        assert out.field == "text"
        assert out.message.endswith(".")
        return
    assert unicodedata.is_normalized("NFC", out)
    assert out == out.strip()
    assert len(out) <= 40
    assert out or empty
    assert "\n\n\n" not in out
    assert "  " not in out
    assert lines or "\n" not in out
    hidden = {c for c in out if unicodedata.category(c) in ("Cc", "Cs")} - {"\n"}
    assert not hidden
    assert not {c for c in out if unicodedata.bidirectional(c) in _BIDI_CONTROLS}
    assert cleaned(out) == out
    out.encode("utf-8")


_BIDI_CONTROLS = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}


@given(st.one_of(ANY, NASTY))
def test_a_name_is_one_short_line_without_disguise(name: str) -> None:
    out = _attempt(clean_name, name)
    if isinstance(out, Invalid):
        assert out.field == "name"
        return
    assert len(out) <= NAME_LENGTH
    assert "\n" not in out
    assert unicodedata.is_normalized("NFKC", out)
    assert clean_name(out) == out


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("  Label  it\t\n now ", "Label it now"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("a\u202eb\u2066c\u200ed", "abcd"),
        ("in\u00advi\u200bsi\ufeffble", "invisible"),
        ("tag\U000e0041\U000e0042s", "tags"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("👩\u200d👧", "👩\u200d👧"),
        ("\u0627\u0655", "\u0625"),
        ("٣\u06dd", "٣\u06dd"),
    ],
)
def test_what_people_need_stays_and_what_lies_goes(text: str, kept: str) -> None:
    assert clean(text, limit=280, field="text") == kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n\t ",
        "\u200b\u200b",
        "\u200d",
        "\u3164",
        "\u2800 \u2800",
        "\u0301",
        "a\x00b",
        "a\x1b[31mb",
        "a\x85b",
        "half \ud83d of it",
        "\udc00",
        "z" + "\u0301" * (COMBINING_RUN + 2),
        "z" + "\u0315\u200d" * (COMBINING_RUN + 1),
        "x" * 281,
    ],
)
def test_what_is_no_text_is_refused_and_the_field_named(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        clean(text, limit=280, field="text")
    assert caught.value.field == "text"


def test_the_limit_counts_characters_after_composing() -> None:
    assert len(clean("e\u0301" * 280, limit=280, field="text")) == 280
    assert len(clean("𝒜" * 280, limit=280, field="text")) == 280
    with pytest.raises(Invalid, match="281 characters"):
        clean("e\u0301" * 281, limit=280, field="text")


def test_lines_are_kept_where_they_are_wanted() -> None:
    text = clean(" one \r\n\n\n\n two  words\n", limit=99, field="text", lines=True)
    assert text == "one\n\ntwo words"


def test_a_name_may_be_empty_and_is_folded() -> None:
    assert clean_name(" \u200b ") == ""
    assert clean_name("Ａｎｎ") == "Ann"
    assert clean_name("ﬁona\u202e") == "fiona"
