"""Who comes in, in which role, with which consent; and every refusal on the way."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from server.deliberation import commands as c
from server.deliberation import events as e
from server.deliberation.vocabulary import Channel, Role
from server.errors import Conflict, Forbidden, Invalid, InviteUnusable, NotFound
from server.ids import InviteId, ParticipantId, RoomId

from .world import ASSEMBLY, START, AssemblyWorld, kinds, person


@pytest.fixture
def world() -> AssemblyWorld:
    return AssemblyWorld().create()


def test_an_assembly_is_founded_once() -> None:
    world = AssemblyWorld()
    assert world.refusal(c.EndSessions()).code == "not-found"
    world.create()
    assert (world.state.slug, world.state.id) == ("demo", ASSEMBLY)
    assert isinstance(
        world.refusal(c.CreateAssembly(slug="demo", title="Demo", question="What?")), Conflict
    )


@pytest.mark.parametrize(
    "slug", ["", "Demo", "a b", "ü", "a/b", "x" * 65, "..", ".", "-", ".a", "a.", "--help"]
)
def test_a_slug_is_plain(slug: str) -> None:
    refusal = AssemblyWorld().refusal(c.CreateAssembly(slug=slug, title="T", question="Q"))
    assert refusal.field == "slug"


@pytest.mark.parametrize(
    ("title", "question", "field"), [("", "Q", "title"), ("T", "", "question")]
)
def test_an_assembly_says_what_it_is_about(title: str, question: str, field: str) -> None:
    refusal = AssemblyWorld().refusal(c.CreateAssembly(slug="s", title=title, question=question))
    assert isinstance(refusal, Invalid)
    assert refusal.field == field


def test_there_is_one_plenary(world: AssemblyWorld) -> None:
    with pytest.raises(NotFound):
        world.state.plenary  # noqa: B018
    world.do(c.OpenRoom(room=RoomId("r1"), title="Plenary", plenary=True))
    world.do(c.OpenRoom(room=RoomId("r2"), title="Small"))
    assert world.state.plenary.id == "r1"
    for room in (RoomId("r1"), RoomId("r3")):
        again = c.OpenRoom(room=room, title="Other", plenary=True)
        assert isinstance(world.refusal(again), Conflict)


def test_somebody_joins_with_name_and_consent(world: AssemblyWorld) -> None:
    world.do(c.IssueInvite(digest="d1", role=Role.PARTICIPANT))
    consent = e.Consent(publish=True)
    (joined,) = world.do(
        c.Join(digest="d1", name=" Ａnn\u202e ", consent=consent, return_digest="b")
    )
    assert isinstance(joined.event, e.ParticipantJoined)
    member = world.state.member(joined.event.participant)
    assert (member.name, member.role, member.channel) == ("Ann", Role.PARTICIPANT, Channel.INVITE)
    assert member.consent == e.Consent(publish=True, research=False, training=False)
    assert world.state.returns == {"b": member.id}
    world.check_replay()


def test_an_invite_is_used_once_unless_it_is_reusable(world: AssemblyWorld) -> None:
    world.do(c.IssueInvite(digest="once", role=Role.PARTICIPANT))
    world.do(c.IssueInvite(digest="often", role=Role.PARTICIPANT, reusable=True))
    for _ in range(3):
        world.do(c.Join(digest="often"))
    world.do(c.Join(digest="once"))
    assert isinstance(world.refusal(c.Join(digest="once")), InviteUnusable)


def test_an_invite_that_is_unknown_expired_or_withdrawn_lets_nobody_in(
    world: AssemblyWorld,
) -> None:
    (issued,) = world.do(c.IssueInvite(digest="w", role=Role.PARTICIPANT))
    assert isinstance(issued.event, e.InviteIssued)
    world.do(c.WithdrawInvite(invite=issued.event.invite))
    world.do(c.IssueInvite(digest="e", role=Role.PARTICIPANT, expires=START + 60_000))
    for digest in ("w", "unknown"):
        refusal = world.refusal(c.Join(digest=digest))
        assert (refusal.code, refusal.field) == ("invite-unusable", "invite")
    world.do(c.Join(digest="e"))
    world.do(c.IssueInvite(digest="e2", role=Role.PARTICIPANT, expires=START + 60_000))
    world.clock = START + 59_000
    assert isinstance(world.refusal(c.Join(digest="e2")), InviteUnusable)
    assert isinstance(world.refusal(c.WithdrawInvite(invite=InviteId("i-none"))), NotFound)


def test_a_code_is_not_given_out_twice(world: AssemblyWorld) -> None:
    (issued,) = world.do(c.IssueInvite(digest="d", role=Role.PARTICIPANT))
    assert isinstance(world.refusal(c.IssueInvite(digest="d", role=Role.PARTICIPANT)), Conflict)
    assert isinstance(issued.event, e.InviteIssued)
    world.do(c.WithdrawInvite(invite=issued.event.invite))
    world.do(c.IssueInvite(digest="d", role=Role.OBSERVER))


@pytest.mark.parametrize("role", [Role.OWNER, Role.FACILITATOR, Role.MODERATOR])
def test_invites_that_give_power_are_for_one(world: AssemblyWorld, role: Role) -> None:
    refusal = world.refusal(c.IssueInvite(digest="d", role=role, reusable=True))
    assert (refusal.code, refusal.field) == ("invalid", "reusable")


@pytest.mark.parametrize("role", [Role.MODERATOR, Role.ANALYST, Role.PARTICIPANT, Role.OBSERVER])
def test_who_does_not_run_the_assembly_runs_nothing_in_it(world: AssemblyWorld, role: Role) -> None:
    actor = world.admit(role)
    for command in (
        c.OpenRoom(room=RoomId("r9"), title="Mine"),
        c.IssueInvite(digest="x", role=Role.PARTICIPANT),
        c.WithdrawInvite(invite=InviteId("i")),
        c.ChangeRole(participant=actor.participant, role=Role.OWNER),
    ):
        assert isinstance(world.refusal(command, actor), Forbidden)


def test_only_owners_make_and_unmake_owners(world: AssemblyWorld) -> None:
    owner, facilitator = world.admit(Role.OWNER), world.admit(Role.FACILITATOR)
    other = world.admit()
    assert world.refusal(c.IssueInvite(digest="o", role=Role.OWNER), facilitator).field == "role"
    make = c.ChangeRole(participant=other.participant, role=Role.OWNER)
    unmake = c.ChangeRole(participant=owner.participant, role=Role.PARTICIPANT)
    for command in (make, unmake):
        assert isinstance(world.refusal(command, facilitator), Forbidden)
    assert isinstance(world.refusal(unmake, owner), Conflict)
    world.do(make, owner)
    world.do(unmake, owner)
    assert world.state.member(owner.participant).role is Role.PARTICIPANT


def test_who_is_put_out_is_in_no_more(world: AssemblyWorld) -> None:
    ann = world.admit()
    put_out = c.ChangeRole(participant=ann.participant, role=None)
    world.do(put_out)
    assert world.do(put_out) == ()
    with pytest.raises(NotFound):
        world.state.member(ann.participant)
    for command in (c.GiveConsent(consent=e.Consent(publish=True)), c.EndSessions()):
        assert isinstance(world.refusal(command, ann), NotFound)
    nobody = c.ChangeRole(participant=ParticipantId("p-none"), role=None)
    assert isinstance(world.refusal(nobody), NotFound)


def test_consent_changes_when_it_is_changed(world: AssemblyWorld) -> None:
    ann = world.admit()
    given = c.GiveConsent(consent=e.Consent(research=True))
    assert kinds(world.do(given, ann)) == ["participant.consented"]
    assert world.do(given, ann) == ()
    assert world.state.member(ann.participant).consent.research
    assert isinstance(world.refusal(given), Forbidden)
    assert isinstance(world.refusal(given, person("p-none")), NotFound)


def test_signing_out_everywhere_is_remembered(world: AssemblyWorld) -> None:
    ann = world.admit()
    world.do(c.EndSessions(), ann)
    assert world.state.member(ann.participant).sessions_from == world.clock
    assert isinstance(world.refusal(c.EndSessions()), Forbidden)


def test_people_are_admitted_without_an_invite_by_the_program_alone(world: AssemblyWorld) -> None:
    owner = world.admit(Role.OWNER)
    admit = c.AdmitPeople(sources=("1", "2"), channel=Channel.SIMULATED)
    assert isinstance(world.refusal(admit, owner), Forbidden)
    world.do(admit)
    simulated = [m for m in world.state.members.values() if m.channel is Channel.SIMULATED]
    assert [m.source for m in simulated] == ["1", "2"]
    assert not any(m.consent.training for m in simulated)


def test_a_name_can_be_erased_and_nothing_else_with_it(world: AssemblyWorld) -> None:
    ann, ben = world.admit(name="Ann"), world.admit(name="Ben")
    records = world.words_of(ann) + world.words_of(ben)
    (erased,) = world.do(c.EraseContent(records=records), ann)
    assert isinstance(erased.event, e.ContentErased)
    assert list(erased.event.remains) == [records[0].seq]
    assert world.state.member(ann.participant).name == ""
    assert world.state.member(ann.participant).role is Role.PARTICIPANT
    assert world.state.member(ben.participant).name == "Ben"
    assert world.do(c.EraseContent(records=records), ann) == ()
    assert isinstance(world.refusal(c.EraseContent(records=records)), Forbidden)
    world.check_replay()


def test_a_command_of_a_room_is_no_command_of_an_assembly(world: AssemblyWorld) -> None:
    with pytest.raises(TypeError):
        world.decide(c.ShowNext())
    with pytest.raises(TypeError):
        world.record(e.NoticePosted(text="x"), None)


class Assembly(RuleBasedStateMachine):
    """Invites, joining, roles, consent and erasure in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.world = AssemblyWorld()
        self.events: set[str] = set()

    @initialize()
    def found(self) -> None:
        self.world.create()

    def _ask(self, command: c.Command, actor: c.Actor | None = None) -> None:
        try:
            self.events |= set(kinds(self.world.do(command, actor)))
        except (Conflict, Forbidden, Invalid, InviteUnusable, NotFound):
            self.world.check_replay()

    def _member(self, number: int) -> c.Actor | None:
        members = list(self.world.state.members.values())
        if not members or number % 5 == 0:
            return None
        member = members[number % len(members)]
        return c.Actor(member.id, member.role or Role.OBSERVER)

    @rule(
        number=st.integers(0, 30),
        digest=st.sampled_from("abcd"),
        role=st.sampled_from(Role),
        reusable=st.booleans(),
    )
    def invite(self, number: int, digest: str, role: Role, reusable: bool) -> None:
        expires = self.world.clock + 9_000 if number % 3 == 0 else None
        self._ask(
            c.IssueInvite(digest=digest, role=role, reusable=reusable, expires=expires),
            self._member(number),
        )

    @rule(number=st.integers(0, 30), digest=st.sampled_from("abcd"))
    def withdraw(self, number: int, digest: str) -> None:
        invite = self.world.state.invites.get(digest)
        self._ask(
            c.WithdrawInvite(invite=invite.id if invite else InviteId("i")), self._member(number)
        )

    @rule(digest=st.sampled_from("abcd"), name=st.text(max_size=5), back=st.booleans())
    def join(self, digest: str, name: str, back: bool) -> None:
        self._ask(c.Join(digest=digest, name=name, return_digest=f"r{len(self.world.log)}" * back))

    @rule(count=st.integers(0, 3), role=st.sampled_from((Role.OWNER, Role.PARTICIPANT)))
    def admit(self, count: int, role: Role) -> None:
        sources = tuple(str(i) for i in range(count))
        self._ask(c.AdmitPeople(sources=sources, channel=Channel.FOUNDER, role=role, name="X"))

    @rule(number=st.integers(0, 30), whom=st.integers(0, 30), role=st.sampled_from((*Role, None)))
    def change_role(self, number: int, whom: int, role: Role | None) -> None:
        member = self._member(whom)
        participant = member.participant if member else ParticipantId("p-none")
        owners = [m for m in self.world.state.members.values() if m.role is Role.OWNER]
        self._ask(c.ChangeRole(participant=participant, role=role), self._member(number))
        assert not owners or any(m.role is Role.OWNER for m in self.world.state.members.values())

    @rule(number=st.integers(0, 30), publish=st.booleans())
    def consent(self, number: int, publish: bool) -> None:
        self._ask(c.GiveConsent(consent=e.Consent(publish=publish)), self._member(number))

    @rule(number=st.integers(0, 30))
    def sign_out(self, number: int) -> None:
        self._ask(c.EndSessions(), self._member(number))

    @rule(number=st.integers(0, 3), plenary=st.booleans())
    def open_room(self, number: int, plenary: bool) -> None:
        self._ask(c.OpenRoom(room=RoomId(f"r{number}"), title="Room", plenary=plenary))

    @rule(number=st.integers(0, 30))
    def erase(self, number: int) -> None:
        member = self._member(number)
        if member is not None:
            self._ask(c.EraseContent(records=self.world.words_of(member)), member)

    @invariant()
    def holds(self) -> None:
        self.world.check_replay()
        joined: dict[InviteId, int] = {}
        for recorded in self.world.log:
            if isinstance(recorded.event, e.ParticipantJoined) and recorded.event.invite:
                joined[recorded.event.invite] = joined.get(recorded.event.invite, 0) + 1
        issued = {
            r.event.invite: r.event for r in self.world.log if isinstance(r.event, e.InviteIssued)
        }
        assert all(count == 1 or issued[invite].reusable for invite, count in joined.items())
        assert sum(room.plenary for room in self.world.state.rooms) <= 1


TestAssembly = Assembly.TestCase
TestAssembly.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)


def test_every_event_of_an_assembly_goes_through_the_checks() -> None:
    machine = Assembly()
    machine.found()
    machine.invite(5, "a", Role.PARTICIPANT, reusable=True)
    machine.invite(5, "b", Role.OBSERVER, reusable=False)
    machine.withdraw(5, "b")
    machine.join("a", "Ann", back=True)
    machine.consent(1, publish=True)
    machine.change_role(5, 1, Role.ANALYST)
    machine.sign_out(1)
    machine.open_room(1, plenary=True)
    machine.erase(1)
    machine.holds()
    tags = {kind.__struct_config__.tag for kind in get_args(e.AssemblyEvent)}
    assert machine.events | {"assembly.created"} == tags
