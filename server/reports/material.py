"""What a report is made of: one moment of an assembly and its plenary, frozen.

Whatever leaves the house is computed from a :class:`Material` and from nothing else, so that the
report, its data and every other format speak of the same moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ..deliberation.adoption import ClauseOutcome
from ..deliberation.chain import Envelope
from ..deliberation.charter import Charter
from ..deliberation.drafts import Clause, Draft, DraftFailure
from ..deliberation.events import Consent
from ..deliberation.opinion import AnalysisDocument
from ..deliberation.ranking import Ranking
from ..deliberation.vocabulary import (
    Channel,
    Choice,
    Decision,
    Kind,
    Moderation,
    Origin,
    Phase,
    Reason,
    Role,
    Status,
)
from ..ids import AssemblyId, LogId, ParticipantId, RoomId, StatementId


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who was admitted; ``role`` is None once it was withdrawn."""

    id: ParticipantId
    role: Role | None
    channel: Channel
    consent: Consent

    @property
    def simulated(self) -> bool:
        """A program's doing, marked so from the start."""
        return self.channel is Channel.SIMULATED


@dataclass(frozen=True, slots=True)
class Because:
    """The reason that somebody gave with their vote on a statement."""

    author: ParticipantId
    choice: Choice
    text: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement or a testimony; ``column`` is −1 for a testimony, ``shown`` how often it was."""

    id: StatementId
    column: int
    author: ParticipantId | None
    text: str
    language: str | None
    origin: Origin
    kind: Kind
    status: Status
    reason: Reason | None
    seq: int
    day: str
    shown: int
    erased: bool
    because: tuple[Because, ...] = ()

    @property
    def stands(self) -> bool:
        """Moderation let it stand and its author did not take it back."""
        return self.status is Status.ACCEPTED and not self.erased


@dataclass(frozen=True, slots=True)
class Moderated:
    """One decision of a moderator, as the public log of moderation has it."""

    seq: int
    day: str
    statement: StatementId
    decision: Decision
    reason: Reason


@dataclass(frozen=True, slots=True)
class Step:
    """A change of phase."""

    seq: int
    day: str
    phase: Phase


@dataclass(frozen=True, slots=True)
class Criticism:
    """What somebody found missing in a draft."""

    author: ParticipantId
    draft: str
    text: str


@dataclass(frozen=True, slots=True)
class Round:
    """A round of drafts; ``result`` is absent while its ballots aren't counted.

    ``simulated`` is how many of the ``ballots`` are of simulated people.
    """

    number: int
    request: int
    seq: int
    drafts: tuple[Draft, ...]
    groups: Mapping[str, int]
    group_count: int
    failed: tuple[DraftFailure, ...]
    ballots: int
    simulated: int
    criticisms: tuple[Criticism, ...]
    result: Ranking | None


@dataclass(frozen=True, slots=True)
class Theme:
    """What a number of statements are about; ``members`` with those at its middle first."""

    name: str
    words: tuple[str, ...]
    members: tuple[StatementId, ...]


@dataclass(frozen=True, slots=True)
class Themes:
    """The last published themes, and how they were found."""

    embedder: str
    seed: int
    themes: tuple[Theme, ...]
    unthemed: int
    stability: float | None
    as_of_seq: int


@dataclass(frozen=True, slots=True)
class Opinion:
    """The last published analysis; ``places`` puts people on its map."""

    document: AnalysisDocument
    places: Mapping[ParticipantId, tuple[float, float]]
    as_of_seq: int


@dataclass(frozen=True, slots=True)
class PublicLog:
    """All public envelopes of a log up to ``seq``; ``hash`` is the last one's, in hex."""

    log: LogId
    kind: str
    seq: int
    hash: str
    envelopes: tuple[Envelope, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """The counts that all may know while a room is open."""

    voters: int
    votes: int
    statements: int


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """One moment of an assembly, for all that is made of it.

    ``votes`` are (n, m) cells as in ``votes.VoteMatrix`` with a row for each of ``rows`` and a
    column for each of ``columns``; ``days`` says for each of them on which day (since 1970) the
    vote was cast, 0 where that isn't known; ``chances`` how probable it was that the statement was
    put to the person, 0 where it wasn't the program that put it. ``key`` is the secret that
    pseudonyms come from. ``clauses`` and ``outcomes`` are the last ratification's, and
    ``simulated_assents`` says by clause how many of its ballots are of simulated people.
    """

    assembly: AssemblyId
    slug: str
    title: str
    question: str
    language: str
    charter: Charter
    people: Mapping[ParticipantId, Person]
    room: RoomId
    moderation: Moderation
    phase: Phase
    steps: tuple[Step, ...]
    statements: tuple[Statement, ...]
    columns: tuple[StatementId, ...]
    rows: tuple[ParticipantId, ...]
    votes: NDArray[np.int8]
    days: NDArray[np.int16]
    chances: NDArray[np.float32]
    tally: Tally
    moderated: tuple[Moderated, ...]
    rounds: tuple[Round, ...]
    clauses: tuple[Clause, ...]
    outcomes: tuple[ClauseOutcome, ...]
    simulated_assents: Mapping[str, int]
    erasures: int
    logs: tuple[PublicLog, ...]
    made_on: str
    version: str
    key: bytes = field(repr=False)
    opinion: Opinion | None = None
    themes: Themes | None = None
    requested: int = 0

    @property
    def voting_is_over(self) -> bool:
        """Votes are secret until then, and nothing finer than ``tally`` may leave the house."""
        return self.phase not in (Phase.DRAFT, Phase.OPEN)

    @property
    def by_id(self) -> Mapping[StatementId, Statement]:
        """The statements by their id."""
        return MappingProxyType({each.id: each for each in self.statements})

    @property
    def numbers(self) -> Mapping[StatementId, int]:
        """The number by which people speak of a statement: its place from 1."""
        return MappingProxyType({each.id: n for n, each in enumerate(self.statements, 1)})
