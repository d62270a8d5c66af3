"""The program's commands, with settings of one's own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from evals.performance.process import ROOT, CommandFailed, environment

_PATIENCE = 120.0


async def run(folder: Path, arguments: Sequence[str], settings: Mapping[str, str]) -> str:
    """Run ``python -m server …`` to its end and return what it printed.

    Raises:
        CommandFailed: its exit code is not 0, or it didn't end in time.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", *arguments),
        cwd=ROOT,
        env=environment(folder, settings),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_PATIENCE):
            out, err = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        said = err.decode(errors="replace").strip()[-1500:]
        raise CommandFailed(f"{' '.join(arguments)}: {process.returncode}: {said}")
    return out.decode()
