"""Copies the front end's sources to ``web/dist``; ``--check`` compares them instead.

Scripts lose the indentation and the whole-line comments that only their readers need.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
NAMES = ("folkmoot.css", "room.js", "ranking.js", "mark.svg")


def built(name: str) -> bytes:
    """Return what ``web/dist`` holds under ``name``."""
    source = (HERE / "src" / name).read_text("utf-8")
    if name.endswith(".js"):
        lines = (line.strip() for line in source.splitlines())
        source = "".join(f"{line}\n" for line in lines if line and not line.startswith("//"))
    return source.encode()


def main(arguments: list[str]) -> int:
    """Return 0 where ``web/dist`` holds (or now holds) what ``web/src`` says."""
    dist = HERE / "dist"
    differing = [
        name
        for name in NAMES
        if not (dist / name).is_file() or (dist / name).read_bytes() != built(name)
    ]
    if "--check" in arguments:
        for name in differing:
            sys.stderr.write(f"web/dist/{name} is not what web/src/{name} says: run web/build.py\n")
        return 1 if differing else 0
    dist.mkdir(exist_ok=True)
    for name in differing:
        (dist / name).write_bytes(built(name))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
