"""An assembly to try the pages on: sixty simulated people of two outlooks, in six languages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from random import Random

import httpx
from litestar import Litestar

from server.api.services.desk import Desk
from server.app import create_app
from server.deliberation import commands as c
from server.deliberation.charter import Charter
from server.deliberation.drafts import Clause, Coverage, Draft, GroupSupport, Provenance, Quote
from server.deliberation.events import Consent, ParticipantJoined
from server.deliberation.published import ANALYSIS_KIND, compute, encode, moment_of
from server.deliberation.vocabulary import Channel, Moderation, Phase, Role
from server.ids import LogId
from server.runtime.founding import Plan, founding
from server.runtime.invites import digest_of
from server.runtime.ports import SeededChance
from server.store.artifacts import Artifact
from tests.serving import QUIET, settings_in

STATEMENTS = (
    ("en", "Laboratories must publish how they test a system before they release it."),
    ("en", "People whose writing trained a system should be paid for it."),
    ("ar", "يجب أن يكون لكل شخص الحق في الاعتراض على قرار اتخذته آلة."),
    ("es", "Los niños no deberían hablar con sistemas que fingen ser personas."),
    ("en", "Only companies with a licence should be allowed to train the largest systems."),
    ("sw", "Kila mtu aambiwe anapozungumza na mashine na si mtu."),
    ("fr", "L'énergie que consomme chaque système doit être publiée."),
    ("en", "No system should choose whom to kill in a war."),
    ("hi", "जिनकी नौकरी मशीन ले ले, उन्हें नया काम सीखने में मदद मिलनी चाहिए।"),
    ("en", "Open publication of the largest systems does more good than harm."),
    ("en", "Rules for artificial intelligence slow down cures that people are waiting for."),
    ("en", "A regulator must be able to switch a system off within a day."),
)
QUESTION = "What do laboratories that build artificial intelligence owe the public?"
FACILITATOR = "facilitator-of-this-test"
PARTICIPANT = "participant-of-this-test"
MODERATOR = "moderator-of-this-test"


@dataclass
class World:
    """The running application, and where things are."""

    app: Litestar
    desk: Desk
    assembly: LogId
    room: LogId
    slug: str = "owed"
    statements: list[str] = field(default_factory=list)

    async def phase(self, phase: Phase) -> None:
        await self.desk.house.submit(self.room, c.ChangePhase(phase=phase), None)

    async def analysis(self) -> None:
        """Publish an analysis, as the workflow does."""
        moment = moment_of(await self.desk.house.room(self.room))
        published = await asyncio.to_thread(compute, moment)
        body = encode(published)
        digest = sha256(body).hexdigest()
        await self.desk.house.keep(
            Artifact(self.room, ANALYSIS_KIND, digest, published.as_of_seq, body)
        )
        command = c.PublishAnalysis(
            as_of_seq=published.as_of_seq, digest=digest, groups=len(published.map.groups)
        )
        await self.desk.house.submit(self.room, command, None)

    async def drafts(self) -> None:
        """Put two drafts before the room; it must be drafting."""
        house = self.desk.house
        await house.submit(self.room, c.RequestDrafts(count=2), None)
        state = await house.room(self.room)
        people = [str(p) for p in state.rows]
        groups = {p: i % 2 for i, p in enumerate(people)}
        drafts = tuple(_draft(f"d{n}", self.statements[n * 3 : n * 3 + 3], state) for n in range(2))
        command = c.ProposeDrafts(
            request=min(state.requests), drafts=drafts, groups=groups, group_count=2
        )
        await house.submit(self.room, command, None)


def _draft(name: str, cites: list[str], state: object) -> Draft:
    texts = {str(s.id): s.text for s in state.statements.values()}  # type: ignore[attr-defined]
    return Draft(
        id=name,
        clauses=tuple(
            Clause(
                id=f"{name}c{i}",
                text=texts[cite],
                cites=(cite,),
                quotes=(Quote(statement=cite, start=0, end=len(texts[cite]), text=texts[cite]),),
                support=1.0,
                groups=(GroupSupport(group=0, wilson_low=0.6),),
            )
            for i, cite in enumerate(cites)
        ),
        coverage=Coverage(mean=0.61, lowest_decile=0.22, gap=0.1, uncovered=3),
        provenance=Provenance(drafter="extractive", seed=0),
    )


@asynccontextmanager
async def founded(
    app: Litestar,
    *,
    phase: Phase = Phase.OPEN,
    moderation: Moderation = Moderation.AFTER,
    people: int = 60,
) -> AsyncIterator[World]:
    """Found the assembly in an application whose lifespan has begun."""
    desk: Desk = app.state["desk"]
    house = desk.house
    plan = Plan(
        slug="owed",
        title="What AI laboratories owe",
        question=QUESTION,
        charter=Charter(recipient="The laboratories", convener="A civic network", quorum=1),
        phase=phase,
        moderation=moderation,
    )
    made = founding(plan, FACILITATOR, SeededChance(5))
    invites = [
        c.IssueInvite(digest=digest_of(PARTICIPANT), role=Role.PARTICIPANT, reusable=True),
        c.IssueInvite(digest=digest_of(MODERATOR), role=Role.MODERATOR),
    ]
    await house.submit_together(
        (
            *made.units,
            *((made.assembly, each) for each in invites),
            (made.room, c.ImportStatements(statements=_imported())),
        )
    )
    world = World(app, desk, made.assembly, made.room)
    state = await house.room(made.room)
    world.statements = [str(each) for each in state.columns]
    if people:
        await _voters(world, people)
    yield world


def _imported() -> tuple[c.ImportedStatement, ...]:
    return tuple(
        c.ImportedStatement(source=str(i), text=text, author=None, language=language, moderated=1)
        for i, (language, text) in enumerate(STATEMENTS)
    )


async def _voters(world: World, people: int) -> None:
    admitted = await world.desk.house.submit(
        world.assembly,
        c.AdmitPeople(
            sources=tuple(str(i) for i in range(people)),
            channel=Channel.SIMULATED,
            consent=Consent(publish=True, research=True),
        ),
        None,
    )
    random = Random(7)
    votes = []
    for i, recorded in enumerate(admitted.recorded):
        assert isinstance(recorded.event, ParticipantJoined)
        sources, values = [], []
        for number in range(len(STATEMENTS)):
            leaning = 0.9 if (number + i % 2) % 2 or number < 4 else 0.1
            sources.append(str(number))
            values.append(1 if random.random() < leaning else -1)
        votes.append((recorded.event.participant, tuple(sources), tuple(values)))
    await world.desk.house.submit(world.room, c.ImportVotes(votes=tuple(votes)), None)


@asynccontextmanager
async def visiting(folder: Path, **how: object) -> AsyncIterator[tuple[World, httpx.AsyncClient]]:
    """Give a world, and a browser without scripts: it keeps cookies and follows redirects."""
    app = create_app(settings_in(folder), QUIET)
    async with app.lifespan(), browser(app) as client, founded(app, **how) as world:  # type: ignore[arg-type]
        yield world, client


def browser(app: Litestar) -> httpx.AsyncClient:
    """Return one more browser for the same application."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://folkmoot.test",
        headers={"accept": "text/html"},
        follow_redirects=True,
    )
