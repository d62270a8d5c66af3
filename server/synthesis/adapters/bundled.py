"""The bundled embedder: multilingual-e5-small in four bits, in a process of its own.

The native code reads what strangers write; so it runs where a crash costs one embedding call and
not the server, without our secrets in its environment.
"""

from __future__ import annotations

import asyncio
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import numpy as np

from ..ports import EmbedderFailed, Vectors
from ..text import clean
from .embedding_worker import ANSWER, FAILED, HEADER, LENGTH, READY

_WORKER = Path(__file__).with_name("embedding_worker.py")
_PASSED_ON = (
    "PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME",
    "PYTHONPATH", "SYSTEMROOT", "TMPDIR", "VIRTUAL_ENV",
)  # fmt: skip
_BATCH = 32
_DIMENSIONS = 384
_LONGEST = 4096
"""Bytes of a text: what is spelt in many tokens (emoji, stacked marks) takes seconds beyond."""


class BundledEmbedder:
    """An :class:`~..ports.Embedder` that keeps one worker process, started when first needed.

    Calls wait for one another on a thread of this object's own, never on the event loop or its
    default executor. A worker that dies or needs more than ``seconds_a_batch`` (32 texts) is
    ended, the call raises :class:`EmbedderFailed`, and the next call starts another. The worker
    ends by itself when this process is gone, however that happened.
    """

    name = "multilingual-e5-small-q4/query"

    def __init__(self, *, threads: int | None = None, seconds_a_batch: float = 120.0) -> None:
        self._threads = threads or default_threads()
        self._seconds = seconds_a_batch
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embedder")
        self._process: subprocess.Popen[bytes] | None = None
        self._guard = threading.Lock()
        self._closed = False

    @property
    def worker_pid(self) -> int | None:
        """The worker's process id while it lives, for operators and tests."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return unit rows (n, 384); see :class:`~..ports.Embedder`.

        Texts are cleaned and cut to 2,000 characters and 4 KiB first. Cancelling the caller does
        not stop a batch that has begun.
        """
        if self._closed:
            raise EmbedderFailed("the embedder is closed")
        cleaned = [_capped(clean(text)) for text in texts]
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._embed, cleaned)

    async def close(self) -> None:
        """End the worker and the thread; a call under way fails."""
        if self._closed:
            return
        self._closed = True
        with self._guard:
            if self._process is not None:
                self._process.kill()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._executor, self._end)
        self._executor.shutdown(wait=True)

    def _embed(self, texts: list[str]) -> Vectors:
        parts = [
            self._one_batch(texts[start : start + _BATCH]) for start in range(0, len(texts), _BATCH)
        ]
        return np.vstack(parts) if parts else np.zeros((0, _DIMENSIONS), np.float32)

    def _one_batch(self, texts: list[str]) -> Vectors:
        process = self._running()
        watchdog = threading.Timer(self._seconds, process.kill)
        watchdog.start()
        try:
            rows = _exchange(process, texts)
        except (OSError, EOFError, struct.error, EmbedderFailed) as reason:
            self._end()
            if isinstance(reason, EmbedderFailed):
                raise
            raise EmbedderFailed("the embedder's worker ended before it answered") from None
        finally:
            watchdog.cancel()
            watchdog.join()
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or (lengths < 1e-6).any():
            raise EmbedderFailed("the embedder answered with something that is no direction")
        return np.asarray(rows / lengths, np.float32)

    def _running(self) -> subprocess.Popen[bytes]:
        process = self._process
        if process is not None and process.poll() is None:
            return process
        self._end()
        environment = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
        environment |= {"OMP_NUM_THREADS": str(self._threads), "OMP_WAIT_POLICY": "passive"}
        with self._guard:
            if self._closed:
                raise EmbedderFailed("the embedder is closed")
            process = subprocess.Popen(  # noqa: S603 (our interpreter, our file, no input of others)
                [sys.executable, "-P", str(_WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,  # a Ctrl-C at the terminal is the parent's to handle
            )
            self._process = process
        watchdog = threading.Timer(self._seconds, process.kill)
        watchdog.start()
        try:
            status, _, _ = HEADER.unpack(_take(_pipe(process.stdout), HEADER.size))
        except (EOFError, struct.error):
            self._end()
            raise EmbedderFailed("the embedder's worker could not start") from None
        finally:
            watchdog.cancel()
            watchdog.join()
        if status != READY:
            self._end()
            raise EmbedderFailed("the embedder's worker could not start")
        return process

    def _end(self) -> None:
        with self._guard:
            process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:  # what was still to be flushed has no reader any more
                    continue


def default_threads() -> int:
    """What ``OMP_NUM_THREADS`` says, else two, or one on a single core: more would only spin."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    return int(told) if told.isdecimal() and int(told) > 0 else min(2, os.cpu_count() or 1)


def _capped(text: str) -> str:
    return text.encode()[:_LONGEST].decode(errors="ignore")


def _exchange(process: subprocess.Popen[bytes], texts: list[str]) -> Vectors:
    encoded = [text.encode() for text in texts]
    frame = LENGTH.pack(len(encoded)) + b"".join(LENGTH.pack(len(t)) + t for t in encoded)
    requests = _pipe(process.stdin)
    requests.write(frame)
    requests.flush()
    answers = _pipe(process.stdout)
    status, rows, columns = HEADER.unpack(_take(answers, HEADER.size))
    if status == FAILED:
        raise EmbedderFailed("the model refused a text")
    if status != ANSWER or rows != len(texts) or columns != _DIMENSIONS:
        raise EmbedderFailed("the embedder's worker answered something else")
    data = np.frombuffer(_take(answers, 4 * rows * columns), "<f4")
    return data.reshape(rows, columns).astype(np.float32)


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise EOFError
    return pipe


def _take(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise EOFError
    return data
