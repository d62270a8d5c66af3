"""``move`` as an operator uses it, from a bundle before to a bundle after."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from server.__main__ import cli
from server.demo.founding import ensure_demo
from server.runtime.house import open_house
from server.runtime.installation import secret_key
from server.runtime.ports import SeededChance
from server.settings import Settings
from server.store.database import Database
from server.store.installation import SECRET_KEY, agree, digest

from ..databases import postgres
from ..serving import QUIET, client_of
from ..shared import POLIS, needs_shared
from .test_serve import started


class Line:
    """A command line on one data directory, whose database is said each time."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(self, url: str, *arguments: str, code: int = 0) -> str:
        done = self.run(url, *arguments)
        assert done.exit_code == code, (done.stdout, done.stderr)
        if code == 1:
            assert done.stderr.count("\n") == 1
        return done.stdout if code == 0 else done.stderr

    def run(self, url: str, *arguments: str) -> Result:
        return CliRunner().invoke(
            cli,
            list(arguments),
            env={
                "FOLKMOOT_DATA_DIR": str(self.home / "data"),
                "FOLKMOOT_DATABASE_URL": url,
                "FOLKMOOT_EMBEDDER": "lexical",
            },
        )


@pytest.fixture
def line(tmp_path: Path) -> Line:
    """A command line in a folder of its own."""
    return Line(tmp_path)


def demo(line: Line) -> str:
    """Found the demo in a file, and return its address."""
    url = f"sqlite:///{line.home / 'data' / 'folkmoot.db'}"

    async def make() -> None:
        async with open_house(Settings(data_dir=line.home / "data", database_url=url)) as house:
            await ensure_demo(house, SeededChance(3), people=60)

    asyncio.run(make())
    return url


def logs(bundle: Path) -> dict[str, bytes]:
    """Return the files of a bundle's logs, and what its manifest says of where they end."""
    files = {each.name: each.read_bytes() for each in sorted((bundle / "log").iterdir())}
    manifest = json.loads((bundle / "manifest.json").read_bytes())
    return files | {"heads": json.dumps(manifest["logs"]).encode()}


def exported(line: Line, url: str, slug: str, name: str) -> dict[str, bytes]:
    """Export an assembly, verify the bundle, and return its logs."""
    out = line.home / name
    line(url, "export", slug, "--out", str(out), "--format", "report", "--format", "polis")
    assert "hold" in line(url, "verify", str(out), "--key", str(out / "public-key.raw"))
    return logs(out)


def test_bundles_before_and_after_are_of_the_same_logs(line: Line) -> None:
    source = demo(line)
    before = exported(line, source, "demo", "before")
    assert len(before) == 3
    with postgres() as url:
        told = line(source, "move", "--to", url)
        assert told.startswith("demo has moved to ")
        assert "2 logs" in told
        assert exported(line, url, "demo", "there") == before
        assert line(url, "replay", "demo").count("nothing differs") == 2
        assert "to another server" in line(source, "phase", "demo", "drafting", code=1)
        assert "already" in line(source, "move", "demo", "--to", url)
        line(url, "phase", "demo", "drafting")
        there = exported(line, url, "demo", "later")
        assert "taken now" in line(url, "move", "demo", "--to", source)
        assert exported(line, source, "demo", "back") == there
    assert (line.home / "there" / "public-key.raw").read_bytes() == (
        line.home / "back" / "public-key.raw"
    ).read_bytes()


@needs_shared
def test_a_real_conversation_moves(line: Line) -> None:
    source, target = (f"sqlite:///{line.home / name}.db" for name in ("one", "two"))
    folder = str(POLIS / "london.youth.policing")
    line(source, "import", "polis", folder, "--assembly", "london")
    before = exported(line, source, "london", "before")
    line(source, "move", "london", "--to", target)
    assert exported(line, target, "london", "after") == before
    line(target, "replay", "london")


def test_a_rehearsal_goes_on_beside_a_running_server(tmp_path: Path) -> None:
    line = Line(tmp_path)
    target = f"sqlite:///{tmp_path / 'copy.db'}"
    with started(tmp_path / "data", "--demo") as (process, _, _):
        assert process.stdout is not None
        while "demo" not in process.stdout.readline():
            assert process.poll() is None
        told = line("", "move", "--copy", "--to", target)
        assert "demo was copied to" in told
        assert "only one of the two may go on" in told
        line(target, "replay", "demo")
        told = line("", "move", "--to", target, code=1)
        assert told.startswith("Error: Another server holds ")


def test_another_secret_key_there_is_told(line: Line) -> None:
    source = demo(line)
    secret_key(Settings(data_dir=line.home / "data"))
    with postgres() as url:
        database = Database.open(url)
        asyncio.run(database.writing(agree, {SECRET_KEY: digest(b"of the servers there" * 2)}))
        database.close()
        told = line(source, "move", "--copy", "--to", url)
        assert "have another secret key than those here" in told


def test_a_server_where_it_was_says_where_it_is(tmp_path: Path) -> None:
    line = Line(tmp_path)

    async def ask(url: str) -> httpx.Response:
        settings = Settings(data_dir=tmp_path / "data", database_url=url, embedder="lexical")
        async with client_of(settings, QUIET) as (client, _):
            return await client.post("/api/join", json={"invite": "demo"})

    source, target = demo(line), f"sqlite:///{tmp_path / 'target.db'}"
    line(source, "move", "--to", target, "--now-at", "https://new.example/")
    refused = asyncio.run(ask(source))
    assert refused.status_code == 410
    assert refused.json()["type"] == "/problems/moved"
    assert "has moved to https://new.example;" in refused.json()["detail"]
    assert asyncio.run(ask(target)).status_code == 201


def test_what_is_wrong_is_said_in_one_sentence(line: Line) -> None:
    source = demo(line)
    fresh = f"sqlite:///{line.home / 'fresh.db'}"
    with postgres(migrated=False) as url:
        assert "migrate" in line(source, "move", "--to", url, code=1)
    nobody = "postgresql://folkmoot:hidden@127.0.0.1:1/folkmoot"
    told = line(source, "move", "--to", nobody, code=1)
    assert "127.0.0.1:1/folkmoot" in told
    assert "hidden" not in told
    assert "mysql" not in line(source, "move", "--to", "mysql://x/y", code=1)
    same = f"sqlite:///{line.home}/data/../data/folkmoot.db"
    assert "is to be moved" in line(source, "move", "--to", same, code=1)
    missing = f"sqlite:///{line.home / 'none.db'}"
    assert "no database" in line(missing, "move", "--to", fresh, code=1)
    assert not os.path.lexists(line.home / "none.db")
    assert "'nowhere'" in line(source, "move", "nowhere", "--to", fresh, code=1)
    assert "is open at" in line(source, "move", "demo", "--reopen", "--to", fresh, code=1)
    assert "--reopen" in line(source, "move", "--reopen", "--to", fresh, code=2)
    assert "--to" in line(source, "move", code=2)
    line(source, "move", "--to", fresh)
    third = f"sqlite:///{line.home / 'third.db'}"
    assert "lives there" in line(source, "move", "demo", "--to", third, code=1)
    assert "is left alone" in line(source, "move", "--to", third)


def test_help_has_an_example() -> None:
    told = CliRunner().invoke(cli, ["move", "--help"])
    assert "Example: python -m server move" in told.output
