"""``make bench``: every benchmark, and one table of what was measured against its bound.

Figures are ratios of two things measured side by side in one run wherever that is possible, so that
a slow machine shows the same as a fast one. Exit 1 if a bound is missed or a benchmark failed.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

BENCHMARKS = ("votes", "hub", "store", "opinion", "growth", "servers")
"""Modules of this folder; each has ``run()``, which gives rows."""

Row = tuple[str, float | str | None, str, float | str | None, bool | None]
"""Name, value, unit, bound (such as "≥ 0.5", or None), whether it holds (None: no bound)."""


def main(names: Sequence[str]) -> int:
    """Run the named benchmarks, or all, and print the table; return the exit code."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"There is no benchmark {unknown[0]}: {', '.join(BENCHMARKS)}.", file=sys.stderr)
        return 2
    table = Table("what", "value", "unit", "bound", "holds")
    missed = False
    for name in names or BENCHMARKS:
        print(f"{name} …", file=sys.stderr, flush=True)
        try:
            rows: Sequence[Row] = importlib.import_module(f"{__package__}.{name}").run()
        except Exception:  # noqa: BLE001 - one that fails does not keep the others from running
            traceback.print_exc()
            table.add_row(name, "failed", "", "", "no")
            missed = True
            continue
        for what, value, unit, bound, holds in rows:
            table.add_row(f"{name}: {what}", shown(value), unit, shown(bound), _word(holds))
            missed = missed or holds is False
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    return int(missed)


def shown(value: float | str | None) -> str:
    """Return a figure with three significant digits, and thousands apart."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _word(holds: bool | None) -> str:
    return {None: "", True: "yes", False: "NO"}[holds]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
