"""A Polis export becomes an assembly: one transaction, or nothing at all."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec
import numpy as np

from ..deliberation import commands as c
from ..deliberation.decisions.speaking import language_tag
from ..deliberation.events import Consent
from ..deliberation.vocabulary import Channel, Phase
from ..deliberation.votes import EMPTY
from ..ids import LogId, ParticipantId, make_id
from ..intake.polis import PolisExport
from .batch import ID_BYTES, Unit
from .founding import Plan, founding
from .house import House
from .ports import Chance

CONSENT = Consent(publish=True, research=True, training=False)
"""Who took part in Polis agreed to a public conversation, and not to the training of models."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """How an export is to be taken: ``strict`` hides what moderation had not looked at.

    ``language`` is that of all statements; None: unknown. ``title`` empty: the export's topic.
    """

    slug: str
    title: str = ""
    language: str | None = None
    strict: bool = False


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What was imported: people who voted, columns of the matrix, rows of comments, votes.

    ``authors_only`` are people who wrote and never voted; they are members too.
    """

    assembly: str
    room: str
    participants: int
    statements: int
    written: int
    votes: int
    authors_only: int


async def import_polis(
    house: House, export: PolisExport, wishes: Wishes, facilitator_code: str, chance: Chance
) -> Imported:
    """Found an assembly out of ``export``, its plenary in the phase ``drafting``.

    Raises:
        Conflict: there is an assembly with this slug.
        Invalid: a slug, title or language that can't be.
        StorageFull, StorageFault: nothing was imported.
    """
    wishes = replace(wishes, language=language_tag(wishes.language))
    title = wishes.title or export.topic.strip()[:200] or wishes.slug
    plan = Plan(
        slug=wishes.slug,
        title=title,
        question=export.description.strip()[:2000] or title,
        language=wishes.language or "en",
        phase=Phase.DRAFTING,
    )
    begun = founding(plan, facilitator_code, chance)
    voters = set(export.participants)
    silent = {each.author for each in export.statements if each.author is not None} - voters
    people = {
        source: ParticipantId(make_id("participant", chance.entropy(ID_BYTES)))
        for source in (*export.participants, *sorted(silent))
    }
    await house.submit_together(
        (*begun.units, *_units(begun.assembly, begun.room, export, people, wishes))
    )
    return Imported(
        assembly=begun.assembly,
        room=begun.room,
        participants=export.voters,
        statements=len(export.columns),
        written=export.written,
        votes=export.vote_count,
        authors_only=len(silent),
    )


def _units(
    assembly: LogId,
    room: LogId,
    export: PolisExport,
    people: dict[int, ParticipantId],
    wishes: Wishes,
) -> tuple[Unit, ...]:
    statements = tuple(
        c.ImportedStatement(
            source=str(each.id),
            text=each.text,
            author=people[each.author] if each.author is not None else None,
            language=wishes.language,
            moderated=each.moderated,
        )
        for each in export.statements
    )
    votes = []
    for participant, row in zip(export.participants, export.matrix, strict=True):
        cast = np.flatnonzero(row != EMPTY).tolist()
        if cast:
            sources = tuple(str(export.columns[column]) for column in cast)
            votes.append((people[participant], sources, tuple(row[cast].tolist())))
    return (
        (
            assembly,
            c.AdmitPeople(
                sources=tuple(map(str, people)),
                channel=Channel.IMPORTED,
                consent=CONSENT,
                ids=tuple(people.values()),
            ),
        ),
        (room, c.ImportStatements(statements=statements, strict=wishes.strict)),
        (room, c.ImportVotes(votes=tuple(votes))),
    )
