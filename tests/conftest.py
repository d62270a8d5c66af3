"""What all tests share: databases of their own, and a word on what was left out without them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from . import databases


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """The address of a fresh PostgreSQL database, migrated; dropped afterwards."""
    with databases.postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a fresh database, once of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'x.db'}"
        return
    with databases.postgres() as url:
        yield url


@pytest.fixture
def redis_at() -> Iterator[tuple[str, str]]:
    """Redis' address and a key prefix of this test's own."""
    with databases.redis_url() as at:
        yield at


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests were left out because a service did not answer."""
    skipped = terminalreporter.stats.get("skipped", [])
    for reason in (databases.NO_POSTGRES, databases.NO_REDIS):
        count = sum(reason in str(report.longrepr) for report in skipped)
        if count:
            terminalreporter.write_line(f"{count} tests were left out: {reason}.", yellow=True)
