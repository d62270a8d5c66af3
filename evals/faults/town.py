"""Where the people of a run meet: one open hall, and small rooms in which drafts are asked for."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

from server.deliberation import commands as c
from server.deliberation import events as e
from server.deliberation.charter import Charter
from server.deliberation.vocabulary import Channel, Choice, Phase, Role
from server.demo.statements import STATEMENTS
from server.ids import LogId
from server.runtime.founding import Founding, Plan, founding
from server.runtime.house import House, open_house
from server.runtime.invites import digest_of, new_code
from server.runtime.ports import SystemChance
from server.settings import Settings

HALL = "hall"
_VOTERS = 45
_STATEMENTS = 14
_ROUNDS = 10_000
_HALL_BEGINS_WITH = 12
_CHOICES = {-1: Choice.DISAGREE, 0: Choice.PASS, 1: Choice.AGREE}


@dataclass(frozen=True)
class Place:
    """An assembly with its room, and an invite for each role: a participant's can be used again."""

    slug: str
    assembly: LogId
    room: LogId
    invites: dict[Role, str]


@dataclass(frozen=True)
class Town:
    """The hall, and the rooms where drafts are made."""

    hall: Place
    studies: tuple[Place, ...]

    @property
    def places(self) -> tuple[Place, ...]:
        """All of them."""
        return (self.hall, *self.studies)


async def build(settings: Settings, studies: int, seed: int) -> Town:
    """Found a town in a database that is of this version already."""
    rng = random.Random(f"town/{seed}")
    async with open_house(settings, write=True) as house:
        hall = await _found(house, HALL, Phase.OPEN)
        await _speak(house, hall, await _admit(house, hall, 1), _HALL_BEGINS_WITH)
        rooms = [await _study(house, f"study-{number + 1}", rng) for number in range(studies)]
    return Town(hall, tuple(rooms))


async def _found(house: House, slug: str, phase: Phase) -> Place:
    plan = Plan(slug, slug, "What do we want?", phase=phase, charter=Charter(rounds=_ROUNDS))
    begun: Founding = founding(plan, new_code(), SystemChance())
    await house.submit_together(begun.units)
    invites: dict[Role, str] = {}
    for role in (Role.PARTICIPANT, Role.MODERATOR, Role.FACILITATOR):
        code = invites[role] = new_code()
        await house.submit(
            begun.assembly,
            c.IssueInvite(digest=digest_of(code), role=role, reusable=role is Role.PARTICIPANT),
            None,
        )
    return Place(slug, begun.assembly, begun.room, invites)


async def _study(house: House, slug: str, rng: random.Random) -> Place:
    """Found a room in which people have voted by three outlooks, ready for drafts."""
    place = await _found(house, slug, Phase.OPEN)
    people = await _admit(house, place, _VOTERS)
    chosen = rng.sample(STATEMENTS, _STATEMENTS)
    written = await _speak(house, place, people, _STATEMENTS, [each.text for each in chosen])
    votes = [
        (c.CastVote(statement_id=statement, choice=_choice(said.stance[number % 3])), person)
        for number, person in enumerate(people)
        for statement, said in zip(written, chosen, strict=True)
    ]
    await asyncio.gather(*(house.submit(place.room, vote, person) for vote, person in votes))
    await house.submit(place.room, c.ChangePhase(phase=Phase.DRAFTING), None)
    return place


def _choice(stance: int) -> Choice:
    return Choice.AGREE if stance > 0 else Choice.DISAGREE if stance < 0 else Choice.PASS


async def _admit(house: House, place: Place, count: int) -> list[c.Actor]:
    done = await house.submit(
        place.assembly,
        c.AdmitPeople(
            sources=tuple(str(number) for number in range(count)),
            channel=Channel.SIMULATED,
            consent=e.Consent(publish=True),
        ),
        None,
    )
    return [
        c.Actor(each.event.participant, Role.PARTICIPANT)
        for each in done.recorded
        if isinstance(each.event, e.ParticipantJoined)
    ]


async def _speak(
    house: House,
    place: Place,
    people: list[c.Actor],
    count: int,
    texts: list[str] | None = None,
) -> list[e.StatementId]:
    written = []
    for number in range(count):
        text = texts[number] if texts is not None else f"Statement {number} of the beginning"
        done = await house.submit(
            place.room, c.SubmitStatement(text=text), people[number % len(people)]
        )
        event = done.recorded[0].event
        if isinstance(event, e.StatementSubmitted):
            written.append(event.statement)
    return written
