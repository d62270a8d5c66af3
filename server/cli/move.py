"""``move``: assemblies go to another database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..settings import Settings
from .common import Failure, failing_in_one_sentence, progress, settings

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from ..runtime.moving import Done, Mover
    from ..runtime.passage import Step
    from ..store.database import Database


@click.command("move")
@click.argument("slugs", nargs=-1, metavar="[SLUG]...")
@click.option(
    "--to",
    "target",
    required=True,
    metavar="URL",
    help="The other database: sqlite:///PATH or postgresql://USER@HOST:PORT/NAME.",
)
@click.option("--copy", is_flag=True, help="Leave the assemblies open here too: a rehearsal.")
@click.option(
    "--now-at",
    "address",
    default="",
    metavar="URL",
    help="Where people find them from now on, for those who still come here.",
)
@click.option("--reopen", is_flag=True, help="Open them here again after a move that was cut off.")
def command(*, slugs: tuple[str, ...], target: str, copy: bool, address: str, reopen: bool) -> None:
    """Take assemblies, all or those that are named, to another database, unchanged.

    What is here stays, and takes no more votes. Interrupted, the same command goes on. A password
    is best left to the environment (PGPASSWORD, PGPASSFILE). Stop the server first where this
    database is SQLite; what else must be carried is in docs/moving.md.

    Example: python -m server move water --to postgresql://folkmoot@db:5432/folkmoot
    """
    if reopen and (copy or address or not slugs):
        raise click.UsageError("--reopen takes the names of assemblies, and no other option.")
    given = settings()
    with failing_in_one_sentence(), _opened(given, target, copy=copy) as (source, there):
        from ..runtime.moving import Mover

        with progress() as shown:
            told = _Display(shown)
            mover = Mover(source, there, copy=copy, address=address.rstrip("/"), told=told)
            if reopen:
                _reopen(mover, slugs, source)
            else:
                _move(mover, slugs, source)
                _compare_keys(given, there)


def _reopen(mover: Mover, slugs: tuple[str, ...], source: Database) -> None:
    for slug in slugs:
        mover.reopen(slug)
        click.echo(f"{slug} is open at {source.place} again.")


def _move(mover: Mover, slugs: tuple[str, ...], source: Database) -> None:
    for slug in mover.slugs(slugs):
        done = mover.move(slug)
        if slugs and done.outcome == "elsewhere":
            raise Failure(f"{slug} was moved to {done.place} before, and lives there.")
        click.echo(_sentence(done, source))


def _sentence(done: Done, source: Database) -> str:
    whole = f"{done.events} events in {done.logs} logs"
    match done.outcome:
        case "moved":
            return f"{done.slug} has moved to {done.place}: {whole}, {done.taken} taken now."
        case "copied":
            return (
                f"{done.slug} was copied to {done.place}: {whole}, {done.taken} taken now. "
                f"It is open at {source.place} too: only one of the two may go on."
            )
        case "there":
            return f"{done.slug} is at {done.place} already: {whole}, nothing was to be taken."
        case _:
            return f"{done.slug} was moved to {done.place} before, and is left alone."


def _compare_keys(given: Settings, there: Database) -> None:
    """Say so where the target's servers sign sessions with another key than those here."""
    from ..runtime.installation import has_secret_key, secret_key
    from ..store import installation
    from ..store.moving import facts

    known = there.read(facts).get(installation.SECRET_KEY)
    if known is None or not has_secret_key(given):
        return
    if known != installation.digest(secret_key(given)):
        click.echo(
            f"The servers at {there.place} have another secret key than those here: people will "
            "have to come in there with their return codes."
        )


@contextmanager
def _opened(given: Settings, target: str, *, copy: bool) -> Iterator[tuple[Database, Database]]:
    """Open the settings' database, which must exist, and another one."""
    from ..store.database import Database

    url = given.resolved_database_url
    here, there = _file(url), _file(target)
    if here is not None and here == there:
        raise Failure("--to names the database that is to be moved.")
    if here is not None and not here.is_file():
        raise Failure(f"There is no database at {here}.")
    source = Database.open(url, hold=not copy)
    try:
        other = Database.open(target)
        try:
            yield source, other
        finally:
            other.close()
    finally:
        source.close()


def _file(url: str) -> Path | None:
    from ..store.database import parse

    parsed = parse(url)
    if parsed.drivername != "sqlite" or not parsed.database:
        return None
    return Path(parsed.database).resolve()


class _Display:
    """Shows how far a move has come: a bar for each assembly and stage."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown
        self._tasks: dict[tuple[str, str], TaskID] = {}

    def __call__(self, step: Step) -> None:
        name = (step.slug, step.stage)
        if name not in self._tasks or step.done == 0:
            label = f"{step.slug}: {step.stage}"
            self._tasks[name] = self._shown.add_task(label, total=step.total)
        self._shown.update(self._tasks[name], completed=step.done, total=step.total)
