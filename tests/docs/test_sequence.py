"""The README's sequence of commands, run as it stands there, by a shell's rules and no others."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from evals.performance.process import CommandFailed, command

from ..shared import POLIS, needs_shared

README = Path(__file__).resolve().parent.parent.parent / "README.md"
_BLOCK = re.compile(r"tests/docs/test_sequence\.py runs -->\n```sh\n(.*?)```", re.DOTALL)


def _sequence() -> list[list[str]]:
    block = _BLOCK.search(README.read_text("utf-8"))
    assert block is not None
    lines = [shlex.split(line) for line in block[1].splitlines()]
    assert all(line[:3] == ["python", "-m", "server"] for line in lines)
    return [line[3:] for line in lines]


@needs_shared
@pytest.mark.slow
async def test_from_an_export_to_a_verified_bundle(tmp_path: Path) -> None:
    places = {
        "exports/uberx": str(POLIS / "vtaiwan.uberx"),
        "uberx-report": str(tmp_path / "uberx-report"),
    }
    said: dict[str, str] = {}
    for arguments in _sequence():
        named = [places.get(argument, argument) for argument in arguments]
        said[arguments[0]] = await command(tmp_path / "data", *named)
    assert list(dict.fromkeys(said)) == [
        "import",
        "themes",
        "draft",
        "phase",
        "simulate",
        "export",
        "verify",
    ]
    assert "simulated" in said["simulate"]
    bundle = tmp_path / "uberx-report"
    report = json.loads((bundle / "report.json").read_bytes())
    assert report["format"] == "folkmoot.report/1"
    assert "simulated" in (bundle / "report.html").read_text("utf-8").lower()
    page = bundle / "report.html"
    page.write_bytes(page.read_bytes() + b" ")
    with pytest.raises(CommandFailed, match=r"verify .*: 1: .*report\.html"):
        await command(tmp_path / "data", "verify", str(bundle))
