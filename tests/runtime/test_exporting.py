"""Reports and bundles are read from the store, beside whoever writes to it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from server.deliberation import commands as c
from server.deliberation.commands import Actor
from server.deliberation.events import ParticipantJoined, StatementSubmitted
from server.deliberation.published import ANALYSIS_KIND, compute, encode, moment_of
from server.deliberation.vocabulary import Channel, Choice, Phase, Role
from server.errors import NotFound
from server.ids import LogId, ParticipantId, StatementId
from server.reports import bundle
from server.reports.verification import verify
from server.runtime.exporting import Exporter
from server.runtime.founding import Plan, founding
from server.runtime.house import open_house
from server.runtime.ports import SeededChance, SteppingClock
from server.runtime.writer import House
from server.settings import Settings
from server.store.artifacts import Artifact


async def found(house: House) -> tuple[LogId, LogId, tuple[ParticipantId, ...]]:
    """Found an assembly with three people and open it."""
    made = founding(Plan("town", "Town", "What?"), "code", SeededChance(1))
    await house.submit_together(made.units)
    admitted = await house.submit(
        made.assembly,
        c.AdmitPeople(sources=("1", "2", "3"), channel=Channel.SIMULATED),
        None,
    )
    people = tuple(
        each.event.participant
        for each in admitted.recorded
        if isinstance(each.event, ParticipantJoined)
    )
    await house.submit(made.room, c.ChangePhase(phase=Phase.OPEN), None)
    return made.assembly, made.room, people


async def say(house: House, room: LogId, author: ParticipantId, text: str) -> StatementId:
    """Write a statement."""
    done = await house.submit(room, c.SubmitStatement(text=text), Actor(author, Role.PARTICIPANT))
    event = done.recorded[0].event
    assert isinstance(event, StatementSubmitted)
    return event.statement


async def test_the_whole_bundle_comes_from_the_store(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    async with open_house(settings, clock=SteppingClock(), chance=SeededChance(2)) as house:
        assembly, room, people = await found(house)
        statement = await say(house, room, people[0], "Say what it learned from.")
        for person in people:
            await house.submit(
                room,
                c.CastVote(statement_id=statement, choice=Choice.AGREE),
                Actor(person, Role.PARTICIPANT),
            )
        await house.submit(room, c.ChangePhase(phase=Phase.DRAFTING), None)
        published = compute(moment_of(await house.room(room)))
        body = encode(published)
        await house.keep(Artifact(room, ANALYSIS_KIND, "f" * 64, published.as_of_seq, body))
        await house.submit(
            room,
            c.PublishAnalysis(as_of_seq=published.as_of_seq, digest="f" * 64, groups=1),
            None,
        )
        exporter = Exporter(house.database, settings.data_dir, SteppingClock())
        report = await exporter.report("town")
        assert report.opinion.k == 1
        assert report.participation.voters == 3
        assert report.statements[0].agree is not None
        assert report.statements[0].agree.everybody
        files = await exporter.files("town")
        bundle.write(files, tmp_path / "out")
        held = verify(tmp_path / "out", files["public-key.raw"])
        heads = {head.log: head.seq for head in held.manifest.logs}
        assert heads[room] == (await house.room(room)).seq
        assert heads[assembly] == (await house.assembly(assembly)).seq
        assert (await exporter.export_zip("town", ["polis"]))[:2] == b"PK"
        with pytest.raises(NotFound):
            await exporter.report_html("nowhere")
    # Whoever has only the database's folder can export too, while nobody serves it.
    async with open_house(settings, write=False) as house:
        again = await Exporter(house.database, settings.data_dir).files("town", ["report"])
        assert msgspec.json.decode(again["report.json"])["participation"]["voters"] == 3
        assert again["public-key.raw"] == files["public-key.raw"]


async def test_a_page_is_made_anew_when_something_happened(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    clock = SteppingClock(step=1)
    async with open_house(settings, clock=clock, chance=SeededChance(3)) as house:
        _, room, people = await found(house)
        exporter = Exporter(house.database, settings.data_dir, clock)
        first = await exporter.report_html("town")
        assert await exporter.report_html("town") is first
        await say(house, room, people[0], "New words.")
        assert await exporter.report_html("town") is first
        await house.submit(room, c.ChangePhase(phase=Phase.DRAFTING), None)
        second = await exporter.report_html("town")
        assert "drafts are being written" in second
        await house.submit(room, c.ChangePhase(phase=Phase.CLOSED), None)
        assert await exporter.report_html("town") != second
        later = Exporter(house.database, settings.data_dir, SteppingClock(step=21_000))
        assert await later.report_html("town") is await later.report_html("town")
