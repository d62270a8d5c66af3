"""``migrate``: brings the database to this program's version."""

from __future__ import annotations

import click

from .common import failing_in_one_sentence, settings


@click.command("migrate")
@click.option("--grant", metavar="ROLE", help="Give this PostgreSQL role what servers need.")
def command(*, grant: str | None) -> None:
    """Bring the database to this program's version, making what it needs.

    On PostgreSQL nothing else does: run it before the first start, and after each upgrade of the
    program, as a user who may create tables. Two at once wait for each other. With --grant an
    existing role may do what servers and workers do, and nothing else: no log can be changed by it.

    Example: python -m server migrate --grant folkmoot_app
    """
    from ..store.database import migrate
    from ..workflows import system

    url = settings().resolved_database_url
    with failing_in_one_sentence():
        upgraded = migrate(url, grant)
        system.migrate(url, grant)
    click.echo("The database is of this version now." if upgraded else "Nothing was to be done.")
    if grant is not None:
        click.echo(f"{grant} may do what servers and workers do, and nothing else.")
