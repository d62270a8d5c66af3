"""A database that a newer version wrote is left as it is."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from evals.performance.process import CommandFailed, ServerProcess, command

pytestmark = pytest.mark.faults


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def test_a_newer_database_is_refused_before_it_is_touched(tmp_path: Path) -> None:
    await command(tmp_path, "assembly", "create", "water", "--title", "T", "--question", "Q")
    file = tmp_path / "folkmoot.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffff_later'")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = _digest(file)
    with pytest.raises(CommandFailed, match="newer"):
        await ServerProcess(tmp_path).start(patience=15)
    for arguments in (("invite", "water"), ("replay", "water")):
        with pytest.raises(CommandFailed, match=r": 1: .*newer"):
            await command(tmp_path, *arguments)
    assert _digest(file) == before
