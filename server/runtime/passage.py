"""One assembly on its way from one database to another, in one transaction of the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from ..deliberation import chain
from ..errors import NotFound
from ..ids import LogId
from ..store import artifacts, log
from ..store import moving as store
from ..store.database import Database
from ..store.log import Head
from ..store.moving import Belongings


@dataclass(frozen=True, slots=True)
class Step:
    """How far a move has come: ``stage`` is copying or checking; ``done`` of ``total`` events."""

    slug: str
    stage: str
    done: int
    total: int


Told = Callable[[Step], None]


def nobody(_: Step) -> None:
    """Tell nobody how far it has come."""


@dataclass(frozen=True, slots=True)
class Between:
    """Between what a passage goes: ``ends`` is what the target has before it."""

    source: Database
    target: Database
    ends: dict[LogId, Head]
    told: Told


class Passage:
    """One assembly on its way, in one transaction of the target."""

    def __init__(self, between: Between, there: Connection, here: Belongings) -> None:
        self._source = between.source
        self._target = between.target
        self._told = between.told
        self._there = there
        self._assembly = here.assembly
        self._slug = here.slug
        self._before = dict(between.ends)
        self._ends = between.ends
        self.taken = 0

    def take(self) -> Belongings:
        """Take what the source has and the target has not; return what the source had."""
        before = dict(self._ends)
        here = self._source.read(self._copy)
        fresh = [head for head in here.heads.values() if head.seq > _seq(before, head.log)]
        total = sum(head.seq - _seq(before, head.log) for head in fresh)
        counter = _Counter(self._told, self._slug, "checking", total)
        with self._target.named():
            for head in fresh:
                end = before.get(head.log)
                after, previous = (
                    (0, chain.genesis(head.log)) if end is None else (end.seq, end.hash)
                )
                store.settle(self._there, head, after, previous, counter.add)
        self.taken += total
        return here

    def _copy(self, source: Connection) -> Belongings:
        here = store.belongings(source, self._assembly)
        if here is None:
            raise NotFound(f"The assembly {self._slug!r} is gone from {self._source.place}.")
        ends = self._ends
        total = sum(head.seq - _seq(ends, head.log) for head in here.heads.values())
        counter = _Counter(self._told, self._slug, "copying", total)
        for head in here.heads.values():
            if head.seq > _seq(ends, head.log):
                self._copy_log(source, head, counter)
        self._copy_keys(source, here)
        self._copy_derived(source, here)
        return here

    def _copy_log(self, source: Connection, head: Head, counter: _Counter) -> None:
        after = _seq(self._ends, head.log)
        with self._target.named():
            store.write_head(self._there, head, after)
        for start in range(after, head.seq, log.CHUNK):
            upto = min(start + log.CHUNK, head.seq)
            rows = store.read_rows(source, head.log, start, upto)
            with self._target.named():
                store.write_rows(self._there, rows)
            counter.add(upto - start)
        self._ends[head.log] = head

    def _copy_keys(self, source: Connection, here: Belongings) -> None:
        for keys in store.keys(source, tuple(here.heads)):
            with self._target.named():
                store.write_keys(self._there, keys)

    def _copy_derived(self, source: Connection, here: Belongings) -> None:
        with self._target.named():
            known = store.derived(self._there, here.heads)
        found = store.derived(source, here.heads)
        for names in found - known:
            artifact = store.read_derived(source, names)
            if artifact is not None:
                with self._target.named():
                    artifacts.keep(self._there, artifact)
        if here.forwarding is None:
            # What the source has forgotten is not to be remembered there.
            with self._target.named():
                for names in known - found:
                    store.forget(self._there, names)
        for room in here.heads:
            for model, vectors in store.vectors(source, room):
                with self._target.named():
                    artifacts.keep_vectors(self._there, model, vectors)

    def settle_there(self) -> None:
        """Let the assembly live at the target, should it have been moved away from there."""
        if any(end.moved is not None for end in self._before.values()):
            with self._target.named():
                store.mark(self._there, self._ends, None)

    def commit(self) -> None:
        """Make it visible there."""
        with self._target.named():
            self._there.commit()


class _Counter:
    """Tells how many events one stage is through with."""

    def __init__(self, told: Told, slug: str, stage: str, total: int) -> None:
        self._told = told
        self._slug = slug
        self._stage = stage
        self._total = total
        self._done = 0

    def add(self, events: int) -> None:
        """Tell that so many more are done."""
        self._done += events
        self._told(Step(self._slug, self._stage, self._done, self._total))


def _seq(ends: dict[LogId, Head], which: LogId) -> int:
    end = ends.get(which)
    return 0 if end is None else end.seq
