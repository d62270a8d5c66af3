"""``constitution.json`` and ``constitution.txt``: adopted clauses as principles to choose by."""

from __future__ import annotations

import msgspec

from . import document as d
from . import report
from .material import Material

NAME = "constitution"
_PRINCIPLE = "Choose the response that is most in keeping with this: "


class Endorsement(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the ballots cast said yes; a group of too few people has its number alone."""

    share: float | None
    n: int | None
    low: float | None
    high: float | None


class GroupEndorsement(Endorsement, frozen=True, kw_only=True):
    """The endorsement of one opinion group."""

    group: int


class Endorsements(msgspec.Struct, frozen=True, kw_only=True):
    """Of everybody who cast a ballot, and of each group."""

    overall: Endorsement
    groups: tuple[GroupEndorsement, ...]


class Principle(msgspec.Struct, frozen=True, kw_only=True):
    """A principle with the clause that it comes from and the statements this rests on."""

    id: str
    principle: str
    clause: str
    status: str
    lineage: tuple[str, ...]
    endorsement: Endorsements
    dissent: tuple[int, ...]


class Constitution(msgspec.Struct, frozen=True, kw_only=True):
    """``folkmoot.constitution/1``: adopted and rejected clauses, in the order of priority."""

    format: str = "folkmoot.constitution/1"
    assembly: str
    title: str
    population: str
    principles: tuple[Principle, ...]


def files(material: Material) -> dict[str, bytes]:
    """Return both files; the text holds adopted clauses alone, one a line."""
    found = report.build(material)
    principles = tuple(
        _principle(clause, clause.text) for clause in found.clauses if clause.text is not None
    )
    document = Constitution(
        assembly=found.assembly.slug,
        title=found.assembly.title,
        population="those who took part",
        principles=principles,
    )
    lines = [each.principle for each in principles if each.status == "adopted"]
    return {
        "constitution.json": msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n",
        "constitution.txt": "".join(line + "\n" for line in lines).encode(),
    }


def _principle(clause: d.ClauseReport, text: str) -> Principle:
    return Principle(
        id=clause.id,
        principle=_PRINCIPLE + " ".join(text.split()),
        clause=text,
        status="adopted" if clause.adopted else "rejected",
        lineage=tuple(source.statement for source in clause.cites),
        endorsement=Endorsements(
            overall=_endorsement(clause.yes),
            groups=tuple(
                GroupEndorsement(
                    group=each.group,
                    share=each.yes.share if each.yes else None,
                    n=each.yes.n if each.yes else None,
                    low=each.yes.low if each.yes else None,
                    high=each.yes.high if each.yes else None,
                )
                for each in clause.groups
            ),
        ),
        dissent=clause.dissent,
    )


def _endorsement(share: d.Share) -> Endorsement:
    return Endorsement(share=share.share, n=share.n, low=share.low, high=share.high)
