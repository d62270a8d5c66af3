"""The examples in deploy/ speak of metrics, settings and commands that there are."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest

from server.__main__ import cli
from server.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
PROGRAM = "/opt/folkmoot/bin/folkmoot"


def _metrics() -> set[str]:
    page = (ROOT / "docs" / "operating.md").read_text("utf-8")
    rows = re.findall(r"^\| `((?:folkmoot|process)_\w+)` \| (\w+) \|", page, re.MULTILINE)
    names = {name for name, _ in rows}
    for name, kind in rows:
        if kind == "histogram":
            names |= {f"{name}_{part}" for part in ("bucket", "sum", "count")}
    return names


def _named(text: str) -> set[str]:
    return set(re.findall(r"\b(?:folkmoot|process)_[a-z_]+\b", text))


def _settings() -> set[str]:
    names = {field.name.upper() for field in fields(Settings)}
    return {name if name.startswith("OPENAI_") else f"FOLKMOOT_{name}" for name in names}


def test_the_dashboard_shows_metrics_that_there_are() -> None:
    board = json.loads((DEPLOY / "monitoring" / "grafana.json").read_text("utf-8"))
    shown: set[str] = set()
    for panel in board["panels"]:
        assert panel["title"]
        for target in panel["targets"]:
            shown |= _named(target["expr"])
            assert target["expr"].count("(") == target["expr"].count(")")
    assert shown <= _metrics()
    ours = {name for name in _metrics() if name.startswith("folkmoot_")}
    base = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    unshown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in ours} - base
    assert unshown == {"folkmoot_build_info", "folkmoot_metrics_unread_total"}
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in board["panels"]]
    assert len(set(places)) == len(places)
    assert len({p["id"] for p in board["panels"]}) == len(places)


def test_alerts_watch_metrics_that_there_are() -> None:
    yaml = pytest.importorskip("yaml")
    alerts = yaml.safe_load((DEPLOY / "monitoring" / "alerts.yml").read_text("utf-8"))
    rules = [rule for group in alerts["groups"] for rule in group["rules"]]
    assert len(rules) > 5
    for rule in rules:
        assert _named(rule["expr"]) <= _metrics(), rule["alert"]
        assert rule["annotations"]["summary"]
    jobs = yaml.safe_load((DEPLOY / "monitoring" / "prometheus.yml").read_text("utf-8"))
    assert jobs["rule_files"] == ["alerts.yml"]


def test_the_compose_file_runs_two_servers_and_two_workers() -> None:
    yaml = pytest.importorskip("yaml")
    compose: Any = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text("utf-8"))
    services = compose["services"]
    assert {"postgres", "redis", "migrate", "proxy"} <= set(services)
    ours = {name: each for name, each in services.items() if each["image"] == "folkmoot"}
    assert len([name for name in ours if name.startswith("server-")]) == 2
    assert len([name for name in ours if name.startswith("worker-")]) == 2
    keys = {each["environment"]["FOLKMOOT_SECRET_KEY"] for each in ours.values()}
    assert keys == {"${SECRET_KEY:?}"}
    for name, each in ours.items():
        assert set(each["environment"]) <= _settings()
        understood(each.get("command", ["serve", "--host", "0.0.0.0", "--port", "8000"]))
        assert each["read_only"] is True, name
        assert (DEPLOY / "compose" / each.get("build", {"context": "."})["context"]).is_dir()
    assert "folkmoot_owner" in ours["migrate"]["environment"]["FOLKMOOT_DATABASE_URL"]
    upstream = (DEPLOY / "compose" / "servers.conf").read_text("utf-8")
    assert re.findall(r"server ([\w-]+):8000", upstream) == ["server-1", "server-2"]
    example = (DEPLOY / "compose" / "example.env").read_text("utf-8")
    asked = set(re.findall(r"\$\{(\w+):\?\}", json.dumps(compose)))
    assert set(re.findall(r"^(\w+)=", example, re.MULTILINE)) == asked
    for volume in services["proxy"]["volumes"]:
        source = volume.split(":")[0]
        assert source == "./certificates" or (DEPLOY / "compose" / source).is_file(), source


def understood(arguments: list[str]) -> None:
    """Assert that the command line takes these arguments."""
    command = cli.get_command(click.Context(cli), arguments[0])
    assert command is not None, arguments
    command.make_context(arguments[0], arguments[1:])


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_runs_a_command_that_there_is_and_little_else_may_happen(unit: Path) -> None:
    text = unit.read_text("utf-8")
    (line,) = re.findall(r"^ExecStart=(.+)$", text, re.MULTILINE)
    program, *arguments = shlex.split(line.replace("%i", "8001" if "server@" in unit.name else "1"))
    assert program == PROGRAM
    understood(arguments)
    for setting in ("NoNewPrivileges=yes", "ProtectSystem=strict", "StateDirectory=folkmoot"):
        assert f"\n{setting}\n" in text
    assert set(re.findall(r"\bFOLKMOOT_\w+", text)) <= _settings()


def test_units_are_what_systemd_understands(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    for unit in UNITS:
        text = unit.read_text("utf-8").replace(PROGRAM, "/bin/true")
        (tmp_path / unit.name).write_text(text)
    names = [str(tmp_path / unit.name) for unit in UNITS]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *names],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if "folkmoot" in line]
    assert ours == []


def test_every_setting_in_the_examples_is_one() -> None:
    for path in DEPLOY.rglob("*"):
        if path.is_file():
            named = set(re.findall(r"\b(?:FOLKMOOT|OPENAI)_[A-Z_]+\b", path.read_text("utf-8")))
            assert named <= _settings(), path


def test_nginx_understands_its_example(tmp_path: Path) -> None:
    program, openssl = shutil.which("nginx"), shutil.which("openssl")
    if program is None or openssl is None:
        pytest.skip("nginx or openssl is not installed")
    key, certificate = tmp_path / "privkey.pem", tmp_path / "fullchain.pem"
    subject = ["-subj", "/CN=localhost", "-days", "1", "-nodes", "-newkey", "rsa:2048"]
    places = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([openssl, "req", "-x509", *subject, *places], check=True, capture_output=True)
    (tmp_path / "servers.conf").write_text("server 127.0.0.1:8001;\n")
    site = (DEPLOY / "nginx" / "folkmoot.conf").read_text("utf-8")
    site = site.replace("/etc/nginx/certificates", str(tmp_path))
    site = site.replace("/etc/nginx/folkmoot-servers.conf", str(tmp_path / "servers.conf"))
    temporary = "".join(
        f"{kind}_temp_path {tmp_path / kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path / 'pid'}; error_log {tmp_path / 'errors'}; events {{}}\n"
        f"http {{ access_log off; {temporary}\n{site}\n}}\n"
    )
    tried = [program, "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    done = subprocess.run(tried, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
