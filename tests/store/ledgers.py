"""Ledgers of a test's own, and events for them that mean nothing."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from server.deliberation import events as e
from server.ids import LogId
from server.store import log as store
from server.store.database import Database
from server.store.idempotency import Used
from server.store.log import Appending
from server.store.writing import Begun, Ledger

A, B = LogId("r" + "a" * 16), LogId("r" + "b" * 16)


@contextmanager
def opened(url: str, *, hold: bool = True) -> Iterator[Database]:
    database = Database.open(url, hold=hold)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def ledger_of(url: str) -> Iterator[Ledger]:
    with opened(url) as database:
        ledger = Ledger(database, secrets.token_bytes)
        try:
            yield ledger
        finally:
            ledger.abandon()
            ledger.close()


def notice(log: LogId, seq: int, words: str = "words") -> e.Recorded:
    return e.Recorded(log=log, seq=seq, at=seq, by=None, event=e.NoticePosted(text=words))


def appending(begun: Begun, log: LogId, count: int = 1) -> Appending:
    head = begun.heads.get(log)
    after = head.seq if head is not None else 0
    recorded = [notice(log, after + number + 1) for number in range(count)]
    return Appending(log, store.ROOM, head, recorded)


def used(name: bytes, log: LogId, seq: int = 1) -> Used:
    return Used(name.ljust(16), b"digest", log, seq, seq)
