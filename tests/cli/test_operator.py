"""What an operator does on the command line, in processes of their own, with their exit codes."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from server.__main__ import cli
from server.reports import bundle
from tests.reports.conftest import KEY
from tests.reports.held import whole

ROOT = Path(__file__).parent.parent.parent


class Operator:
    """Runs commands on a data directory of their own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.database = home / "data" / "folkmoot.db"

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        environment = kept | {
            "FOLKMOOT_DATA_DIR": str(self.home / "data"),
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(ROOT),
            "PYTHONUTF8": "1",
        }
        return subprocess.run(
            [sys.executable, "-m", "server", *map(str, words)],
            cwd=self.home,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def does(self, *words: str | Path) -> str:
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout

    def fails(self, code: int, *words: str | Path) -> str:
        done = self.run(*words)
        assert done.returncode == code, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        if code == 1:
            assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        return done.stderr


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """An operator with an assembly that was founded, and one that was imported from our export."""
    operator = Operator(tmp_path_factory.mktemp("operator"))
    told = operator.does(
        "assembly", "create", "water", "--title", "Our water", "--question", "Who decides?",
        "--recipient", "The council", "--quorum", "3",
    )  # fmt: skip
    assert re.fullmatch(r"facilitator: http://127\.0\.0\.1:8000/join/[0-9a-z]{20}\n", told)
    files = bundle.build(whole(people=30, statements=6).material(), KEY, ["polis"])
    bundle.write(files, operator.home / "elsewhere")
    operator.does("import", "polis", "elsewhere/data/polis", "--assembly", "again")
    return operator


def test_from_an_export_to_an_assembly_to_an_export(operator: Operator) -> None:
    told = operator.does("export", "again", "--out", "again-out")
    fingerprint = told.strip().rpartition(" ")[2]
    first = (operator.home / "elsewhere" / "data" / "polis" / "participants-votes.csv").read_text()
    second = (operator.home / "again-out" / "data" / "polis" / "participants-votes.csv").read_text()

    def votes(text: str) -> list[str]:
        return sorted(line.partition(",0,")[2] for line in text.splitlines()[1:])

    assert votes(first) == votes(second)
    told = operator.does("verify", "again-out")
    assert fingerprint in told
    assert "isn't established" in told
    told = operator.does("verify", "again-out", "--key", "again-out/public-key.raw")
    assert "isn't established" not in told


def test_a_bundle_that_was_touched_is_refused_and_named(operator: Operator) -> None:
    operator.does("export", "water", "--out", "water-out", "--format", "report")
    names = {path.name for path in (operator.home / "water-out").iterdir()}
    assert names == {
        "log", "manifest.json", "manifest.sig", "public-key.raw", "report.html", "report.json",
    }  # fmt: skip
    page = operator.home / "water-out" / "report.html"
    page.write_text(page.read_text().replace("Who decides?", "Who pays?"))
    assert "report.html" in operator.fails(1, "verify", "water-out")
    other = operator.home / "other.raw"
    other.write_bytes(KEY.public)
    assert "another key" in operator.fails(1, "verify", "water-out", "--key", "other.raw")


def test_invites_are_printed_one_a_line(operator: Operator) -> None:
    links = operator.does("invite", "water", "--count", "3").splitlines()
    assert len(set(links)) == 3
    assert all(re.fullmatch(r"http://127\.0\.0\.1:8000/join/[0-9a-z]{20}", link) for link in links)
    rows = sqlite3.connect(operator.database).execute("select body from payload").fetchall()
    stored = b"".join(row[0] for row in rows)
    assert not any(link.rpartition("/")[2].encode() in stored for link in links)


def test_phases_follow_one_another(operator: Operator) -> None:
    assert operator.does("phase", "water", "open") == "water: draft → open\n"
    assert "already" in operator.does("phase", "water", "open")
    assert "next phase" in operator.fails(1, "phase", "water", "ratifying")


def test_replay_finds_what_does_not_follow_from_the_log(operator: Operator) -> None:
    assert operator.does("replay", "again").count("nothing differs") == 2
    kept = operator.home / "kept.db"
    shutil.copy(operator.database, kept)
    database = sqlite3.connect(operator.database)
    database.execute("update statement set text = 'Something else.' where source = '0'")
    database.commit()
    database.close()
    assert "statement" in operator.fails(1, "replay", "again")
    shutil.copy(kept, operator.database)


@pytest.mark.parametrize(
    ("code", "words", "said"),
    [
        (1, ("export", "nothing", "--out", "x"), "no assembly"),
        (1, ("export", "water", "--out", "elsewhere"), "exists already"),
        (1, ("verify", "nowhere"), "not a folder"),
        (1, ("replay", "nothing"), "no such assembly"),
        (1, ("assembly", "create", "Bad Slug", "--title", "T", "--question", "Q"), "slug"),
        (1, ("assembly", "create", "water", "--title", "T", "--question", "Q"), ""),
        (1, ("invite", "nothing"), "no such assembly"),
        (1, ("invite", "water", "--role", "owner", "--reusable"), "reusable"),
        (2, ("export", "water"), "--out"),
        (2, ("export", "water", "--out", "x", "--format", "docx"), "docx"),
        (2, ("phase", "water", "later"), "later"),
        (2, ("verify",), "DIR"),
        (2, ("verify", "elsewhere", "--key", "no-such-key"), "no-such-key"),
        (2, ("invite", "water", "--count", "0"), "count"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    operator: Operator,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    words: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(operator.home)
    monkeypatch.setenv("FOLKMOOT_DATA_DIR", str(operator.home / "data"))
    told = CliRunner().invoke(cli, words)
    assert told.exit_code == code, told.output
    assert said in told.stderr
    if code == 1:
        assert len(told.stderr.strip().splitlines()) == 1
    assert not (operator.home / "x").exists()


def test_exit_codes_are_those_of_the_process(operator: Operator) -> None:
    assert "not a folder" in operator.fails(1, "verify", "nowhere")
    assert "docx" in operator.fails(2, "export", "water", "--out", "x", "--format", "docx")


@pytest.mark.parametrize("command", ["assembly", "invite", "phase", "export", "verify", "replay"])
def test_help_has_an_example(command: str) -> None:
    told = CliRunner().invoke(cli, [command, "--help"])
    assert told.exit_code == 0
    assert "Example: python -m server" in told.output
