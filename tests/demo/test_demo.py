"""The demo: made once and quickly, in six languages, with people who are plainly simulated."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import numpy as np

from server.deliberation import commands as c
from server.deliberation.opinion import Effort, analyze
from server.deliberation.text import STATEMENT_LENGTH, TESTIMONY_LENGTH, clean
from server.deliberation.vocabulary import Channel, Kind, Origin, Phase, Role
from server.demo.founding import INVITE, SLUG, ensure_demo
from server.demo.population import PEOPLE, population
from server.demo.statements import ORGANISER_STATEMENTS, STATEMENTS, TESTIMONIES
from server.ids import LogId
from server.runtime.house import open_house
from server.runtime.invites import digest_of
from server.runtime.ports import SeededChance, SystemChance
from server.settings import Settings


def test_what_is_said_keeps_the_rules_for_everybody() -> None:
    assert len(STATEMENTS) >= 40
    languages = Counter(each.language for each in STATEMENTS)
    assert len(languages) == 6
    assert min(languages.values()) >= 5
    texts = [each.text for each in STATEMENTS]
    assert len(set(texts)) == len(texts)
    for text in texts:
        assert clean(text, limit=STATEMENT_LENGTH, field="text") == text
    for each in TESTIMONIES:
        assert clean(each.text, limit=TESTIMONY_LENGTH, field="text", lines=True) == each.text


def test_the_three_outlooks_are_told_from_chance() -> None:
    people = population()
    nothing = np.zeros(len(STATEMENTS), dtype=np.bool_)
    groups = analyze(people.votes, moderated_out=nothing, seed=0, effort=Effort(99)).groups
    assert groups.k == 3
    assert groups.silhouette is not None
    assert groups.chance_p95 is not None
    assert groups.silhouette > 1.2 * groups.chance_p95
    agree = Counter(zip(people.outlooks.tolist(), groups.labels.tolist(), strict=True))
    assert sum(count for _, count in agree.most_common(3)) > 0.9 * PEOPLE


async def test_it_is_made_once_and_open_to_join(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    async with open_house(settings) as house:
        began = time.perf_counter()
        first = await ensure_demo(house, SystemChance())
        assert time.perf_counter() - began < 3
        assert (first.slug, first.invite) == (SLUG, INVITE) == ("demo", "demo")
    async with open_house(settings) as house:
        second = await ensure_demo(house, SystemChance())
        assert second.assembly == first.assembly
        assert second.facilitator != first.facilitator
        assert len(await house.assemblies()) == 1
        assembly = await house.assembly(first.assembly)
        assert "simulated" in assembly.title
        assert "simulated" in assembly.question
        room = await house.room(LogId(assembly.plenary.id))
        assert room.phase is Phase.OPEN
        assert room.votes.voters == PEOPLE
        assert Counter(each.channel for each in assembly.members.values()) == {
            Channel.SIMULATED: PEOPLE
        }
        kinds = Counter((each.kind, each.origin) for each in room.statements.values())
        assert kinds == {
            (Kind.STATEMENT, Origin.ORGANISER): ORGANISER_STATEMENTS,
            (Kind.STATEMENT, Origin.PARTICIPANT): len(STATEMENTS) - ORGANISER_STATEMENTS,
            (Kind.TESTIMONY, Origin.PARTICIPANT): len(TESTIMONIES),
        }
        for code in (first.facilitator, second.facilitator):
            invite = assembly.invites[digest_of(code)]
            assert (invite.role, invite.reusable) == (Role.FACILITATOR, False)
        for name in ("Ann", "Ben"):
            await house.submit(first.assembly, c.Join(digest=digest_of(INVITE), name=name), None)
        joined = [m for m in (await house.assembly(first.assembly)).members.values() if m.name]
        assert [each.role for each in joined] == [Role.PARTICIPANT] * 2
        assert {each.channel for each in joined} == {Channel.INVITE}


async def test_the_same_chance_makes_the_same_demo(tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        async with open_house(Settings(data_dir=tmp_path / name)) as house:
            access = await ensure_demo(house, SeededChance(8), people=30)
            assembly = await house.assembly(access.assembly)
            room = await house.room(LogId(assembly.plenary.id))
            made.append((list(assembly.members), room.votes.view().tolist()))
    assert made[0] == made[1]
