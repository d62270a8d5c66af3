"""What a role in PostgreSQL may do that serves: append to logs, and never change or empty them."""

from __future__ import annotations

from collections.abc import Mapping

from psycopg import sql
from sqlalchemy import Connection

from ..errors import Invalid

_LOG: Mapping[str, str] = {
    "log": "SELECT, INSERT, UPDATE (head, hash)",
    "event": "SELECT, INSERT",
    "payload": "SELECT, INSERT",
}
_PROJECTIONS: Mapping[str, str] = {
    "assembly": "SELECT, INSERT, UPDATE (as_of_seq)",
    "room": "SELECT, INSERT, UPDATE (phase, as_of_seq)",
    "member": "SELECT, INSERT, UPDATE (role, name, publish, research, training)",
    "statement": "SELECT, INSERT, UPDATE (text, language, status, reason, note, erased)",
    "vote": "SELECT, INSERT, UPDATE (choice, seq)",
}
_OTHERS: Mapping[str, str] = {
    "idempotency": "SELECT, INSERT",
    "installation": "SELECT, INSERT",
    "artifact": "SELECT, INSERT, UPDATE, DELETE",
    "embedding": "SELECT, INSERT, UPDATE, DELETE",
    "spending": "SELECT, INSERT, UPDATE (calls, tokens)",
    "alembic_version": "SELECT",
}
GRANTED: Mapping[str, str] = {**_LOG, **_PROJECTIONS, **_OTHERS}
"""By table, what servers and workers need; they need nothing else."""


def grant(connection: Connection, role: str) -> None:
    """Give an existing role exactly what servers and workers need, and take what it had beyond.

    Raises:
        Invalid: there is no such role, or it is one from which nothing can be taken.
    """
    _check(connection, role)
    who = sql.Identifier(role)
    schema = sql.Identifier(connection.exec_driver_sql("SELECT current_schema()").scalar_one())
    commands = [
        sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, who),
        sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA {} FROM {}").format(schema, who),
        sql.SQL("GRANT EXECUTE ON FUNCTION {}.erase_payloads TO {}").format(schema, who),
        *(
            sql.SQL("GRANT {} ON {} TO {}").format(
                sql.SQL(rights),
                sql.Identifier(table),
                who,
            )
            for table, rights in GRANTED.items()
        ),
    ]
    driver = connection.connection.driver_connection
    for command in commands:
        connection.exec_driver_sql(command.as_string(driver))


def _check(connection: Connection, role: str) -> None:
    found = connection.exec_driver_sql(
        "SELECT rolsuper, pg_has_role(oid, (SELECT relowner FROM pg_class WHERE oid = "
        "'event'::regclass), 'MEMBER') FROM pg_roles WHERE rolname = %s",
        (role,),
    ).one_or_none()
    if found is None:
        raise Invalid(f"There is no role {role} in this PostgreSQL: create it first.")
    superuser, owns = found
    if superuser or owns:
        raise Invalid(
            f"The role {role} owns the tables or is a superuser, and so may change every log: "
            "create one of its own for servers and workers."
        )
