"""The log with its chain, the projections, derived documents and embeddings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# PostgreSQL then has the order of ids that every other place has, whatever its language.
TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make every table."""
    _log()
    _projections()
    _derived()


def _log() -> None:
    op.create_table(
        "log",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("head", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "event",
        sa.Column("log", TEXT, sa.ForeignKey("log.id"), primary_key=True),
        sa.Column("seq", sa.BigInteger(), primary_key=True),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("day", TEXT, nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "payload",
        sa.Column("log", TEXT, primary_key=True),
        sa.Column("seq", sa.BigInteger(), primary_key=True),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["log", "seq"], ["event.log", "event.seq"]),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "idempotency",
        sa.Column("id", sa.LargeBinary(), primary_key=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("log", TEXT, nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )


def _projections() -> None:
    op.create_table(
        "assembly",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("slug", TEXT, nullable=False, unique=True),
        sa.Column("title", TEXT, nullable=False),
        sa.Column("question", TEXT, nullable=False),
        sa.Column("language", TEXT, nullable=False),
        sa.Column("as_of_seq", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "room",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("assembly", TEXT, nullable=False, index=True),
        sa.Column("title", TEXT, nullable=False),
        sa.Column("question", TEXT, nullable=False),
        sa.Column("language", TEXT, nullable=False),
        sa.Column("phase", TEXT, nullable=False),
        sa.Column("as_of_seq", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "member",
        sa.Column("assembly", TEXT, primary_key=True),
        sa.Column("participant", TEXT, primary_key=True),
        sa.Column("role", TEXT, nullable=True),
        sa.Column("channel", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("publish", sa.Boolean(), nullable=False),
        sa.Column("research", sa.Boolean(), nullable=False),
        sa.Column("training", sa.Boolean(), nullable=False),
        sa.Column("joined", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "statement",
        sa.Column("room", TEXT, primary_key=True),
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("author", TEXT, nullable=True, index=True),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("language", TEXT, nullable=True),
        sa.Column("origin", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("note", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("erased", sa.Boolean(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "vote",
        sa.Column("room", TEXT, primary_key=True),
        sa.Column("participant", TEXT, primary_key=True),
        sa.Column("statement", TEXT, primary_key=True),
        sa.Column("choice", sa.SmallInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )


def _derived() -> None:
    op.create_table(
        "artifact",
        sa.Column("log", TEXT, primary_key=True),
        sa.Column("kind", TEXT, primary_key=True),
        sa.Column("digest", TEXT, primary_key=True),
        sa.Column("as_of_seq", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "embedding",
        sa.Column("model", TEXT, primary_key=True),
        sa.Column("digest", TEXT, primary_key=True),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
    )


def downgrade() -> None:
    """Refused: a log is never thrown away by a program."""
    raise NotImplementedError("the first version has none before it")
