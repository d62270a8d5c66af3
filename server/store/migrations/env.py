"""Alembic's entry: the connection and the metadata come through ``config.attributes``."""

from __future__ import annotations

from alembic import context


def run() -> None:
    """Bring the database behind the given connection to the wanted version."""
    attributes = context.config.attributes
    context.configure(
        connection=attributes["connection"],
        target_metadata=attributes["metadata"],
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
