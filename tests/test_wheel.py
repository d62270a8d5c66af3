"""The wheel holds one package, `folkmoot`, and runs the demo from a clean environment."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), "."],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    [built] = folder.glob("*.whl")
    return built


def test_nothing_generic_lands_in_site_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"folkmoot"}
    assert any(name.startswith("folkmoot/web/dist/") for name in names)
    assert any(name.endswith("migrations/env.py") for name in names)


def test_the_demo_runs_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    # A clean environment borrows the libraries of this one, and has Folkmoot from the wheel alone.
    home = tmp_path / "clean"
    venv.create(home, with_pip=False)
    [site] = home.glob("lib/python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_paths()["purelib"] + "\n", "utf-8")
    installing = ["-m", "pip", "--python", str(home / "bin" / "python"), "install", "--quiet"]
    subprocess.run(
        [sys.executable, *installing, "--no-deps", "--no-index", str(wheel)],
        check=True,
        capture_output=True,
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "FOLKMOOT_DATA_DIR": str(tmp_path / "data")}
    environment.pop("PYTHONPATH", None)
    server = subprocess.Popen(
        [str(home / "bin" / "folkmoot"), "serve", "--demo", "--port", str(port)],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        assert "Folkmoot" in _page(f"http://127.0.0.1:{port}/", server)
        assert "simulated" in _page(f"http://127.0.0.1:{port}/assemblies/demo", server)
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=20)
    assert server.returncode == 0


def _page(address: str, server: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + 40
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return str(answer.read().decode("utf-8"))
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.2)
