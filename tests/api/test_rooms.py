"""Statements, votes, what comes next, and what somebody may see of a room."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from server.deliberation.vocabulary import Moderation, Phase, Role
from tests.serving import client_of, found, settings_in

from .conftest import Town, problem


async def test_a_statement_is_written_seen_and_found_again(town: Town) -> None:
    one, two = await town.as_(), await town.as_()
    body = {"text": "  Publish   every test. ", "language": "EN"}
    answer = await town.ask("POST", town.url("/statements"), one, body)
    assert answer.status_code == 201
    written = answer.json()
    assert written["status"] == "accepted"
    room = (await town.ask("GET", town.url(), two)).json()
    (statement,) = room["statements"]
    assert statement["id"] == written["statement_id"]
    assert statement["text"] == "Publish every test."
    assert statement["language"] == "en"
    assert statement["own"] is False
    assert room["seq"] == written["seq"]
    found_ = await town.client.get(
        town.url("/similar"), params={"text": "Publish every test!"}, headers=two
    )
    assert found_.json()["statements"][0]["id"] == written["statement_id"]
    me = (await town.ask("GET", "/api/me", one)).json()
    assert [s["statement_id"] for s in me["statements"]] == [written["statement_id"]]


async def test_a_vote_is_kept_replaced_and_listed(town: Town) -> None:
    headers = await town.as_()
    statement = await town.write(headers)
    first = await town.vote(headers, statement)
    second = await town.vote(headers, statement, "disagree")
    assert first.status_code == second.status_code == 201
    assert second.json()["seq"] == first.json()["seq"] + 1
    me = (await town.ask("GET", "/api/me", headers)).json()
    assert me["votes"] == [
        {
            "room": town.world.room,
            "statement_id": statement,
            "choice": "disagree",
            "seq": second.json()["seq"],
            "because": "",
        }
    ]


async def test_what_comes_next_stays_until_it_is_voted_on_or_skipped(town: Town) -> None:
    headers = await town.as_()
    other = await town.as_()
    ids = [await town.write(other, f"Statement {n}.") for n in range(3)]
    shown = (await town.ask("GET", town.url("/next"), headers)).json()
    assert shown["remaining"] == 3
    assert shown["statement"]["id"] in ids
    assert set(shown["statement"]) == {"id", "text", "language", "origin"}
    again = (await town.ask("GET", town.url("/next"), headers)).json()
    assert again == shown
    first = shown["statement"]["id"]
    body = {"statement_id": first}
    assert (await town.ask("POST", town.url("/skip"), headers, body)).status_code == 204
    following = (await town.ask("GET", town.url("/next"), headers)).json()
    assert following["statement"]["id"] != first
    for _ in range(3):
        now = (await town.ask("GET", town.url("/next"), headers)).json()["statement"]["id"]
        await town.vote(headers, now, "pass")
    done = (await town.ask("GET", town.url("/next"), headers)).json()
    assert done == {"statement": None, "remaining": 0}


async def test_no_tally_is_told_before_ten_people_voted(town: Town) -> None:
    headers = await town.as_()
    statement = await town.write(headers)
    await town.vote(headers, statement)
    room = (await town.ask("GET", town.url(), headers)).json()
    assert (room["tally"]["voters"], room["tally"]["votes"]) == (0, 0)
    assembly = (await town.ask("GET", "/api/assemblies/town", headers)).json()
    assert assembly["counts"]["votes"] == 0
    assert assembly["phase"] == "open"
    analysis = (await town.ask("GET", town.url("/analysis"), headers)).json()
    assert analysis["statements"] == []


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({}, 422, "invalid", "text"),
        ({"text": 7}, 422, "invalid", "text"),
        ({"text": ""}, 422, "invalid", "text"),
        ({"text": " \n\t "}, 422, "invalid", "text"),
        ({"text": "\u200b\u2060"}, 422, "invalid", "text"),
        ({"text": "a" * 281}, 422, "invalid", "text"),
        ({"text": "a" * 10_000}, 422, "invalid", "text"),
        ({"text": "bell \x07"}, 422, "invalid", "text"),
        ({"text": "half \ud83d of a pair"}, 422, "invalid", "text"),
        ({"text": "e" + "\u0301" * 40}, 422, "invalid", "text"),
        ({"text": "fine", "language": "not a language"}, 422, "invalid", "language"),
        ({"text": "fine", "kind": "song"}, 422, "invalid", "kind"),
        ([], 422, "invalid", "body"),
    ],
)
async def test_statements_that_are_refused_name_what_is_wrong(
    town: Town, body: object, status: int, code: str, field: str
) -> None:
    headers = await town.as_() | {"content-type": "application/json"}
    content = json.dumps(body).encode()
    answer = await town.client.post(town.url("/statements"), content=content, headers=headers)
    problem(answer, status, code, field)
    assert (await town.ask("GET", town.url(), headers)).json()["statements"] == []


async def test_280_characters_of_any_script_are_a_statement(town: Town) -> None:
    headers = await town.as_()
    for text in ("a" * 280, "मशीन " * 40, "机" * 280, "\U0001f5f3" * 280):
        await town.write(headers, text)


async def test_votes_that_are_refused_name_what_is_wrong(town: Town) -> None:
    headers = await town.as_()
    statement = await town.write(headers)
    for body, status, code, field in (
        ({}, 422, "invalid", "statement_id"),
        ({"statement_id": statement}, 422, "invalid", "choice"),
        ({"statement_id": statement, "choice": "maybe"}, 422, "invalid", "choice"),
        ({"statement_id": 5, "choice": "agree"}, 422, "invalid", "statement_id"),
        ({"statement_id": "s0", "choice": "agree"}, 404, "not-found", "statement_id"),
        ({"statement_id": "", "choice": "agree"}, 404, "not-found", "statement_id"),
    ):
        problem(await town.ask("POST", town.url("/votes"), headers, body), status, code, field)
    raw = f'{{"statement_id":"{statement}","choice":"agree","because":"\\ud800"}}'
    answer = await town.client.post(town.url("/votes"), content=raw, headers=headers)
    problem(answer, 422, "invalid", "because")


async def test_a_vote_for_what_one_may_not_see_or_what_was_rejected(tmp_path: Path) -> None:
    async with client_of(settings_in(tmp_path)) as (client, desk):
        town = Town(client, await found(desk, moderation=Moderation.BEFORE))
        author, other = await town.as_(), await town.as_()
        moderator = await town.as_(Role.MODERATOR)
        statement = await town.write(author)
        problem(await town.vote(other, statement), 404, "not-found", "statement_id")
        assert (await town.ask("GET", town.url(), other)).json()["statements"] == []
        assert len((await town.ask("GET", town.url(), author)).json()["statements"]) == 1
        decision = {"statement_id": statement, "decision": "accept", "reason": "fits"}
        done = await town.ask("POST", town.url("/moderation"), moderator, decision)
        assert done.status_code == 201
        assert (await town.vote(other, statement)).status_code == 201
        decision = {"statement_id": statement, "decision": "reject", "reason": "spam"}
        await town.ask("POST", town.url("/moderation"), moderator, decision | {"note": "Twice."})
        problem(await town.vote(other, statement), 404, "not-found", "statement_id")
        (mine,) = (await town.ask("GET", "/api/me", author)).json()["statements"]
        assert (mine["status"], mine["reason"], mine["note"]) == ("rejected", "spam", "Twice.")


async def test_moderation_needs_a_reason_from_the_list(town: Town) -> None:
    moderator, author = await town.as_(Role.MODERATOR), await town.as_()
    statement = await town.write(author)
    for body, code, field in (
        ({"statement_id": statement, "decision": "reject"}, "invalid", "reason"),
        (
            {"statement_id": statement, "decision": "reject", "reason": "infeasible"},
            "invalid",
            "reason",
        ),
        ({"statement_id": statement, "decision": "reject", "reason": "fits"}, "invalid", "reason"),
        ({"statement_id": statement, "decision": "hide", "reason": "spam"}, "invalid", "decision"),
    ):
        answer = await town.ask("POST", town.url("/moderation"), moderator, body)
        problem(answer, 422, code, field)


async def test_in_the_wrong_phase_nothing_is_written_or_voted(town: Town) -> None:
    headers = await town.as_()
    statement = await town.write(headers)
    await town.world.phase(Phase.DRAFTING)
    problem(await town.vote(headers, statement), 409, "wrong-phase")
    body = {"text": "Too late."}
    answer = await town.ask("POST", town.url("/statements"), headers, body)
    problem(answer, 409, "wrong-phase")
    problem(await town.ask("GET", town.url("/next"), headers), 409, "wrong-phase")
    answer = await town.ask("POST", town.url("/skip"), headers, {"statement_id": statement})
    problem(answer, 409, "wrong-phase")
    ballot = {"order": [], "seen": ["d1"]}
    problem(await town.ask("POST", town.url("/rankings"), headers, ballot), 409, "wrong-phase")
    assent = {"clause": "c", "choice": "yes"}
    answer = await town.ask("POST", town.url("/ratifications"), headers, assent)
    problem(answer, 409, "wrong-phase")
    problem(await town.ask("GET", town.url("/result"), headers), 404, "not-found")


async def test_phases_invites_drafts_and_notices(town: Town) -> None:
    facilitator = await town.as_(Role.FACILITATOR)
    answer = await town.ask("POST", town.url("/phase"), facilitator, {"phase": "ranking"})
    problem(answer, 409, "wrong-phase", "phase")
    answer = await town.ask("POST", town.url("/phase"), facilitator, {"phase": "somewhere"})
    problem(answer, 422, "invalid", "phase")
    answer = await town.ask("POST", town.url("/drafts"), facilitator, {})
    problem(answer, 409, "wrong-phase")
    answer = await town.ask("POST", town.url("/phase"), facilitator, {"phase": "drafting"})
    assert answer.status_code == 200
    assert answer.json()["phase"] == "drafting"
    answer = await town.ask("POST", town.url("/drafts"), facilitator, {"count": 99})
    problem(answer, 422, "invalid", "count")
    for seed in (2**63, -(2**63), 10**40):
        answer = await town.ask("POST", town.url("/drafts"), facilitator, {"seed": seed})
        problem(answer, 422, "invalid", "seed")
    answer = await town.ask("POST", town.url("/drafts"), facilitator, {"count": 2})
    assert answer.status_code == 202
    waiting = (await town.ask("GET", town.url("/drafts"), facilitator)).json()
    assert (waiting["drafts"], waiting["waiting"]) == ([], 1)
    answer = await town.ask("POST", town.url("/notices"), facilitator, {"text": "Tea at four."})
    assert answer.status_code == 201
    room = (await town.ask("GET", town.url(), facilitator)).json()
    assert room["notices"][0]["text"] == "Tea at four."
    answer = await town.ask("POST", town.url("/invites"), facilitator, {"count": 3})
    links = answer.json()["links"]
    assert answer.status_code == 201
    assert len(set(links)) == 3
    assert all("/join/" in link for link in links)
    for body, field in (
        ({"count": 0}, "count"),
        ({"count": 501}, "count"),
        ({"role": "king"}, "role"),
        ({"expires": -1}, "expires"),
        ({"expires": 10**30}, "expires"),
    ):
        problem(
            await town.ask("POST", town.url("/invites"), facilitator, body), 422, "invalid", field
        )
    answer = await town.ask("POST", town.url("/invites"), facilitator, {"role": "owner"})
    problem(answer, 403, "forbidden", "role")


async def test_writes_with_a_key_happen_once_and_answer_alike(town: Town) -> None:
    headers = await town.as_()
    body = {"text": "Once and only once."}
    keyed = headers | {"idempotency-key": "k1"}
    answers = await asyncio.gather(
        *(town.ask("POST", town.url("/statements"), keyed, body) for _ in range(5))
    )
    assert {a.status_code for a in answers} == {201}
    assert len({a.text for a in answers}) == 1
    statement = answers[0].json()["statement_id"]
    other = await town.ask("POST", town.url("/statements"), keyed, {"text": "Other."})
    problem(other, 422, "idempotency-key-reused")
    # The same key for another address is another body; another person's key is their own.
    vote = {"statement_id": statement, "choice": "agree"}
    answer = await town.ask("POST", town.url("/votes"), keyed, vote)
    problem(answer, 422, "idempotency-key-reused")
    somebody = await town.as_() | {"idempotency-key": "k1"}
    assert (await town.ask("POST", town.url("/votes"), somebody, vote)).status_code == 201
    voting = headers | {"idempotency-key": "k2"}
    first = await town.ask("POST", town.url("/votes"), voting, vote)
    await town.vote(headers, statement, "disagree")
    again = await town.ask("POST", town.url("/votes"), voting, vote)
    assert first.json() == again.json()
    me = (await town.ask("GET", "/api/me", headers)).json()
    assert me["votes"][0]["choice"] == "disagree"
    for bad in ("x" * 201, "tab\tbed"):
        answer = await town.ask(
            "POST", town.url("/votes"), headers | {"idempotency-key": bad}, vote
        )
        problem(answer, 422, "invalid", "Idempotency-Key")


async def test_a_facilitators_invites_with_a_key_are_the_same_links_again(town: Town) -> None:
    headers = await town.as_(Role.FACILITATOR) | {"idempotency-key": "k"}
    first = await town.ask("POST", town.url("/invites"), headers, {"count": 2})
    again = await town.ask("POST", town.url("/invites"), headers, {"count": 2})
    assert first.json() == again.json()


async def test_a_key_that_came_with_invites_is_used_up_and_one_that_did_not_makes_none(
    town: Town,
) -> None:
    headers = await town.as_(Role.FACILITATOR) | {"idempotency-key": "k"}
    await town.ask("POST", town.url("/invites"), headers, {"count": 2})
    made = len((await town.world.desk.house.assembly(town.world.assembly)).invites)
    more = await town.ask("POST", town.url("/invites"), headers, {"count": 4})
    problem(more, 422, "idempotency-key-reused")
    notice = await town.ask("POST", town.url("/notices"), headers, {"text": "Tea."})
    problem(notice, 422, "idempotency-key-reused")
    headers["idempotency-key"] = "l"
    await town.ask("POST", town.url("/notices"), headers, {"text": "Tea."})
    mixed = await town.ask("POST", town.url("/invites"), headers, {"count": 2})
    problem(mixed, 422, "idempotency-key-reused")
    assert len((await town.world.desk.house.assembly(town.world.assembly)).invites) == made


async def test_what_comes_later_changes_no_answer_to_a_repeated_write(town: Town) -> None:
    facilitator, somebody = await town.as_(Role.FACILITATOR), await town.as_()
    statement = await town.write(somebody, "Somebody's own words.")
    rejected = {"statement_id": statement, "decision": "reject", "reason": "spam"}
    await town.ask("POST", town.url("/moderation"), facilitator, rejected)
    writes = [
        (facilitator, town.url("/moderation"), rejected),
        (facilitator, town.url("/phase"), {"phase": "drafting"}),
        (facilitator, town.url("/drafts"), {"count": 2}),
        (somebody, "/api/me/erase", None),
    ]
    answers = []
    for number, (headers, path, body) in enumerate(writes):
        keyed = headers | {"idempotency-key": f"k{number}"}
        answers.append(await town.ask("POST", path, keyed, body))
        assert answers[-1].status_code < 300, answers[-1].text
    assert answers[-1].json() == {"records": 1}
    await town.ask("POST", town.url("/notices"), facilitator, {"text": "Meanwhile."})
    for number, (headers, path, body) in enumerate(writes):
        keyed = headers | {"idempotency-key": f"k{number}"}
        again = await town.ask("POST", path, keyed, body)
        assert again.text == answers[number].text, path


async def test_a_key_of_another_write_erases_nothing(town: Town) -> None:
    headers = await town.as_() | {"idempotency-key": "k"}
    await town.write(headers, "Words that stay.")
    problem(await town.ask("POST", "/api/me/erase", headers), 422, "idempotency-key-reused")
    me = (await town.ask("GET", "/api/me", headers)).json()
    assert me["statements"][0]["text"] == "Words that stay."


async def test_limits_of_statements_and_votes_come_with_when_to_go_on(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, statements_per_hour=1, votes_per_hour=2)
    async with client_of(settings) as (client, desk):
        town = Town(client, await found(desk))
        headers = await town.as_()
        statement = await town.write(headers)
        answer = await town.ask("POST", town.url("/statements"), headers, {"text": "Another."})
        problem(answer, 429, "too-many-requests")
        assert 3000 < int(answer.headers["retry-after"]) <= 3600
        assert (await town.vote(headers, statement)).status_code == 201
        assert (await town.vote(headers, statement)).status_code == 201
        problem(await town.vote(headers, statement), 429, "too-many-requests")
        assert (await town.vote(await town.as_(), statement)).status_code == 201


async def test_consent_is_changed_and_words_are_taken_back(town: Town) -> None:
    headers = await town.as_()
    statement = await town.write(headers, "Words to be taken back.")
    await town.vote(headers, statement)
    answer = await town.ask("POST", "/api/me/consent", headers, {"research": True})
    assert answer.json() == {"publish": False, "research": True, "training": False}
    erased = await town.ask("POST", "/api/me/erase", headers)
    assert erased.json() == {"records": 1}
    me = (await town.ask("GET", "/api/me", headers)).json()
    assert me["statements"][0]["erased"] is True
    assert me["statements"][0]["text"] == ""
    assert len(me["votes"]) == 1
    assert me["consent"]["research"] is True


async def test_the_interface_describes_itself_without_a_foreign_host(town: Town) -> None:
    described = (await town.client.get("/api/openapi.json")).json()
    assert described["openapi"].startswith("3.")
    votes = described["paths"]["/api/rooms/{room_id}/votes"]["post"]
    assert "VoteBody" in str(votes["requestBody"])
    assert "VoteBody" in described["components"]["schemas"]
    for path in ("/api/join", "/api/me", "/api/assemblies/{slug}/export", "/readyz"):
        assert path in described["paths"]
    for path in ("/api/docs", "/api/docs/docs.js", "/api/docs/docs.css"):
        answer = await town.client.get(path)
        assert answer.status_code == 200
        assert "//" not in answer.text.replace("http://www.w3.org", "")
    assert (await town.client.get("/api/docs/other.js")).status_code == 404


async def test_health_readiness_and_metrics(town: Town) -> None:
    headers = await town.as_()
    statement = await town.write(headers)
    await town.vote(headers, statement)
    assert (await town.client.get("/healthz")).json() == {"status": "ok"}
    ready = (await town.client.get("/readyz")).json()
    assert (ready["status"], ready["database"]) == ("ok", "ok")
    metrics = (await town.client.get("/metrics")).text
    route = '{method="POST",route="/api/rooms/{room_id}/votes",status="201"} 1.0'
    assert f"folkmoot_http_answers_total{route}" in metrics
    assert "folkmoot_sockets 0.0" in metrics
    assert "folkmoot_commit_seconds_count 0.0" not in metrics
    assert "folkmoot_batch_commands_count" in metrics
    assert town.world.room not in metrics


async def test_the_reason_of_a_vote_is_ones_own_to_read(town: Town) -> None:
    ann, ben = await town.as_(), await town.as_()
    statement = await town.write(ann)
    body = {"statement_id": statement, "choice": "agree", "because": "I saw it happen."}
    assert (await town.ask("POST", town.url("/votes"), ann, body)).status_code == 201
    (vote,) = (await town.ask("GET", "/api/me", ann)).json()["votes"]
    assert (vote["choice"], vote["because"]) == ("agree", "I saw it happen.")
    for path in (town.url(), town.url("/analysis"), "/api/me"):
        assert "I saw it" not in (await town.ask("GET", path, ben)).text
