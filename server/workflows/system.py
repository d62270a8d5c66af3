"""Where the workflows' own tables are, and how DBOS is told: a SQLite file, or PostgreSQL."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dbos import DBOS, DBOSConfig
from dbos import error as dbos
from sqlalchemy.exc import SQLAlchemyError

from ..errors import StorageFault
from ..store.database import parse
from ..store.held import for_its_owner
from ..store.postgres import DRIVERS, complete, place
from ..store.works import SCHEMA
from .kinds import KINDS

DATABASE: Final = "workflows.db"
VERSION: Final = "1"
"""Raised when a workflow's steps change in a way that a half-done one could not go on with."""
CONNECTIONS: Final = 6
"""So many connections to PostgreSQL the workflows of one worker have beside the house's."""
_ALONE: Final = "folkmoot"
"""One process holds a SQLite file, so there is one executor: it takes up what a dead one left."""
_POLLING_SECONDS = 0.5
_SESSION = "-c statement_timeout=30s -c lock_timeout=10s"


@dataclass(frozen=True, slots=True)
class System:
    """The workflows' database, who this process is to it, and whether it is shared.

    In a shared one, work waits in queues until a worker has a hand free; in a process' own it
    begins at once.
    """

    url: str
    executor: str
    shared: bool
    path: Path | None = None

    @classmethod
    def alone(cls, data_dir: Path) -> System:
        """Return the system of a process that holds its SQLite database alone."""
        path = data_dir / DATABASE
        return cls(f"sqlite:///{path}", _ALONE, shared=False, path=path)

    @classmethod
    def among_workers(cls, url: str, life: str) -> System:
        """Return the system of one worker of several on PostgreSQL, for one life of it."""
        return cls(_address(url), life, shared=True)

    def launch(self) -> None:
        """Launch DBOS in this process; blocks its thread.

        Raises:
            StorageFault: the tables are not there or cannot be reached.
        """
        if self.path is not None:
            for_its_owner(self.path)
        quieten()
        try:
            DBOS(config=self._config())
            quieten()
            DBOS.launch()
            if self.shared:
                for kind, limits in KINDS.items():
                    DBOS.register_queue(
                        kind,
                        global_concurrency=limits.everywhere,
                        worker_concurrency=limits.worker,
                        polling_interval_sec=_POLLING_SECONDS,
                    )
        except (dbos.DBOSException, SQLAlchemyError) as error:
            DBOS.destroy()
            raise StorageFault(
                f"The workflows' tables can't be used ({type(error).__name__}): "
                "run the command migrate once, and see that the database can be reached."
            ) from None

    def _config(self) -> DBOSConfig:
        config = DBOSConfig(
            name="folkmoot",
            system_database_url=self.url,
            executor_id=self.executor,
            application_version=VERSION,
            enable_otlp=False,
            log_level="ERROR",
            notification_listener_polling_interval_sec=_POLLING_SECONDS,
        )
        if self.shared:
            config["run_migrations"] = False
            config["dbos_system_schema"] = SCHEMA
            config["sys_db_pool_size"] = CONNECTIONS
            config["db_engine_kwargs"] = {"max_overflow": 0}
            # Nothing here sends messages or events between workflows, and NOTIFY takes a lock.
            config["use_listen_notify"] = False
        return config


def is_shared(url: str) -> bool:
    """Tell whether the database at ``url`` is one that workers share."""
    return parse(url).drivername in DRIVERS


def migrate(url: str, role: str | None = None) -> None:
    """Make or upgrade the workflows' tables in PostgreSQL; let ``role``, if any, use them.

    Does nothing for SQLite, whose workflows bring their file up themselves.

    Raises:
        StorageFault: the database refused or cannot be reached.
    """
    if not is_shared(url):
        return
    quieten()
    try:
        DBOS.migrate(_address(url), schema=SCHEMA, application_role=role)
    except (dbos.DBOSException, SQLAlchemyError) as error:
        raise StorageFault(
            f"The workflows' tables could not be made at {place(parse(url))}"
            f" ({type(error).__name__})."
        ) from None
    finally:
        quieten()


def _address(url: str) -> str:
    address = complete(parse(url))
    query = dict(address.query)
    query["options"] = f"{query.get('options', '')} {_SESSION}".strip()
    return address.set(query=query).render_as_string(hide_password=False)


def quieten() -> None:
    """Let DBOS say nothing: its words would be those of whatever failed."""
    logger = logging.getLogger("dbos")
    logger.setLevel(logging.ERROR)
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
