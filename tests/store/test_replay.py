"""Replay finds what was changed behind the log's back; erasure keeps the chain and the state."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from server.deliberation import chain
from server.deliberation import commands as c
from server.deliberation import events as e
from server.deliberation.commands import Actor
from server.deliberation.vocabulary import Channel, Choice, Decision, Kind, Reason, Role
from server.errors import LogBroken
from server.ids import LogId
from server.store import artifacts
from server.store import log as store
from server.store.database import Database
from server.store.replay import Replayed, replay
from server.synthesis.text import digest

from ..runtime.house import ALOG, RLOG, Home, admit, at_home, found, vote, write

pytestmark = pytest.mark.timeout(60)


async def lived(home: Home) -> tuple[Actor, Actor]:
    """Let something of every kind happen that has a projection."""
    await found(home.house)
    one, two, three = await admit(home.house, 3)
    own = await write(home.house, one, "The secret word is xyzzy")
    other = await write(home.house, two, "Something else")
    for each in (own, other):
        for who, choice in ((one, Choice.AGREE), (two, Choice.PASS), (two, Choice.DISAGREE)):
            await home.house.submit(RLOG, vote(each, choice, "because xyzzy"), who)
    await home.house.submit(
        RLOG, c.SubmitStatement(text="Lived through xyzzy", kind=Kind.TESTIMONY), one
    )
    await home.house.submit(
        RLOG,
        c.ModerateStatement(statement_id=other, decision=Decision.REJECT, reason=Reason.SPAM),
        Actor(three.participant, Role.MODERATOR),
    )
    await home.house.submit(ALOG, c.GiveConsent(consent=e.Consent(publish=True)), one)
    await home.house.submit(
        ALOG, c.ChangeRole(participant=three.participant, role=Role.MODERATOR), None
    )
    await home.house.submit(ALOG, c.ChangeRole(participant=two.participant, role=None), None)
    await home.house.submit(
        ALOG,
        c.AdmitPeople(sources=("7", "8"), channel=Channel.IMPORTED, role=Role.PARTICIPANT),
        None,
    )
    return one, two


async def test_what_stands_is_what_the_log_says(database_url: str) -> None:
    async with at_home(database_url) as home:
        await lived(home)
        for log in (ALOG, RLOG):
            assert (await home.database.reading(replay, log)).difference is None
        with pytest.raises(LogBroken, match="no log"):
            await home.database.reading(replay, LogId("none"))


CHANGES = {
    "vote": "UPDATE vote SET choice = -choice WHERE choice <> 0",
    "vote removed": "DELETE FROM vote WHERE choice = 1",
    "vote added": "INSERT INTO vote SELECT room, 'p9', statement, choice, seq FROM vote LIMIT 1",
    "statement": "UPDATE statement SET text = 'changed'",
    "status": "UPDATE statement SET status = 'accepted' WHERE status = 'rejected'",
    "room": "UPDATE room SET phase = 'closed'",
    "as of": "UPDATE room SET as_of_seq = as_of_seq - 1",
    "payload": "UPDATE payload SET body = CAST(replace(CAST(body AS TEXT), 'agree', 'pass') "
    "AS BLOB) WHERE instr(CAST(body AS TEXT), '\"agree\"')",
    "payload as text": "UPDATE payload SET body = CAST(body AS TEXT) WHERE seq = 5",
    "commitment as text": "UPDATE event SET commitment = hex(commitment) WHERE seq = 5",
    "salt": "UPDATE payload SET salt = zeroblob(16) WHERE seq = 3",
    "payload gone": "DELETE FROM payload WHERE seq = 3",
    "payloads exchanged": "UPDATE payload SET body = (SELECT body FROM payload p WHERE "
    "p.log = payload.log AND p.seq = 6) WHERE seq = 5",
    "type": "UPDATE event SET type = 'notice.posted' WHERE seq = 5",
    "day": "UPDATE event SET day = '2020-01-01' WHERE seq = 5",
    "commitment": "UPDATE event SET commitment = zeroblob(32) WHERE seq = 5",
    "previous": "UPDATE event SET previous = zeroblob(32) WHERE seq = 5",
    "event gone": "DELETE FROM event WHERE seq = 5",
    "end gone": "DELETE FROM event WHERE log LIKE 'r%' AND seq = "
    "(SELECT max(seq) FROM event WHERE log LIKE 'r%')",
    "reordered": "UPDATE event SET seq = 1000 - seq WHERE seq IN (4, 5)",
    "head": "UPDATE log SET head = head + 1",
    "head's hash": "UPDATE log SET hash = zeroblob(32)",
}


OF_SQLITE_ALONE = {"payload as text", "commitment as text"}
"""PostgreSQL keeps no text in a column of bytes."""


@pytest.mark.parametrize("change", list(CHANGES))
async def test_any_change_in_the_database_is_found(database_url: str, change: str) -> None:
    if change in OF_SQLITE_ALONE and not database_url.startswith("sqlite"):
        return
    async with at_home(database_url) as home:
        await lived(home)
    meddle(database_url, CHANGES[change])
    database = Database.open(database_url, hold=False)
    found = database.read(replay, RLOG)
    database.close()
    assert found.difference
    assert "xyzzy" not in found.difference


def meddle(url: str, change: str) -> None:
    """Change a database as somebody would who owns it."""
    if url.startswith("sqlite:///"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            assert file.execute(change).rowcount > 0
            file.commit()
        return
    for theirs, ours in IN_POSTGRES:
        change = re.sub(theirs, ours, change)
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")  # no keys are checked
        assert connection.execute(change).rowcount > 0  # type: ignore[arg-type]


IN_POSTGRES = (
    (r"zeroblob\((\d+)\)", r"decode(repeat('00', \1), 'hex')"),
    (r"x'(\w+)'", r"decode('\1', 'hex')"),
    (r"instr\(CAST\(body AS TEXT\), ", "strpos(convert_from(body, 'UTF8'), "),
    (r"WHERE (strpos.*)", r"WHERE \1 > 0"),
    (r"CAST\(body AS TEXT\)", "convert_from(body, 'UTF8')"),
    (r"CAST\((replace.*'\)) AS BLOB\)", r"convert_to(\1, 'UTF8')"),
)
"""The same changes in PostgreSQL's words."""


async def test_the_end_cut_off_with_its_head_is_found_by_its_projections(database_url: str) -> None:
    async with at_home(database_url) as home:
        await lived(home)
        envelopes = await home.database.reading(store.envelopes, RLOG)
    kept = envelopes[:-1]
    last = chain.check_chain(RLOG, kept)
    for change in (
        f"DELETE FROM payload WHERE log = '{RLOG}' AND seq = {len(envelopes)}",
        f"DELETE FROM event WHERE log = '{RLOG}' AND seq = {len(envelopes)}",
        f"UPDATE log SET head = {len(kept)}, hash = x'{last}' WHERE id = '{RLOG}'",
    ):
        meddle(database_url, change)
    database = Database.open(database_url, hold=False)
    assert isinstance(database.read(replay, RLOG).difference, str)
    database.close()


async def test_erasure_keeps_chain_replay_and_state(database_url: str, tmp_path: Path) -> None:
    async with at_home(database_url) as home:
        one, _ = await lived(home)
        before = {log: await home.database.reading(store.envelopes, log) for log in (ALOG, RLOG)}
        vectors = {digest("The secret word is xyzzy"): b"1", digest("Something else"): b"2"}
        await home.database.writing(artifacts.keep_vectors, "e5", vectors)
        for log in (ALOG, RLOG):
            state: Any = await (home.house.room(log) if log == RLOG else home.house.assembly(log))
            words = list(state.words[one.participant])
            assert words
            records = await home.house.records(log, words)
            done = await home.house.submit(log, c.EraseContent(records=records), one)
            event = done.recorded[0].event
            assert isinstance(event, e.ContentErased)
            assert list(event.remains) == words
            assert (await home.database.reading(replay, log)).difference is None
            after = await home.database.reading(store.envelopes, log)
            assert after[: len(before[log])] == before[log]
            read = await home.database.reading(store.records, log)
            for seq in words:
                remains = event.remains[seq]
                assert read[seq - 1] == e.Recorded(
                    log=log, seq=seq, at=remains.at, by=remains.by, event=remains.event
                )
        left = await home.database.reading(artifacts.vectors, "e5", tuple(vectors))
        assert list(left) == [digest("Something else")]
        room, assembly = await home.house.room(RLOG), await home.house.assembly(ALOG)
        if database_url.startswith("sqlite"):
            # Nobody reads now, so the words stand in no file any more.
            files = all_bytes(tmp_path)
            assert b"secret word" not in files
            assert b"Lived through" not in files
            assert files.count(b"xyzzy") > 0  # what the other person wrote stays
    async with at_home(database_url) as home:
        again = await home.house.room(RLOG)
        assert (again.votes.view() == room.votes.view()).all()
        again.votes = room.votes
        assert again == room
        assert await home.house.assembly(ALOG) == assembly
        assert await home.database.reading(store.check, RLOG)


def all_bytes(folder: Path) -> bytes:
    return b"".join(each.read_bytes() for each in folder.iterdir())


async def test_what_is_gone_without_an_erasure_is_told(database_url: str) -> None:
    async with at_home(database_url) as home:
        await lived(home)
    meddle(database_url, f"DELETE FROM payload WHERE log = '{RLOG}' AND seq = 4")
    database = Database.open(database_url, hold=False)
    with pytest.raises(LogBroken, match="nothing says why"):
        database.read(store.records, RLOG)
    found = database.read(replay, RLOG)
    assert found == Replayed(RLOG, found.events, found.difference)
    assert found.difference
    assert "4" in found.difference
    database.close()


async def test_records_are_read_in_pieces(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "CHUNK", 3)
    async with at_home(database_url) as home:
        await lived(home)
        whole = await home.database.reading(store.records, RLOG)
        pieces = await home.database.reading(
            lambda connection: tuple(store.in_chunks(connection, RLOG))
        )
        assert tuple(each for piece in pieces for each in piece) == whole
        assert await home.database.reading(store.records_at, RLOG, (2, 9, 1, 99)) == (
            whole[0],
            whole[1],
            whole[8],
        )
        assert await home.database.reading(store.records, RLOG, 5, 2) == whole[5:7]
        assert (await home.database.reading(store.check, RLOG)).seq == len(whole)
