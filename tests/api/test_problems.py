"""Each error becomes one problem, and each type of problem is described."""

from __future__ import annotations

import inspect
from pathlib import Path

import msgspec
import pytest

from server import errors
from server.api.problems import STATUS, problem, problem_of
from server.runtime.hub import SocketRefused
from server.synthesis import ports

DOCS = Path(__file__).resolve().parents[2] / "docs" / "problems.md"


def test_every_type_has_its_heading() -> None:
    headings = {
        line.removeprefix("## ").strip()
        for line in DOCS.read_text("utf-8").splitlines()
        if line.startswith("## ")
    }
    assert headings == set(STATUS)


def test_every_error_of_ours_has_its_status() -> None:
    for module in (errors, ports):
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if issubclass(kind, errors.FolkmootError) and kind is not SocketRefused:
                assert kind.code in STATUS, kind


@pytest.mark.parametrize("code", sorted(STATUS))
def test_a_problem_says_what_it_is(code: str) -> None:
    found = problem(code, "A sentence.")
    assert found.code == code
    assert found.title
    assert 400 <= found.status < 600


def test_a_fault_says_nothing_of_the_inside() -> None:
    for error in (
        errors.Fault("secret path /data"),
        errors.LogBroken("secret"),
        errors.StorageFault("secret table"),
        RuntimeError("secret"),
        KeyError("secret"),
    ):
        found = problem_of(error)
        assert found.status >= 500
        assert "secret" not in found.detail


def test_a_number_beyond_all_numbers_is_wrong_in_the_body() -> None:
    with pytest.raises(msgspec.DecodeError) as refused:
        msgspec.json.decode(b'{"expires":1e400}')
    found = problem_of(refused.value)
    assert (found.status, found.field) == (422, "body")
    assert "[" not in found.detail
