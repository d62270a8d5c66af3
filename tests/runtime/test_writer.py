"""The writer: gapless, durable before answered, once a key, whole or not at all."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.deliberation import commands as c
from server.deliberation import events as e
from server.deliberation.commands import Actor
from server.deliberation.room import RoomState
from server.deliberation.vocabulary import Choice, Decision, Phase, Reason, Role
from server.errors import (
    Conflict,
    Fault,
    Forbidden,
    KeyReused,
    LogBroken,
    NotFound,
    Refusal,
    Stopping,
    StorageFault,
    StorageFull,
)
from server.ids import AssemblyId, LogId, RoomId, StatementId
from server.runtime import batch
from server.runtime.house import open_house
from server.runtime.states import Silence
from server.runtime.vectors import StoredVectors
from server.runtime.writer import Committed
from server.settings import Settings
from server.store import log as store
from server.store import lookups
from server.store.artifacts import Artifact
from server.store.database import Database
from server.store.log import Appending
from server.store.replay import replay
from server.store.writing import Ledger, Wanted

from .house import ALOG, ASSEMBLY, RLOG, ROOM, Home, admit, at_home, found, key, vote, write

pytestmark = pytest.mark.timeout(60)


async def holds(home: Home, *logs: LogId) -> None:
    """Check that chain, projections and the state in memory are what the log says."""
    for log in logs or (ALOG, RLOG):
        found = await home.database.reading(replay, log)
        assert found.difference is None
        seqs = [each.seq for each in await home.database.reading(store.records, log)]
        assert seqs == list(range(1, found.events + 1))
    if RLOG in (logs or (RLOG,)):
        state = await home.house.room(RLOG)
        head = await home.database.reading(store.head, RLOG)
        assert head is not None
        assert state.seq == head.seq


async def test_seq_is_gapless_under_concurrency(tmp_path: Path) -> None:
    async with at_home(tmp_path / "x.db") as home:
        await found(home.house)
        people = await admit(home.house, 30)
        statements = [await write(home.house, people[n], f"S{n}") for n in range(5)]
        start = (await home.house.room(RLOG)).seq
        done = await asyncio.gather(
            *(home.house.submit(RLOG, vote(s), who) for s in statements for who in people)
        )
        seqs = sorted(each.recorded[0].seq for each in done)
        assert seqs == list(range(start + 1, start + 151))
        await holds(home)


async def test_an_answer_means_it_is_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    async with at_home(path) as home:
        await found(home.house)
        (actor,) = await admit(home.house, 1)
        statement = await write(home.house, actor, "S")
        for choice in (Choice.AGREE, Choice.DISAGREE):
            done = await home.house.submit(RLOG, vote(statement, choice), actor)
            beside = sqlite3.connect(path)
            head = beside.execute("SELECT head FROM log WHERE id = ?", (RLOG,)).fetchone()
            row = beside.execute("SELECT choice, seq FROM vote").fetchone()
            beside.close()
            assert head == (done.recorded[0].seq,)
            assert row == (choice.value_in_matrix, done.recorded[0].seq)


async def test_refusals_reach_only_their_own(tmp_path: Path) -> None:
    async with at_home(tmp_path / "x.db") as home:
        await found(home.house)
        people = await admit(home.house, 3)
        statement = await write(home.house, people[0], "S")
        answers = await asyncio.gather(
            home.house.submit(RLOG, vote(statement), people[0]),
            home.house.submit(RLOG, vote(StatementId("none")), people[1]),
            home.house.submit(RLOG, vote(statement), Actor(people[2].participant, Role.OBSERVER)),
            home.house.submit(LogId("rnone"), vote(statement), people[1]),
            home.house.submit(ALOG, vote(statement), people[1]),  # not a command of an assembly
            home.house.submit(RLOG, vote(statement), people[2]),
            return_exceptions=True,
        )
        kinds = [type(answer) for answer in answers]
        assert kinds == [Committed, NotFound, Forbidden, NotFound, Fault, Committed]
        await holds(home)


async def test_the_next_in_the_batch_sees_what_the_first_did(tmp_path: Path) -> None:
    async with at_home(tmp_path / "x.db") as home:
        await found(home.house)
        (actor,) = await admit(home.house, 1)
        answers = await asyncio.gather(
            home.house.submit(RLOG, c.ChangePhase(phase=Phase.DRAFTING), None),
            home.house.submit(RLOG, c.SubmitStatement(text="too soon"), actor),
            home.house.submit(RLOG, c.ChangePhase(phase=Phase.OPEN), None),
            home.house.submit(RLOG, c.SubmitStatement(text="in time"), actor),
            return_exceptions=True,
        )
        assert [isinstance(answer, Refusal) for answer in answers] == [False, True, False, False]
        assert (await home.house.room(RLOG)).phase is Phase.OPEN


async def test_a_key_gives_the_same_answer_once(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    async with at_home(path) as home:
        await found(home.house)
        one, two = await admit(home.house, 2)
        statement = await write(home.house, one, "S")
        first = await home.house.submit(RLOG, vote(statement), one, key=key(one, "k"))
        again = await home.house.submit(RLOG, vote(statement), one, key=key(one, "k"))
        assert not first.repeated
        assert again == Committed(first.recorded, first.seq, repeated=True)
        with pytest.raises(KeyReused):
            await home.house.submit(RLOG, vote(statement), one, key=key(one, "k", b"other"))
        other = await home.house.submit(RLOG, vote(statement), two, key=key(two, "k"))
        assert not other.repeated
    async with at_home(path) as home:
        again = await home.house.submit(RLOG, vote(statement), one, key=key(one, "k"))
        assert again == Committed(first.recorded, first.seq, repeated=True)
        await holds(home)


async def test_a_key_twice_in_one_batch(tmp_path: Path) -> None:
    async with at_home(tmp_path / "x.db") as home:
        await found(home.house)
        (actor,) = await admit(home.house, 1)
        statement = await write(home.house, actor, "S")
        before = (await home.house.room(RLOG)).seq
        answers = await asyncio.gather(
            *(
                home.house.submit(RLOG, vote(statement), actor, key=key(actor, "k"))
                for _ in range(20)
            ),
            home.house.submit(RLOG, vote(statement), actor, key=key(actor, "k", b"other")),
            return_exceptions=True,
        )
        assert isinstance(answers[-1], KeyReused)
        done = [answer for answer in answers if isinstance(answer, Committed)]
        assert len(done) == 20
        assert sum(not each.repeated for each in done) == 1
        assert len({each.recorded for each in done}) == 1
        assert (await home.house.room(RLOG)).seq == before + 1


async def test_a_refusal_does_not_use_a_key_up_and_nothing_does(tmp_path: Path) -> None:
    async with at_home(tmp_path / "x.db") as home:
        await found(home.house, phase=Phase.DRAFT)
        (actor,) = await admit(home.house, 1)
        with pytest.raises(Refusal):
            await home.house.submit(RLOG, c.SubmitStatement(text="S"), actor, key=key(actor, "k"))
        await home.house.submit(RLOG, c.ChangePhase(phase=Phase.OPEN), None)
        done = await home.house.submit(
            RLOG, c.SubmitStatement(text="S"), actor, key=key(actor, "k")
        )
        assert not done.repeated
        same = c.GiveConsent(consent=e.Consent())
        nothing = await home.house.submit(ALOG, same, actor, key=key(actor, "n"))
        head = (await home.house.assembly(ALOG)).seq
        assert nothing == Committed((), head)
        other = c.GiveConsent(consent=e.Consent(research=True))
        assert (await home.house.submit(ALOG, other, actor)).seq == head + 1
        again = await home.house.submit(ALOG, same, actor, key=key(actor, "n"))
        assert again == Committed((), head, repeated=True)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2), st.booleans()),
        max_size=25,
    )
)
def test_any_interleaving_of_keys(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, int, bool]]
) -> None:
    """Whatever comes in which batch: one key of one person is one body and one set of events."""

    async def run() -> None:
        async with at_home(tmp_path_factory.mktemp("keys") / "x.db") as home:
            await found(home.house)
            people = await admit(home.house, 3)
            statement = await write(home.house, people[0], "S")
            before = (await home.house.room(RLOG)).seq
            pending, tasks = [], []
            for person, name, body, wait in steps:
                who = people[person]
                task = asyncio.create_task(
                    home.house.submit(
                        RLOG,
                        vote(statement, list(Choice)[body]),
                        who,
                        key=key(who, str(name), bytes([body])),
                    )
                )
                tasks.append((person, name, body, task))
                pending.append(task)
                if wait:
                    await asyncio.gather(*pending, return_exceptions=True)
                    pending = []
            await asyncio.gather(*pending, return_exceptions=True)
            model: dict[tuple[int, int], tuple[int, tuple[e.Recorded, ...]]] = {}
            for person, name, body, task in tasks:
                known = model.get((person, name))
                if known is not None and known[0] != body:
                    assert isinstance(task.exception(), KeyReused)
                    continue
                done = task.result()
                assert done.repeated == (known is not None)
                if known is None:
                    model[person, name] = (body, done.recorded)
                else:
                    assert done.recorded == known[1]
            assert (await home.house.room(RLOG)).seq == before + len(model)
            await holds(home)

    asyncio.run(run())


async def test_who_stops_waiting_disturbs_nobody(tmp_path: Path) -> None:
    async with at_home(tmp_path / "x.db") as home:
        await found(home.house)
        people = await admit(home.house, 20)
        statement = await write(home.house, people[0], "S")
        before = (await home.house.room(RLOG)).seq
        tasks = [
            asyncio.create_task(home.house.submit(RLOG, vote(statement), who)) for who in people
        ]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(answer, Committed) for answer in answers[1::2])
        assert all(isinstance(answer, asyncio.CancelledError) for answer in answers[::2])
        assert (await home.house.room(RLOG)).seq == before + 20
        await holds(home)


async def test_together_is_all_or_nothing(tmp_path: Path) -> None:
    async with at_home(tmp_path / "x.db") as home:
        with pytest.raises(Refusal):
            await home.house.submit_together(
                [
                    (ALOG, c.CreateAssembly(slug="demo", title="T", question="Q")),
                    (RLOG, c.CreateRoom(assembly=ASSEMBLY, title="T", question="Q")),
                    (RLOG, c.ChangePhase(phase=Phase.RATIFYING)),
                ]
            )
        assert await home.house.assemblies() == ()
        assert await home.house.rooms() == ()
        with pytest.raises(NotFound):
            await home.house.room(RLOG)
        await found(home.house)
        assert await home.house.assemblies() == (ASSEMBLY,)
        assert (await home.house.assembly_by_slug("demo")).id == ASSEMBLY
        await holds(home)


async def test_together_undone_does_not_undo_what_stood(tmp_path: Path) -> None:
    async with at_home(tmp_path / "x.db") as home:
        await found(home.house)
        people = await admit(home.house, 2)
        statement = await write(home.house, people[0], "S")
        answers = await asyncio.gather(
            home.house.submit(RLOG, vote(statement), people[0]),
            home.house.submit_together(
                [(RLOG, c.PostNotice(text="N")), (RLOG, vote(StatementId("none")))], people[0]
            ),
            home.house.submit(RLOG, vote(statement), people[1]),
            return_exceptions=True,
        )
        assert [isinstance(answer, Refusal) for answer in answers] == [False, True, False]
        state = await home.house.room(RLOG)
        assert not state.notices
        assert state.votes.voters == 2
        await holds(home)


async def test_a_slug_is_taken_once(tmp_path: Path) -> None:
    async with at_home(tmp_path / "x.db") as home:
        answers = await asyncio.gather(
            found(home.house),
            found(home.house, assembly=AssemblyId("a2"), room=RoomId("r2")),
            return_exceptions=True,
        )
        assert answers[0] is None
        assert isinstance(answers[1], Conflict)
        assert await home.house.rooms() == (ROOM,)
        await holds(home)


async def test_a_full_disk_is_told_and_overcome(tmp_path: Path) -> None:
    async with at_home(tmp_path / "x.db") as home:
        await found(home.house)
        people = await admit(home.house, 10)
        statement = await write(home.house, people[0], "S")
        before = (await home.house.room(RLOG)).seq
        home.database.limit_pages(1)
        answers = await asyncio.gather(
            *(home.house.submit(RLOG, c.PostNotice(text="x" * 400), None) for _ in range(50)),
            home.house.submit(RLOG, vote(StatementId("none")), people[0]),
            return_exceptions=True,
        )
        assert {type(answer) for answer in answers} == {StorageFull}
        state = await home.house.room(RLOG)
        assert state.seq == before
        assert not state.notices
        await holds(home)
        home.database.limit_pages(None)
        done = await home.house.submit(RLOG, vote(statement), people[0])
        assert done.recorded[0].seq == before + 1
        await holds(home)


async def test_a_database_that_breaks_is_told_and_overcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at_home(tmp_path / "x.db") as home:
        await found(home.house)
        people = await admit(home.house, 2)
        statement = await write(home.house, people[0], "S")
        # The vote's row is refused by the database itself, in the middle of the transaction.
        rule = (
            "CREATE TRIGGER broken BEFORE INSERT ON vote BEGIN SELECT RAISE(ABORT, 'broken'); END"
        )
        await home.database.writing(lambda connection: connection.exec_driver_sql(rule))
        for _ in range(2):
            with pytest.raises(StorageFault):
                await home.house.submit(RLOG, vote(statement), people[0], key=key(people[0], "k"))
        assert (await home.house.room(RLOG)).votes.votes == 0
        await home.database.writing(
            lambda connection: connection.exec_driver_sql("DROP TRIGGER broken")
        )
        done = await home.house.submit(RLOG, vote(statement), people[0], key=key(people[0], "k"))
        assert not done.repeated
        await holds(home)


class Failing(Silence):
    """An announcer that fails while an event is folded, as a bug in the core would."""

    def prepare(self, recorded: e.Recorded, state: object) -> None:
        if isinstance(recorded.event, e.NoticePosted):
            raise KeyError("words")


async def test_a_bug_in_folding_hurts_its_own_command_alone(tmp_path: Path) -> None:
    async with at_home(tmp_path / "x.db", announcer=Failing()) as home:
        await found(home.house)
        people = await admit(home.house, 2)
        statement = await write(home.house, people[0], "S")
        answers = await asyncio.gather(
            home.house.submit(RLOG, vote(statement), people[0]),
            home.house.submit(RLOG, c.PostNotice(text="N"), None),
            home.house.submit(RLOG, vote(statement), people[1]),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers] == [Committed, Fault, Committed]
        assert "words" not in str(answers[1])
        await holds(home)


async def test_stopping_answers_what_is_queued(tmp_path: Path) -> None:
    async with at_home(tmp_path / "x.db") as home:
        await found(home.house)
        people = await admit(home.house, 20)
        statement = await write(home.house, people[0], "S")
        tasks = [
            asyncio.create_task(home.house.submit(RLOG, vote(statement), who)) for who in people
        ]
        await asyncio.sleep(0)
        await home.house.stop()
        answers = await asyncio.gather(*tasks)
        assert all(isinstance(answer, Committed) for answer in answers)
        with pytest.raises(Stopping):
            await home.house.submit(RLOG, vote(statement), people[0])
        await holds(home)


async def test_what_is_not_durable_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at_home(tmp_path / "x.db") as home:
        await found(home.house)
        people = await admit(home.house, 8)
        statement = await write(home.house, people[0], "S")
        stop = asyncio.Event()
        wrong: list[int] = []

        async def look() -> None:
            while not stop.is_set():
                state = await home.house.room(RLOG)
                seen = state.seq
                head = await home.database.reading(store.head, RLOG)
                assert head is not None
                if head.seq < seen:
                    wrong.append(seen)

        lookers = [asyncio.create_task(look()) for _ in range(4)]
        for _ in range(20):
            await asyncio.gather(*(home.house.submit(RLOG, vote(statement), p) for p in people))
        stop.set()
        await asyncio.gather(*lookers)
        assert not wrong


async def test_the_doorbell_rings_after_the_commit(tmp_path: Path) -> None:
    async with at_home(tmp_path / "x.db") as home:
        rung: list[tuple[LogId, int]] = []

        def fails(log: LogId, seq: int) -> None:
            raise ValueError

        home.doorbell.listen(fails)
        end = home.doorbell.listen(lambda log, seq: rung.append((log, seq)))
        await found(home.house)
        assert rung == [(ALOG, 2), (RLOG, 1), (RLOG, 2)]
        end()
        await admit(home.house, 1)
        assert len(rung) == 3


async def test_states_come_back_from_the_log(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    async with at_home(path) as home:
        await found(home.house)
        people = await admit(home.house, 5)
        statements = [await write(home.house, who, who.participant) for who in people]
        await asyncio.gather(
            *(home.house.submit(RLOG, vote(s), who) for s in statements for who in people)
        )
        room, assembly = await home.house.room(RLOG), await home.house.assembly(ALOG)
    async with at_home(path) as home:
        rooms = await asyncio.gather(*(home.house.room(RLOG) for _ in range(5)))
        assert all(each is rooms[0] for each in rooms)
        again = rooms[0]
        assert (again.votes.view() == room.votes.view()).all()
        again.votes = room.votes
        assert again == room
        assert await home.house.assembly(ALOG) == assembly


async def test_projections_answer_what_is_asked(tmp_path: Path) -> None:
    async with at_home(tmp_path / "x.db") as home:
        await found(home.house)
        one, two, moderator = await admit(home.house, 3)
        mine = await write(home.house, one, "Mine")
        other = await write(home.house, two, "Other")
        for choice in (Choice.AGREE, Choice.PASS):
            await home.house.submit(RLOG, vote(other, choice), one)
        await home.house.submit(RLOG, vote(mine, Choice.DISAGREE), two)
        await home.house.submit(
            RLOG,
            c.ModerateStatement(
                statement_id=mine, decision=Decision.REJECT, reason=Reason.SPAM, note="N"
            ),
            Actor(moderator.participant, Role.MODERATOR),
        )
        (cast,) = await home.database.reading(lookups.votes_of, ASSEMBLY, one.participant)
        assert (cast.room, cast.statement, cast.choice) == (ROOM, other, Choice.PASS)
        (written,) = await home.database.reading(lookups.statements_of, one.participant)
        assert (written.text, written.status, written.reason) == ("Mine", "rejected", "spam")
        (room,) = await home.database.reading(lookups.rooms, ASSEMBLY)
        assert (room.phase, room.as_of_seq) == (Phase.OPEN, (await home.house.room(RLOG)).seq)
        (assembly,) = await home.database.reading(lookups.assemblies)
        assert (assembly.slug, assembly.as_of_seq) == ("demo", 5)


async def test_commands_of_other_kinds_do_not_change_a_batch(tmp_path: Path) -> None:
    assert batch.ID_BYTES == 10
    async with at_home(tmp_path / "x.db") as home:
        assert await home.house.submit_together([]) == ()
        with pytest.raises(NotFound):
            await home.house.assembly_by_slug("none")
        await found(home.house)
        with pytest.raises(NotFound):
            await home.house.room(ALOG)
        with pytest.raises(NotFound):
            await home.house.assembly(RLOG)


async def test_a_log_that_cannot_be_read_hurts_no_other(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    async with at_home(path) as home:
        await found(home.house)
        await found(home.house, slug="b", assembly=AssemblyId("a2"), room=RoomId("r2"))
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM payload WHERE log = 'r2' AND seq = 1")
    connection.commit()
    connection.close()
    async with at_home(path) as home:
        notice = c.PostNotice(text="N")
        answers = await asyncio.gather(
            home.house.submit(RLOG, notice, None),
            home.house.submit(LogId("r2"), notice, None),
            home.house.submit(RLOG, notice, None),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers] == [Committed, LogBroken, Committed]
        with pytest.raises(LogBroken):
            await home.house.room(LogId("r2"))
        await holds(home)


class Hearing(Silence):
    """An announcer that keeps what it is told."""

    def __init__(self) -> None:
        self.heard: list[int] = []

    def publish(self, state: RoomState, happened: Sequence[e.Recorded], told: object) -> None:
        self.heard.extend(each.seq for each in happened)


async def test_what_another_process_appended_is_folded_and_told_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of a file that is held nobody else writes; a database that is shared looks each time.
    monkeypatch.setattr(Database, "held", False)
    hearing = Hearing()
    async with at_home(tmp_path / "x.db", announcer=hearing) as home:
        await found(home.house)
        other = Ledger(home.database, os.urandom)
        async with home.database.turn:
            begun = await home.database.on_writer(other.begin, Wanted({RLOG: 2}))
            foreign = e.Recorded(
                log=RLOG, seq=3, at=1_796_000_000_000, by=None, event=e.NoticePosted(text="theirs")
            )
            appending = Appending(RLOG, store.ROOM, begun.heads[RLOG], (foreign,))
            await home.database.on_writer(other.commit, (appending,), ())
            await home.database.on_writer(other.close)
        done = await home.house.submit(RLOG, c.PostNotice(text="ours"), None)
        assert done.recorded[0].seq == 4
        assert done.recorded[0].at == foreign.at  # a log's time never goes back
        assert (await home.house.room(RLOG)).notices == [(3, "theirs"), (4, "ours")]
        assert hearing.heard == [1, 2, 3, 4]
        await holds(home)


async def test_a_house_opens_on_settings_and_reads_beside_one_that_writes(tmp_path: Path) -> None:
    settings_ = Settings(data_dir=tmp_path / "data")
    async with open_house(settings_) as house:
        await found(house)
        async with open_house(settings_, write=False) as reader:
            assert (await reader.room(RLOG)).phase is Phase.OPEN
            with pytest.raises(StorageFault, match="reading only"):
                await reader.submit(RLOG, c.PostNotice(text="N"), None)
        artifact = Artifact(RLOG, "analysis", "d", 2, b"{}")
        await house.keep(artifact)
        assert await house.artifact(RLOG, "analysis") == artifact
        assert await house.artifact(RLOG, "analysis", "other") is None
        cache = StoredVectors(house.database)
        row = np.array([0.5, -1.0], dtype=np.float32)
        await cache.put("e5", {"d1": row})
        got = await cache.get("e5", ["d1", "d2"])
        assert list(got) == ["d1"]
        assert (got["d1"] == row).all()
