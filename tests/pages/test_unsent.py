"""What people wrote outlives a refusal: it stays in the page, with the problem beside it."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from server.deliberation.vocabulary import Phase
from server.pages import wording
from server.pages.rendering import environment
from server.synthesis.verification.findings import WORDS

from .test_journey import STATEMENT, csrf_in, join, vote
from .world import World, visiting

WORDS_OF_ONE = "I have seen it <happen>."
AS_SHOWN = "I have seen it &lt;happen&gt;."


async def vote_with_words(
    client: httpx.AsyncClient, world: World, page: httpx.Response, statement: str = ""
) -> httpx.Response:
    found = STATEMENT.search(page.text)
    assert found
    return await client.post(
        f"/rooms/{world.room}/votes",
        data={
            "csrf": csrf_in(page),
            "statement_id": statement or found[1],
            "choice": "agree",
            "because": WORDS_OF_ONE,
        },
    )


async def test_a_vote_beyond_the_limit_keeps_its_because(tmp_path: Path) -> None:
    async with visiting(tmp_path, people=0) as (world, client):
        page = await join(client)
        await vote(client, world, "pass", page)
        (person,) = (await world.desk.house.room(world.room)).people
        most = world.desk.settings.votes_per_hour
        for _ in range(most):
            await world.desk.limits.take("votes", f"{world.room}/{person}", most)
        page = await client.get(f"/rooms/{world.room}")
        put = STATEMENT.search(page.text)
        answer = await vote_with_words(client, world, page)
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 0
        assert f"At most {most} votes an hour" in answer.text
        assert f">{AS_SHOWN}</textarea>" in answer.text
        again = STATEMENT.search(answer.text)
        assert put
        assert again
        assert again[1] == put[1], "the same statement is put again"


async def test_what_came_after_the_phase_moved_is_shown_to_be_copied(tmp_path: Path) -> None:
    async with visiting(tmp_path) as (world, client):
        room = f"/rooms/{world.room}"
        page = await join(client)
        token = csrf_in(page)
        await world.phase(Phase.DRAFTING)
        answers = [
            await vote_with_words(client, world, page),
            await client.post(
                f"{room}/statements",
                data={"csrf": token, "text": WORDS_OF_ONE, "confirmed": "yes"},
            ),
            await client.post(f"{room}/testimonies", data={"csrf": token, "text": WORDS_OF_ONE}),
        ]
        for answer in answers:
            assert answer.status_code == 409
            assert wording.MOVED_ON in answer.text
            assert "&#39;open&#39;" not in answer.text, "no key of a phase is shown"
            assert f"readonly>{AS_SHOWN}</textarea>" in answer.text


async def test_a_because_is_never_put_on_another_statement(tmp_path: Path) -> None:
    async with visiting(tmp_path) as (world, client):
        page = await join(client)
        answer = await vote_with_words(client, world, page, statement="s0000000000000000")
        assert answer.status_code == 404
        assert f"readonly>{AS_SHOWN}</textarea>" in answer.text
        assert answer.text.count(AS_SHOWN) == 1


@pytest.mark.parametrize("button", ["save", "move"])
async def test_a_ballot_after_the_ranking_keeps_what_is_missing(
    tmp_path: Path, button: str
) -> None:
    async with visiting(tmp_path) as (world, client):
        page = await join(client)
        await world.phase(Phase.DRAFTING)
        await world.drafts()
        await world.phase(Phase.RANKING)
        ballot = {"csrf": csrf_in(page), "line": ["d0", "d1"], "place-d0": "1"}
        await client.post(f"/rooms/{world.room}/rankings", data=ballot)
        await world.phase(Phase.RATIFYING)
        answer = await client.post(
            f"/rooms/{world.room}/rankings",
            data={
                "csrf": csrf_in(page),
                "line": ["d0", "d1"],
                "criticism-d1": WORDS_OF_ONE,
                button: "up-d1",
            },
        )
        assert answer.status_code == 409
        assert wording.MOVED_ON in answer.text
        assert f"readonly>{AS_SHOWN}</textarea>" in answer.text


async def test_each_person_is_shown_the_drafts_in_an_order_of_their_own(tmp_path: Path) -> None:
    async with visiting(tmp_path) as (world, client):
        await join(client)
        await world.phase(Phase.DRAFTING)
        await world.drafts()
        await world.phase(Phase.RANKING)
        first = 0
        for _ in range(24):
            client.cookies.clear()
            await join(client)
            page = (await client.get(f"/rooms/{world.room}/drafts")).text
            told = (await client.get(f"/api/rooms/{world.room}/drafts")).json()["drafts"]
            order = [each["id"] for each in told]
            assert sorted(order) == ["d0", "d1"]
            for mark in ('data-draft="%s"', '<article class="card" id="%s"'):
                places = [page.index(mark % each) for each in order]
                assert places == sorted(places), "the page and the interface have one order"
            letters = [page.index(f">Draft {letter}<") for letter in "AB"]
            assert (letters == sorted(letters)) == (order == ["d0", "d1"]), "a letter is a name"
            first += order[0] == "d0"
        assert 3 <= first <= 21, "of 24 people neither draft stands first for nearly all"


def test_every_failure_of_a_draft_has_a_sentence() -> None:
    html = environment().from_string(
        '{% import "_parts.html" as parts with context %}{{ parts.failures(found) }}'
    )
    for reason in (*wording.DRAFT_FAILURES, "RuntimeError"):
        shown = html.render(found=[{"reason": reason, "detail": ""}], problems=())
        assert f">{reason}" not in shown
        assert len(shown) > 30
    assert all(words and not words.endswith(".") for words in WORDS.values())
