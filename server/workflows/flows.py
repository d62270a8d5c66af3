"""The workflows and their steps: analysis, themes, drafts, exports.

Functions, since DBOS finds them by name when it recovers what a dead process left.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from dbos import DBOS

from ..deliberation.drafts import DraftFailure
from ..errors import FolkmootError, StorageFault, StorageFull, WrongPhase
from ..ids import LogId
from ..synthesis.ports import NothingToSynthesise
from .durable import Durable, current

P = ParamSpec("P")
T = TypeVar("T")
_ATTEMPTS = 3
_PATIENCE = 600.0
"""Seconds for which a step waits for a database that doesn't answer."""
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0


class StepFailed(Exception):
    """A step failed; only the kind of failure is kept, since a message may hold people's words."""


async def begin_analysis(durable: Durable, room: LogId, seq: int) -> None:
    """Analyse and publish what stands in a room; ``seq`` names the work."""
    name = f"analysis:{room}:{seq}"
    await durable.begin(name, _analysis, str(room))


async def begin_themes(durable: Durable, room: LogId, seq: int) -> None:
    """Find and publish the themes of what stands in a room; ``seq`` names the work."""
    name = f"themes:{room}:{seq}"
    await durable.begin(name, _themes, str(room))


async def begin_export(durable: Durable, room: LogId, seq: int) -> None:
    """Write the bundle of a closed plenary; ``seq`` names the work."""
    name = f"export:{room}:{seq}"
    await durable.begin(name, _export, str(room))


async def begin_drafts(durable: Durable, room: LogId, request: int) -> None:
    """Make the drafts of a request, once; again only if that ended without an outcome.

    After three such ends the request fails, so that it does not wait for ever.
    """
    name = f"drafts:{room}:{request}"
    if not await durable.begin(name, _drafts, str(room), request, attempts=_ATTEMPTS):
        await durable.begin(f"{name}:lost", _lost_drafts, str(room), request)


def _wordless(step: Callable[P, T]) -> Callable[P, T]:
    """Let a step fail with nothing but the kind of its failure: what it raises is kept by DBOS.

    A database that doesn't answer is no failure of the step, which is then done again: each may
    be, and what was paid for is kept.
    """

    @wraps(step)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        running = current()
        until = time.monotonic() + _PATIENCE
        pause = _SHORTEST_PAUSE
        while True:
            running.may_begin()
            try:
                return step(*args, **kwargs)
            except (StorageFault, StorageFull) as away:
                if time.monotonic() > until:
                    raise StepFailed(away.code) from None
            except WrongPhase:
                raise StepFailed(WrongPhase.code) from None
            except FolkmootError as failed:
                raise StepFailed(failed.code) from None
            except Exception as failed:  # noqa: BLE001 - whatever it is, it is to be wordless
                raise StepFailed(type(failed).__name__) from None
            running.ending.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    return guarded


@DBOS.step(name="analyse")
@_wordless
def _analyse(room: str) -> str:
    running = current()
    return running.on_loop(running.bench.analyse(LogId(room)))


@DBOS.step(name="publish-analysis")
@_wordless
def _publish_analysis(room: str, digest: str) -> None:
    running = current()
    running.on_loop(running.bench.publish_analysis(LogId(room), digest))


@DBOS.step(name="find-themes")
@_wordless
def _find_themes(room: str) -> str:
    running = current()
    return running.on_loop(running.bench.find_themes(LogId(room)))


@DBOS.step(name="publish-themes")
@_wordless
def _publish_themes(room: str, digest: str) -> None:
    running = current()
    running.on_loop(running.bench.publish_themes(LogId(room), digest))


@DBOS.step(name="analysis-for-drafts")
@_wordless
def _analysis_for_drafts(room: str) -> str:
    running = current()
    return running.on_loop(running.bench.current_analysis(LogId(room)))


@DBOS.step(name="themes-for-drafts")
@_wordless
def _themes_for_drafts(room: str) -> str:
    running = current()
    return running.on_loop(running.bench.current_themes(LogId(room)))


@DBOS.step(name="propose")
@_wordless
def _propose(room: str, request: int, analysis: str, themes: str) -> str:
    running = current()
    bench = running.bench
    try:
        document = running.on_loop(bench.compose(LogId(room), request, analysis, themes))
    except NothingToSynthesise as nothing:
        failure = DraftFailure(reason=nothing.code, detail=nothing.message)
        running.on_loop(bench.fail(LogId(room), request, (failure,)))
        return "failed"
    running.on_loop(bench.propose(LogId(room), request, analysis, document))
    return "proposed" if document.drafts else "failed"


@DBOS.step(name="fail")
@_wordless
def _fail(room: str, request: int, reason: str) -> None:
    running = current()
    failure = DraftFailure(reason=reason, detail="The work on these drafts failed.")
    running.on_loop(running.bench.fail(LogId(room), request, (failure,)))


@DBOS.workflow(name="analysis")
def _analysis(name: str, room: str) -> str:
    with current().counted(name):
        digest = _analyse(room)
        _publish_analysis(room, digest)
        return digest


@DBOS.workflow(name="themes")
def _themes(name: str, room: str) -> str:
    with current().counted(name):
        digest = _find_themes(room)
        _publish_themes(room, digest)
        return digest


@DBOS.workflow(name="drafts")
def _drafts(name: str, room: str, request: int) -> str:
    with current().counted(name, kept=True):
        try:
            analysis = _analysis_for_drafts(room)
            themes = _themes_for_drafts(room)
            return _propose(room, request, analysis, themes)
        except StepFailed as failed:
            if str(failed) == WrongPhase.code:
                return "waiting"  # the room has left drafting; the request stands till it is back
            _fail(room, request, str(failed))
            return "failed"


@DBOS.workflow(name="lost-drafts")
def _lost_drafts(name: str, room: str, request: int) -> str:
    with current().counted(name, kept=True):
        _fail(room, request, "lost")
        return "failed"


@DBOS.step(name="write-bundle")
@_wordless
def _write_bundle(room: str) -> str:
    running = current()
    return running.on_loop(running.bundles.write(LogId(room)))


@DBOS.workflow(name="export")
def _export(name: str, room: str) -> str:
    with current().counted(name):
        return _write_bundle(room)
