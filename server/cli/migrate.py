"""``migrate``: brings the database to this program's version."""

from __future__ import annotations

import click

from .common import failing_in_one_sentence, settings


@click.command("migrate")
def command() -> None:
    """Bring the database to this program's version, making what it needs.

    On PostgreSQL nothing else does: run it before the first start, and after each upgrade of the
    program, as a user who may create tables. Two at once wait for each other.

    Example: python -m server migrate
    """
    from ..store.database import migrate

    given = settings()
    with failing_in_one_sentence():
        upgraded = migrate(given.resolved_database_url)
    click.echo("The database is of this version now." if upgraded else "Nothing was to be done.")
