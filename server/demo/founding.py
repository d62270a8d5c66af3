"""The demo assembly: made once, in one transaction, and found again at every later start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ..deliberation import commands as c
from ..deliberation.charter import Charter
from ..deliberation.events import Consent
from ..deliberation.vocabulary import Channel, Kind, Origin, Phase, Role
from ..deliberation.votes import EMPTY
from ..errors import NotFound
from ..ids import LogId, ParticipantId, make_id
from ..runtime.batch import ID_BYTES, Unit
from ..runtime.founding import Founding, Plan, founding
from ..runtime.house import House
from ..runtime.invites import digest_of, new_code
from ..runtime.ports import Chance
from .population import PEOPLE, Population, authors, population
from .statements import ORGANISER_STATEMENTS, STATEMENTS, TESTIMONIES

SLUG: Final = "demo"
INVITE: Final = "demo"
"""The code with which everybody may join the demo, any number of times."""

_PLAN = Plan(
    slug=SLUG,
    title="What laboratories that build AI owe the public (demo with simulated participants)",
    question=(
        "What do laboratories that build artificial intelligence owe the public?\n\n"
        "This is a demonstration: the 300 people who have voted here so far are simulated, and so "
        "is what they say. Your own votes and statements are added to theirs."
    ),
    charter=Charter(
        recipient="The laboratories that build AI (imagined for this demo)",
        convener="Folkmoot's demo",
    ),
    phase=Phase.OPEN,
)
_CONSENT = Consent(publish=True, research=True, training=False)


@dataclass(frozen=True, slots=True)
class DemoAccess:
    """How to get into the demo: a code for anybody, and a fresh one for one facilitator."""

    slug: str
    assembly: LogId
    invite: str
    facilitator: str


async def ensure_demo(house: House, chance: Chance, *, people: int = PEOPLE) -> DemoAccess:
    """Make the demo assembly where there is none, and a fresh facilitator's invite each time.

    ``people`` are simulated where it is made; 300 but for tests.

    Raises:
        StorageFull, StorageFault: it was not made.
    """
    code = new_code()
    try:
        state = await house.assembly_by_slug(SLUG)
    except NotFound:
        begun = founding(_PLAN, code, chance)
        await house.submit_together((*begun.units, *_units(begun, population(people), chance)))
        return DemoAccess(SLUG, begun.assembly, INVITE, code)
    assembly = state.log
    await house.submit(assembly, c.IssueInvite(digest=digest_of(code), role=Role.FACILITATOR), None)
    return DemoAccess(SLUG, assembly, INVITE, code)


def _units(begun: Founding, people: Population, chance: Chance) -> tuple[Unit, ...]:
    ids = tuple(
        ParticipantId(make_id("participant", chance.entropy(ID_BYTES))) for _ in people.outlooks
    )
    admitted = c.AdmitPeople(
        sources=tuple(f"simulated/{number}" for number in range(len(ids))),
        channel=Channel.SIMULATED,
        consent=_CONSENT,
        ids=ids,
    )
    return (
        (
            begun.assembly,
            c.IssueInvite(digest=digest_of(INVITE), role=Role.PARTICIPANT, reusable=True),
        ),
        (begun.assembly, admitted),
        (begun.room, c.ImportStatements(statements=_statements(people, ids))),
        (begun.room, c.ImportVotes(votes=_votes(people, ids))),
    )


def _statements(
    people: Population, ids: tuple[ParticipantId, ...]
) -> tuple[c.ImportedStatement, ...]:
    written = [
        c.ImportedStatement(
            source=f"demo/{number}",
            text=each.text,
            author=None if number < ORGANISER_STATEMENTS else ids[author],
            language=each.language,
            moderated=1,
            origin=Origin.ORGANISER if number < ORGANISER_STATEMENTS else Origin.PARTICIPANT,
        )
        for number, (each, author) in enumerate(
            zip(STATEMENTS, authors(people.outlooks), strict=True)
        )
    ]
    lived = [
        c.ImportedStatement(
            source=f"demo/testimony/{number}",
            text=each.text,
            author=ids[int(np.flatnonzero(people.outlooks == each.outlook)[number])],
            language=each.language,
            moderated=1,
            origin=Origin.PARTICIPANT,
            kind=Kind.TESTIMONY,
        )
        for number, each in enumerate(TESTIMONIES)
    ]
    return (*written, *lived)


def _votes(
    people: Population, ids: tuple[ParticipantId, ...]
) -> tuple[tuple[ParticipantId, tuple[str, ...], tuple[int, ...]], ...]:
    votes = []
    for participant, row in zip(ids, people.votes, strict=True):
        cast = np.flatnonzero(row != EMPTY).tolist()
        sources = tuple(f"demo/{column}" for column in cast)
        votes.append((participant, sources, tuple(row[cast].tolist())))
    return tuple(votes)
