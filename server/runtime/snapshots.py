"""Snapshots of long logs: taken while the server runs, and where a state is folded from."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from importlib import resources
from time import perf_counter

from sqlalchemy import Connection

from ..deliberation import events as e
from ..deliberation import snapshot as codec
from ..deliberation.assembly import AssemblyState
from ..deliberation.room import RoomState
from ..deliberation.snapshot import Restored, Taken
from ..ids import LogId
from ..store import log as store
from ..store import snapshots
from ..store.database import Database
from ..store.log import Head
from ..store.snapshots import Snapshot

AT_ONCE = 4
"""So many snapshots may be on their way to the database; the next waits for a later occasion."""
GRACE = 5.0
"""Seconds that a process which stops waits for snapshots on their way."""
_logger = logging.getLogger(__name__)


def _version() -> str:
    """Return what the code that makes states is, in 16 hex digits; "" where it can't be read."""
    sources = sha256()
    package = resources.files(f"{__package__.rpartition('.')[0]}.deliberation")
    try:
        for name in codec.MODULES:
            sources.update(package.joinpath(f"{name}.py").read_bytes() + b"\0")
    except OSError:
        return ""
    return sources.hexdigest()[:16]


VERSION = _version()
"""By which a snapshot is known: another version of the code folds the log instead."""


@dataclass(slots=True)
class SnapshotCounts:
    """What became of snapshots, for whoever watches."""

    kept: int = 0
    failed: int = 0
    broken: int = 0
    loaded: int = 0
    longest: float = 0.0
    """Seconds that the event loop stood still for one, at most."""


@dataclass(frozen=True, slots=True)
class Found:
    """A state from a snapshot, and the records that others were told of after seq ``since``."""

    state: RoomState | AssemblyState
    told: tuple[e.Recorded, ...] = field(default=())
    since: int = 0


class Snapshots:
    """Takes snapshots and finds them; a snapshot that fails or is broken costs time, never more."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._thread: ThreadPoolExecutor | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self.counts = SnapshotCounts()

    def start(self) -> None:
        """Take snapshots from now on, if this process can keep them."""
        if VERSION and self._database.writes:
            self._thread = ThreadPoolExecutor(1, "folkmoot-snapshot")

    async def stop(self) -> None:
        """Take no more; what is under way is kept before this returns, or soon given up."""
        thread, self._thread = self._thread, None
        if self._under_way:
            _, late = await asyncio.wait(tuple(self._under_way), timeout=GRACE)
            for task in late:
                task.cancel()
        if thread is not None:
            thread.shutdown()

    def take(self, state: RoomState | AssemblyState, told: Sequence[int], since: int) -> bool:
        """Take a snapshot of a state at rest and keep it soon; False: not now.

        Only what must be done while nothing changes is done here: some 30 ms for a million votes
        of ten thousand people.
        """
        if self._thread is None or len(self._under_way) >= AT_ONCE:
            return False
        began = perf_counter()
        try:
            taken = codec.take(state, told, since)
        except Exception as error:  # noqa: BLE001 - the log is there, whatever a snapshot meets
            self._missed(error)
            return True
        self.counts.longest = max(self.counts.longest, perf_counter() - began)
        task = asyncio.create_task(self._keep(self._thread, state.log, state.seq, taken))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return True

    async def _keep(self, thread: ThreadPoolExecutor, log: LogId, seq: int, taken: Taken) -> None:
        try:
            loop = asyncio.get_running_loop()
            body = await loop.run_in_executor(thread, taken.pack)
            made = Snapshot(log, VERSION, seq, body)
            if await self._database.writing(snapshots.keep, made):
                self.counts.kept += 1
        except Exception as error:  # noqa: BLE001 - as above
            self._missed(error)

    def _missed(self, error: Exception) -> None:
        self.counts.failed += 1
        _logger.warning("a snapshot could not be kept: %s", type(error).__name__)

    async def latest(self, head: Head) -> Found | None:
        """Return the state of a log as of its latest snapshot that holds; None: there is none."""
        if not VERSION:
            return None
        found, broken = await self._database.reading(_latest, head)
        if broken:
            self.counts.broken += broken
            _logger.warning("%d broken snapshots of the log %s are left aside", broken, head.log)
        if found is not None:
            self.counts.loaded += 1
        return found


def _latest(connection: Connection, head: Head) -> tuple[Found | None, int]:
    kind = RoomState if head.kind == store.ROOM else AssemblyState
    broken = 0
    for snapshot in snapshots.latest(connection, head, VERSION):
        restored = _restored(snapshot, kind) if snapshot is not None else None
        if restored is None:
            broken += 1
            continue
        told = store.records_at(connection, head.log, restored.told)
        return Found(restored.state, told, restored.since), broken
    return None, broken


def _restored(snapshot: Snapshot, kind: type[RoomState] | type[AssemblyState]) -> Restored | None:
    try:
        restored = codec.restore(snapshot.body, kind)
    except ValueError:
        return None
    state = restored.state
    return restored if (state.log, state.seq) == (snapshot.log, snapshot.seq) else None
