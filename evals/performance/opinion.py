"""What a tick of the opinion mathematics costs, beside red-dwarf on the same votes.

CPU seconds (user and system, all threads) and their ratio, then how our own cost grows from
half a million to five million votes. red-dwarf is installed from the package index into a virtual
environment of its own (``.venv-bench``); where that fails, it says so and the ratio is left out.
The votes are synthetic: people with one of three outlooks, statements that divide them more or
less, and a number of votes a person that is spread as in real conversations.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from server.deliberation.opinion import analyze
from server.deliberation.votes import EMPTY

ENVIRONMENT = Path(__file__).resolve().parents[2] / ".venv-bench"
PEOPLE, STATEMENTS, VOTES = 33_422, 783, 2_000_000
Row = tuple[str, float | None, str, str | None, bool | None]
RED_DWARF = "red-dwarf==0.4.*"
LEAST_RATIO, MOST_GROWTH = 20.0, 12.0
REPEATS = 3

_THEIRS = """
import json, resource, sys, time
import numpy as np
votes = np.load(sys.argv[1])
cells = [
    {"participant_id": int(i), "statement_id": int(j), "vote": int(votes[i, j])}
    for i, j in zip(*np.nonzero(votes != -128))
]
from reddwarf.implementations.polis import run_pipeline
def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
before, start = cpu(), time.perf_counter()
run_pipeline(votes=cells)
print(json.dumps({"cpu": cpu() - before, "wall": time.perf_counter() - start}))
"""


def synthetic(people: int, statements: int, votes: int, seed: int) -> NDArray[np.int8]:
    """Return (people, statements) votes, about ``votes`` of them, with three outlooks in them."""
    rng = np.random.default_rng(seed)
    outlook = rng.choice(3, size=people, p=[0.5, 0.35, 0.15])
    leaning = rng.normal(0.4, 1.0, size=statements) + rng.normal(0, 1.0, size=(3, statements))
    eager = np.clip(rng.lognormal(0, 1.1, people), 0, 12)
    popular = rng.lognormal(0, 0.6, statements)
    popular /= popular.mean()
    level = votes / (eager.sum() * statements)
    for _ in range(20):
        level *= votes / sum(
            np.minimum(level * eager[i : i + 4096, None] * popular, 1.0).sum()
            for i in range(0, people, 4096)
        )
    matrix = np.full((people, statements), EMPTY, dtype=np.int8)
    for first in range(0, people, 4096):
        rows = slice(first, min(first + 4096, people))
        shape = (rows.stop - rows.start, statements)
        asked = rng.random(shape) < level * eager[rows, None] * popular
        feeling = leaning[outlook[rows]] + rng.logistic(0, 1.0, shape)
        choice = np.where(feeling > 0.35, 1, np.where(feeling < -0.35, -1, 0))
        matrix[rows][asked] = choice[asked]
    return matrix


def cpu() -> float:
    """Return the CPU seconds this process has used, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def tick(votes: NDArray[np.int8]) -> tuple[float, float]:
    """Return the least CPU and wall seconds of a tick: groups and all that follows from them."""
    none_out = np.zeros(votes.shape[1], dtype=np.bool_)
    found = []
    for _ in range(REPEATS):
        before, start = cpu(), time.perf_counter()
        analysis = analyze(votes, moderated_out=none_out, seed=0, live=True)
        found.append((cpu() - before, time.perf_counter() - start))
    filled = np.count_nonzero(votes != EMPTY)
    if analysis.votes != filled:
        raise RuntimeError("the tick lost votes")
    return min(found)


def theirs(votes: NDArray[np.int8]) -> tuple[float, float] | str:
    """Return CPU and wall seconds of red-dwarf's pipeline, or why it could not be measured."""
    python = ENVIRONMENT / "bin" / "python"
    try:
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
        known = subprocess.run([python, "-c", "import reddwarf"], capture_output=True, check=False)
        if known.returncode:
            install = [python, "-m", "pip", "install", "--quiet", RED_DWARF]
            subprocess.run(install, check=True, timeout=1200)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "votes.npy"
            np.save(file, votes)
            done = subprocess.run(
                [python, "-c", _THEIRS, str(file)], capture_output=True, text=True, check=True
            )
    except subprocess.CalledProcessError as failed:
        lines = (failed.stderr or str(failed)).strip().splitlines()
        return lines[-1] if lines else str(failed)
    except (OSError, subprocess.TimeoutExpired) as failed:
        return str(failed)
    measured = json.loads(done.stdout.strip().splitlines()[-1])
    return measured["cpu"], measured["wall"]


def run() -> list[Row]:
    """Measure, and return rows of (name, value, unit, bound, whether it holds)."""
    votes = synthetic(PEOPLE, STATEMENTS, VOTES, seed=1)
    ours, _ = tick(votes)
    size = f"{PEOPLE:,} × {STATEMENTS}, {np.count_nonzero(votes != EMPTY) / 1e6:.1f} M votes"
    rows: list[Row] = [(f"a tick, {size}", ours, "s CPU", None, None)]
    other = theirs(votes)
    if isinstance(other, str):
        rows.append((f"red-dwarf could not be measured: {other}", None, "", None, None))
    else:
        ratio = other[0] / ours
        rows.append(("red-dwarf 0.4's run_pipeline", other[0], "s CPU", None, None))
        rows.append(("red-dwarf ÷ ours", ratio, "×", f"≥ {LEAST_RATIO:g}", ratio >= LEAST_RATIO))
    costs = []
    for many in (500_000, 5_000_000):
        larger = synthetic(round(PEOPLE * many / VOTES), STATEMENTS, many, seed=2)
        costs.append(tick(larger)[0])
        rows.append((f"a tick, {many / 1e6:g} M votes", costs[-1], "s CPU", None, None))
    growth = costs[1] / costs[0]
    rows.append(
        ("growth from 0.5 to 5 M", growth, "×", f"≤ {MOST_GROWTH:g}", growth <= MOST_GROWTH)
    )
    return rows


if __name__ == "__main__":
    from evals.performance.__main__ import main

    sys.exit(main(["opinion"]))
