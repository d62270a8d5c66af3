"""The five real conversations: the counts of their README, the golden answers, and their groups."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from server.cli.analyze import VotesWithIds, build
from server.deliberation.opinion import Effort, Verdict, analysis_json, analyze
from server.deliberation.opinion.chance import SHUFFLES
from server.errors import NotFound
from server.intake.polis import PolisExport, read_export

from ..shared import CONVERSATIONS, GOLDEN, POLIS, needs_shared

pytestmark = needs_shared

README = {
    "london.youth.policing": (26, 36, 39, 638),
    "brexit-consensus": (204, 50, 50, 5_303),
    "vtaiwan.uberx": (1_921, 197, 197, 49_443),
    "austria-climate": (1_116, 522, 522, 61_384),
    "american-assembly.bowling-green": (2_031, 896, 896, 225_524),
}
_read: dict[str, PolisExport] = {}


def export(name: str) -> PolisExport:
    if name not in _read:
        _read[name] = read_export(POLIS / name)
    return _read[name]


def no_assembly(slug: str) -> VotesWithIds:
    raise NotFound(f"there is no assembly {slug}")


def assert_same(found: object, golden: object, where: str = "") -> None:
    """Compare all that the golden answer holds: counts exactly, numbers as CONTRACT says."""
    if isinstance(golden, dict):
        assert isinstance(found, dict), where
        for key, value in golden.items():
            assert key in found, f"{where}/{key}"
            assert_same(found[key], value, f"{where}/{key}")
    elif isinstance(golden, list):
        assert isinstance(found, list), where
        assert len(found) == len(golden), where
        for i, value in enumerate(golden):
            assert_same(found[i], value, f"{where}/{i}")
    elif isinstance(golden, float):
        assert found == pytest.approx(golden, rel=1e-9, abs=1e-12), where
    else:
        assert found == golden, where
        assert type(found) is type(golden), where


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_an_export_has_the_counts_of_its_readme(name: str) -> None:
    found = export(name)
    counts = (found.voters, len(found.columns), found.written, found.vote_count)
    assert counts == README[name]
    assert len(found.participants) == found.voters


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_the_export_s_groups_give_the_golden_answer(name: str, tmp_path: Path) -> None:
    file = tmp_path / "analysis.json"
    arguments = ["--polis", str(POLIS / name), "--groups-from-export", "--json", str(file)]
    done = CliRunner().invoke(build(no_assembly), arguments)
    assert done.exit_code == 0, done.output
    found = json.loads(file.read_bytes())
    golden = json.loads((GOLDEN / f"{name}.json").read_bytes())
    sizes = golden.pop("group_sizes")
    assert found["format"] == "folkmoot.analysis/1"
    assert found["groups"]["sizes"] == sizes
    assert found["groups"]["k"] == len(sizes)
    assert len(found["groups"]["labels"]) == sum(sizes.values())
    assert len(golden) == 6
    assert_same(found, golden)
    assert all(each["shown"] is None for each in found["statements_detail"])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vtaiwan.uberx", "austria-climate"])
def test_conversations_with_groups_keep_them(name: str) -> None:
    found = export(name)
    groups = analyze(found.matrix, moderated_out=found.moderated_out, seed=0).groups
    assert SHUFFLES == 200
    assert groups.verdict is Verdict.PUBLISHED
    assert groups.k >= 2
    assert groups.silhouette > groups.chance_p95


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_any_order_of_rows_and_a_repeated_run_give_the_same(name: str) -> None:
    found = export(name)
    order = np.random.default_rng(7).permutation(found.voters)
    light = Effort(shuffles=19, redraws=2) if found.matrix.size < 500_000 else None
    documents = [
        analysis_json(
            analyze(
                found.matrix[rows],
                moderated_out=found.moderated_out,
                seed=3,
                effort=light,
                live=light is None,
            ),
            [found.participants[i] for i in rows],
            found.columns,
        )
        for rows in (np.arange(found.voters), np.arange(found.voters), order)
    ]
    assert documents[0] == documents[1]
    assert documents[0] == documents[2]


def test_26_people_make_no_map() -> None:
    found = export("london.youth.policing")
    groups = analyze(found.matrix, moderated_out=found.moderated_out, seed=0).groups
    assert (groups.k, groups.verdict) == (1, Verdict.TOO_FEW_PEOPLE)


def test_the_command_says_what_it_found_and_writes_the_same_twice(tmp_path: Path) -> None:
    command, files = build(no_assembly), [tmp_path / "a.json", tmp_path / "b.json"]
    folder = str(POLIS / "brexit-consensus")
    for file in files:
        done = CliRunner().invoke(command, ["--polis", folder, "--seed", "5", "--json", str(file)])
        assert done.exit_code == 0, done.output
    assert files[0].read_bytes() == files[1].read_bytes()
    assert "204 people voted on 50 statements: 5303 votes." in done.stdout
    assert "Opinion groups: 3" in done.stdout
    assert "95 % of shuffled votes stay below" in done.stdout
    assert done.stderr == ""
    groups = json.loads(files[0].read_bytes())["groups"]
    assert groups["verdict"] == "published"
    assert groups["silhouette"] > groups["chance_p95"]
    assert groups["stability"] >= 0.6


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 2, "one of them"),
        (["--polis", "x", "--assembly", "y"], 2, "one of them"),
        (["--assembly", "y", "--groups-from-export"], 2, "goes with --polis"),
        (["--assembly", "y"], 1, "there is no assembly y"),
        (["--polis", "nowhere"], 1, "nowhere: there is no such folder"),
        (["--polis", "x", "--seed", "-1"], 2, "seed"),
    ],
)
def test_wrong_use_is_2_and_what_cannot_be_read_is_1(
    arguments: list[str], code: int, says: str
) -> None:
    done = CliRunner().invoke(build(no_assembly), arguments)
    assert done.exit_code == code
    assert says in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.output
