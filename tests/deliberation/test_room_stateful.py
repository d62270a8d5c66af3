"""Whatever people do in whatever order: the log says it all, and everybody is told what is theirs.

Every command goes through :class:`WatchedRoom`, which checks replay, the clients that fold frames,
those who come back later, and the twin room in which two people's votes are exchanged.
"""

from __future__ import annotations

from typing import get_args

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from server.deliberation import commands as c
from server.deliberation import events as e
from server.deliberation.charter import Charter
from server.deliberation.drafts import DraftFailure
from server.deliberation.phases import following
from server.deliberation.vocabulary import (
    Assent,
    Choice,
    Decision,
    Kind,
    Moderation,
    Phase,
    Reason,
)
from server.ids import ParticipantId, StatementId

from .drafts import draft
from .watching import WATCHERS, WatchedRoom
from .world import (
    ANALYST,
    ANN,
    ASSEMBLY,
    BEN,
    CLEO,
    FACILITATOR,
    MODERATOR,
    OBSERVER,
    OWNER,
    PEOPLE,
)

EVERYBODY = (*PEOPLE, OWNER, FACILITATOR, MODERATOR, ANALYST, OBSERVER, None)
# Most of what is asked is asked by those who may; the rest is refused, and has its own tests.
actors = st.sampled_from((*PEOPLE[:5] * 6, FACILITATOR, *EVERYBODY))
people = st.sampled_from(PEOPLE[:5])
numbers = st.integers(0, 63)
words = st.one_of(st.sampled_from(["Label it", "Pay for it", "Ban it"]), st.text(max_size=12))


class Room(RuleBasedStateMachine):
    """Everything that can be asked of a room, by everybody, at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.room = WatchedRoom()

    @initialize(moderation=st.sampled_from(Moderation), quorum=st.integers(0, 3))
    def found(self, moderation: Moderation, quorum: int) -> None:
        self.room.ask(
            c.CreateRoom(
                assembly=ASSEMBLY,
                title="Plenary",
                question="What?",
                moderation=moderation,
                charter=Charter(quorum=quorum, rounds=2),
            )
        )
        self.room.ask(c.SubmitStatement(text="A seed"), FACILITATOR)
        self.room.ask(c.ChangePhase(phase=Phase.OPEN), FACILITATOR)

    def _statement(self, number: int) -> StatementId:
        known = list(self.room.state.statements)
        return known[number % len(known)] if known else StatementId("s-none")

    @rule(actor=actors, phase=st.sampled_from(Phase))
    def change_phase(self, actor: c.Actor | None, phase: Phase) -> None:
        if phase is not Phase.CLOSED or len(self.room.world.log) > 60:
            self.room.ask(c.ChangePhase(phase=phase), actor)

    @rule(number=numbers)
    def go_on(self, number: int) -> None:
        options = [p for p in following(self.room.state.phase) if p is not Phase.CLOSED]
        if options:
            self.room.ask(c.ChangePhase(phase=options[number % len(options)]), FACILITATOR)

    @rule(number=numbers, back=st.booleans())
    def go_to_the_ballot(self, number: int, back: bool) -> None:
        """Take the shortest way to a ranking, and from there to a ratification."""
        if self.room.state.phase is Phase.RANKING:
            self.all_rank([0, 1, 2], number)
            self.room.ask(c.ChangePhase(phase=Phase.RATIFYING), FACILITATOR)
        elif self.room.state.phase is Phase.RATIFYING and back:
            self.room.ask(c.ChangePhase(phase=Phase.DRAFTING), FACILITATOR)
        elif self.room.state.phase is not Phase.RATIFYING:
            self.room.ask(c.ChangePhase(phase=Phase.OPEN), FACILITATOR)
            self.room.ask(c.ChangePhase(phase=Phase.DRAFTING), FACILITATOR)
            self.room.ask(c.RequestDrafts(count=3), FACILITATOR)
            self.propose_drafts(number | 1, 2 + number % 2, None)
            self.room.ask(c.ChangePhase(phase=Phase.RANKING), FACILITATOR)

    @rule(order=st.permutations([0, 1, 2]), number=numbers)
    def all_rank(self, order: list[int], number: int) -> None:
        for place, actor in enumerate(PEOPLE[:6]):
            self.rank(actor, order, 1 + place % 3, none=(number >> place) & 1 == 1, criticism="")

    @rule(number=numbers)
    def all_ratify(self, number: int) -> None:
        choices = list(Assent)
        for place, actor in enumerate(PEOPLE[:6]):
            self.ratify(actor, number, choices[(number + place) % 3])

    @rule(actor=actors, text=words, kind=st.sampled_from(Kind))
    def submit(self, actor: c.Actor | None, text: str, kind: Kind) -> None:
        self.room.ask(c.SubmitStatement(text=text, language="en", kind=kind), actor)

    @rule(
        actor=st.sampled_from((MODERATOR, MODERATOR, FACILITATOR, ANN)),
        number=numbers,
        ruling=st.sampled_from(
            (
                (Decision.ACCEPT, Reason.FITS),
                (Decision.REJECT, Reason.SPAM),
                (Decision.REJECT, Reason.ABUSE),
                (Decision.REJECT, Reason.FITS),
            )
        ),
        note=st.sampled_from(("", "Because")),
    )
    def moderate(
        self, actor: c.Actor, number: int, ruling: tuple[Decision, Reason], note: str
    ) -> None:
        decision, reason = ruling
        self.room.ask(
            c.ModerateStatement(
                statement_id=self._statement(number), decision=decision, reason=reason, note=note
            ),
            actor,
        )

    @rule(actor=actors)
    def show_next(self, actor: c.Actor | None) -> None:
        if self.room.ask(c.ShowNext(), actor) and actor is not None:
            person = self.room.state.people.get(actor.participant)
            if person is not None and person.showing is not None:
                assert 0 < person.showing.probability <= 1

    @rule(actor=actors, number=numbers)
    def skip(self, actor: c.Actor | None, number: int) -> None:
        self.room.ask(c.SkipStatement(statement_id=self._statement(number)), actor)

    @rule(
        actor=actors,
        number=numbers,
        choice=st.sampled_from(Choice),
        because=st.sampled_from(("", "I saw it")),
    )
    def vote(self, actor: c.Actor | None, number: int, choice: Choice, because: str) -> None:
        self.room.ask(
            c.CastVote(statement_id=self._statement(number), choice=choice, because=because), actor
        )

    @rule(number=numbers, choices=st.lists(st.sampled_from(Choice), min_size=12, max_size=12))
    def all_vote(self, number: int, choices: list[Choice]) -> None:
        statement = self._statement(number)
        for actor, choice in zip(PEOPLE, choices, strict=True):
            self.room.ask(c.CastVote(statement_id=statement, choice=choice), actor)

    @rule(sources=st.lists(st.sampled_from("1234"), max_size=3), moderated=st.integers(-1, 1))
    def import_statements(self, sources: list[str], moderated: int) -> None:
        self.room.ask(
            c.ImportStatements(
                statements=tuple(
                    c.ImportedStatement(
                        source=source,
                        text="" if source == "4" else f"Imported {source}",
                        author=ParticipantId("p4") if source == "1" else None,
                        language=None,
                        moderated=moderated,
                    )
                    for source in sources
                ),
                strict=bool(len(sources) % 2),
            )
        )

    @rule(
        votes=st.dictionaries(st.sampled_from("1234"), st.integers(-2, 1), max_size=3), actor=people
    )
    def import_votes(self, votes: dict[str, int], actor: c.Actor) -> None:
        if actor is not CLEO and actor is not PEOPLE[3]:
            ballot = (actor.participant, tuple(votes), tuple(votes.values()))
            self.room.ask(c.ImportVotes(votes=(ballot,)))

    @rule()
    def publish(self) -> None:
        seq = self.room.state.seq
        self.room.ask(c.PublishAnalysis(as_of_seq=seq, digest="d" * 64, groups=1))
        self.room.ask(c.PublishThemes(as_of_seq=seq, digest="e" * 64, themes=0))

    @rule(actor=st.sampled_from((FACILITATOR, None, ANN)), count=st.sampled_from((3, 3, 8, 0, 9)))
    def request_drafts(self, actor: c.Actor | None, count: int) -> None:
        self.room.ask(c.RequestDrafts(count=count, seed=1), actor)

    @rule(number=numbers, count=st.integers(0, 3), actor=st.sampled_from((None, None, FACILITATOR)))
    def propose_drafts(self, number: int, count: int, actor: c.Actor | None) -> None:
        state = self.room.state
        standing = [s.id for s in state.statements.values() if s.visible]
        cites = standing if number % 4 else list(state.statements)
        seq = len(self.room.world.log)
        self.room.ask(
            c.ProposeDrafts(
                request=next(iter(state.requests), 0),
                drafts=tuple(draft(f"d{seq}.{i}", cites) for i in range(count)),
                groups={p.participant: i % 2 for i, p in enumerate(PEOPLE[:8])},
                group_count=2,
            ),
            actor,
        )

    @rule()
    def fail_drafts(self) -> None:
        request = next(iter(self.room.state.requests), 0)
        failure = DraftFailure(reason="too-few-clauses", detail="Two were left.")
        self.room.ask(c.FailDrafts(request=request, failures=(failure,)))

    @rule(group=st.integers(0, 2))
    def place_simulated(self, group: int) -> None:
        self.room.ask(c.PlaceSimulated(groups={"p9": group, "p10": 0}))

    @rule(
        actor=actors,
        order=st.permutations([0, 1, 2]),
        listed=st.integers(0, 3),
        none=st.booleans(),
        criticism=st.sampled_from(("", "Too long")),
    )
    def rank(
        self, actor: c.Actor | None, order: list[int], listed: int, none: bool, criticism: str
    ) -> None:
        current = self.room.state.round
        seen = tuple(d.id for d in current.drafts) if current else ("d0",)
        levels = tuple((seen[i],) for i in order[:listed] if i < len(seen))
        said = {seen[0]: criticism} if criticism else {}
        self.room.ask(
            c.CastRanking(order=levels, seen=seen, none_of_these=none, criticism=said), actor
        )

    @rule(actor=actors, number=numbers, choice=st.sampled_from(Assent))
    def ratify(self, actor: c.Actor | None, number: int, choice: Assent) -> None:
        clauses = [clause.id for clause in self.room.state.clauses] or ["none"]
        self.room.ask(
            c.CastRatification(clause=clauses[number % len(clauses)], choice=choice), actor
        )

    @rule(actor=actors, text=words)
    def notice(self, actor: c.Actor | None, text: str) -> None:
        self.room.ask(c.PostNotice(text=text), actor)

    @rule(actor=people, whole=st.booleans())
    def erase(self, actor: c.Actor, whole: bool) -> None:
        records = self.room.world.words_of(actor)
        if whole and records:
            stolen = self.room.world.standing()[:1]
            assert self.room.ask(c.EraseContent(records=(*records, *stolen)), actor)
            assert self.room.world.words_of(actor) == ()
        else:
            self.room.ask(c.EraseContent(records=records[:1]), actor)

    @rule(viewer=st.sampled_from(WATCHERS))
    def leave(self, viewer: object) -> None:
        self.room.leave(next(w for w in WATCHERS if w == viewer))

    @invariant()
    def holds(self) -> None:
        self.room.check()


TestRoom = Room.TestCase
TestRoom.settings = settings(
    max_examples=100,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def test_every_command_and_every_event_of_a_room_goes_through_all_checks() -> None:
    """A whole life, from seeding to the second ratification, with everything that can happen."""
    machine = Room()
    room = machine.room
    for viewer in WATCHERS:
        room.leave(viewer)
    machine.found(Moderation.BEFORE, 2)

    def coming_and_going() -> None:
        for viewer in WATCHERS:
            room.leave(viewer)
        room.check()

    machine.submit(ANN, "Label it", Kind.STATEMENT)
    machine.submit(BEN, "I lost my job to it", Kind.TESTIMONY)
    machine.submit(CLEO, "Ban it", Kind.STATEMENT)
    coming_and_going()
    for number in range(3):
        machine.moderate(MODERATOR, number + 1, (Decision.ACCEPT, Reason.FITS), "")
    machine.moderate(MODERATOR, 3, (Decision.REJECT, Reason.ABUSE), "Because")
    machine.moderate(FACILITATOR, 3, (Decision.ACCEPT, Reason.FITS), "")
    machine.import_statements(["1", "2"], -1)
    machine.import_statements(["3"], 1)
    machine.import_votes({"3": 1}, ANN)
    for actor in PEOPLE:
        machine.show_next(actor)
    machine.skip(ANN, 1)
    machine.all_vote(0, [*[Choice.AGREE] * 6, *[Choice.DISAGREE] * 6])
    machine.all_vote(1, [Choice.PASS] * 12)
    machine.vote(ANN, 0, Choice.DISAGREE, "I saw it")
    # Who writes and votes is one person who changed something; so is who only votes.
    machine.submit(CLEO, "Tax it", Kind.STATEMENT)
    for actor in (CLEO, *PEOPLE[4:7]):
        machine.vote(actor, 3, Choice.AGREE, "")
    assert room.state.tally.voters == 12
    machine.publish()
    machine.notice(FACILITATOR, "Well done")
    coming_and_going()
    machine.erase(CLEO, True)
    machine.go_on(0)
    for _ in range(2):
        machine.request_drafts(FACILITATOR, 3)
        machine.fail_drafts()
        machine.request_drafts(FACILITATOR, 3)
        coming_and_going()
        machine.propose_drafts(1, 3, None)
        machine.place_simulated(1)
        machine.go_on(1)
        for actor in PEOPLE:
            machine.rank(actor, [0, 1, 2], 2, False, "Too long")
        coming_and_going()
        machine.erase(BEN, True)
        machine.go_on(1)
        assert room.state.phase is Phase.RATIFYING
        for actor in PEOPLE[:4]:
            for number in range(3):
                machine.ratify(actor, number, Assent.YES)
        coming_and_going()
        room.ask(c.ChangePhase(phase=Phase.DRAFTING), FACILITATOR)
        assert room.state.outcomes
    room.ask(c.ChangePhase(phase=Phase.CLOSED), OWNER)
    room.check()
    machine.erase(ANN, True)
    room.check()

    assert room.commands == {kind.__name__ for kind in get_args(c.RoomCommand)}
    assert room.events == {kind.__struct_config__.tag for kind in get_args(e.RoomEvent)}
