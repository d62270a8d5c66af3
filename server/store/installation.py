"""Facts that all processes on one database share: each says what it has, and none may differ."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import pbkdf2_hmac

from sqlalchemy import Connection, select

from ..errors import Fault
from . import bulk
from .tables import INSTALLATION

SECRET_KEY = "secret key"  # noqa: S105 - a fact's name
SIGNING_KEY = "signing key"
_SALT = b"folkmoot installation"
_ROUNDS = 100_000


def digest(secret: bytes) -> str:
    """Return by what a secret is compared, which says nothing of the secret; takes some 50 ms."""
    return pbkdf2_hmac("sha256", secret, _SALT, _ROUNDS).hex()


def agree(connection: Connection, facts: Mapping[str, str]) -> None:
    """Keep ``facts``, by their names, or check that they are those that are kept already.

    Raises:
        Fault: one of them is another; its sentence names it and neither value.
    """
    for name, value in sorted(facts.items()):
        bulk.execute(connection, _KEEP, (name, value))
        if known(connection, name) != value:
            raise Fault(
                f"The {name} of this process is not that of the other servers and workers on this "
                "database: give all of them the same (docs/postgresql.md, Keys)."
            )


def known(connection: Connection, name: str) -> str | None:
    """Return the fact that is kept by this name, or None."""
    kept = select(INSTALLATION.c.value).where(INSTALLATION.c.name == name)
    found = connection.execute(kept).scalar_one_or_none()
    return None if found is None else str(found)


_KEEP = "INSERT INTO installation (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING"
