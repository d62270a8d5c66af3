"""Themes: what they find in real conversations and across languages, and what they refuse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from server.synthesis.adapters.bundled import BundledEmbedder
from server.synthesis.adapters.lexical import LexicalEmbedder
from server.synthesis.adapters.memory import MemoryCache
from server.synthesis.embedding import Embedded, embed_statements
from server.synthesis.offsets import LanguageOffsets
from server.synthesis.ports import SourceStatement
from server.synthesis.themes import find_themes
from server.synthesis.theming import theme_embedded, theme_statements
from tests.shared import needs_shared

from .subjects import balanced, unbalanced


def _homogeneity(labels: Sequence[int], truth: Sequence[str]) -> float:
    """The share of themed statements whose conversation is their theme's main one."""
    main = 0
    for theme in set(labels) - {-1}:
        members = [where for where, label in zip(truth, labels, strict=True) if label == theme]
        main += Counter(members).most_common(1)[0][1]
    return main / sum(label >= 0 for label in labels)


def _nearest(rows: np.ndarray) -> list[int]:
    cosines = rows @ rows.T
    np.fill_diagonal(cosines, -9)
    return [int(place) for place in cosines.argmax(axis=1)]


def _same(values: Sequence[str | None], nearest: Sequence[int]) -> float:
    return float(np.mean([values[one] == values[other] for one, other in enumerate(nearest)]))


@needs_shared
@pytest.mark.parametrize("seed", [0, 7])
def test_themes_of_three_conversations_keep_them_apart(english: Embedded, seed: int) -> None:
    themed = theme_embedded(english, seed=seed, reruns=0)
    document = themed.document
    used = [place for place, s in enumerate(english.statements) if not s.moderated_out]
    labels = [themed.labels[place] for place in used]
    folders = [str(english.statements[place].id).split("/")[0] for place in used]
    assert len(used) == 693
    assert _homogeneity(labels, folders) >= 0.94
    assert labels.count(-1) <= 0.05 * len(labels)
    assert 8 <= len(document.themes) <= 30
    assert sum(theme.size for theme in document.themes) + len(document.unthemed) == len(labels)
    assert all(theme.name and theme.words for theme in document.themes)


@needs_shared
@pytest.mark.parametrize("seed", [0, 7])
def test_themes_come_again_on_nine_tenths(english: Embedded, seed: int) -> None:
    """The index is computed here from whole runs, beside the one that the result reports."""
    full = theme_embedded(english, seed=seed)
    used = [place for place, s in enumerate(english.statements) if not s.moderated_out]
    chance = np.random.default_rng(seed + 1)
    scores = []
    for _ in range(10):
        kept = np.sort(chance.choice(used, size=round(0.9 * len(used)), replace=False))
        part = find_themes(
            english.rows[kept], [english.statements[p].text for p in kept], seed=seed, reruns=0
        )
        scores.append(adjusted_rand_score([full.labels[p] for p in kept], part.labels))
    assert np.mean(scores) >= 0.65
    assert full.document.stability is not None
    assert full.document.stability >= 0.65


@needs_shared
def test_themes_are_repeated_exactly_and_do_not_follow_the_order(english: Embedded) -> None:
    used = [place for place, s in enumerate(english.statements) if not s.moderated_out]
    rows, texts = english.rows[used], [english.statements[p].text for p in used]
    first = find_themes(rows, texts, seed=3, reruns=0)
    assert find_themes(rows, texts, seed=3, reruns=0) == first
    order = np.random.default_rng(0).permutation(len(used))
    mixed = find_themes(rows[order], [texts[p] for p in order], seed=3, reruns=0)
    assert adjusted_rand_score([first.labels[p] for p in order], mixed.labels) > 0.99


async def test_themes_follow_the_subject_and_not_the_language(
    bundled: BundledEmbedder, cache: MemoryCache, offsets: LanguageOffsets
) -> None:
    statements, subjects = balanced()
    themed = await theme_statements(statements, bundled, seed=0, cache=cache, offsets=offsets)
    languages = [statement.language for statement in statements]
    assert len(statements) >= 60
    assert adjusted_rand_score(subjects, themed.labels) >= 0.5
    assert adjusted_rand_score(languages, themed.labels) <= 0.1
    assert _same(subjects, _nearest(themed.embedded.rows)) >= 0.95


async def test_offsets_keep_a_difference_that_goes_with_a_language(
    bundled: BundledEmbedder, cache: MemoryCache, offsets: LanguageOffsets
) -> None:
    statements, subjects = unbalanced()
    unknown = [replace(statement, language=None) for statement in statements]
    with_offsets = await embed_statements(statements, bundled, cache, offsets)
    without = await embed_statements(unknown, bundled, cache, offsets)
    languages = [statement.language for statement in statements]
    near, plain = _nearest(with_offsets.rows), _nearest(without.rows)
    assert _same(subjects, near) >= _same(subjects, plain)
    assert _same(languages, near) < _same(languages, plain)


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("Necesitamos que a doctor checks cada diagnosis de la machine", "health"),
        ("Rechenzentren should use only renewable energy", "energy"),
        ("Ma shule yanapaswa to teach children about AI mistakes", "school"),
        ("候选人的 fake videos 应当 be removed", "elections"),
    ],
)
async def test_languages_mixed_in_one_statement(
    bundled: BundledEmbedder,
    cache: MemoryCache,
    offsets: LanguageOffsets,
    text: str,
    nearest: str,
) -> None:
    statements, subjects = balanced()
    embedded = await embed_statements(statements, bundled, cache, offsets)
    row = embedded.space.place(await bundled.embed([text]), [None])[0]
    best = np.argsort(-(embedded.rows @ row))[:3]
    assert {subjects[place] for place in best} == {nearest}


def _scattered(count: int, centres: int, seed: int = 0) -> np.ndarray:
    chance = np.random.default_rng(seed)
    middles = np.eye(64)[:centres]
    rows = middles[np.arange(count) % centres] + 0.05 * chance.standard_normal((count, 64))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_below_thirty_there_are_no_themes_and_a_reason() -> None:
    found = find_themes(_scattered(29, 3), [f"text {n}" for n in range(29)], seed=0)
    assert found.themes == ()
    assert set(found.labels) == {-1}
    assert found.reason is not None
    assert "29" in found.reason


def test_the_same_text_again_is_no_theme() -> None:
    texts = [f"text {n}" for n in range(20)] + ["spam spam"] * 200
    rows = np.vstack([_scattered(20, 4), np.repeat(_scattered(1, 1), 200, axis=0)])
    found = find_themes(rows, texts, seed=0)
    assert found.themes == ()
    assert found.reason is not None
    assert "21 different" in found.reason


def test_repeating_a_statement_changes_no_theme() -> None:
    rows, texts = _scattered(60, 4), [f"subject{n % 4} text{n}" for n in range(60)]
    plain = find_themes(rows, texts, seed=0, reruns=0)
    many = find_themes(
        np.vstack([rows, np.repeat(rows[:1], 500, axis=0)]), texts + texts[:1] * 500, seed=0,
        reruns=0,
    )  # fmt: skip
    assert adjusted_rand_score(plain.labels, many.labels[:60]) == 1
    assert set(many.labels[60:]) == {many.labels[0]}


def test_parts_that_hang_apart_are_themes() -> None:
    """The graph of neighbours falls into four parts; each is a theme and none is lost."""
    found = find_themes(_scattered(160, 4), [f"subject{n % 4} word{n}" for n in range(160)], seed=1)
    assert adjusted_rand_score([n % 4 for n in range(160)], found.labels) == 1
    assert [theme.words[0] for theme in found.themes] == [
        f"subject{theme.members[0] % 4}" for theme in found.themes
    ]


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_one_place_and_pure_noise_break_nothing(spread: float) -> None:
    chance = np.random.default_rng(5)
    rows = np.ones((80, 16)) + spread * 50 * chance.standard_normal((80, 16))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = find_themes(rows.astype(np.float32), [f"text {n}" for n in range(80)], seed=0)
    assert len(found.labels) == 80
    assert found.themes or found.reason


async def test_moderated_out_testimonies_and_blanks_are_in_no_theme() -> None:
    statements = [
        *(SourceStatement(n, f"parking and traffic downtown {n}") for n in range(40)),
        SourceStatement(40, "parking and traffic downtown", moderated_out=True),
        SourceStatement(41, "   "),
        SourceStatement(42, "parking and traffic downtown again", kind="testimony"),
    ]
    themed = await theme_statements(statements, LexicalEmbedder(), seed=0)
    assert themed.labels[40:] == (-1, -1, -1)
    assert "40" not in themed.document.labels
    assert "42" not in themed.document.labels
    assert 41 in themed.document.unthemed
    assert not themed.embedded.rows[40].any()


def test_names_are_words_in_every_script() -> None:
    blocks = {
        0: [f"计程车司机需要保险第{n}条" for n in range(20)],
        1: [f"يجب حماية خصوصية البيانات {n}" for n in range(20)],
        2: [f"किसानों को बिजली मिले {n}" for n in range(20)],
    }
    texts = [blocks[n % 3][n // 3] for n in range(60)]
    found = find_themes(_scattered(60, 3), texts, seed=0, reruns=0)
    by_script = {theme.members[0] % 3: theme.words for theme in found.themes}
    assert any("计程车" in word or "司机" in word for word in by_script[0])
    assert "خصوصية" in by_script[1]
    assert "किसानों" in by_script[2]
