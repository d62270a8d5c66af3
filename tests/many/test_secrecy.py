"""What a third person is sent by two servers says nothing of who of two others voted how."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from server.deliberation import commands as c
from server.deliberation.commands import Actor
from server.deliberation.views import Viewer, room_view
from server.deliberation.vocabulary import Choice, Role
from server.ids import AssemblyId, LogId, ParticipantId, RoomId, StatementId
from server.runtime import channel
from tests.runtime.house import admit, found, vote, write

from .houses import One, two_houses, until

pytestmark = pytest.mark.timeout(60)
THIRD = "third"
BALLOTS = ((Choice.AGREE, Choice.DISAGREE, Choice.PASS), (Choice.PASS, Choice.AGREE, Choice.AGREE))


async def test_two_others_may_exchange_their_votes_and_nobody_else_is_sent_anything_else(
    postgres_url: str, redis_at: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "VIEWS_EVERY", 0.0)
    async with two_houses(postgres_url, redis_at) as both:
        straight = await _sent(both, "1", BALLOTS)
        assert await _sent(both, "2", BALLOTS[::-1]) == straight
        for frames in straight:
            counted = [frame["votes"] for frame in frames if frame["type"] == "tally"]
            assert counted == [0, 10, 15, 20, 25, 30]


async def _sent(
    both: list[One], mark: str, ballots: tuple[tuple[Choice, ...], ...]
) -> list[list[dict[str, object]]]:
    """Let fifteen people vote, the first two as ``ballots`` say; return what the third is sent."""
    assembly, room = AssemblyId(mark.rjust(17, "a")), RoomId(mark.rjust(17, "r"))
    log = LogId(room)
    await found(both[0].house, slug=f"town{mark}", assembly=assembly, room=room)
    people = await admit(both[0].house, 15, assembly=assembly)
    statements = [await write(both[0].house, people[n], f"Say {n}", room=room) for n in range(3)]
    await both[1].house.look(log)
    sockets = [await one.sit(log, THIRD) for one in both]

    async def cast(number: int, statement: StatementId, choice: Choice, who: Actor) -> None:
        done = await both[number % 2].house.submit(log, vote(statement, choice), who)
        for one in both:
            state = await one.house.room(log)
            await until(lambda state=state: state.seq >= done.seq)
        for _ in range(5):
            await asyncio.sleep(0)

    for at, statement in enumerate(statements):
        for number, who in enumerate(people):
            choice = ballots[number][at] if number < len(ballots) else Choice.AGREE
            if at == 0 or number < 8:
                await cast(number, statement, choice, who)
    await both[0].house.submit(log, c.PostNotice(text="Thanks"), None)
    await until(lambda: all(socket.events for socket in sockets))
    views = [
        room_view(await one.house.room(log), Viewer(ParticipantId(THIRD), Role.PARTICIPANT))
        for one in both
    ]
    assert views[0] == views[1]
    sent = [json.loads(_unnamed(json.dumps(socket.frames), statements)) for socket in sockets]
    return [_without_times(frames, mark) for frames in sent]


def _unnamed(text: str, statements: list[StatementId]) -> str:
    for number, statement in enumerate(statements):
        text = text.replace(statement, f"S{number}")
    return text


def _without_times(frames: list[dict[str, object]], mark: str) -> list[dict[str, object]]:
    named = re.compile(rf'"[ar]{{16}}{mark}"')
    return json.loads(named.sub('"log"', json.dumps(frames)))  # type: ignore[no-any-return]
