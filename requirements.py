"""Print what pyproject.toml asks for, a requirement a line: the server's, or a group's by name.

Only the requirements are installed into a checkout: it runs as ``python -m server``, and an
editable install would leave a console script behind that imports another name.
"""

import sys
import tomllib
from pathlib import Path


def main(groups: list[str]) -> None:
    """Print the project's dependencies, or those of the dependency groups that are named."""
    project = tomllib.loads(Path(__file__).with_name("pyproject.toml").read_text("utf-8"))
    wanted = [project["dependency-groups"][group] for group in groups]
    for requirements in wanted or [project["project"]["dependencies"]]:
        print(*requirements, sep="\n")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
