"""One documented sequence of commands, from a real conversation to ratified clauses."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from server.__main__ import cli
from server.deliberation.state import RoomState
from server.deliberation.vocabulary import Phase
from server.ids import LogId
from server.runtime.house import open_house
from server.settings import Settings

from ..shared import POLIS, needs_shared


class Line:
    """A command line on a data directory of its own, with the embedder that needs no model."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def __call__(self, *arguments: str, code: int = 0) -> Result:
        done = CliRunner().invoke(
            cli,
            list(arguments),
            env={
                "FOLKMOOT_DATA_DIR": str(self.data),
                "FOLKMOOT_DATABASE_URL": "",
                "FOLKMOOT_EMBEDDER": "lexical",
            },
        )
        assert done.exit_code == code, (done.stdout, done.stderr)
        return done

    def room(self, slug: str) -> RoomState:
        async def read() -> RoomState:
            async with open_house(Settings(data_dir=self.data), write=False) as house:
                assembly = await house.assembly_by_slug(slug)
                return await house.room(LogId(assembly.plenary.id))

        return asyncio.run(read())


@needs_shared
def test_from_an_import_to_a_signed_bundle(tmp_path: Path) -> None:
    line = Line(tmp_path / "data")
    line("import", "polis", str(POLIS / "brexit-consensus"), "--assembly", "brexit")
    line("themes", "--assembly", "brexit", "--json", str(tmp_path / "themes.json"))
    room = line.room("brexit")
    assert room.themes is not None
    themes = json.loads((tmp_path / "themes.json").read_bytes())
    assert set(themes["labels"]) <= set(room.columns)

    line("draft", "--assembly", "brexit", "--count", "2", "--json", str(tmp_path / "drafts.json"))
    room = line.room("brexit")
    assert room.round is not None
    assert room.analysis is not None
    assert not room.requests
    drafts = json.loads((tmp_path / "drafts.json").read_bytes())["drafts"]
    assert len(room.round.drafts) == len(drafts) == 2
    assert [c.text for c in room.round.drafts[0].clauses] == [
        c["text"] for c in drafts[0]["clauses"]
    ]

    line("phase", "brexit", "ranking")
    line("simulate", "brexit", "--people", "30")
    line("phase", "brexit", "ratifying")
    line("simulate", "brexit", "--people", "30")
    line("phase", "brexit", "closed")
    room = line.room("brexit")
    assert room.phase is Phase.CLOSED
    assert room.outcomes

    said = line("analyze", "--assembly", "brexit").stdout
    assert "204 people voted on 50 statements: 5303 votes." in said
    line("replay", "brexit")
    line("export", "brexit", "--out", str(tmp_path / "bundle"))
    assert "hold" in line("verify", str(tmp_path / "bundle")).stdout


@pytest.mark.parametrize("command", ["themes", "draft", "analyze"])
def test_an_unknown_assembly_is_one_sentence(command: str, tmp_path: Path) -> None:
    line = Line(tmp_path)
    line("assembly", "create", "somewhere", "--title", "T", "--question", "Q?")
    failed = line(command, "--assembly", "nowhere", code=1)
    assert failed.stderr.count("\n") == 1
    assert "no such assembly" in failed.stderr


def test_drafts_belong_to_a_phase(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line("assembly", "create", "new", "--title", "New", "--question", "What now?")
    failed = line("draft", "--assembly", "new", code=1)
    assert "'drafting'" in failed.stderr
    line("phase", "new", "open")
    line("phase", "new", "drafting")
    assert "voted" in line("draft", "--assembly", "new", code=1).stderr
    assert not line.room("new").requests
