"""The long work: done once, going on after a kill, failing aloud."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from server.deliberation import commands as c
from server.deliberation import events as e
from server.deliberation.commands import Actor
from server.deliberation.events import Consent
from server.deliberation.published import THEMES_KIND, moment_of
from server.deliberation.vocabulary import Channel, Choice, Phase, Role
from server.errors import Fault
from server.ids import LogId, ParticipantId
from server.runtime.house import House
from server.settings import Settings
from server.store import artifacts, spending
from server.synthesis.adapters.lexical import LexicalEmbedder
from server.synthesis.adapters.scripted import FailingEmbedder
from server.synthesis.ports import Vectors
from server.synthesis.text import digest as digest_of_text
from server.workflows import bundles
from server.workflows.bench import make_bench
from server.workflows.bundles import Bundles
from server.workflows.crunch import CrunchFailed, ProcessCruncher
from server.workflows.system import DATABASE

from .homes import (
    CountingCruncher,
    demo_house,
    request_drafts,
    status_of,
    succeeded,
    to_phase,
    until,
    working,
)

ROOT = Path(__file__).resolve().parents[2]
DRAFTS = ("analysis-for-drafts", "themes-for-drafts", "propose")


async def admit(house: House, room: LogId, people: int) -> list[Actor]:
    """Let people in who have done nothing yet."""
    log = LogId((await house.room(room)).assembly)
    done = await house.submit(
        log,
        c.AdmitPeople(
            sources=tuple(f"late/{n}" for n in range(people)),
            channel=Channel.SIMULATED,
            consent=Consent(publish=True),
        ),
        None,
    )
    joined = [each.event for each in done.recorded]
    return [
        Actor(ParticipantId(each.participant), Role.PARTICIPANT)
        for each in joined
        if isinstance(each, e.ParticipantJoined)
    ]


def listed(folder: Path, pattern: str) -> list[Path]:
    return list(folder.glob(pattern))


def killed_when_stuck(data: Path) -> None:
    """Run the victim on a data directory till it is stuck, and kill it."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.workflows.victim", str(data)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        text=True,
    ) as victim:
        assert victim.stdout is not None
        line = victim.stdout.readline()
        victim.send_signal(signal.SIGKILL)
    assert line == "stuck\n"


async def test_an_open_room_is_analysed_when_five_have_voted_since(tmp_path: Path) -> None:
    async with demo_house(tmp_path) as (house, room), working(house, tmp_path) as works:

        async def published() -> bool:
            return (await house.room(room)).analysis is not None

        await until(published)
        first = (await house.room(room)).analysis
        assert first is not None
        assert first.count >= 2
        kept = await works.service.published(room)
        assert kept is not None
        assert kept.phase is Phase.OPEN
        assert kept is await works.service.published(room)

        late = await admit(house, room, 5)
        statement = (await house.room(room)).columns[0]
        vote = c.CastVote(statement_id=statement, choice=Choice.AGREE)
        for actor in late[:4]:
            await house.submit(room, vote, actor)
        await asyncio.sleep(0.5)
        assert works.cruncher.calls == 1
        await house.submit(room, vote, late[4])

        async def again() -> bool:
            state = await house.room(room)
            return state.analysis is not None and state.analysis.seq > first.seq

        await until(again)
        assert works.cruncher.calls == 2
        # What ended well leaves no record behind once the next has begun.
        assert (await status_of(f"analysis:{room}:{first.as_of_seq}:0"))[0] is None


async def test_drafts_come_once_with_frozen_groups_and_a_bundle_in_the_end(tmp_path: Path) -> None:
    canary = "Zebrafinkenkanarienvogel"
    async with demo_house(tmp_path) as (house, room), working(house, tmp_path) as works:
        (author,) = await admit(house, room, 1)
        await house.submit(room, c.SubmitStatement(text=f"AI should feed my {canary}."), author)
        await to_phase(house, room, Phase.DRAFTING)
        request = await request_drafts(house, room)

        async def proposed() -> bool:
            return not (await house.room(room)).requests

        await until(proposed)
        state = await house.room(room)
        assert state.round is not None
        assert len(state.round.drafts) == 3
        assert state.round.request == request
        assert works.drafter.calls == 1
        kept = await works.service.published(room)
        assert kept is not None
        assert kept.phase is Phase.DRAFTING
        assert state.round.groups == kept.document.groups.labels
        assert state.round.group_count == kept.document.groups.k >= 2
        assert state.themes is not None
        name = f"drafts:{room}:{request}:0"
        await succeeded(name, *DRAFTS)
        works.service.wake()
        await asyncio.sleep(0.3)
        assert works.drafter.calls == 1
        assert len((await house.room(room)).rounds) == 1

        await to_phase(house, room, Phase.CLOSED)

        async def written() -> bool:
            return bool(listed(tmp_path, "exports/demo/*/manifest.sig"))

        await until(written)
    for file in listed(tmp_path, f"{DATABASE}*"):
        found = file.read_bytes()
        assert canary.encode() not in found
        assert b"should" not in found


def in_the_database(data: Path, word: str) -> bool:
    """Say whether a word stands in any file of the database."""
    return any(word.encode() in each.read_bytes() for each in data.glob("folkmoot.db*"))


async def say(house: House, room: LogId, actor: c.Actor, text: str) -> None:
    await house.submit(room, c.SubmitStatement(text=text, language="en"), actor)


async def take_back(house: House, room: LogId, actor: c.Actor) -> None:
    """Delete all that somebody wrote in a room."""
    seqs = (await house.room(room)).words[actor.participant]
    await house.submit(room, c.EraseContent(records=await house.records(room, seqs)), actor)


@pytest.mark.parametrize("phase", [Phase.DRAFTING, Phase.CLOSED])
async def test_a_theme_is_not_named_by_words_that_were_taken_back(
    phase: Phase, tmp_path: Path
) -> None:
    canary = "zebrafinkenkanarienvogel"
    async with demo_house(tmp_path) as (house, room):
        bench = make_bench(house, LexicalEmbedder(), CountingCruncher())
        (author,) = await admit(house, room, 1)
        for what in ("Feed", "Keep", "Count", "Name", "Show"):
            await say(house, room, author, f"{what} the {canary} of every laboratory.")
        await to_phase(house, room, Phase.DRAFTING)
        assert await bench.themes_due(room)
        digest = await bench.current_themes(room)
        named = await house.artifact(room, THEMES_KIND, digest)
        assert named is not None
        assert f'"name":"{canary}' in named.body.decode()
        await to_phase(house, room, phase)
        assert not await bench.themes_due(room)
        await take_back(house, room, author)
        assert not in_the_database(tmp_path, canary)
        assert await bench.themes_due(room)
        assert await bench.current_themes(room) != digest
        assert not await bench.themes_due(room)


class TakingBack(LexicalEmbedder):
    """An embedder during whose work somebody takes their words back."""

    def __init__(self, meanwhile: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    async def embed(self, texts: Sequence[str]) -> Vectors:
        found = await super().embed(texts)
        await self._meanwhile()
        return found


async def test_words_taken_back_while_themes_are_sought_leave_nothing(tmp_path: Path) -> None:
    canary = "zebrafinkenkanarienvogel"
    async with demo_house(tmp_path) as (house, room):
        (author,) = await admit(house, room, 1)
        texts = [f"{what} the {canary} of every laboratory." for what in ("Feed", "Keep", "Name")]
        for text in texts:
            await say(house, room, author, text)
        await to_phase(house, room, Phase.DRAFTING)

        async def meanwhile() -> None:
            if author.participant in (await house.room(room)).words:
                await take_back(house, room, author)

        embedder = TakingBack(meanwhile)
        bench = make_bench(house, embedder, CountingCruncher())
        await bench.publish_themes(room, await bench.find_themes(room))
        assert not await bench.themes_due(room)
        digests = tuple(digest_of_text(text) for text in texts)
        kept = await house.database.reading(artifacts.vectors, embedder.name, digests)
        assert not kept
    assert not in_the_database(tmp_path, canary)


async def test_an_answer_goes_with_words_that_are_taken_back(tmp_path: Path) -> None:
    async with demo_house(tmp_path) as (house, room):
        (author,) = await admit(house, room, 1)
        await say(house, room, author, "Count the zebrafinkenkanarienvogel.")
        kept = spending.Answer(room, "drafts", "m", "q" * 64, b"zebrafinkenkanarienvogel", 1, 7)
        for _ in range(2):
            await house.database.writing(spending.keep, kept)
        assert await house.database.reading(spending.answer, room, kept.question) == kept.body
        await take_back(house, room, author)
        assert await house.database.reading(spending.answer, room, kept.question) is None
        (spent,) = await house.database.reading(spending.spent)
        assert (spent.kind, spent.model, spent.calls, spent.tokens) == ("drafts", "m", 2, 14)
    assert not in_the_database(tmp_path, "zebrafinkenkanarienvogel")


async def test_of_several_workers_one_writes_the_bundle_and_old_ones_go(tmp_path: Path) -> None:
    async with demo_house(tmp_path) as (house, room):
        here, there = (
            Bundles(house, Settings(data_dir=tmp_path / name), name) for name in ("a", "b")
        )
        await to_phase(house, room, Phase.CLOSED)
        assert await here.due(room)
        await here.write(room)
        assert not await there.due(room)
        (old,) = listed(tmp_path, "a/exports/demo/*-*")
        (tmp_path / "a/exports/demo/mine").mkdir()
        assert await here.prune() == 0
        assembly = LogId((await house.room(room)).assembly)
        await house.submit(assembly, c.IssueInvite(digest="d" * 64, role=Role.PARTICIPANT), None)
        assert await there.due(room)
        await there.write(room)
        assert not await here.due(room)
        assert await here.prune() == 1
        assert not old.exists()
        assert listed(tmp_path, "a/exports/demo/*") == [tmp_path / "a/exports/demo/mine"]
        # One that slept between reading and writing does not undo what is later.
        (new,) = listed(tmp_path, "b/exports/demo/*-*")
        bundles._replace({"x": b""}, new.parent / old.name)
        assert listed(tmp_path, "b/exports/demo/*") == [new]


async def test_a_request_that_cannot_be_met_fails_aloud(tmp_path: Path) -> None:
    async with demo_house(tmp_path) as (house, room):
        await to_phase(house, room, Phase.DRAFTING)
        await request_drafts(house, room)
        async with working(house, tmp_path, embedder=FailingEmbedder()):

            async def failed() -> bool:
                return bool((await house.room(room)).failures)

            await until(failed)
        state = await house.room(room)
        assert not state.requests
        ((_, failures),) = state.failures
        assert [each.reason for each in failures] == ["embedder-failed"]
        # And the next request is a new one, that succeeds.
        await request_drafts(house, room, seed=2)
        async with working(house, tmp_path):

            async def proposed() -> bool:
                return (await house.room(room)).round is not None

            await until(proposed)


async def test_stopping_leaves_the_work_to_the_next_start(tmp_path: Path) -> None:
    class Slow(LexicalEmbedder):
        asked = asyncio.Event()

        async def embed(self, texts):  # type: ignore[no-untyped-def]
            self.asked.set()
            await asyncio.sleep(60)
            return await super().embed(texts)

    slow = Slow()
    async with demo_house(tmp_path) as (house, room):
        await to_phase(house, room, Phase.DRAFTING)
        request = await request_drafts(house, room)
        async with working(house, tmp_path, embedder=slow):
            async with asyncio.timeout(30):
                await slow.asked.wait()
            stopping = time.monotonic()
        assert time.monotonic() - stopping < 5
        assert request in (await house.room(room)).requests
        assert not (await house.room(room)).failures
        async with working(house, tmp_path) as works:

            async def proposed() -> bool:
                return not (await house.room(room)).requests

            await until(proposed)
            assert works.cruncher.calls == 0
            await succeeded(f"drafts:{room}:{request}:0", *DRAFTS)
        assert (await house.room(room)).round is not None


@pytest.mark.faults
async def test_a_killed_process_is_gone_on_from_where_it_was(tmp_path: Path) -> None:
    await asyncio.to_thread(killed_when_stuck, tmp_path)
    async with demo_house(tmp_path) as (house, room):
        (request,) = (await house.room(room)).requests
        async with working(house, tmp_path) as works:

            async def proposed() -> bool:
                return not (await house.room(room)).requests

            await until(proposed)
            name = f"drafts:{room}:{request}:0"
            await succeeded(name, *DRAFTS)
            assert works.cruncher.calls == 0
            assert works.drafter.calls == 1
        state = await house.room(room)
        assert len(state.rounds) == 1
        assert not state.failures


async def test_there_is_one_quiet_set_of_workflows_a_process(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with demo_house(tmp_path) as (house, room):
        await to_phase(house, room, Phase.CLOSED)
        async with working(house, tmp_path):
            with pytest.raises(Fault):
                async with working(house, tmp_path / "other"):
                    pass
    assert capfd.readouterr() == ("", "")


async def test_a_cruncher_that_is_killed_fails_one_analysis(tmp_path: Path) -> None:
    async with demo_house(tmp_path) as (house, room):
        moment = moment_of(await house.room(room))
    cruncher = ProcessCruncher()
    try:
        waiting = asyncio.get_running_loop().run_in_executor(None, cruncher.analysis, moment, None)

        async def begun() -> bool:
            return cruncher.pid is not None

        await until(begun)
        assert cruncher.pid is not None
        os.kill(cruncher.pid, signal.SIGKILL)
        with pytest.raises(CrunchFailed):
            await waiting
        found = await asyncio.to_thread(cruncher.analysis, moment, None)
        assert found.as_of_seq == moment.as_of_seq
    finally:
        cruncher.close()
    with pytest.raises(CrunchFailed):
        cruncher.analysis(moment, None)
