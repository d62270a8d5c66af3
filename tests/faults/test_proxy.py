"""The proxy that breaks connections, and the checks that must notice what is broken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import pytest

from evals.faults.checking import Found, _compare
from evals.faults.people import Command, Receipt
from evals.faults.proxy import HOST, Proxy
from evals.faults.town import Place
from server.deliberation import events as e
from server.deliberation.vocabulary import Choice
from server.ids import LogId, ParticipantId, StatementId

pytestmark = pytest.mark.faults


@asynccontextmanager
async def through_a_proxy() -> AsyncIterator[Proxy]:
    """A proxy before a server that says everything back."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(echo, HOST, 0)
    proxy = Proxy("way", server.sockets[0].getsockname()[1])
    await proxy.open()
    try:
        yield proxy
    finally:
        await proxy.close()
        server.close()


async def test_it_passes_on_all_of_it_in_order() -> None:
    async with through_a_proxy() as proxy:
        reader, writer = await asyncio.open_connection(HOST, proxy.port)
        sent = bytes(range(256)) * 20_000
        for delay in (0.0, 0.02, 0.0):
            proxy.delay = delay
            writer.write(sent)
            async with asyncio.timeout(10):
                assert await reader.readexactly(len(sent)) == sent
        writer.close()


async def test_a_delay_delays_both_ways() -> None:
    async with through_a_proxy() as proxy:
        reader, writer = await asyncio.open_connection(HOST, proxy.port)
        proxy.delay = 0.1
        begun = monotonic()
        writer.write(b"x")
        assert await reader.readexactly(1) == b"x"
        assert monotonic() - begun >= 0.2
        writer.close()


async def test_a_cut_connection_is_reset_and_the_next_one_works() -> None:
    async with through_a_proxy() as proxy:
        reader, writer = await asyncio.open_connection(HOST, proxy.port)
        writer.write(b"x")
        await reader.readexactly(1)
        assert proxy.cut() == 1
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()
        reader, writer = await asyncio.open_connection(HOST, proxy.port)
        writer.write(b"y")
        assert await reader.readexactly(1) == b"y"
        writer.close()


async def test_half_open_means_that_nothing_comes_and_nobody_is_told() -> None:
    async with through_a_proxy() as proxy:
        reader, writer = await asyncio.open_connection(HOST, proxy.port)
        writer.write(b"x")
        await reader.readexactly(1)
        assert proxy.freeze() == 1
        writer.write(b"y")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await reader.read(1)
        assert proxy.end_frozen() == 1
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()


PLACE = Place("hall", LogId("a1"), LogId("r1"), {})


def _vote(seq: int, statement: str = "s1") -> e.Recorded:
    event = e.VoteCast(statement=StatementId(statement), choice=Choice.AGREE)
    return e.Recorded(log=PLACE.room, seq=seq, at=0, by=ParticipantId("p1"), event=event)


def _receipt(seq: int, statement: str = "s1") -> tuple[str, Receipt]:
    command = Command(f"k{seq}", "vote.cast", "/votes", b"", statement)
    return "p1", Receipt(command, seq, statement)


@pytest.mark.parametrize(
    ("recorded", "receipts", "wrong"),
    [
        ([_vote(1), _vote(2)], [_receipt(1), _receipt(2)], ""),
        ([_vote(1)], [_receipt(1), _receipt(2)], "LOST"),
        ([_vote(1), _vote(2)], [_receipt(1)], "DOUBLED"),
        ([_vote(1)], [_receipt(1, "s2")], "something else"),
        ([_vote(1)], [_receipt(1), _receipt(1)], "one seq"),
    ],
    ids=["all is well", "lost", "doubled", "another", "one seq twice"],
)
def test_what_is_lost_or_doubled_is_noticed(
    recorded: list[e.Recorded], receipts: list[tuple[str, Receipt]], wrong: str
) -> None:
    found = Found()
    _compare(PLACE, recorded, receipts, {"p1"}, found)
    assert (found.wrongs == []) == (wrong == "")
    assert all(wrong in each for each in found.wrongs)
