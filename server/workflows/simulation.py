"""Simulated participants do what the phase asks; they are marked as simulated from the start.

Who of them has votes already goes on as themselves. The others imitate somebody: a person drawn
from those who voted, or in a room without votes one of three made-up outlooks. They vote as that
person would, on what they haven't voted on; where that person didn't vote, as those lean who voted
most like them. They rank drafts by these votes on what the clauses cite, and ratify likewise. Where
some are chosen or drawn, they are so of each opinion group in proportion to its size. Seeded: the
same room and seed give the same answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..deliberation import commands as c
from ..deliberation.assembly import AssemblyState
from ..deliberation.decisions.voting import remaining
from ..deliberation.drafts import Clause
from ..deliberation.events import Consent
from ..deliberation.state import RoomState
from ..deliberation.vocabulary import CHOICE_OF_VALUE, Assent, Channel, Phase, Role
from ..deliberation.votes import EMPTY
from ..errors import WrongPhase
from ..ids import LogId, ParticipantId, StatementId
from ..runtime.house import House

_CONSENT = Consent(publish=True, research=True, training=False)
_AT_ONCE = 256
_OUTLOOKS = 3
_GOLDEN = (5**0.5 - 1) / 2
_STAYS = 0.85
_LIKE = 25
_REFUSES = -0.1
_CONTRARY = 0.03
_VOTES = (8, 40)
_WRITERS = 20
_SENTENCES: Final = (
    "(simulated) People who are affected should be asked before anything is decided.",
    "(simulated) What was promised should be checked by somebody from outside after a year.",
    "(simulated) Small places should get the same quality as large cities.",
    "(simulated) The costs of this should be published in a form that anybody can read.",
    "(simulated) Children and old people should be part of the first trial.",
)
_CRITICISM = "(simulated) It says nothing of what matters most to people like me."


class Simulated(msgspec.Struct, frozen=True, kw_only=True):
    """What simulated participants did; ``joined`` are those that had to be made."""

    phase: Phase
    people: int
    joined: int
    votes: int = 0
    statements: int = 0
    ballots: int = 0
    ratifications: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Imitation:
    """A simulated person and the matrix values (m,) of whom they imitate, and that one's group."""

    participant: ParticipantId
    votes: NDArray[np.float64]
    group: int | None


async def simulate(house: House, room: LogId, *, people: int, seed: int) -> Simulated:
    """Let ``people`` simulated participants do what the room's phase asks.

    Raises:
        WrongPhase: in this phase there is nothing for participants to do.
    """
    state = await house.room(room)
    phase, log = state.phase, LogId(state.assembly)
    if phase not in (Phase.OPEN, Phase.RANKING, Phase.RATIFYING):
        raise WrongPhase(
            f"In the phase '{phase}' there is nothing for participants to do; "
            "simulate in 'open', 'ranking' or 'ratifying'."
        )
    known, joined = await _people(house, log, people)
    rng = np.random.default_rng((seed, list(Phase).index(phase)))
    crowd = _imitations(await house.room(room), known, people, seed)
    done = Simulated(phase=phase, people=len(crowd), joined=joined)
    if phase is Phase.OPEN:
        return await _speak_and_vote(house, room, crowd, rng, done)
    await _place(house, room, crowd)
    if phase is Phase.RANKING:
        return await _rank(house, room, crowd, rng, done)
    return await _ratify(house, room, crowd, rng, done)


async def _people(house: House, log: LogId, people: int) -> tuple[tuple[ParticipantId, ...], int]:
    """Return the simulated people, so many at least, and how many of them had to be made."""
    known = _made(await house.assembly(log))
    missing = people - len(known)
    if missing > 0:
        sources = tuple(f"simulate/{len(known) + number}" for number in range(missing))
        await house.submit(
            log,
            c.AdmitPeople(sources=sources, channel=Channel.SIMULATED, consent=_CONSENT),
            None,
        )
        known = _made(await house.assembly(log))
    return known, max(missing, 0)


def _made(assembly: AssemblyState) -> tuple[ParticipantId, ...]:
    return tuple(
        each.id
        for each in assembly.members.values()
        if each.channel is Channel.SIMULATED and each.role is Role.PARTICIPANT
    )


def _imitations(
    state: RoomState, known: Sequence[ParticipantId], people: int, seed: int
) -> tuple[Imitation, ...]:
    votes = state.votes.view()
    signs = np.where(votes == EMPTY, 0, votes).astype(np.float32)
    groups = state.round.groups if state.round is not None else {}
    models = _models(state, frozenset(known), groups)
    begin = float(np.random.default_rng(seed).random())
    invented = np.random.default_rng(seed).choice(
        (-1.0, 1.0), (_OUTLOOKS, votes.shape[1]), p=(0.4, 0.6)
    )
    numbers = {participant: number for number, participant in enumerate(known)}
    found = []
    for participant in _spread(known, people, groups):
        number = numbers[participant]
        person = state.people.get(participant)
        if person is not None and state.votes.cast_by[person.row]:
            row = person.row
        elif models:
            # The golden ratio's multiples cover the groups evenly however many people there are,
            # and each person imitates the same one whenever they are asked.
            row = models[int((begin + number * _GOLDEN) % 1.0 * len(models))]
        else:
            outlook = np.random.default_rng((seed, number)).integers(_OUTLOOKS)
            found.append(Imitation(participant, invented[outlook], None))
            continue
        group = groups.get(participant, groups.get(state.rows[row]))
        found.append(Imitation(participant, _leaning_of(votes, signs, row), group))
    return tuple(found)


def _models(
    state: RoomState, simulated: Set[ParticipantId], groups: Mapping[str, int]
) -> list[int]:
    """Return the rows of who may be imitated, by group: people who voted, real ones if any did."""
    voters = [row for row in range(len(state.rows)) if state.votes.cast_by[row]]
    real = [row for row in voters if state.rows[row] not in simulated]
    return sorted(real or voters, key=lambda row: groups.get(state.rows[row], -1))


def _spread(
    known: Sequence[ParticipantId], people: int, groups: Mapping[str, int]
) -> tuple[ParticipantId, ...]:
    """Return ``people`` of those known, of each opinion group in proportion to its size."""
    ordered = sorted(known, key=lambda each: groups.get(each, -1))
    chosen = {ordered[(2 * n + 1) * len(ordered) // (2 * people)] for n in range(people)}
    return tuple(each for each in known if each in chosen)


def _leaning_of(
    votes: NDArray[np.int8], signs: NDArray[np.float32], row: int
) -> NDArray[np.float64]:
    """Return how a person votes, −1…1; where they don't, how those lean who are most like them."""
    like = np.argsort(-(signs @ signs[row]), kind="stable")[:_LIKE]
    cast = (votes[like] != EMPTY).sum(axis=0)
    leaning = signs[like].sum(axis=0) / np.maximum(cast, 1)
    found: NDArray[np.float64] = np.where(votes[row] == EMPTY, leaning, signs[row])
    return found


def _actor(each: Imitation) -> c.Actor:
    return c.Actor(each.participant, Role.PARTICIPANT)


async def _together(
    house: House, room: LogId, work: Iterable[tuple[c.RoomCommand, c.Actor]]
) -> int:
    """Submit many commands, some hundred at a time; return how many there were."""
    waiting = list(work)
    for start in range(0, len(waiting), _AT_ONCE):
        some = waiting[start : start + _AT_ONCE]
        await asyncio.gather(*(house.submit(room, command, actor) for command, actor in some))
    return len(waiting)


async def _speak_and_vote(
    house: House,
    room: LogId,
    crowd: Sequence[Imitation],
    rng: np.random.Generator,
    done: Simulated,
) -> Simulated:
    state = await house.room(room)
    written = {each.text for each in state.statements.values()}
    fresh = [text for text in _SENTENCES if text not in written][: len(crowd) // _WRITERS]
    statements = await _together(
        house,
        room,
        (
            (c.SubmitStatement(text=text, language="en"), _actor(each))
            for text, each in zip(fresh, crowd, strict=False)
        ),
    )
    state = await house.room(room)
    ids = tuple(state.columns)
    left = {
        each.participant: remaining(state, state.people.get(each.participant)) for each in crowd
    }
    ballots = [
        (c.CastVote(statement_id=ids[column], choice=CHOICE_OF_VALUE[value]), _actor(each))
        for each in crowd
        for column, value in _votes(each, left[each.participant], rng)
    ]
    return msgspec.structs.replace(
        done, statements=statements, votes=await _together(house, room, ballots)
    )


def _votes(
    each: Imitation, columns: Sequence[int], rng: np.random.Generator
) -> list[tuple[int, int]]:
    if not columns:
        return []
    low, high = (min(bound, len(columns)) for bound in _VOTES)
    chosen = rng.choice(columns, int(rng.integers(low, high + 1)), replace=False)
    cast = []
    for column in chosen.tolist():
        leaning = float(each.votes[column]) if column < each.votes.size else 0.3
        agree = 0.5 + leaning * (_STAYS - 0.5)
        drawn = rng.random()
        value = 0 if rng.random() < 0.08 else (1 if drawn < agree else -1)
        cast.append((column, value))
    return cast


async def _place(house: House, room: LogId, crowd: Sequence[Imitation]) -> None:
    """Say whom those imitate that have no opinion group from votes of their own."""
    state = await house.room(room)
    if state.round is None:
        return
    groups = {
        str(each.participant): each.group
        for each in crowd
        if each.group is not None
        and 0 <= each.group < max(state.round.group_count, 1)
        and each.participant not in state.round.groups
    }
    if groups:
        await house.submit(room, c.PlaceSimulated(groups=groups), None)


def _liking(each: Imitation, clauses: Iterable[Clause], state: RoomState) -> float:
    """Return the mean vote (−1…1) of whom ``each`` imitates on what the clauses cite."""
    columns = [
        state.statements[StatementId(cited)].column
        for clause in clauses
        for cited in clause.cites
        if StatementId(cited) in state.statements
    ]
    known = [each.votes[column] for column in columns if 0 <= column < each.votes.size]
    return float(np.mean(known)) if known else 0.0


async def _rank(
    house: House,
    room: LogId,
    crowd: Sequence[Imitation],
    rng: np.random.Generator,
    done: Simulated,
) -> Simulated:
    state = await house.room(room)
    ballots = [(_ballot(each, state, rng), _actor(each)) for each in crowd]
    return msgspec.structs.replace(done, ballots=await _together(house, room, ballots))


def _ballot(each: Imitation, state: RoomState, rng: np.random.Generator) -> c.CastRanking:
    drafts = state.round.drafts if state.round is not None else ()
    ids = [draft.id for draft in drafts]
    hidden = int(rng.integers(len(ids))) if len(ids) > 2 and rng.random() < 0.15 else -1
    seen = [draft for number, draft in enumerate(ids) if number != hidden]
    liking = {
        draft.id: _liking(each, draft.clauses, state) + float(rng.normal(0.0, 0.1))
        for draft in drafts
    }
    levels: dict[float, list[str]] = {}
    for draft in seen:
        levels.setdefault(round(liking[draft] * 8.0) / 8.0, []).append(draft)
    best = max(seen, key=lambda draft: liking[draft])
    worst = min(seen, key=lambda draft: liking[draft])
    refuses = liking[best] < _REFUSES or rng.random() < _CONTRARY
    criticises = rng.random() < 0.05
    return c.CastRanking(
        order=tuple(tuple(levels[level]) for level in sorted(levels, reverse=True)),
        seen=tuple(seen),
        none_of_these=refuses,
        criticism={worst: _CRITICISM} if criticises else {},
    )


async def _ratify(
    house: House,
    room: LogId,
    crowd: Sequence[Imitation],
    rng: np.random.Generator,
    done: Simulated,
) -> Simulated:
    state = await house.room(room)
    ballots: list[tuple[c.RoomCommand, c.Actor]] = []
    for each in crowd:
        for clause in state.clauses:
            liking = _liking(each, (clause,), state) + float(rng.normal(0.0, 0.2))
            blank = abs(liking) < 0.1
            choice = Assent.BLANK if blank else Assent.YES if liking > 0 else Assent.NO
            ballots.append((c.CastRatification(clause=clause.id, choice=choice), _actor(each)))
    return msgspec.structs.replace(done, ratifications=await _together(house, room, ballots))
