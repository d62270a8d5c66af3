"""Which version the database is of, and bringing it up to this program's."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from ..errors import DatabaseNewer, StorageFault
from .tables import METADATA

_MIGRATIONS = Path(__file__).parent / "migrations"


def _config() -> Config:
    config = Config()
    # Alembic reads this through a config parser, where a percent sign means something.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def is_current(connection: Connection, place: str) -> bool:
    """Tell whether the database has this program's version; False where it is older or empty.

    ``place`` is where it is, for an operator's eyes.

    Raises:
        DatabaseNewer: it was written by a newer version; nothing of it was touched.
    """
    scripts = ScriptDirectory.from_config(_config())
    known = {script.revision for script in scripts.walk_revisions()}
    found = MigrationContext.configure(connection).get_current_heads()
    for revision in found:
        if revision not in known:
            raise DatabaseNewer(
                f"The database at {place} has version {revision}, which this program doesn't know: "
                "it was written by a newer version; run that one."
            )
    return list(found) == scripts.get_heads()


def upgrade(connection: Connection) -> None:
    """Bring the database to this program's version, in the connection's transaction."""
    config = _config()
    config.attributes["connection"] = connection
    config.attributes["metadata"] = METADATA
    command.upgrade(config, "head")


def requires_current(connection: Connection, place: str) -> None:
    """Check that the database can be read as it is.

    Raises:
        DatabaseNewer: it was written by a newer version.
        StorageFault: it is older, or empty.
    """
    if not is_current(connection, place):
        sqlite = connection.dialect.name == "sqlite"
        means = "start the server once" if sqlite else "run the command migrate"
        raise StorageFault(
            f"The database at {place} is of an older version or empty: {means} to bring it up."
        )
