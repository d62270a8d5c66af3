"""``backup``: a copy of everything that is on this machine, taken while the server runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from ..settings import Settings
from .common import Failure, failing_in_one_sentence, settings

KEYS = ("signing.key", "secret.key")


@click.command("backup")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--keys",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Copy the keys too, to a new folder that you keep elsewhere.",
)
def command(*, folder: Path, keys: Path | None) -> None:
    """Copy the database to a new FOLDER, while the server runs or not.

    Everything acknowledged before the command began is in it. It is for SQLite; PostgreSQL has
    commands of its own, which docs/operating.md names.

    Example: python -m server backup backups/monday --keys safe/monday
    """
    given = settings()
    with failing_in_one_sentence():
        copied = _database(given, folder)
        click.echo(f"{folder}: {', '.join(copied)}")
        there = [name for name in KEYS if (given.data_dir / name).is_file()]
        if keys is not None:
            _keys(given, there, keys)
            click.echo(f"{keys}: {', '.join(there) or 'there are no keys yet'}")
        elif there:
            click.echo(f"Not in it: {', '.join(there)}. --keys DIR copies them.")


def _database(given: Settings, folder: Path) -> list[str]:
    from ..store.backup import copy
    from ..store.database import parse

    parsed = parse(given.resolved_database_url)
    if parsed.drivername != "sqlite" or not parsed.database:
        raise Failure("The database is PostgreSQL's: back it up with pg_dump (docs/operating.md).")
    _make(folder)
    copied: list[str] = []
    for source in (Path(parsed.database), given.data_dir / "workflows.db"):
        if source.is_file() or not copied:
            copy(source, folder / source.name)
            copied.append(source.name)
    return copied


def _keys(given: Settings, names: list[str], folder: Path) -> None:
    _make(folder)
    for name in names:
        shutil.copy2(given.data_dir / name, folder / name)


def _make(folder: Path) -> None:
    """Make a folder for its owner alone; one that holds something is not written over."""
    if folder.is_dir() and any(folder.iterdir()):
        raise Failure(f"{folder} is not empty; a backup goes to a new folder.")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
