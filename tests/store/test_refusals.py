"""What PostgreSQL refuses, by day or at the door, is a sentence for an operator."""

from __future__ import annotations

import asyncio
import re
import socket
import time

import psycopg
import pytest
from sqlalchemy.engine import make_url

from server.errors import (
    Conflicted,
    Fault,
    StorageFault,
    StorageFull,
    Unreachable,
)
from server.store.database import Database
from server.store.faults import named
from server.store.postgres import place
from server.store.replay import replay
from server.store.writing import Wanted

from .. import databases
from ..runtime.house import RLOG, admit, at_home, found, vote, write
from .ledgers import A, appending, ledger_of, used
from .test_postgres import end_sessions

pytestmark = pytest.mark.timeout(60)


_FAIL = """
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'secret words of somebody' USING ERRCODE = '{state}'; END $$;
CREATE TRIGGER failing BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION fail();
"""

REFUSALS: dict[str, tuple[type[Fault], str]] = {
    "53100": (StorageFull, "its disk is full"),
    "53200": (StorageFault, "ran out of memory"),
    "25006": (StorageFault, "takes no writes"),
    "42501": (StorageFault, "run the command migrate with --grant"),
    "57014": (StorageFault, "took longer"),
    "55P03": (StorageFault, "locked by another process"),
    "40001": (Conflicted, "Another process"),
    "57P01": (Unreachable, "stopping, starting or recovering"),
    "XX001": (StorageFault, "refused or broke \\(XX001\\)"),
}


@pytest.mark.parametrize("state", REFUSALS)
async def test_what_the_database_refuses_has_a_name_and_is_overcome(
    postgres_url: str, state: str
) -> None:
    kind, sentence = REFUSALS[state]
    with ledger_of(postgres_url) as ledger:
        databases.admin(_FAIL.format(state=state), postgres_url)
        begun = ledger.begin(Wanted({A: 0}))
        with pytest.raises(Fault, match=sentence) as refused:
            ledger.commit([appending(begun, A)], [used(b"k", A)])
        assert type(refused.value) is kind
        assert "secret" not in refused.value.message
        assert refused.value.__suppress_context__
        databases.admin("DROP TRIGGER failing ON event", postgres_url)
        begun = ledger.begin(Wanted({A: 0}, keys=[used(b"k", A).id]))
        assert not begun.heads
        assert not begun.used
        ledger.commit([appending(begun, A)], ())


async def test_a_database_that_takes_no_writes_for_a_while_loses_nothing(postgres_url: str) -> None:
    name = make_url(postgres_url).database
    async with at_home(postgres_url) as home:
        await found(home.house)
        people = await admit(home.house, 20)
        statement = await write(home.house, people[0], "S")
        kept = 0
        for state in ("on", "off"):
            databases.admin(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {state}')
            await asyncio.to_thread(end_sessions, postgres_url)
            answers = await asyncio.gather(
                *(home.house.submit(RLOG, vote(statement), each) for each in people),
                return_exceptions=True,
            )
            faults = [each for each in answers if isinstance(each, StorageFault)]
            kept += len(answers) - len(faults)
            if state == "on":
                assert len(faults) == len(people)
                assert all("takes no writes" in each.message for each in faults)
                assert (await home.house.room(RLOG)).votes.votes == 0
        assert kept == len(people)
        assert (await home.house.room(RLOG)).votes.votes == kept
        assert (await home.database.reading(replay, RLOG)).difference is None


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def test_an_address_where_nobody_is_says_so_quickly() -> None:
    port = free_port()
    began = time.monotonic()
    with pytest.raises(Unreachable) as refused:
        Database.open(f"postgresql://me:hidden@127.0.0.1:{port}/base")
    assert refused.value.message == f"The database at 127.0.0.1:{port}/base can't be reached."
    assert time.monotonic() - began < 3


def test_a_server_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        began = time.monotonic()
        with pytest.raises(Unreachable, match=f"127.0.0.1:{port}/base can't be reached"):
            Database.open(f"postgresql://me:hidden@127.0.0.1:{port}/base?connect_timeout=2")
        assert time.monotonic() - began < 5


def test_a_database_that_is_not_there_and_a_user_who_is_not_are_told_apart(
    postgres_url: str,
) -> None:
    there = place(make_url(postgres_url)).rpartition("/")[0]
    with pytest.raises(StorageFault, match=re.escape(f"There is no database at {there}/nowhere")):
        Database.open(databases.url_of("nowhere"))
    name = make_url(postgres_url).database or ""
    with pytest.raises(Unreachable, match="refused this user") as refused:
        Database.open(databases.url_of(name, username="nobody-of-that-name", password="hidden"))
    assert "hidden" not in refused.value.message


@pytest.mark.parametrize(
    ("told", "kind", "sentence"),
    [
        ('FATAL:  password authentication failed for user "x"', Unreachable, "has expired"),
        ('FATAL:  no pg_hba.conf entry for host "1.2.3.4"', Unreachable, "refused this user"),
        ("FATAL:  Passwort-Authentifizierung fehlgeschlagen", Unreachable, "its log says which"),
        ("fe_sendauth: no password supplied", Unreachable, "refused this user"),
        ("FATAL:  sorry, too many clients already", Unreachable, "raise max_connections"),
        ("FATAL:  remaining connection slots are reserved", Unreachable, "max_connections"),
        ("FATAL:  the database system is starting up", Unreachable, "stopping, starting"),
        ("server does not support SSL, but SSL was required", StorageFault, "encryption"),
        ("session is read-only", Unreachable, "target_session_attrs"),
        ("server is in hot standby mode", Unreachable, "it is a standby"),
    ],
)
def test_what_a_server_says_that_lets_nobody_in_is_understood(
    told: str, kind: type[Fault], sentence: str
) -> None:
    error = psycopg.OperationalError(f'connection failed: connection to server at "h": {told}')
    with pytest.raises(Fault, match=sentence) as refused, named("h:1/n"):
        raise error
    assert type(refused.value) is kind


@pytest.mark.parametrize("wrong", ["port=99999", "sslmode=bogus", "target_session_attrs=any-old"])
def test_an_address_that_says_what_nobody_knows_is_not_tried_again(wrong: str) -> None:
    url = f"postgresql://me:hidden@127.0.0.1/town?{wrong}"
    with pytest.raises(StorageFault, match="a value that PostgreSQL doesn't know") as refused:
        Database.open(url)
    assert type(refused.value) is StorageFault
    assert "hidden" not in refused.value.message


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:hidden@db.example/town", "db.example:5432/town"),
        ("postgres://me:hidden@10.0.0.1:6000/town?sslmode=require", "10.0.0.1:6000/town"),
        ("postgresql:///town?host=/var/run/postgresql&user=me", "/var/run/postgresql/town"),
        ("postgresql:///town?host=one&host=two&port=1&port=2", "one,two:1,2/town"),
    ],
)
def test_what_is_shown_of_an_address_is_where_it_is(url: str, shown: str) -> None:
    assert place(make_url(url)) == shown
