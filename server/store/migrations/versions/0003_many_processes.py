"""What many processes need: facts they share, where a log went, and who may erase.

On PostgreSQL the servers' role may not delete payloads. A function that belongs to the tables'
owner does it for them, if an event of the same transaction says so.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TEXT = sa.String().with_variant(sa.String(collation="C"), "postgresql")

# xmin is the transaction that wrote a row: the event was appended by whoever erases, just now.
_ERASE = """
CREATE FUNCTION erase_payloads(which text, erasure bigint, seqs bigint[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    gone bigint;
    remains json;
BEGIN
    SELECT convert_from(payload.body, 'UTF8')::json #> '{{event,remains}}' INTO remains
    FROM event JOIN payload ON payload.log = event.log AND payload.seq = event.seq
    WHERE event.log = which AND event.seq = erasure AND event.type = 'content.erased'
        AND event.xmin = pg_current_xact_id()::xid;
    IF remains IS NULL OR EXISTS (
        SELECT 1 FROM unnest(seqs) AS asked(seq)
        WHERE asked.seq >= erasure OR remains -> asked.seq::text IS NULL
    ) THEN
        RAISE EXCEPTION 'no event of this transaction erases that' USING ERRCODE = '42501';
    END IF;
    DELETE FROM payload WHERE payload.log = which AND payload.seq = ANY(seqs);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END
$$
"""


def upgrade() -> None:
    """Make the table, the column and the function."""
    op.create_table(
        "installation",
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("value", TEXT, nullable=False),
        sqlite_with_rowid=False,
    )
    op.add_column("log", sa.Column("moved", TEXT, nullable=True))
    bind = op.get_bind()
    if bind.dialect.name == "postgresql":
        schema = bind.exec_driver_sql("SELECT quote_ident(current_schema())").scalar_one()
        bind.exec_driver_sql(_ERASE.format(schema=schema))
        bind.exec_driver_sql("REVOKE ALL ON FUNCTION erase_payloads FROM PUBLIC")
