"""Assemblies that were held, for reports: everything through the core's own events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from server.deliberation import assembly as assemblies
from server.deliberation import commands as c
from server.deliberation import decisions, room
from server.deliberation import events as e
from server.deliberation.assembly import AssemblyState
from server.deliberation.chain import Envelope, genesis, seal
from server.deliberation.charter import Charter
from server.deliberation.drafts import Clause, Coverage, Draft, Provenance, Quote
from server.deliberation.opinion import Effort, analysis_json, analyze
from server.deliberation.state import RoomState
from server.deliberation.vocabulary import (
    Assent,
    Channel,
    Choice,
    Decision,
    Phase,
    Reason,
    Role,
)
from server.ids import AssemblyId, LogId, ParticipantId, StatementId, make_id
from server.reports.material import Material, Opinion, PublicLog
from server.reports.taking import Surroundings, public_log, take

START = 1_790_000_000_000
MINUTE = 60_000
_QUICK = Effort(shuffles=20, redraws=10)
YES = e.Consent(publish=True, research=True)
NO = e.Consent()
_CHOICES = {1: Choice.AGREE, 0: Choice.PASS, -1: Choice.DISAGREE}


@dataclass
class Held:
    """An assembly with its plenary in memory; ``material()`` is its moment."""

    charter: Charter = field(
        default_factory=lambda: Charter(recipient="The laboratory", convener="A town", quorum=5)
    )
    title: str = "What we ask"
    question: str = "What should be asked of those who build it?"
    seed: int = 0

    def __post_init__(self) -> None:
        self.ids = 0
        self.at = START
        self.assembly = AssemblyState(LogId(self._id("assembly")))
        self.room = RoomState(LogId(self._id("room")))
        self.histories: dict[LogId, list[e.Recorded]] = {self.assembly.log: [], self.room.log: []}
        self.envelopes: dict[LogId, list[Envelope]] = {self.assembly.log: [], self.room.log: []}
        self.tails = {log: genesis(log) for log in self.histories}
        self.opinion: Opinion | None = None
        self.run(
            self.assembly.log,
            c.CreateAssembly(
                slug="town", title=self.title, question=self.question, charter=self.charter
            ),
        )
        self.run(self.assembly.log, c.OpenRoom(room=self.room.id, title="Plenary", plenary=True))
        self.run(
            self.room.log,
            c.CreateRoom(
                assembly=AssemblyId(self.assembly.log),
                title=self.title,
                question=self.question,
                charter=self.charter,
            ),
        )
        (founder,) = self.admit(1, role=Role.FACILITATOR, channel=Channel.FOUNDER)
        self.facilitator = c.Actor(founder, Role.FACILITATOR)

    def _id(self, kind: str) -> str:
        self.ids += 1
        return make_id(kind, self.ids.to_bytes(10, "big"))

    def run(
        self, log: LogId, command: c.Command, actor: c.Actor | None = None
    ) -> tuple[e.Recorded, ...]:
        """Put a command to a log, record what comes of it, and seal it into the chain."""
        self.at += MINUTE
        context = c.Context(at=self.at, actor=actor, new_id=self._id, draw=lambda: 0.5)
        if log == self.assembly.log:
            made = assemblies.decide(self.assembly, command, context)  # type: ignore[arg-type]
        else:
            made = decisions.decide(self.room, command, context)  # type: ignore[arg-type]
        by = actor.participant if actor else None
        return tuple(self.record(log, event, by) for event in made)

    def record(self, log: LogId, event: e.Event, by: ParticipantId | None = None) -> e.Recorded:
        """Put one event on a log."""
        history = self.histories[log]
        recorded = e.Recorded(log=log, seq=len(history) + 1, at=self.at, by=by, event=event)
        history.append(recorded)
        if log == self.assembly.log:
            assemblies.evolve(self.assembly, recorded)
        else:
            room.evolve(self.room, recorded)
        sealed = seal(recorded, self.tails[log], recorded.seq.to_bytes(16, "big"))
        self.envelopes[log].append(
            Envelope(
                seq=recorded.seq,
                type=e.type_of(event),
                day=_day(sealed),
                commitment=_hex(sealed, "commitment"),
                previous=self.tails[log].hex(),
            )
        )
        self.tails[log] = sealed.hash
        return recorded

    def admit(
        self,
        number: int,
        consent: e.Consent = YES,
        *,
        role: Role = Role.PARTICIPANT,
        channel: Channel = Channel.INVITE,
        name: str = "",
    ) -> tuple[ParticipantId, ...]:
        """Admit people."""
        admitted = []
        for _ in range(number):
            participant = ParticipantId(self._id("participant"))
            self.record(
                self.assembly.log,
                e.ParticipantJoined(
                    participant=participant, role=role, channel=channel, consent=consent, name=name
                ),
            )
            admitted.append(participant)
        return tuple(admitted)

    def phase(self, *phases: Phase) -> None:
        """Go through phases."""
        for phase in phases:
            self.run(self.room.log, c.ChangePhase(phase=phase), self.facilitator)

    def say(self, author: ParticipantId, text: str, role: Role = Role.PARTICIPANT) -> StatementId:
        """Write a statement."""
        (recorded,) = self.run(self.room.log, c.SubmitStatement(text=text), c.Actor(author, role))
        assert isinstance(recorded.event, e.StatementSubmitted)
        return recorded.event.statement

    def reject(self, statement: StatementId, reason: Reason = Reason.ABUSE) -> None:
        """Moderate a statement out."""
        self.run(
            self.room.log,
            c.ModerateStatement(statement_id=statement, decision=Decision.REJECT, reason=reason),
            self.facilitator,
        )

    def vote(
        self, participant: ParticipantId, statement: StatementId, choice: int, because: str = ""
    ) -> None:
        """Cast a vote."""
        self.record(
            self.room.log,
            e.VoteCast(statement=statement, choice=_CHOICES[choice], because=because),
            participant,
        )

    def analyse(self) -> None:
        """Publish an analysis of the votes."""
        state = self.room
        hidden = np.array([not state.statements[each].visible for each in state.columns], np.bool_)
        found = analyze(state.votes.view(), moderated_out=hidden, seed=0, effort=_QUICK)
        self.opinion = Opinion(
            document=analysis_json(found, state.rows, state.columns),
            places=dict(zip(state.rows, map(tuple, found.points.tolist()), strict=True)),
            as_of_seq=state.seq,
        )
        self.run(
            self.room.log,
            c.PublishAnalysis(as_of_seq=state.seq, digest="0" * 64, groups=found.groups.k),
        )

    def draft(self, *chosen: Sequence[StatementId]) -> tuple[Draft, ...]:
        """Propose drafts, each of clauses that are the statements' own words."""
        drafts = []
        for number, statements in enumerate(chosen, 1):
            clauses = tuple(
                Clause(
                    id=f"c{number}{place}",
                    text=self.room.statements[each].text,
                    cites=(each,),
                    quotes=(
                        Quote(
                            statement=each,
                            start=0,
                            end=len(self.room.statements[each].text),
                            text=self.room.statements[each].text,
                        ),
                    ),
                )
                for place, each in enumerate(statements)
            )
            drafts.append(
                Draft(
                    id=f"d{number}",
                    clauses=clauses,
                    coverage=Coverage(mean=0.4, lowest_decile=0.2, gap=0.1, uncovered=1),
                    provenance=Provenance(drafter="extractive", seed=number, approach="bridging"),
                )
            )
        (asked,) = self.run(self.room.log, c.RequestDrafts(count=len(drafts)), self.facilitator)
        labels = self.opinion.document.groups.labels if self.opinion else {}
        self.run(
            self.room.log,
            c.ProposeDrafts(
                request=asked.seq,
                drafts=tuple(drafts),
                groups=dict(labels),
                group_count=self.opinion.document.groups.k if self.opinion else 1,
            ),
        )
        return tuple(drafts)

    def rank(
        self,
        participant: ParticipantId,
        order: Sequence[str],
        criticism: dict[str, str] | None = None,
    ) -> None:
        """Cast a ballot over the drafts."""
        self.run(
            self.room.log,
            c.CastRanking(
                order=tuple((each,) for each in order),
                seen=tuple(order),
                criticism=criticism or {},
            ),
            c.Actor(participant, Role.PARTICIPANT),
        )

    def ratify(self, participant: ParticipantId, clause: str, choice: Assent) -> None:
        """Cast a ballot on a clause."""
        self.run(
            self.room.log,
            c.CastRatification(clause=clause, choice=choice),
            c.Actor(participant, Role.PARTICIPANT),
        )

    def logs(self) -> tuple[PublicLog, ...]:
        """Return both logs' public sides."""
        return tuple(
            public_log(log, kind, self.envelopes[log])
            for log, kind in ((self.assembly.log, "assembly"), (self.room.log, "room"))
        )

    def material(self) -> Material:
        """Return the moment at which the assembly stands."""
        around = Surroundings(
            at=self.at, version="test", key=b"k" * 32, logs=self.logs(), opinion=self.opinion
        )
        return take(self.assembly, self.room, self.histories[self.room.log], around)


def _day(sealed: object) -> str:
    envelope = getattr(sealed, "envelope", sealed)
    return str(envelope.day)


def _hex(sealed: object, field_: str) -> str:
    value = getattr(sealed, field_)
    return value.hex() if isinstance(value, bytes) else str(value)


def whole(
    people: int = 60,
    statements: int = 12,
    *,
    withheld: int = 0,
    simulated: int = 0,
    words: str = "Statement number {}.",
    seed: int = 0,
) -> Held:
    """Hold a whole assembly, to its close: two outlooks, two drafts, a ratification.

    ``withheld`` of the people agree to nothing, ``simulated`` are simulated.
    """
    held = Held()
    held.phase(Phase.OPEN)
    rng = np.random.default_rng(seed)
    crowd = (
        held.admit(people - withheld - simulated)
        + held.admit(withheld, NO)
        + held.admit(simulated, channel=Channel.SIMULATED)
    )
    written = [held.say(crowd[n % len(crowd)], words.format(n)) for n in range(statements)]
    for number, person in enumerate(crowd):
        side = 1 if number % 2 else -1
        for place, statement in enumerate(written):
            if rng.random() < 0.1:
                continue
            lean = 1 if place % 3 == 0 else side if place % 3 == 1 else -side
            held.vote(person, statement, int(lean if rng.random() < 0.9 else rng.integers(-1, 2)))
    held.phase(Phase.DRAFTING)
    held.analyse()
    drafts = held.draft(written[:3], written[3:6])
    held.phase(Phase.RANKING)
    for number, person in enumerate(crowd):
        order = ("d1", "d2") if number % 3 else ("d2", "d1")
        held.rank(person, order, {"d1": f"More on number {number}"} if number < 3 else None)
    held.phase(Phase.RATIFYING)
    for number, person in enumerate(crowd):
        for place, clause in enumerate(drafts[0].clauses):
            no = place and number % 2 == place % 2 and number % 5
            held.ratify(person, clause.id, Assent.NO if no else Assent.YES)
    held.phase(Phase.CLOSED)
    return held
