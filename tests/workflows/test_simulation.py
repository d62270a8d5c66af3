"""Simulated participants take the demo and a real conversation through every phase."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Set
from pathlib import Path

import pytest
from click.testing import CliRunner

from server.cli.simulate import command
from server.deliberation import commands as c
from server.deliberation.state import RoomState
from server.deliberation.vocabulary import Assent, Channel, Phase
from server.errors import WrongPhase
from server.ids import LogId
from server.intake.polis import read_export
from server.runtime.founding import Plan, founding
from server.runtime.house import House, open_house
from server.runtime.importing import Wishes, import_polis
from server.runtime.ports import SeededChance
from server.settings import Settings
from server.synthesis.adapters.lexical import LexicalEmbedder
from server.workflows.bench import Bench, make_bench
from server.workflows.simulation import simulate

from ..shared import POLIS, needs_shared
from .homes import CountingCruncher, demo_house, make_drafts, to_phase


def bench_of(house: House) -> Bench:
    return make_bench(house, LexicalEmbedder(), CountingCruncher())


async def through_all_phases(house: House, room: LogId, people: int) -> RoomState:
    """Vote, draft, rank and ratify; return the closed room."""
    voted = await simulate(house, room, people=people, seed=3)
    assert voted.phase is Phase.OPEN
    assert voted.votes > 5 * people
    assert voted.statements > 0
    await to_phase(house, room, Phase.DRAFTING)
    state = await make_drafts(house, room, bench_of(house))
    assert state.round is not None, state.failures
    await to_phase(house, room, Phase.RANKING)
    ranked = await simulate(house, room, people=people, seed=3)
    assert ranked.ballots == people
    assert ranked.joined == 0
    await to_phase(house, room, Phase.RATIFYING)
    ratified = await simulate(house, room, people=people, seed=3)
    assert ratified.ratifications == people * len((await house.room(room)).clauses)
    await to_phase(house, room, Phase.CLOSED)
    return await house.room(room)


async def test_the_demo_from_votes_to_ratified_clauses(tmp_path: Path) -> None:
    async with demo_house(tmp_path) as (house, room):
        state = await through_all_phases(house, room, 90)
        assert state.counted is not None
        assert state.counted.result is not None
        assert state.outcomes
        assert any(each.adopted for each in state.outcomes)
        ballots = [ballot for _, ballot in state.counted.ballots.values()]
        drafts = {draft.id for draft in state.counted.drafts}
        assert any(ballot.none_of_these for ballot in ballots)
        assert any(set(ballot.seen) < drafts for ballot in ballots)
        assert any(len(level) > 1 for ballot in ballots for level in ballot.order)
        assert any(ballot.criticism for ballot in ballots)
        kinds = {choice for given in state.assents.values() for choice in given.values()}
        assert kinds == set(Assent)
        assert all(each.groups for each in state.outcomes)
        invented = [each for each in state.statements.values() if "(simulated)" in each.text]
        assert invented


def shares(room: RoomState, chosen: Set[str]) -> dict[int, tuple[float, float]]:
    """Return of each group its share of those who are grouped, and of those chosen."""
    assert room.round is not None
    everybody = Counter(room.round.groups.values())
    of_chosen = Counter(room.round.groups[each] for each in chosen if each in room.round.groups)
    return {
        group: (size / everybody.total(), of_chosen[group] / of_chosen.total())
        for group, size in everybody.items()
    }


async def test_some_of_the_demos_people_are_of_all_its_groups(tmp_path: Path) -> None:
    async with demo_house(tmp_path) as (house, room):
        await to_phase(house, room, Phase.DRAFTING)
        await make_drafts(house, room, bench_of(house))
        await to_phase(house, room, Phase.RANKING)
        assert (await simulate(house, room, people=60, seed=3)).ballots == 60
        state = await house.room(room)
        assert state.round is not None
        assert state.round.group_count > 1
        assert len(state.round.ballots) == 60
        for whole, part in shares(state, state.round.ballots.keys()).values():
            assert part == pytest.approx(whole, abs=1 / 60)


async def test_who_is_made_in_addition_imitates_people_of_all_groups(tmp_path: Path) -> None:
    async with demo_house(tmp_path) as (house, room):
        await to_phase(house, room, Phase.DRAFTING)
        state = await make_drafts(house, room, bench_of(house))
        assert state.round is not None
        before = set(state.round.groups)
        await to_phase(house, room, Phase.RANKING)
        done = await simulate(house, room, people=len(state.rows) + 60, seed=3)
        assert done.joined == 60
        state = await house.room(room)
        assert state.round is not None
        for whole, part in shares(state, set(state.round.groups) - before).values():
            assert part == pytest.approx(whole, abs=0.05)


@needs_shared
async def test_imported_votes_are_imitated(tmp_path: Path) -> None:
    async with open_house(Settings(data_dir=tmp_path)) as house:
        export = read_export(POLIS / "brexit-consensus")
        chance = SeededChance(4)
        imported = await import_polis(house, export, Wishes("brexit"), "code", chance)
        room = LogId(imported.room)
        # Without voting first: those who rank have no votes, and stand with whom they imitate.
        state = await make_drafts(house, room, bench_of(house))
        assert state.round is not None
        await to_phase(house, room, Phase.RANKING)
        done = await simulate(house, room, people=40, seed=9)
        assert done.joined == 40
        state = await house.room(room)
        assembly = await house.assembly(LogId(imported.assembly))
        simulated = {
            each.id for each in assembly.members.values() if each.channel is Channel.SIMULATED
        }
        assert state.round is not None
        assert set(state.round.ballots) == simulated
        placed = simulated & set(state.round.groups)
        assert placed
        assert {state.round.groups[each] for each in placed} <= set(range(state.round.group_count))
        await to_phase(house, room, Phase.DRAFTING)
        await to_phase(house, room, Phase.OPEN)
        voted = await simulate(house, room, people=40, seed=9)
        assert voted.joined == 0
        assert voted.votes > 200


async def test_the_same_seed_gives_the_same_ballots(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        async with demo_house(tmp_path / name) as (house, room):
            await simulate(house, room, people=30, seed=5)
            state = await house.room(room)
            found.append((state.votes.view().tolist(), len(state.statements)))
    assert found[0] == found[1]


@pytest.mark.parametrize("phase", [Phase.DRAFTING, Phase.CLOSED])
async def test_in_some_phases_there_is_nothing_to_do(phase: Phase, tmp_path: Path) -> None:
    async with demo_house(tmp_path) as (house, room):
        await to_phase(house, room, phase)
        with pytest.raises(WrongPhase, match=phase.value):
            await simulate(house, room, people=5, seed=0)


async def test_a_room_without_votes_gets_made_up_outlooks(tmp_path: Path) -> None:
    async with open_house(Settings(data_dir=tmp_path)) as house:
        plan = Plan(slug="new", title="New", question="What now?", phase=Phase.OPEN)
        begun = founding(plan, "code", SeededChance(2))
        statements = tuple(
            c.ImportedStatement(
                source=str(n), text=f"Thing {n} matters.", author=None, language="en", moderated=1
            )
            for n in range(12)
        )
        await house.submit_together(
            (*begun.units, (begun.room, c.ImportStatements(statements=statements)))
        )
        done = await simulate(house, begun.room, people=20, seed=0)
        assert (done.joined, done.people) == (20, 20)
        assert done.votes >= 20 * 8
        assert (await house.room(begun.room)).votes.voters == 20


def test_the_command_says_simulated_in_every_line(tmp_path: Path) -> None:
    async def make() -> None:
        async with demo_house(tmp_path):
            pass

    asyncio.run(make())
    given = {"FOLKMOOT_DATA_DIR": str(tmp_path), "FOLKMOOT_DATABASE_URL": ""}
    done = CliRunner().invoke(command, ["demo", "--people", "20", "--seed", "2"], env=given)
    assert done.exit_code == 0, done.stderr
    assert all("simulated" in line for line in done.stdout.splitlines())
    assert "simulated votes:" in done.stdout
    missing = CliRunner().invoke(command, ["nowhere"], env=given)
    assert missing.exit_code == 1
    assert "no such assembly" in missing.stderr
