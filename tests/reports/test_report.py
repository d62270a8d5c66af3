"""What the report says follows from the votes, with its counts, and only what people allowed."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from server.deliberation import commands as c
from server.deliberation.charter import Charter
from server.deliberation.intervals import wilson
from server.deliberation.vocabulary import Assent, Channel, Phase, Reason, Role
from server.deliberation.votes import AGREE, EMPTY
from server.reports import bundle, report
from server.reports.document import ValueReport
from server.reports.material import Material

from .conftest import KEY
from .held import NO, START, YES, Held, e, whole

CANARY = "zyxwv"


def everything(material: Material) -> bytes:
    """Return all that leaves the house, in one piece."""
    return b"\n".join(bundle.build(material, KEY).values())


def test_counts_and_intervals_are_those_of_the_votes(closed: Material) -> None:
    found = report.build(closed)
    for each in found.statements:
        column = closed.votes[:, closed.columns.index(each.id)]  # type: ignore[arg-type]
        cast = column[column != EMPTY]
        assert each.agree is not None
        assert each.agree.n == cast.size
        assert each.agree.count == np.count_nonzero(cast == AGREE)
        assert each.agree.count + (each.disagree or 0) + (each.passes or 0) == cast.size
        expected = wilson(each.agree.count, cast.size)
        assert (each.agree.low, each.agree.high) == (expected.low, expected.high)
        assert each.anytime is not None
        assert each.anytime[0] <= expected.low <= expected.high <= each.anytime[1]
        told = [cell.agree for cell in each.groups if cell.agree]
        assert sum(cell.n for cell in told) == cast.size
    assert found.participation.voters == 80
    assert found.final
    assert found.missing == ()


def test_the_wishes_stand_in_the_order_of_their_endorsement(closed: Material) -> None:
    found = report.build(closed)
    adopted = [each for each in found.clauses if each.adopted]
    shares = [each.yes.share or 0.0 for each in adopted]
    assert len(adopted) == 3
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > shares[-1]
    assert [each.number for each in found.clauses] == [1, 2, 3]
    first = adopted[0]
    assert first.consensus_across_groups
    assert [source.statement for source in first.cites] == [first.cites[0].statement]
    assert first.cites[0].quoted == first.text


def test_dissent_and_what_stands_against_a_clause_stand_beside_it(closed: Material) -> None:
    found = report.build(closed)
    split = [each for each in found.clauses if each.dissent]
    assert len(split) == 2
    for clause in split:
        rejecting = {cell.group for cell in clause.groups if cell.rejects}
        assert set(clause.dissent) == rejecting
        assert clause.against
        cited = {source.statement for source in clause.cites}
        assert cited.isdisjoint(source.statement for source in clause.against)


def test_groups_and_what_holds_up(closed: Material) -> None:
    found = report.build(closed).opinion
    assert found.k == 2
    assert sum(each.people for each in found.groups) == 80
    assert found.claims is not None
    assert found.claims.tested == 12
    # Of three statements one unites and two divide, as they were made.
    uniting = {each.id for at, each in enumerate(report.build(closed).statements) if at % 3 == 0}
    assert uniting.isdisjoint(found.claims.divides)
    assert len(found.claims.divides) == 8
    assert set(found.consensus) == uniting
    assert {each.statement for each in found.divisive}.isdisjoint(uniting)


def test_the_same_moment_gives_the_same_report(closed: Material) -> None:
    assert msgspec.json.encode(report.build(closed)) == msgspec.json.encode(report.build(closed))


def test_the_document_can_be_read_back(closed: Material) -> None:
    found = report.build(closed)
    assert msgspec.json.decode(msgspec.json.encode(found), type=ValueReport) == found


def test_while_voting_is_open_nothing_but_the_public_tally_is_told() -> None:
    held = Held()
    held.phase(Phase.OPEN)
    crowd = held.admit(30)
    statement = held.say(crowd[0], "Tell us what it learned from.")
    before = held.material()
    for person in crowd:
        held.vote(person, statement, 1)
    material = held.material()
    found = report.build(material)
    assert found.participation.voters == held.room.tally.voters
    assert not found.final
    assert any("secret" in each for each in found.missing)
    assert found.opinion.k is None
    for each in found.statements:
        assert each.agree is None
        assert each.disagree is None
        assert each.groups == ()
    assert all(each.votes is None for each in found.capture)
    # What people voted makes no difference to anything but the logs.
    other = Held()
    other.phase(Phase.OPEN)
    again = other.admit(30)
    same = other.say(again[0], "Tell us what it learned from.")
    for person in again:
        other.vote(person, same, -1)
    one, two = bundle.build(material, KEY), bundle.build(other.material(), KEY)
    assert {p for p in one if one[p] != two[p]} == {
        f"log/{material.room}.jsonl", "manifest.json", "manifest.sig", "report.html", "report.json",
    }  # fmt: skip
    heads = report.build(other.material()).heads
    assert msgspec.structs.replace(found, heads=heads) == report.build(other.material())
    assert before.tally.votes == 0


def test_an_assembly_without_votes_says_so() -> None:
    held = Held()
    held.phase(Phase.OPEN, Phase.DRAFTING, Phase.CLOSED)
    found = report.build(held.material())
    assert found.participation.voters == 0
    assert "Nobody voted." in found.missing
    assert found.statements == ()
    assert not found.final
    assert everything(held.material())


def test_one_participant_is_a_count_and_no_sample() -> None:
    held = Held()
    held.phase(Phase.OPEN)
    (person,) = held.admit(1)
    statement = held.say(person, "One voice.")
    held.vote(person, statement, 1)
    held.phase(Phase.DRAFTING)
    held.analyse()
    held.phase(Phase.CLOSED)
    found = report.build(held.material())
    share = found.statements[0].agree
    assert share is not None
    assert share.everybody
    assert (share.low, share.high) == (None, None)
    assert found.opinion.k == 1
    assert found.opinion.groups == ()
    assert "No separate opinion groups" in found.opinion.sentence
    assert everything(held.material())


def test_a_new_assembly_can_be_reported_on() -> None:
    found = report.build(Held().material())
    assert found.phase == "draft"
    assert found.missing
    assert everything(Held().material())


def test_a_quorum_that_was_not_met_adopts_nothing() -> None:
    held = Held(charter=Charter(quorum=20))
    held.phase(Phase.OPEN)
    crowd = held.admit(12)
    written = [held.say(crowd[0], f"Statement {n}.") for n in range(3)]
    for person in crowd:
        for statement in written:
            held.vote(person, statement, 1)
    held.phase(Phase.DRAFTING)
    held.analyse()
    (draft,) = held.draft(written)
    held.phase(Phase.RANKING)
    for person in crowd:
        held.rank(person, ["d1"])
    held.phase(Phase.RATIFYING)
    for person in crowd:
        held.ratify(person, draft.clauses[0].id, Assent.YES)
    held.phase(Phase.CLOSED)
    found = report.build(held.material())
    assert not any(each.adopted for each in found.clauses)
    assert not any(each.quorum_met for each in found.clauses)
    assert bundle.build(held.material(), KEY)["constitution.txt"] == b""


def test_how_a_draft_was_made_is_told_when_its_ranking_is_counted() -> None:
    held = Held()
    held.phase(Phase.OPEN)
    crowd = held.admit(6)
    written = [held.say(crowd[0], f"Statement {n}.") for n in range(3)]
    held.vote(crowd[0], written[0], 1)
    held.phase(Phase.DRAFTING)
    held.draft(written)
    held.phase(Phase.RANKING)
    held.rank(crowd[0], ["d1"], {"d1": CANARY})
    material = held.material()
    (before,) = report.build(material).rounds
    assert before.ballots is None
    assert before.pairwise == ()
    assert before.drafts[0].maker is None
    assert before.drafts[0].seed is None
    assert CANARY.encode() not in everything(material)
    held.phase(Phase.RATIFYING)
    (after,) = report.build(held.material()).rounds
    assert after.ballots == 1
    assert after.drafts[0].maker == "extractive"
    assert after.drafts[0].criticisms == (CANARY,)


@pytest.mark.parametrize(
    ("consent", "leaves"),
    [
        (YES, True),
        (NO, False),
        (e.Consent(research=True, training=True), False),
        (e.Consent(publish=True), True),
    ],
)
def test_words_leave_only_with_their_authors_consent(consent: e.Consent, leaves: bool) -> None:
    held = Held()
    held.phase(Phase.OPEN)
    (author,) = held.admit(1, consent, name="Zoltan")
    crowd = held.admit(12)
    statement = held.say(author, f"{CANARY} said it.")
    other = [held.say(crowd[0], f"Plain {n}.") for n in range(2)]
    for person in crowd:
        held.vote(person, statement, 1)
    held.vote(author, other[0], -1, because=f"{CANARY} knows")
    held.vote(crowd[0], other[0], 1, because="It is plain.")
    assert f"{CANARY} knows".encode() not in everything(held.material())
    held.phase(Phase.DRAFTING)
    held.analyse()
    held.draft([statement, *other])
    held.phase(Phase.RANKING)
    held.rank(author, ["d1"], {"d1": f"{CANARY} again"})
    held.phase(Phase.RATIFYING)
    held.ratify(author, "c10", Assent.YES)
    held.phase(Phase.CLOSED)
    out = everything(held.material())
    assert (CANARY.encode() in out) is leaves
    assert b"Zoltan" not in out
    found = report.build(held.material())
    assert found.statements[0].withheld == (None if leaves else "consent")
    assert (found.clauses[0].text is None) is not leaves
    assert found.rounds[0].drafts[0].criticisms_withheld == (0 if leaves else 1)
    given = [(r.choice, r.text) for clause in found.clauses for r in clause.reasons]
    assert given == [("agree", "It is plain."), *([("disagree", f"{CANARY} knows")] * leaves)]


def test_what_was_moderated_out_is_counted_and_not_repeated() -> None:
    held = Held()
    held.phase(Phase.OPEN)
    crowd = held.admit(3)
    bad = held.say(crowd[0], f"{CANARY} is a fool.")
    held.say(crowd[1], "Be kind.")
    held.reject(bad, Reason.ABUSE)
    held.phase(Phase.CLOSED)
    material = held.material()
    assert CANARY.encode() not in everything(material)
    found = report.build(material).moderation
    assert found.rejected == 1
    assert [(rule.reason, rule.statements, rule.ids) for rule in found.rules] == [
        ("abuse", 1, (bad,))
    ]


def test_what_an_author_took_back_is_gone() -> None:
    held = Held()
    held.phase(Phase.OPEN)
    crowd = held.admit(3)
    statement = held.say(crowd[0], f"{CANARY} regrets.")
    records = tuple(
        each for each in held.histories[held.room.log] if each.seq in held.room.words[crowd[0]]
    )
    held.run(held.room.log, c.EraseContent(records=records), c.Actor(crowd[0], Role.PARTICIPANT))
    held.phase(Phase.CLOSED)
    material = held.material()
    assert CANARY.encode() not in everything(material)
    found = report.build(material)
    assert found.statements[0].withheld == "erased"
    assert found.statements[0].id == statement
    assert found.moderation.erased_words == 1


def test_no_id_of_a_person_leaves_the_house(closed: Material) -> None:
    out = everything(closed)
    assert closed.people
    for person in closed.people:
        assert person.encode() not in out


def test_who_took_part_by_which_channel_hides_small_numbers() -> None:
    held = Held()
    held.phase(Phase.OPEN)
    groups = held.admit(30, NO), held.admit(4, NO, channel=Channel.FOUNDER)
    statement = held.say(groups[0][0], "A statement.")
    for person in (*groups[0], *groups[1]):
        held.vote(person, statement, 1)
    held.phase(Phase.CLOSED)
    found = report.build(held.material()).participation
    assert found.voters == 34
    assert all(each.hidden and each.people is None for each in found.channels)


def test_the_organisers_share_is_told() -> None:
    held = Held()
    held.phase(Phase.OPEN)
    crowd = held.admit(4)
    seeded = held.say(held.facilitator.participant, "A seed.", Role.FACILITATOR)
    own = held.say(crowd[0], "Our own.")
    for person in crowd:
        held.vote(person, seeded, 1)
    held.vote(crowd[0], own, 1)
    held.phase(Phase.CLOSED)
    by_origin = {each.origin: each for each in report.build(held.material()).capture}
    assert by_origin["organiser"].statements_share == 0.5
    assert by_origin["organiser"].votes_share == 0.8


def test_showings_weigh_the_shares_that_the_program_asked_for() -> None:
    held = Held()
    held.phase(Phase.OPEN)
    crowd = held.admit(12)
    statement = held.say(crowd[0], "Shown to all.")
    for number, person in enumerate(crowd):
        held.record(
            held.room.log,
            e.StatementShown(
                statement=statement,
                position=0,
                probability=0.5 if number % 2 else 0.1,
                stream="uniform",
            ),
            person,
        )
        held.vote(person, statement, 1 if number % 2 else -1)
    held.phase(Phase.CLOSED)
    weighted = report.build(held.material()).statements[0].weighted
    assert weighted is not None
    assert weighted.n == 12
    assert weighted.raw == 0.5
    # Six agree at weight 2, six disagree at weight 10.
    assert weighted.share == pytest.approx(12 / 72, abs=1e-6)


def test_days_and_heads_are_the_logs(closed: Material) -> None:
    found = report.build(closed)
    assert [(head.log, head.seq, head.hash) for head in found.heads] == [
        (log.log, log.seq, log.hash) for log in closed.logs
    ]
    assert found.steps[0].phase == "open"
    assert START > 0


def test_simulated_people_are_counted_apart() -> None:
    found = report.build(whole(people=12, statements=6, simulated=12).material())
    assert found.participation.simulated == 12
    assert all(clause.simulated == clause.yes.n == 12 for clause in found.clauses)
    assert found.rounds[0].simulated == 12
    some = report.build(whole(people=12, statements=6, simulated=5).material())
    assert all(clause.simulated == 5 for clause in some.clauses)


def test_a_groups_few_ballots_are_hidden_unless_nobody_cast_them() -> None:
    def ballots(channel: Channel) -> ValueReport:
        held = Held()
        held.phase(Phase.OPEN)
        crowd = held.admit(60, channel=channel)
        written = [held.say(crowd[n], f"Statement {n}.") for n in range(10)]
        for number, person in enumerate(crowd):
            for place, statement in enumerate(written):
                held.vote(person, statement, 1 if (number + place) % 2 or place == 9 else -1)
        held.phase(Phase.DRAFTING)
        held.analyse()
        (draft,) = held.draft(written[7:])
        held.phase(Phase.RANKING)
        for person in crowd[:11]:
            held.rank(person, ["d1"])
        held.phase(Phase.RATIFYING)
        for number, person in enumerate(crowd):
            if number % 2 or number < 8:
                held.ratify(person, draft.clauses[-1].id, Assent.YES)
        held.phase(Phase.CLOSED)
        return report.build(held.material())

    people, programs = ballots(Channel.INVITE), ballots(Channel.SIMULATED)
    assert people.opinion.k == programs.opinion.k == 2
    (clause,) = [each for each in people.clauses if each.yes.n]
    assert [group.hidden for group in clause.groups] == [True, True]
    assert all(group.yes is None for group in clause.groups)
    assert clause.yes.n == 34
    assert all(group.hidden for each in people.rounds[0].support for group in each.groups)
    (shown,) = [each for each in programs.clauses if each.yes.n]
    assert sorted(group.yes.n for group in shown.groups if group.yes) == [4, 30]
    assert not any(group.hidden for each in programs.rounds[0].support for group in each.groups)
