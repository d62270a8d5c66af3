"""Votes lie by statement: those cast at one time are mostly on the same few statements."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# PostgreSQL then has the order of ids that every other place has, whatever its language.
TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table of votes anew with the same rows in another order."""
    op.rename_table("vote", "vote_by_participant")
    op.create_table(
        "vote",
        sa.Column("room", TEXT, nullable=False),
        sa.Column("statement", TEXT, nullable=False),
        sa.Column("participant", TEXT, nullable=False),
        sa.Column("choice", sa.SmallInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        # On PostgreSQL the old table's key still has the name that this one would get.
        sa.PrimaryKeyConstraint("room", "statement", "participant", name="vote_by_statement"),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO vote (room, statement, participant, choice, seq) "
        "SELECT room, statement, participant, choice, seq FROM vote_by_participant "
        "ORDER BY room, statement, participant"
    )
    op.drop_table("vote_by_participant")
