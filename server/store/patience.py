"""A connection that gives up on a server that keeps silent.

PostgreSQL ends what takes too long, and the kernel a connection on which nothing is confirmed. None
of the two helps where something in between takes in what is sent and forgets it, or where the whole
server stands still: so each call has a limit here too, beyond that of the server.
"""

from __future__ import annotations

from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

T = TypeVar("T")


class PatientConnection(psycopg.Connection[Any]):
    """A connection on which no call takes longer than ``patience`` seconds; None: no limit.

    A call that does is cut off: the connection is closed, and what became of the call isn't known.
    """

    patience: float | None = None

    def wait(self, gen: PQGen[T], *args: Any, **kwargs: Any) -> T:
        """Do what ``gen`` asks of the server.

        Raises:
            psycopg.OperationalError: it took too long.
        """
        if self.patience is None:
            return super().wait(gen, *args, **kwargs)
        begun = monotonic()
        try:
            return super().wait(gen, *args, **({"timeout": self.patience} | kwargs))
        except psycopg.OperationalError:
            if monotonic() - begun >= self.patience:
                self.pgconn.finish()
            raise
