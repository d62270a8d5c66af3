"""A log that takes long to read or to follow keeps nobody from hearing who was put out."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import Connection

from server.deliberation import commands as c
from server.deliberation import events as e
from server.ids import LogId
from server.store import log as store
from tests.runtime.house import ALOG, RLOG, admit, found, write

from .houses import equal, two_houses, until

pytestmark = pytest.mark.timeout(60)


async def test_who_is_put_out_does_not_stay_because_a_long_log_is_read(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, go_on = store.records, threading.Event()

    def slow(connection: Connection, log: LogId, *more: int) -> tuple[e.Recorded, ...]:
        if log == RLOG:
            go_on.wait(10)
        return read(connection, log, *more)

    async with two_houses(postgres_url) as both:
        first, second = (one.house for one in both)
        await found(first)
        (person,) = await admit(first, 1)
        await second.assembly(ALOG)
        socket = await both[1].sit(RLOG, person.participant)
        listener = await both[1].sit(RLOG)
        monkeypatch.setattr(store, "records", slow)
        second._states.drop(RLOG)
        second.foreign.dropped({RLOG})
        await write(first, person, "Meanwhile")
        await first.submit(ALOG, c.ChangeRole(participant=person.participant, role=None), None)
        await until(lambda: socket.closed == [4403], seconds=4.0)
        assert second._states.get(RLOG) is None
        go_on.set()
        await until(lambda: listener.events)
        listener.check()
        await equal(both, RLOG, ALOG)


async def test_who_is_put_out_does_not_stay_because_another_log_is_far_behind(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two_houses(postgres_url) as both:
        first, second = (one.house for one in both)
        await found(first)
        (person,) = await admit(first, 1)
        await second.assembly(ALOG)
        state = await second.room(RLOG)
        socket = await both[1].sit(RLOG, person.participant)
        for n in range(100):
            await write(first, person, f"Statement {n}")
        last = (await first.room(RLOG)).seq
        monkeypatch.setattr(store, "CHUNK", 1)
        before = state.seq
        assert before < last
        second.foreign.hear(RLOG, last)
        await until(lambda: state.seq > before)
        await first.submit(ALOG, c.ChangeRole(participant=person.participant, role=None), None)
        second.foreign.hear(ALOG, (await first.assembly(ALOG)).seq)
        await until(lambda: socket.closed == [4403])
        assert state.seq < last
        await equal(both, RLOG, ALOG)
