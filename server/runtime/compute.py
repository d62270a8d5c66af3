"""Long arithmetic: on one BLAS thread a process, and in several processes where it is worth it.

On a busy machine two BLAS threads on matrices of this size take several times the time of one. The
limit is for the whole process and holds inside the ``with`` block.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # has no stubs

from ..deliberation.opinion.chance import Mapper

_CHUNK = 5
_ONE = 1


@contextmanager
def spread(votes: int, *, processes: int | None = None, worth: int = 100_000) -> Iterator[Mapper]:
    """Yield what maps over the shuffles and re-draws of an analysis of so many votes.

    From ``worth`` votes on, in ``processes`` processes of their own (as many as there are cores),
    which are gone at the end of the block; below, in this one. Results come in order, and are the
    same either way.
    """
    workers = processes or os.cpu_count() or 1
    with one_blas_thread():
        if votes < worth or workers == 1:
            yield map
            return
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, context, initializer=_limit) as pool:

            def mapped(work: Callable[[int], float], numbers: Iterable[int]) -> Iterable[float]:
                return pool.map(work, numbers, chunksize=_CHUNK)

            yield mapped


def one_blas_thread() -> AbstractContextManager[object]:
    """Return a block in which this process's BLAS uses one thread."""
    limits: AbstractContextManager[object] = threadpool_limits(limits=_ONE)
    return limits


def _limit() -> None:
    threadpool_limits(limits=_ONE)
