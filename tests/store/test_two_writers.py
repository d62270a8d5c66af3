"""Two processes that write at once: they wait, or one is told that the other was first."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection

from server.errors import (
    Conflicted,
    Fault,
    LogBroken,
    Unreachable,
)
from server.ids import AssemblyId, LogId, RoomId
from server.store import log as store
from server.store import lookups
from server.store.log import Appending
from server.store.replay import replay
from server.store.writing import Begun, Wanted

from ..runtime.house import at_home, found
from .ledgers import A, B, appending, ledger_of, notice, opened, used

pytestmark = pytest.mark.timeout(60)


def test_a_writer_waits_for_another_and_gets_what_it_appended(postgres_url: str) -> None:
    with ledger_of(postgres_url) as one, ledger_of(postgres_url) as other:
        one.commit([appending(one.begin(Wanted({A: 0})), A)], ())
        begun = one.begin(Wanted({A: 1}))
        got: list[Begun] = []
        waiting = threading.Thread(target=lambda: got.append(other.begin(Wanted({A: 0, B: 0}))))
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        one.commit([appending(begun, A, 3)], [used(b"k", A, 2)])
        waiting.join(5)
        assert [each.seq for each in got[0].foreign[A]] == [1, 2, 3, 4]
        assert got[0].heads[A].seq == 4
        assert set(got[0].heads) == {A}
        other.commit([appending(got[0], A), appending(got[0], B)], ())
        again = one.begin(Wanted({A: 4, B: 0}, keys=[used(b"k", A).id, b"other"]))
        assert [each.seq for each in again.foreign[A]] == [5]
        assert [each.seq for each in again.foreign[B]] == [1]
        assert list(again.used.values()) == [used(b"k", A, 2)]
        assert [each.seq for each in again.repeats[used(b"k", A).id]] == [2]


def both(one: Callable[[], object], other: Callable[[], object]) -> list[object]:
    """Do two things on threads of their own; return what came of them."""
    came: list[object] = [None, None]

    def do(number: int, work: Callable[[], object]) -> None:
        try:
            came[number] = work()
        except Fault as fault:
            came[number] = fault

    threads = [
        threading.Thread(target=do, args=(number, work)) for number, work in enumerate((one, other))
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join(20)
    return came


@pytest.mark.parametrize("what", ["log", "key"])
def test_of_two_that_take_the_same_at_once_one_is_told_so(postgres_url: str, what: str) -> None:
    with ledger_of(postgres_url) as one, ledger_of(postgres_url) as other:
        logs = (A, A) if what == "log" else (A, B)
        begun = [
            ledger.begin(Wanted({log: 0}, keys=[b"k" * 16]))
            for ledger, log in zip((one, other), logs, strict=True)
        ]
        assert not any(each.used for each in begun)
        keys = [[used(b"k" * 16, log)] for log in logs]
        came = both(
            lambda: one.commit([appending(begun[0], logs[0])], keys[0]),
            lambda: other.commit([appending(begun[1], logs[1])], keys[1]),
        )
        assert sorted(type(each).__name__ for each in came) == ["Conflicted", "NoneType"]
        loser = (one, other)[0 if isinstance(came[0], Conflicted) else 1]
        assert not loser.begun
        # Whoever lost sees now what the other did, and neither is broken.
        again = loser.begin(Wanted({A: 0, B: 0}, keys=[b"k" * 16]))
        assert len(again.used) == 1
        assert [len(each) for each in again.foreign.values()] == [1]
        loser.commit([appending(again, log) for log in again.heads], ())
        assert loser.begin(Wanted(dict.fromkeys(again.heads, 0))).heads.popitem()[1].seq == 2  # type: ignore[attr-defined]


def test_keys_in_another_order_do_not_lock_two_writers_up(postgres_url: str) -> None:
    with ledger_of(postgres_url) as one, ledger_of(postgres_url) as other:
        begun = one.begin(Wanted({A: 0})), other.begin(Wanted({B: 0}))
        many = [used(b"%04d" % number, A) for number in range(300)]
        came = both(
            lambda: one.commit([appending(begun[0], A)], many),
            lambda: other.commit([appending(begun[1], B)], list(reversed(many))),
        )
        assert sorted(type(each).__name__ for each in came) == ["Conflicted", "NoneType"]


async def test_a_slug_is_taken_once_and_so_is_a_log(postgres_url: str) -> None:
    async with at_home(postgres_url, seed=1) as one, at_home(postgres_url, seed=2) as other:
        answers = await asyncio.gather(
            found(one.house),
            found(other.house, assembly=AssemblyId("a2"), room=RoomId("r2")),
            return_exceptions=True,
        )
        assert sum(answer is None for answer in answers) == 1, answers
        entries = await one.database.reading(lookups.assemblies)
        assert len(entries) == 1
        for log in (*await one.house.rooms(), *await one.house.assemblies()):
            assert (await one.database.reading(replay, log)).difference is None


def test_an_append_that_leaves_a_gap_is_refused(postgres_url: str) -> None:
    with ledger_of(postgres_url) as ledger:
        for wrong in ([notice(A, 2)], [notice(A, 1), notice(A, 3)]):
            ledger.begin(Wanted({A: 0}))
            with pytest.raises(LogBroken, match="gap"):
                ledger.commit([Appending(A, store.ROOM, None, wrong)], ())
        ledger.commit([appending(ledger.begin(Wanted({A: 0})), A)], ())
        begun = ledger.begin(Wanted({A: 1}))
        elsewhere = store.Head(A, store.ROOM, 5, begun.heads[A].hash)
        with pytest.raises(LogBroken, match="doesn't end where"):
            ledger.commit([Appending(A, store.ROOM, elsewhere, [notice(A, 6)])], ())
        assert ledger.begin(Wanted({A: 1})).heads[A].seq == 1


def test_the_heads_of_a_thousand_logs_are_one_question(postgres_url: str) -> None:
    many = [LogId(f"r{number:016d}") for number in range(1_000)]
    with ledger_of(postgres_url) as ledger, opened(postgres_url) as database:
        begun = ledger.begin(Wanted(dict.fromkeys(many, 0)))
        ledger.commit([appending(begun, log) for log in many], ())
        begun = ledger.begin(Wanted(dict.fromkeys(many, 1)))
        ledger.commit([appending(begun, log) for log in many[:3]], ())
        statements: list[str] = []

        def told(connection: Connection) -> dict[LogId, int]:
            driver: Any = connection.connection.driver_connection
            execute = driver.cursor_factory.execute

            class Counting(driver.cursor_factory):  # type: ignore[misc,name-defined]
                def execute(self, query: Any, *args: Any, **more: Any) -> Any:
                    statements.append(query)
                    return execute(self, query, *args, **more)

            driver.cursor_factory = Counting
            heads = store.heads(connection, many)
            assert len(heads) == 1_000
            return store.grown(connection, dict.fromkeys([*many, LogId("rnone")], 1))

        assert database.read(told) == dict.fromkeys(many[:3], 2)
        assert len(statements) == 2


def test_what_has_grown_is_the_same_on_sqlite(tmp_path: Any) -> None:
    with ledger_of(f"sqlite:///{tmp_path / 'x.db'}") as ledger:
        begun = ledger.begin(Wanted({A: 0, B: 0}))
        ledger.commit([appending(begun, A, 2), appending(begun, B, 2)], ())
        grown = ledger._database.read(store.grown, {A: 1, B: 2, LogId("rnone"): 0})
        assert grown == {A: 2}
        assert ledger._database.clock_offset() == 0.0


def test_who_stops_in_the_middle_keeps_nobody_out_for_long(postgres_url: str) -> None:
    with ledger_of(postgres_url) as one, ledger_of(postgres_url) as other:
        one.commit([appending(one.begin(Wanted({A: 0})), A)], ())
        stopped = one.begin(Wanted({A: 1}))
        began = time.monotonic()
        begun = other.begin(Wanted({A: 1}))
        assert 3 < time.monotonic() - began < 8
        other.commit([appending(begun, A)], ())
        with pytest.raises(Unreachable):
            one.commit([appending(stopped, A)], ())
        again = one.begin(Wanted({A: 1}))
        assert [each.seq for each in again.foreign[A]] == [2]
