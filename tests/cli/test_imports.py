"""``import polis``: the counts of five real conversations, and nothing half imported."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from server.cli.imports import command
from server.deliberation.assembly import AssemblyState
from server.deliberation.state import RoomState
from server.deliberation.vocabulary import Channel, Origin, Phase, Role, Status
from server.ids import LogId
from server.runtime.house import open_house
from server.settings import Settings

from ..shared import CONVERSATIONS, POLIS, needs_shared

COUNTS = {
    "london.youth.policing": (26, 36, 39, 638),
    "brexit-consensus": (204, 50, 50, 5_303),
    "vtaiwan.uberx": (1_921, 197, 197, 49_443),
    "austria-climate": (1_116, 522, 522, 61_384),
    "american-assembly.bowling-green": (2_031, 896, 896, 225_524),
}


def run(data: Path, *arguments: str) -> Result:
    """Run ``import`` on a data directory of its own."""
    return CliRunner().invoke(
        command, list(arguments), env={"FOLKMOOT_DATA_DIR": str(data), "FOLKMOOT_DATABASE_URL": ""}
    )


def states(data: Path, slug: str) -> tuple[AssemblyState, RoomState]:
    """Return an assembly and its plenary as another process finds them."""

    async def read() -> tuple[AssemblyState, RoomState]:
        async with open_house(Settings(data_dir=data), write=False) as house:
            assembly = await house.assembly_by_slug(slug)
            return assembly, await house.room(LogId(assembly.plenary.id))

    return asyncio.run(read())


def assemblies(data: Path) -> int:
    async def read() -> int:
        async with open_house(Settings(data_dir=data)) as house:
            return len(await house.assemblies())

    return asyncio.run(read())


@needs_shared
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_real_conversation_has_the_counts_of_its_readme(name: str, tmp_path: Path) -> None:
    written = tmp_path / "counts.json"
    data = tmp_path / "data"
    done = run(data, "polis", str(POLIS / name), "--assembly", "real", "--json", str(written))
    assert done.exit_code == 0, done.stderr
    participants, statements, comments, votes = COUNTS[name]
    counts = json.loads(written.read_bytes())
    assert counts == {
        "assembly": "real",
        "participants": participants,
        "statements": statements,
        "written": comments,
        "votes": votes,
    }
    for key in ("participants", "statements", "written", "votes"):
        assert f"{key}: {counts[key]}\n" in done.stdout
    assert "/join/" in done.stdout
    assembly, room = states(data, "real")
    assert room.phase is Phase.DRAFTING
    assert room.votes.voters == participants
    assert room.votes.votes == votes
    assert len(room.statements) == comments
    assert {each.origin for each in room.statements.values()} == {Origin.IMPORTED}
    imported = [each for each in assembly.members.values() if each.channel is Channel.IMPORTED]
    assert len(imported) >= participants
    assert all(
        each.consent.publish and each.consent.research and not each.consent.training
        for each in imported
    )
    assert {each.role for each in imported} == {Role.PARTICIPANT}
    assert len({each.source for each in imported}) == len(imported)


COMMENTS = (
    "timestamp,datetime,comment-id,author-id,agrees,disagrees,moderated,comment-body\n"
    '1700000000000,d,0,0,1,0,1,"One, with a comma\nand a second line"\n'
    "1700000000001,d,1,9,0,1,0,Not looked at\n"
    "1700000000002,d,2,1,0,0,-1,Taken out\n"
    "1700000000003,d,3,1,0,0,1,\n"
)
MATRIX = (
    "participant,group-id,n-comments,n-votes,n-agree,n-disagree,0,1,2,3\n"
    "0,,1,2,1,1,1,-1,,\n"
    "1,,2,2,1,0,0,,1,\n"
)
SUMMARY = (
    "topic,A small one\nurl,x\nvoters,2\nvoters-in-conv,2\ncommenters,3\ncomments,4\ngroups,1\n"
)


def small(folder: Path, **files: str) -> Path:
    """Write an export with four statements, two voters and an author who never voted."""
    folder.mkdir()
    contents = {"comments": COMMENTS, "participants-votes": MATRIX, "summary": SUMMARY} | {
        name.replace("_", "-"): text for name, text in files.items()
    }
    for name, text in contents.items():
        (folder / f"{name}.csv").write_text(text, "utf-8")
    return folder


def test_moderation_comes_with_it(tmp_path: Path) -> None:
    folder = small(tmp_path / "small")
    assert run(tmp_path / "data", "polis", str(folder), "--assembly", "loose").exit_code == 0
    done = run(tmp_path / "data", "polis", str(folder), "--assembly", "strict", "--strict")
    assert done.exit_code == 0
    assert "authors who never voted: 1" in done.stdout
    for slug, unseen in (("loose", Status.ACCEPTED), ("strict", Status.PENDING)):
        assembly, room = states(tmp_path / "data", slug)
        standing = {each.source: each.status for each in room.statements.values()}
        assert standing == {
            "0": Status.ACCEPTED,
            "1": unseen,
            "2": Status.REJECTED,
            "3": Status.ACCEPTED,
        }
        assert assembly.title == "A small one"
        author = {each.source: each.id for each in assembly.members.values()}["9"]
        assert room.statements[room.sources["1"]].author == author
        assert author not in room.people


@pytest.mark.parametrize(
    ("files", "named"),
    [
        (
            {"participants_votes": MATRIX.replace("0,,1,2,1,1,1,-1,,", "0,,1,2,1,1,7,-1,,")},
            "line 2",
        ),
        ({"participants_votes": MATRIX + "2,,0,1"}, "line 4"),
        ({"comments": COMMENTS.replace("comment-id", "id")}, "comments.csv"),
        ({"comments": COMMENTS.replace("000002,d,2", "000002,d,1")}, "comments.csv"),
        ({"comments": ""}, "comments.csv"),
    ],
)
def test_what_cannot_be_read_is_named_and_nothing_is_imported(
    files: dict[str, str], named: str, tmp_path: Path
) -> None:
    folder = small(tmp_path / "broken", **files)
    done = run(tmp_path / "data", "polis", str(folder), "--assembly", "broken")
    assert done.exit_code == 1
    assert named in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert assemblies(tmp_path / "data") == 0


@pytest.mark.parametrize(
    "arguments",
    [("--assembly", "No Slug"), ("--assembly", "fine", "--language", "not a language")],
)
def test_a_refused_wish_imports_nothing(arguments: tuple[str, ...], tmp_path: Path) -> None:
    folder = small(tmp_path / "small")
    done = run(tmp_path / "data", "polis", str(folder), *arguments)
    assert done.exit_code == 1
    assert assemblies(tmp_path / "data") == 0


def test_counts_that_have_no_place_are_refused_before_the_import(tmp_path: Path) -> None:
    export, nowhere = small(tmp_path / "export"), tmp_path / "no" / "counts.json"
    wanted = ("--assembly", "s", "--json", str(nowhere))
    done = run(tmp_path / "data", "polis", str(export), *wanted)
    assert done.exit_code == 1
    assert "nothing was imported" in done.stderr
    assert run(tmp_path / "data", "polis", str(export), *wanted[:2]).exit_code == 0


def test_a_slug_is_taken_once(tmp_path: Path) -> None:
    folder = small(tmp_path / "small")
    assert run(tmp_path / "data", "polis", str(folder), "--assembly", "one").exit_code == 0
    again = run(tmp_path / "data", "polis", str(folder), "--assembly", "one")
    assert again.exit_code == 1
    assert "already" in again.stderr
    assert assemblies(tmp_path / "data") == 1


def test_wrong_use_is_exit_code_2(tmp_path: Path) -> None:
    assert run(tmp_path / "data", "polis", str(tmp_path)).exit_code == 2
