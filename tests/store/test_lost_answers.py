"""The connection to PostgreSQL is lost while it makes something durable."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable

import pytest
from sqlalchemy.engine import make_url

from server.errors import (
    OutcomeUnknown,
)
from server.store.replay import replay

from .. import databases
from ..runtime.house import RLOG, admit, at_home, found, key, vote, write

pytestmark = pytest.mark.timeout(60)


_DIE = """
CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER dying AFTER INSERT ON event DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.type = 'vote.cast') EXECUTE FUNCTION die();
"""


async def test_a_session_that_ends_in_the_commit_leaves_the_outcome_open(postgres_url: str) -> None:
    async with at_home(postgres_url) as home:
        await found(home.house)
        people = await admit(home.house, 2)
        statement = await write(home.house, people[0], "S")
        databases.admin(_DIE, postgres_url)
        with pytest.raises(OutcomeUnknown, match="same idempotency key"):
            await home.house.submit(RLOG, vote(statement), people[0], key=key(people[0], "k"))
        databases.admin("DROP TRIGGER dying ON event", postgres_url)
        done = await home.house.submit(RLOG, vote(statement), people[0], key=key(people[0], "k"))
        assert not done.repeated
        assert (await home.house.room(RLOG)).votes.votes == 1
        assert (await home.database.reading(replay, RLOG)).difference is None


class Deaf:
    """Stands between a client and PostgreSQL, and loses the answer to the next COMMIT."""

    def __init__(self, url: str) -> None:
        target = make_url(url)
        self._target = (target.host or "127.0.0.1", target.port or 5432)
        self._listening = socket.create_server(("127.0.0.1", 0))
        port = self._listening.getsockname()[1]
        self.url = target.set(host="127.0.0.1", port=port).render_as_string(hide_password=False)
        self.armed = False
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def _start(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(self._target)
                self._start(self._forward, client, server)
                self._start(self._back, client, server)

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while some := client.recv(65536):
                lose = self.armed and b"COMMIT\x00" in some
                if lose:
                    self.armed = False
                    client.shutdown(socket.SHUT_RDWR)
                server.sendall(some)
                if lose:
                    time.sleep(0.3)
                    break
        server.close()

    def _back(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while some := server.recv(65536):
                client.sendall(some)
        client.close()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


async def test_an_answer_that_is_lost_is_given_again_for_the_same_key(postgres_url: str) -> None:
    deaf = Deaf(postgres_url)
    try:
        async with at_home(deaf.url) as home:
            await found(home.house)
            people = await admit(home.house, 2)
            statement = await write(home.house, people[0], "S")
            deaf.armed = True
            with pytest.raises(OutcomeUnknown):
                await home.house.submit(RLOG, vote(statement), people[0], key=key(people[0], "k"))
            await asyncio.sleep(0.4)
            done = await home.house.submit(
                RLOG, vote(statement), people[0], key=key(people[0], "k")
            )
            assert done.repeated
            assert (await home.house.room(RLOG)).votes.votes == 1
            assert (await home.house.room(RLOG)).seq == done.seq
            assert (await home.database.reading(replay, RLOG)).difference is None
    finally:
        deaf.close()
