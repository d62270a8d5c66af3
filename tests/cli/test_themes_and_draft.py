"""``themes`` and ``draft`` as somebody at a terminal meets them, with the lexical embedder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from server.cli import draft, themes
from server.errors import NotFound
from server.synthesis.drafting.document import DraftsDocument
from server.synthesis.ports import SourceStatement
from server.synthesis.theming import ThemesDocument
from tests.shared import POLIS, needs_shared
from tests.synthesis import rooms

LONDON, BREXIT = POLIS / "london.youth.policing", POLIS / "brexit-consensus"


@pytest.fixture(autouse=True)
def _lexical(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLKMOOT_EMBEDDER", "lexical")


def _absent(slug: str) -> list[SourceStatement]:
    raise NotFound(f"there is no assembly '{slug}'")


def _no_votes(slug: str) -> draft.AssemblyVotes:
    raise NotFound(f"there is no assembly '{slug}'")


def _never(slug: str, document: object) -> None:
    raise AssertionError("nothing is put into a room")


THEMES = themes.build(_absent, _never)
DRAFT = draft.build(_no_votes, _never)


@needs_shared
def test_themes_of_two_exports_have_ids_with_folders(tmp_path: Path) -> None:
    out = tmp_path / "themes.json"
    arguments = ["--polis", str(LONDON), "--polis", str(BREXIT), "--language", "en"]
    result = CliRunner().invoke(THEMES, [*arguments, "--json", str(out)])
    assert result.exit_code == 0, result.output
    written = json.loads(out.read_text())
    assert written["format"] == "folkmoot.themes/1"
    assert {"embedder", "seed", "themes", "unthemed", "labels"} <= set(written)
    assert len(written["labels"]) == 86
    folders = {identifier.split("/")[0] for identifier in written["labels"]}
    assert folders == {LONDON.name, BREXIT.name}
    for theme in written["themes"]:
        assert set(theme) == {"id", "name", "words", "statements", "size"}
        assert all(written["labels"][i] == theme["id"] for i in theme["statements"])
    assert all(written["labels"][identifier] == -1 for identifier in written["unthemed"])


@needs_shared
def test_ids_of_one_export_are_its_own(tmp_path: Path) -> None:
    out = tmp_path / "themes.json"
    result = CliRunner().invoke(THEMES, ["--polis", str(LONDON), "--json", str(out)])
    assert result.exit_code == 0, result.output
    written = json.loads(out.read_text())
    ids = [identifier for theme in written["themes"] for identifier in theme["statements"]]
    assert all(isinstance(identifier, int) for identifier in ids + written["unthemed"])


@needs_shared
def test_drafts_are_written_and_said(tmp_path: Path) -> None:
    out = tmp_path / "drafts.json"
    arguments = ["--polis", str(BREXIT), "--language", "en", "--count", "2", "--seed", "5"]
    result = CliRunner().invoke(DRAFT, [*arguments, "--json", str(out)])
    assert result.exit_code == 0, result.output
    written = json.loads(out.read_text())
    assert written["format"] == "folkmoot.drafts/1"
    assert len(written["drafts"]) == 2
    assert written["drafts"][0]["provenance"]["drafter"] == "extractive"
    assert all(isinstance(c, int) for c in written["drafts"][0]["clauses"][0]["cites"])
    assert "composed without a model" in result.output
    again = tmp_path / "again.json"
    assert CliRunner().invoke(DRAFT, [*arguments, "--json", str(again)]).exit_code == 0
    assert again.read_bytes() == out.read_bytes()


@pytest.mark.parametrize("command", [THEMES, DRAFT])
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 2),
        (["--assembly", "a", "--polis", "b"], 2),
        (["--assembly", "a", "--language", "en"], 2),
        (["--polis", "x", "--seed", "-1"], 2),
        (["--assembly", "nowhere"], 1),
        (["--polis", "/nowhere/at/all"], 1),
    ],
)
def test_wrong_use_is_2_and_what_cannot_be_is_1_in_a_sentence(
    command: object, arguments: list[str], code: int
) -> None:
    result = CliRunner().invoke(command, arguments)  # type: ignore[call-overload]
    assert result.exit_code == code
    assert "Traceback" not in result.output
    assert result.stderr.strip()


@needs_shared
def test_two_folders_of_one_name_and_an_unknown_embedder_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = CliRunner().invoke(THEMES, ["--polis", str(LONDON), "--polis", str(LONDON)])
    assert result.exit_code == 1
    assert "same name" in result.stderr
    monkeypatch.setenv("FOLKMOOT_EMBEDDER", "openai:some-model")
    result = CliRunner().invoke(THEMES, ["--polis", str(LONDON)])
    assert result.exit_code == 1
    assert result.stderr


def test_help_has_an_example() -> None:
    for command in (THEMES, DRAFT):
        result = CliRunner().invoke(command, ["--help"])
        assert result.exit_code == 0
        assert "Example:" in result.output


def test_an_assemblys_themes_and_drafts_are_put_into_its_room() -> None:
    put: dict[str, object] = {}
    corpus = rooms.corpus()
    put_themes = themes.build(lambda _: corpus.statements, put.__setitem__)
    assert CliRunner().invoke(put_themes, ["--assembly", "t"]).exit_code == 0
    assert isinstance(put["t"], ThemesDocument)
    assert put["t"].reason is not None
    put_drafts = draft.build(lambda _: draft.AssemblyVotes(corpus), put.__setitem__)
    assert CliRunner().invoke(put_drafts, ["--assembly", "d"]).exit_code == 0
    assert isinstance(put["d"], DraftsDocument)
    assert len(put["d"].drafts) == 3


def test_where_no_draft_holds_the_room_hears_it_and_the_exit_is_1() -> None:
    put: dict[str, DraftsDocument] = {}
    corpus = rooms.corpus()
    small = type(corpus)(corpus.statements[:2], corpus.participants, corpus.votes[:, :2],
                         corpus.labels)  # fmt: skip
    command = draft.build(lambda _: draft.AssemblyVotes(small), put.__setitem__)
    result = CliRunner().invoke(command, ["--assembly", "d", "--count", "1"])
    assert result.exit_code == 1
    assert "no draft held" in result.stderr
    assert len(put["d"].failed) == 1
