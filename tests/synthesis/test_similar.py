"""Similar statements: by meaning, with their polarity, and quickly."""

from __future__ import annotations

import time

import numpy as np
import pytest

from server.synthesis.adapters.bundled import BundledEmbedder
from server.synthesis.adapters.memory import MemoryCache
from server.synthesis.embedding import Embedded, embed_statements
from server.synthesis.offsets import LanguageOffsets, MeaningSpace, everyday_sentences
from server.synthesis.polarity import opposite
from server.synthesis.ports import SourceStatement
from server.synthesis.similar import similar, similar_to_text

from .subjects import balanced

CONTRARY = [
    ("en", "AI should be banned in schools.", "AI should be allowed in schools."),
    ("en", "AI must not decide about bail.", "AI must decide about bail."),
    ("en", "We need more cameras.", "We need fewer cameras."),
    ("en", "Companies shouldn’t train on my posts.", "Companies should train on my posts."),
    ("es", "La IA no debe usarse en escuelas.", "La IA debe usarse en escuelas."),
    ("es", "Hay que prohibir los drones.", "Hay que permitir los drones."),
    ("fr", "L'IA ne doit pas noter les élèves.", "L'IA doit noter les élèves."),
    ("fr", "Il faut interdire les drones.", "Il faut autoriser les drones."),
    ("de", "KI soll keine Noten geben.", "KI soll Noten geben."),
    ("de", "Drohnen gehören verboten.", "Drohnen gehören erlaubt."),
    ("pt", "A IA não deve dar notas.", "A IA deve dar notas."),
    ("pt", "É preciso proibir drones.", "É preciso permitir drones."),
    ("it", "L'IA non deve dare voti.", "L'IA deve dare voti."),
    ("ru", "ИИ не должен ставить оценки.", "ИИ должен ставить оценки."),
    ("ru", "Дроны следует запретить.", "Дроны следует разрешить."),
    ("zh", "人工智能不应该给学生打分。", "人工智能应该给学生打分。"),
    ("zh", "应该禁止无人机。", "应该允许无人机。"),
    ("ja", "AIは成績をつけるべきではない。", "AIは成績をつけるべきだ。"),
    ("ja", "ドローンを禁止するべきだ。", "ドローンを許可するべきだ。"),
    ("ar", "لا ينبغي للذكاء الاصطناعي أن يضع الدرجات.", "ينبغي للذكاء الاصطناعي أن يضع الدرجات."),
    ("ar", "يجب حظر الطائرات المسيرة.", "يجب السماح بالطائرات المسيرة."),
    ("hi", "एआई को अंक नहीं देने चाहिए।", "एआई को अंक देने चाहिए।"),
    ("hi", "ड्रोन पर प्रतिबंध होना चाहिए।", "ड्रोन की अनुमति होनी चाहिए।"),
    ("sw", "Akili bandia haipaswi kutoa alama.", "Akili bandia inapaswa kutoa alama."),
    ("sw", "Droni zipigwe marufuku.", "Droni ziruhusiwe."),
]
ALIKE = [
    ("en", "AI should be banned in schools.", "Schools must not allow AI."),
    ("en", "Not only doctors should decide.", "Doctors and others should decide."),
    ("en", "Never use my data without consent.", "Do not use my data unless I agree."),
    ("es", "No se debe usar nunca.", "Nunca se debe usar."),
    ("fr", "On ne doit jamais l'utiliser.", "Il ne faut pas l'utiliser."),
    ("de", "Nicht nur Ärzte sollen entscheiden.", "Auch andere sollen entscheiden."),
    ("ru", "Никто не должен это видеть.", "Это не должен видеть чужой."),
    ("zh", "不仅医生应该决定。", "其他人也应该决定。"),
    ("ja", "医師が確認しなければならない。", "医師が確認するべきだ。"),
    ("hi", "न केवल डॉक्टर तय करें।", "डॉक्टर और अन्य तय करें।"),
    ("pt", "Não se deve usar nunca.", "Nunca se deve usar."),
    ("sw", "Isitumike shuleni.", "Haipaswi kutumika shuleni."),
    ("ar", "يجب حظر الطائرات المسيرة.", "لا ينبغي السماح بالطائرات المسيرة."),
]


@pytest.mark.parametrize(("language", "one", "other"), CONTRARY)
def test_contraries_are_told(language: str, one: str, other: str) -> None:
    assert opposite(one, other, language, language)
    assert opposite(other, one, None, None)


@pytest.mark.parametrize(("language", "one", "other"), ALIKE)
def test_rewordings_are_not_contraries(language: str, one: str, other: str) -> None:
    assert not opposite(one, other, language, language)
    assert not opposite(other, one, language, language)


def test_contraries_are_told_across_languages() -> None:
    assert opposite("La IA no debe dar notas.", "AI should give marks.", "es", "en")
    assert not opposite("Дроны следует запретить.", "应该禁止无人机。", "ru", "zh")


async def test_a_text_finds_its_like_in_every_language(
    bundled: BundledEmbedder, cache: MemoryCache, offsets: LanguageOffsets
) -> None:
    statements, _ = balanced()
    corpus = await embed_statements(statements, bundled, cache, offsets)
    found = await similar_to_text(
        "Every diagnosis by a machine has to be checked by a physician.", "en", corpus, bundled,
        k=6,
    )  # fmt: skip
    assert found
    assert all(str(each.statement).startswith("health-") for each in found)
    assert len({str(each.statement).split("-")[1] for each in found}) >= 4
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert not found[0].opposite


async def test_the_contrary_is_found_and_marked(
    bundled: BundledEmbedder, cache: MemoryCache, offsets: LanguageOffsets
) -> None:
    statements, _ = balanced()
    corpus = await embed_statements(statements, bundled, cache, offsets)
    text = "My private messages may be used to train an AI without my consent."
    contrary = await similar_to_text("Train AI on my private messages.", "en", corpus, bundled)
    assert contrary[0].statement == "privacy-en-0"
    assert contrary[0].opposite
    assert (await similar_to_text(text, "en", corpus, bundled))[0].statement == "privacy-en-0"


async def test_what_nobody_said_has_nothing_similar(
    bundled: BundledEmbedder, cache: MemoryCache, offsets: LanguageOffsets
) -> None:
    statements, _ = balanced()
    corpus = await embed_statements(statements, bundled, cache, offsets)
    assert await similar_to_text("I like football on Saturdays.", "en", corpus, bundled) == ()
    nothing = await embed_statements([], bundled, cache, offsets)
    assert await similar_to_text("anything", "en", nothing, bundled) == ()


async def test_in_a_room_of_two_the_similar_one_is_found(
    bundled: BundledEmbedder, cache: MemoryCache, offsets: LanguageOffsets
) -> None:
    """With few statements their mean is mostly themselves; it must not swallow them."""
    few = [
        SourceStatement("a", "Data centres should run on renewable electricity only.", "en"),
        SourceStatement("b", "Teachers should decide about chatbots in homework.", "en"),
    ]
    corpus = await embed_statements(few, bundled, cache, offsets)
    found = await similar_to_text(
        "Los centros de datos deberían usar energía renovable.", "es", corpus, bundled
    )
    assert [each.statement for each in found] == ["a"]


def _corpus(count: int, hidden: frozenset[int] = frozenset()) -> Embedded:
    chance = np.random.default_rng(0)
    rows = chance.standard_normal((count, 384)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    statements = tuple(
        SourceStatement(n, f"Statement {n} says something of its own.", moderated_out=n in hidden)
        for n in range(count)
    )
    space = MeaningSpace(LanguageOffsets({}, np.zeros(384)), np.zeros(384))
    return Embedded("scripted", statements, rows, space)


def test_moderated_out_statements_are_not_found() -> None:
    corpus = _corpus(10, frozenset({3}))
    assert similar(corpus.rows[3], "x", "en", corpus, threshold=0.9) == ()
    found = similar(corpus.rows[4], "x", "en", corpus, threshold=0.9)
    assert [each.statement for each in found] == [4]


def test_one_text_against_a_thousand_takes_milliseconds() -> None:
    corpus = _corpus(1000)
    similar(corpus.rows[0], "warm up", "en", corpus, threshold=-1)
    took = []
    for n in range(20):
        began = time.perf_counter()
        similar(corpus.rows[n], f"text {n}", "en", corpus, threshold=-1)
        took.append(time.perf_counter() - began)
    assert float(np.median(took)) < 0.02


def test_everyday_sentences_are_parallel() -> None:
    sentences = everyday_sentences()
    assert {"en", "es", "fr", "de", "pt", "zh", "ar", "hi", "ru", "sw"} <= set(sentences)
    assert {len(texts) for texts in sentences.values()} == {24}
    assert all(len(set(texts)) == 24 for texts in sentences.values())


async def test_everyday_sentences_mean_the_same_by_place(
    bundled: BundledEmbedder, cache: MemoryCache, offsets: LanguageOffsets
) -> None:
    """After the offsets, each sentence's nearest in another language is its own translation."""
    sentences = everyday_sentences()
    statements = [
        SourceStatement(f"{tag}-{place}", text, tag)
        for tag, texts in sentences.items()
        for place, text in enumerate(texts)
    ]
    embedded = await embed_statements(statements, bundled, cache, offsets)
    blocks = {tag: embedded.rows[n * 24 : (n + 1) * 24] for n, tag in enumerate(sentences)}
    for tag, block in blocks.items():
        hits = (block @ blocks["en"].T).argmax(axis=1) == np.arange(24)
        assert hits.mean() >= 0.75, tag
