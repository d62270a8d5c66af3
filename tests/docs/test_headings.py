"""What the program has, the docs have a heading for; and they have none for what it lacks."""

from __future__ import annotations

import importlib
import re
import shlex
from dataclasses import fields
from pathlib import Path
from typing import get_args

import click
import pytest

from server.__main__ import COMMANDS, cli
from server.api.problems import STATUS
from server.deliberation import commands as c
from server.deliberation import events as e
from server.settings import Settings

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


def _headings(page: str, pattern: str) -> list[str]:
    text = (DOCS / page).read_text("utf-8")
    return re.findall(rf"^#+ {pattern}$", text, re.MULTILINE)


def _variables() -> set[str]:
    names = (field.name.upper() for field in fields(Settings))
    return {name if name.startswith("OPENAI_") else f"FOLKMOOT_{name}" for name in names}


def test_every_setting_has_its_heading() -> None:
    headings = _headings("operating.md", r"((?:FOLKMOOT|OPENAI)_\w+)")
    assert sorted(headings) == sorted(_variables())


@pytest.mark.parametrize("field", fields(Settings), ids=lambda field: field.name)
def test_every_default_that_is_a_number_is_documented(field: object) -> None:
    name, default = field.name, field.default  # type: ignore[attr-defined]
    if isinstance(default, int):
        text = (DOCS / "operating.md").read_text("utf-8")
        section = text.split(f"### FOLKMOOT_{name.upper()}\n")[1].split("\n#")[0]
        assert str(default) in section


def test_every_event_type_has_its_heading() -> None:
    types = {k.__struct_config__.tag for k in (*get_args(e.AssemblyEvent), *get_args(e.RoomEvent))}
    headings = _headings("log.md", r"`([a-z.-]+)`")
    assert sorted(headings) == sorted(types)


def test_every_field_of_an_event_is_named_under_its_heading() -> None:
    text = (DOCS / "log.md").read_text("utf-8")
    for kind in {*get_args(e.AssemblyEvent), *get_args(e.RoomEvent)}:
        section = text.split(f"### `{kind.__struct_config__.tag}`\n")[1].split("\n#")[0]
        for field in kind.__struct_fields__:
            assert f"`{field}`" in section, f"{kind.__name__}.{field}"


def test_every_command_of_the_core_has_its_heading() -> None:
    names = {k.__name__ for k in (*get_args(c.AssemblyCommand), *get_args(c.RoomCommand))}
    assert sorted(_headings("log.md", r"([A-Z]\w+)")) == sorted(names)


def test_every_command_of_the_command_line_has_its_heading() -> None:
    assert sorted(_headings("commands.md", r"([a-z]+)")) == sorted(COMMANDS)


def test_every_error_type_has_its_heading() -> None:
    assert sorted(_headings("problems.md", r"([a-z-]+)")) == sorted(STATUS)


def test_every_close_code_has_its_heading() -> None:
    used: set[str] = {"1009"}  # sent by the server below us, for a frame that is too large
    for module in ("server.runtime.hub", "server.api.live"):
        names = vars(importlib.import_module(module))
        codes = (v for k, v in names.items() if k.lstrip("_").isupper() and isinstance(v, int))
        used |= {
            str(code) for code in codes if code in range(1003, 1016) or code in range(4400, 4500)
        }
    assert sorted(_headings("protocol.md", r"(\d{4})")) == sorted(used)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_inside_the_project_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), target


_CODE = re.compile(r"```(?:sh)?\n(.*?)```|`([^`\n]+)`", re.DOTALL)


def _command_lines() -> list[str]:
    found: set[str] = set()
    for page in PAGES:
        for block in re.findall(
            r"```(?:sh)?\n(.*?)```|`([^`\n]+)`", page.read_text("utf-8"), re.DOTALL
        ):
            for line in "".join(block).splitlines():
                match = re.match(
                    r"(?:FOLKMOOT_\w+=\S+ )?(?:\.venv/bin/)?python -m server (.+)", line
                )
                if match and "…" not in line and not re.search(r"\b[A-Z]{3,}\b", line):
                    found.add(match[1])
    return sorted(found)


def test_there_are_command_lines_to_check() -> None:
    assert len(_command_lines()) > 12


@pytest.mark.parametrize("line", _command_lines())
def test_every_command_line_in_the_docs_is_understood(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    group: click.Command = cli
    arguments = shlex.split(line)
    context = click.Context(cli)
    while isinstance(group, click.Group):
        name = arguments.pop(0)
        found = group.get_command(context, name)
        assert found is not None, name
        group = found
    for parameter in group.params:
        # What a line names need not exist where it is checked.
        if isinstance(parameter.type, click.Path):
            monkeypatch.setattr(parameter, "type", click.Path())
    group.make_context("python -m server", arguments)
