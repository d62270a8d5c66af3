"""One server holds a database file; a second one says so and goes, and readers are let in."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.performance.process import CommandFailed, ServerProcess, command

pytestmark = pytest.mark.faults


async def test_a_second_server_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    await command(tmp_path, "assembly", "create", "water", "--title", "T", "--question", "Q")
    first, second = ServerProcess(tmp_path), ServerProcess(tmp_path)
    await first.start()
    try:
        with pytest.raises(CommandFailed, match=r"(?s)the server ended: .*hold"):
            await second.start(patience=60)
        with pytest.raises(CommandFailed, match=r"invite water: 1: .*hold"):
            await command(tmp_path, "invite", "water")
        await command(tmp_path, "replay", "water")
        assert first.running
    finally:
        assert await first.stop() == 0
    await second.start()
    assert await second.stop() == 0


async def test_a_killed_server_leaves_no_lock_behind(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path)
    await server.start()
    await server.kill()
    await server.start()
    assert await server.stop() == 0
