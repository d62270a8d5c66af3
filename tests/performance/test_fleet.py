"""The fleet against a real server, and against one whose answers are tampered with."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from evals.performance.fleet.__main__ import main
from evals.performance.fleet.books import Books, Room
from evals.performance.fleet.founding import plan
from evals.performance.fleet.ground import Ground
from evals.performance.fleet.lines import Address
from evals.performance.fleet.profile import Profile
from evals.performance.fleet.report import Report
from evals.performance.fleet.run import run
from evals.performance.fleet.tallies import check_tallies
from evals.performance.fleet.town import CannotBegin
from server.app import Parts
from server.deliberation import events as e
from server.deliberation.views import TallyView
from server.deliberation.vocabulary import Choice
from server.ids import LogId, ParticipantId, StatementId
from tests.serving import serving, settings_in

from .tampering import Frames, Tamper, Tampering

SMALL = Profile(
    people=50,
    rooms=2,
    sockets=60,
    votes=60,
    events=3,
    come_and_go=300,
    away=0.3,
    first=12,
    ballots=0,
    seconds=2,
    calm=0.1,
    patience=5,
)
FEW = replace(
    SMALL, people=20, sockets=20, votes=20, events=8, come_and_go=0, seconds=0.8, patience=1
)


@asynccontextmanager
async def ground(folder: Path, *, workflows: bool = False, joins: int = 0) -> AsyncIterator[Ground]:
    """Serve an assembly for the fleet, without limits, or with one on joins."""
    settings = settings_in(folder, votes_per_hour=0, statements_per_hour=0, joins_per_hour=joins)
    planned = plan("fleet", SMALL.rooms)
    async with serving(settings, Parts(workflows=workflows)) as served:
        await served.desk.house.submit_together(planned.first)
        await served.desk.house.submit_together(planned.then)
        port = int(served.base_url.rpartition(":")[2])
        yield Ground(
            servers=[Address("127.0.0.1", port)],
            invite=planned.invite,
            facilitator=planned.facilitator,
            settings=settings,
        )


async def tampered(
    folder: Path, *, frame: Tamper | None = None, refuse: bytes = b"", profile: Profile = FEW
) -> Report:
    """Run a small load through a proxy that tampers."""
    async with ground(folder) as there, AsyncExitStack() as stack:
        tampering = Tampering(there.servers[0].port, frame=frame, refuse=refuse)
        proxy = await stack.enter_async_context(tampering.open())
        there.servers[:] = [Address("127.0.0.1", proxy.port)]
        return await run(profile, there, lambda _: None)


async def test_it_finds_everything_it_is_owed(tmp_path: Path) -> None:
    async with ground(tmp_path, workflows=True) as there:
        report = await run(replace(SMALL, ballots=1), there, lambda _: None)
    assert report.faults == {}
    assert report.remarks == []
    assert report.commands["rankings"].acknowledged == SMALL.people // SMALL.rooms
    assert report.commands["votes"].acknowledged > 60
    assert report.commands["votes"].acknowledged == report.commands["votes"].asked
    assert report.commands["statements"].acknowledged >= 3
    assert report.frames["frames_owed"] == report.frames["frames_received"] > 100
    assert int(str(report.sockets["resumed"])) >= 3
    assert (report.checked["people_compared"] or 0) > SMALL.people // 2
    written = SMALL.first * SMALL.rooms
    acknowledged = sum(
        each.acknowledged
        for kind, each in report.commands.items()
        if kind not in ("moderation", "notices", "phases", "drafts")
    )
    assert report.checked["receipts_found_in_the_log"] == written + acknowledged


def nth_statement(number: int, instead: Tamper) -> Tamper:
    """Return what tampers with the n-th frame of a statement and with nothing else."""
    seen = [0]

    def tamper(frame: bytes) -> Frames:
        if b'"type":"statement"' in frame[:40]:
            seen[0] += 1
            if seen[0] == number:
                return instead(frame)
        return [frame]

    return tamper


async def test_a_frame_that_is_dropped_is_noticed(tmp_path: Path) -> None:
    report = await tampered(tmp_path, frame=nth_statement(15, lambda _: []))
    assert report.faults.keys() <= {"a frame was left out", "frames missing"}
    assert sum(report.faults.values()) == 1


async def test_a_frame_that_comes_twice_is_noticed(tmp_path: Path) -> None:
    report = await tampered(tmp_path, frame=nth_statement(15, lambda frame: [frame, frame]))
    assert report.faults == {"a frame doubled or out of order": 1}


async def test_frames_in_the_wrong_order_are_noticed(tmp_path: Path) -> None:
    kept: Frames = []

    def tamper(frame: bytes) -> Frames:
        if b'"prev":' in frame[:60] and len(kept) < 1:
            kept.append(frame)
            return []
        return [frame]

    report = await tampered(tmp_path, frame=tamper)
    assert sum(report.faults.values()) >= 1


async def test_another_event_under_the_same_seq_is_noticed(tmp_path: Path) -> None:
    def other(frame: bytes) -> Frames:
        at = frame.index(b'"id":"') + 8
        return [frame[:at] + (b"x" if frame[at : at + 1] != b"x" else b"y") + frame[at + 1 :]]

    report = await tampered(tmp_path, frame=nth_statement(15, other))
    assert "two events with one seq" in report.faults


TALLIED = replace(FEW, people=30, votes=150, asking=0.0, rooms=1)
"""So many vote that tallies are shown."""


async def test_tallies_that_were_never_so_are_noticed(tmp_path: Path) -> None:
    def more(frame: bytes) -> Frames:
        # One digit for another, so that the frame keeps its length; no later one takes it back.
        return [re.sub(rb'("type":"tally".*"votes":)[1-9]', rb"\g<1>9", frame)]

    report = await tampered(tmp_path, frame=more, profile=TALLIED)
    assert "a tally that was never so" in report.faults
    assert "a last tally that is not the room's" in report.faults


async def test_tallies_that_don_t_come_any_more_are_noticed(tmp_path: Path) -> None:
    def less(frame: bytes) -> Frames:
        return [] if re.search(rb'"type":"tally".*"votes":[1-9]', frame) else [frame]

    report = await tampered(tmp_path, frame=less, profile=TALLIED)
    assert report.faults == {"a last tally that is not the room's": TALLIED.sockets}


def test_a_tally_is_counted_anew_from_the_log() -> None:
    def vote(seq: int) -> e.Recorded:
        event = e.VoteCast(statement=StatementId("s1"), choice=Choice.AGREE)
        return e.Recorded(
            log=LogId("r1"), seq=seq, at=seq, by=ParticipantId(f"p{seq}"), event=event
        )

    log = [vote(seq) for seq in range(1, 21)]
    for shown, last, fault in (
        ((10, 10), (20, 20), None),
        ((10, 10), (16, 16), None),
        ((10, 10), (15, 15), "a tally that is behind"),
        ((10, 11), (20, 20), "a tally that was never so"),
    ):
        room = Room("r1", Books(), 30)
        room.tallies |= {shown, last}
        view = TallyView(voters=last[0], votes=last[1], statements=1)
        check_tallies(room, log, view)
        assert set(room.books.faults) == ({fault} if fault else set())


async def test_a_receipt_for_what_was_not_done_is_noticed(tmp_path: Path) -> None:
    report = await tampered(tmp_path, refuse=b"/votes")
    assert report.faults.get("votes lost") == 1
    assert report.faults.get("acknowledged and not in the log") == 1


async def test_servers_that_limit_joins_are_told_from_broken_ones(tmp_path: Path) -> None:
    async with ground(tmp_path, joins=10) as there:
        with pytest.raises(CannotBegin, match="FOLKMOOT_JOINS_PER_HOUR=0"):
            await run(FEW, there, lambda _: None)


def test_a_load_goes_to_this_machine_alone(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--url", "http://folkmoot.example", "--invite", "demo"])
    assert code == 2
    assert "folkmoot.example is not this machine" in capsys.readouterr().err


def test_two_servers_need_postgresql(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--servers", "2"]) == 2
    assert "Two servers need PostgreSQL" in capsys.readouterr().err
