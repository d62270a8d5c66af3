"""Erasures are found without reading a log: whoever reads an erased event needs its remains."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Index the few events that erase others."""
    erasures = sa.text("type = 'content.erased'")
    # With the type in it, though that is one and the same: SQLite would read the table instead.
    op.create_index(
        "event_erasures",
        "event",
        ["log", "seq", "type"],
        sqlite_where=erasures,
        postgresql_where=erasures,
    )
