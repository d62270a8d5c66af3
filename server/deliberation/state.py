"""What a room is: its statements, people, votes and rounds, as its log has made them."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..ids import AssemblyId, LogId, ParticipantId, RoomId, StatementId
from . import events as e
from .adoption import ClauseOutcome
from .charter import Charter
from .drafts import Clause, Draft, DraftFailure, same_words
from .ranking import Ranking
from .vocabulary import (
    Assent,
    Choice,
    Kind,
    Moderation,
    Origin,
    Phase,
    Reason,
    Status,
)
from .votes import EMPTY, VoteMatrix

NO_ASSEMBLY = AssemblyId("")
TALLY_BATCH = 5
"""So many people must have changed something before a new tally goes out (METHODS "Secrecy")."""
TALLY_FROM = 10
"""A room with fewer voters shows no tally before its close."""


@dataclass(frozen=True, slots=True)
class Because:
    """The reason that somebody gave with their latest vote on a statement."""

    seq: int
    choice: Choice
    text: str


@dataclass(slots=True)
class Statement:
    """A statement or a testimony as the room knows it; ``column`` is −1 for a testimony."""

    id: StatementId
    column: int
    author: ParticipantId | None
    text: str
    language: str | None
    origin: Origin
    kind: Kind
    status: Status
    seq: int
    source: str = ""
    reason: Reason | None = None
    note: str = ""
    shown: int = 0
    erased: bool = False
    because: dict[ParticipantId, Because] = field(default_factory=dict)

    @property
    def visible(self) -> bool:
        """Everybody may read it and, a testimony apart, vote on it."""
        return self.status is Status.ACCEPTED and not self.erased


@dataclass(slots=True)
class Person:
    """What the room knows of one person: a row of votes, and what was put to them."""

    row: int
    showing: e.StatementShown | None = None
    shown: int = 0
    skipped: list[StatementId] = field(default_factory=list)
    submitted: list[StatementId] = field(default_factory=list)


@dataclass(slots=True)
class Round:
    """One round of drafts: what was proposed, for which groups, and how it was ranked."""

    number: int
    request: int
    seq: int
    drafts: tuple[Draft, ...]
    groups: dict[str, int]
    group_count: int
    failed: tuple[DraftFailure, ...]
    ballots: dict[ParticipantId, tuple[int, e.RankingCast]] = field(default_factory=dict)
    result: Ranking | None = None
    outcomes: tuple[ClauseOutcome, ...] = ()

    @property
    def winners(self) -> tuple[Draft, ...]:
        """The drafts that won, once the round was counted; several where they tie."""
        won = self.result.winners if self.result is not None else ()
        return tuple(draft for draft in self.drafts if draft.id in won)

    @property
    def clauses(self) -> tuple[Clause, ...]:
        """What is put to ratification: every clause of every winner, a text once.

        Ties stay ties: where two drafts win, people decide on the clauses of both.
        """
        distinct: dict[object, Clause] = {}
        for draft in self.winners:
            for clause in draft.clauses:
                distinct.setdefault(same_words(clause), clause)
        return tuple(distinct.values())


@dataclass(slots=True)
class Tally:
    """Counts of votes as they were last published, and who has voted since.

    ``statements`` is always that of now: every statement has its own frame, so that it says
    nothing new. Who wrote something is no part of ``changed``, or else the moment of a tally would
    tell a writer's vote from another person's.
    """

    voters: int = 0
    votes: int = 0
    statements: int = 0
    changed: set[ParticipantId] = field(default_factory=set)


@dataclass(slots=True)
class Published:
    """A derived document that the room may see: as of which seq, and its digest."""

    seq: int
    as_of_seq: int
    digest: str
    count: int


@dataclass(slots=True)
class RoomState:
    """All that the room's log says, folded; changed in place by ``room.evolve`` alone."""

    log: LogId
    seq: int = 0
    at: int = 0
    assembly: AssemblyId = NO_ASSEMBLY
    title: str = ""
    question: str = ""
    language: str = "en"
    moderation: Moderation = Moderation.AFTER
    charter: Charter = field(default_factory=Charter)
    phase: Phase = Phase.DRAFT
    statements: dict[StatementId, Statement] = field(default_factory=dict)
    columns: list[StatementId] = field(default_factory=list)
    sources: dict[str, StatementId] = field(default_factory=dict)
    votes: VoteMatrix = field(default_factory=VoteMatrix)
    people: dict[ParticipantId, Person] = field(default_factory=dict)
    rows: list[ParticipantId] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    voted_since: dict[ParticipantId, int] = field(default_factory=dict)
    """Whose votes the published analysis lacks, with the seq of the first of them."""
    analysis: Published | None = None
    themes: Published | None = None
    requests: dict[int, e.DraftsRequested] = field(default_factory=dict)
    failures: list[tuple[int, tuple[DraftFailure, ...]]] = field(default_factory=list)
    rounds: list[Round] = field(default_factory=list)
    assents: dict[str, dict[ParticipantId, Assent]] = field(default_factory=dict)
    notices: list[tuple[int, str]] = field(default_factory=list)
    words: dict[ParticipantId, list[int]] = field(default_factory=dict)

    @property
    def id(self) -> RoomId:
        """The room's id, which is its log's."""
        return RoomId(self.log)

    @property
    def round(self) -> Round | None:
        """The current round of drafts, if there was one."""
        return self.rounds[-1] if self.rounds else None

    @property
    def counted(self) -> Round | None:
        """The last round whose ballots were counted, if there was one."""
        return next((r for r in reversed(self.rounds) if r.result is not None), None)

    @property
    def winners(self) -> tuple[Draft, ...]:
        """The drafts that won the current round, once it was counted."""
        return self.round.winners if self.round else ()

    @property
    def clauses(self) -> tuple[Clause, ...]:
        """What is, or was last, put to ratification; nothing while a newer round is unranked."""
        return self.round.clauses if self.round else ()

    @property
    def outcomes(self) -> tuple[ClauseOutcome, ...]:
        """What the last ratification said; that of each round stands in the round."""
        return next((r.outcomes for r in reversed(self.rounds) if r.outcomes), ())

    def text_of(self, statement: str) -> str:
        """Return a statement's words; nothing where it is unknown or its words were taken back."""
        known = self.statements.get(StatementId(statement))
        return known.text if known is not None else ""

    def vote_of(self, participant: ParticipantId, statement: StatementId) -> int | None:
        """Return a person's vote as a matrix value, or None where they haven't voted."""
        person = self.people.get(participant)
        known = self.statements.get(statement)
        if person is None or known is None or known.column < 0:
            return None
        value = int(self.votes.view()[person.row, known.column])
        return None if value == EMPTY else value
