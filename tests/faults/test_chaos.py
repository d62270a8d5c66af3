"""Whatever breaks of two servers, two workers, PostgreSQL and Redis, nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from evals.faults.chaos import Plan, Report, run_many
from evals.faults.cluster import ALONE, CLUSTER
from evals.faults.rolling import roll
from evals.faults.schedule import Fault, Kind, Shape, draw
from evals.faults.services import folder_of_ones_own, missing
from evals.faults.telling import told, told_of

pytestmark = pytest.mark.faults

needs_services = pytest.mark.skipif(bool(missing()), reason=missing() or "all is there")

SEEDS = (20261122, 20261123)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder through which PostgreSQL's user may pass."""
    with folder_of_ones_own() as own:
        yield own


async def _reports(plans: list[Plan], folder: Path) -> list[Report]:
    return [report async for report in run_many(plans, folder)]


@needs_services
@pytest.mark.slow
@pytest.mark.timeout(280)
async def test_a_seeded_chaos_loses_and_doubles_nothing(folder: Path) -> None:
    plans = [Plan(seed=seed, seconds=12.0, people=30, studies=2) for seed in SEEDS]
    for report in await _reports(plans, folder):
        assert report.holds, told(report)
        assert report.acknowledged > 50, told(report)
        assert report.pictures == 32, told(report)
        assert report.faults, "nothing went wrong: the test shows nothing"


@needs_services
@pytest.mark.slow
@pytest.mark.timeout(200)
async def test_both_servers_restart_under_load_and_everybody_is_back_in_time(folder: Path) -> None:
    rolled = await roll(folder, people=30, load=2.0)
    assert rolled.holds, told_of(rolled)
    assert [turn.code for turn in rolled.turns] == [0, 0]
    assert len(rolled.delays) >= 30, "no socket was closed: the test shows nothing"
    assert rolled.acknowledged > 50


@pytest.mark.slow
@pytest.mark.timeout(150)
async def test_one_server_on_sqlite_goes_through_the_same(tmp_path: Path) -> None:
    schedule = (
        Fault(at=1.0, kind=Kind.CUT, target="server-1/clients"),
        Fault(at=2.0, kind=Kind.KILL, target="server-1", lasts=0.3),
        Fault(at=2.5, kind=Kind.HALF_OPEN, target="server-1/clients", lasts=2.0),
    )
    plan = Plan(seed=1, seconds=6.0, people=20, studies=1, shape=ALONE, only=schedule)
    (report,) = await _reports([plan], tmp_path)
    assert report.holds, told(report)
    assert len(report.faults) == 3
    assert report.counts["commands sent again under their key"] > 0


def test_a_seed_gives_the_same_schedule_each_time_and_every_kind_comes() -> None:
    assert draw(5, 60.0, CLUSTER) == draw(5, 60.0, CLUSTER)
    assert draw(5, 60.0, CLUSTER) != draw(6, 60.0, CLUSTER)
    several = [fault for seed in range(10) for fault in draw(seed, 60.0, CLUSTER)]
    assert {fault.kind for fault in several} == set(Kind)
    assert {fault.target.partition("/")[0] for fault in several} == {
        *CLUSTER.nodes,
        "postgres",
        "redis",
    }
    assert all(fault.at + fault.lasts <= 61.0 for fault in several)


def test_without_services_nothing_is_done_to_them() -> None:
    shape = Shape(servers=("server-1",), postgres=False, redis=False)
    targets = {fault.target for fault in draw(1, 60.0, shape)}
    assert targets <= {"server-1", "server-1/clients"}
