"""Copies the front end's sources to ``web/dist``; ``--check`` compares them instead."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
NAMES = ("folkmoot.css", "room.js", "ranking.js", "mark.svg")


def main(arguments: list[str]) -> int:
    """Return 0 where ``web/dist`` holds (or now holds) what ``web/src`` says."""
    differing = [
        name
        for name in NAMES
        if not (HERE / "dist" / name).is_file()
        or (HERE / "dist" / name).read_bytes() != (HERE / "src" / name).read_bytes()
    ]
    if "--check" in arguments:
        for name in differing:
            sys.stderr.write(f"web/dist/{name} is not what web/src/{name} says: run web/build.py\n")
        return 1 if differing else 0
    (HERE / "dist").mkdir(exist_ok=True)
    for name in differing:
        (HERE / "dist" / name).write_bytes((HERE / "src" / name).read_bytes())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
