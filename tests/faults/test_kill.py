"""Killed at any moment under load, the server loses nothing that it acknowledged."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.faults.killing import survive

KILLS = 20
PEOPLE = 200


@pytest.mark.faults
@pytest.mark.slow
@pytest.mark.timeout(280)
async def test_killed_twenty_times_under_two_hundred_people_nothing_is_lost(tmp_path: Path) -> None:
    survived = await survive(tmp_path, kills=KILLS, people=PEOPLE, seed=20261121, load=1.2)
    assert len(survived.starts) == KILLS + 1
    assert survived.acknowledged > 10 * PEOPLE
    assert survived.unanswered > 0, "no kill hit a command in flight: the test shows nothing"
    assert survived.resumed > KILLS * PEOPLE / 2
    assert survived.frames > survived.acknowledged
