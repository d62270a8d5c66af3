"""``serve`` as a process of its own: how it starts, refuses to, and ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from server.cli.serve import command as serving

ROOT = Path(__file__).resolve().parents[2]
QUICK = {"FOLKMOOT_EMBEDDER": "lexical", "OMP_NUM_THREADS": "1"}


def command(data: Path, *arguments: str, **more: str) -> tuple[list[str], dict[str, str]]:
    line = [sys.executable, "-W", "error", "-m", "server", *arguments]
    kept = {k: v for k, v in os.environ.items() if not k.startswith("FOLKMOOT_")}
    return line, kept | QUICK | {"FOLKMOOT_DATA_DIR": str(data)} | more


def run(data: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    line, environment = command(data, *arguments, **more)
    return subprocess.run(
        line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def started(
    data: Path, *arguments: str, **more: str
) -> Iterator[tuple[subprocess.Popen[str], str, list[str]]]:
    """Start a server; give it, its address and the lines up to that."""
    line, environment = command(data, "serve", "--port", "0", *arguments, **more)
    with subprocess.Popen(
        line,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            found = re.search(r"http://\S+", first)
            assert found, first
            yield process, found[0], [first]
        finally:
            if process.poll() is None:
                process.kill()


def test_it_serves_ends_on_a_signal_with_0_and_keeps_its_sessions_key(tmp_path: Path) -> None:
    with started(tmp_path) as (process, address, _):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                assert httpx.get(f"{address}/readyz", timeout=5).status_code == 200
                break
            except httpx.TransportError:
                time.sleep(0.05)
        again = run(tmp_path, "serve", "--port", "0")
        assert again.returncode == 1
        assert again.stderr.startswith("Error: Another server holds ")
        assert again.stderr.count("\n") == 1
        process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        assert process.wait(15) == 0
        assert time.monotonic() - begun < 6
        assert process.stderr is not None
        assert process.stderr.read() == ""
    for kept in tmp_path.iterdir():
        if kept.name != "address":
            assert kept.stat().st_mode & 0o077 == 0, f"{kept.name} is for others to read"
    assert (tmp_path / "address").read_text().strip() == address


def test_a_taken_port_is_said_in_one_sentence(tmp_path: Path) -> None:
    with started(tmp_path / "one") as (_, address, _):
        port = address.rpartition(":")[2]
        answer = run(tmp_path / "two", "serve", "--port", port)
    assert answer.returncode == 1
    assert answer.stderr.startswith("Error: 127.0.0.1 port ")
    assert answer.stderr.count("\n") == 1


def ready(address: str, status: int) -> dict[str, str]:
    """Wait until the server says that it can or can't serve; return what it says."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            answer = httpx.get(f"{address}/readyz", timeout=5)
            if answer.status_code == status:
                told = answer.json()
                assert isinstance(told, dict)
                return told
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"/readyz never had {status}")


def test_told_to_stop_it_says_so_and_listens_as_long_as_it_should(tmp_path: Path) -> None:
    with started(tmp_path, FOLKMOOT_DRAIN_SECONDS="2", FOLKMOOT_LOG="json") as (process, at, _):
        assert ready(at, 200)["status"] == "ok"
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert ready(at, 503) == {"status": "draining"}
        assert time.monotonic() - begun < 1.5
        assert process.wait(15) == 0
        assert 1.5 < time.monotonic() - begun < 8
        assert process.stderr is not None
        told = [json.loads(line) for line in process.stderr.read().splitlines()]
    assert [line["event"] for line in told if line["event"] != "request slow"] == ["told to stop"]


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with started(tmp_path, FOLKMOOT_DRAIN_SECONDS="60") as (process, at, _):
        ready(at, 200)
        process.send_signal(signal.SIGTERM)
        ready(at, 503)
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 128 + signal.SIGINT
        assert time.monotonic() - begun < 3


def test_wrong_settings_and_wrong_use(tmp_path: Path) -> None:
    short = run(tmp_path, "serve", "--port", "0", FOLKMOOT_SECRET_KEY="short")
    assert short.returncode == 1
    assert "FOLKMOOT_SECRET_KEY" in short.stderr
    assert "short" not in short.stderr
    number = run(tmp_path, "serve", "--port", "0", FOLKMOOT_VOTES_PER_HOUR="many")
    assert number.returncode == 1
    assert "FOLKMOOT_VOTES_PER_HOUR" in number.stderr
    unknown = run(tmp_path, "serve", "--embedder", "x")
    assert unknown.returncode == 2
    embedder = run(tmp_path, "serve", "--port", "0", FOLKMOOT_EMBEDDER="magic")
    assert embedder.returncode == 1
    assert "magic" in embedder.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FOLKMOOT_PUBLIC_URL", "http://["),
        ("FOLKMOOT_PUBLIC_URL", "folkmoot.example"),
        ("FOLKMOOT_PUBLIC_URL", "http://folkmoot.example:port"),
        ("FOLKMOOT_VOTES_PER_HOUR", "9" * 5000),
        ("FOLKMOOT_MAX_BODY", "-1"),
        ("FOLKMOOT_LOG", "xml"),
        ("FOLKMOOT_TRUSTED_PROXIES", "proxy.example"),
    ],
)
def test_a_setting_that_cannot_be_used_is_said_in_one_sentence(
    tmp_path: Path, name: str, value: str
) -> None:
    environment = QUICK | {"FOLKMOOT_DATA_DIR": str(tmp_path), name: value}
    answer = CliRunner().invoke(serving, ["--port", "0"], env=environment)
    assert answer.exit_code == 1
    assert answer.stderr.startswith("Error: ")
    assert answer.stderr.count("\n") == 1
    assert len(answer.stderr) < 200


def test_a_secret_key_file_that_holds_none_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_bytes(b"\xff" * 64)
    environment = QUICK | {"FOLKMOOT_DATA_DIR": str(tmp_path)}
    answer = CliRunner().invoke(serving, ["--port", "0"], env=environment)
    assert answer.exit_code == 1
    assert "secret.key" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_help_is_quick_and_shows_an_example(tmp_path: Path) -> None:
    begun = time.monotonic()
    answer = run(tmp_path, "serve", "--help")
    assert time.monotonic() - begun < 3  # a busy machine; alone it takes a tenth of a second
    assert answer.returncode == 0
    assert "Example: python -m server serve" in answer.stdout
    listed = run(tmp_path, "--help")
    assert "simulate" in listed.stdout
    assert not (tmp_path / "folkmoot.db").exists()
