"""The whole journey by forms alone: what a browser without scripts does."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from server.deliberation.vocabulary import Moderation, Phase

from .world import FACILITATOR, MODERATOR, PARTICIPANT, World, browser, visiting

CSRF = re.compile(r'name="csrf" value="([^"]+)"')
STATEMENT = re.compile(r'name="statement_id" value="([^"]+)"')


def csrf_in(page: httpx.Response) -> str:
    found = CSRF.search(page.text)
    assert found, page.text[:2000]
    return found[1]


async def join(client: httpx.AsyncClient, code: str = PARTICIPANT, **fields: str) -> httpx.Response:
    """Join, and go on to the room."""
    page = await client.post(f"/join/{code}", data={"name": "Amina", **fields})
    assert page.status_code == 200, page.text[:2000]
    assert page.url.path == "/welcome"
    return await client.post("/welcome", data={"csrf": csrf_in(page)})


async def vote(client: httpx.AsyncClient, world: World, choice: str, page: httpx.Response) -> str:
    """Vote on the statement that the page puts; return its id."""
    found = STATEMENT.search(page.text)
    assert found
    answer = await client.post(
        f"/rooms/{world.room}/votes",
        data={"csrf": csrf_in(page), "statement_id": found[1], "choice": choice},
    )
    assert answer.status_code == 200
    return found[1]


async def test_join_vote_change_and_see_where_one_stands(tmp_path: Path) -> None:
    async with visiting(tmp_path) as (world, client):
        await world.analysis()
        room = f"/rooms/{world.room}"
        page = await client.get(f"/join/{PARTICIPANT}")
        assert "The laboratories" in page.text
        assert "within 60 days" in page.text
        assert 'type="checkbox"' in page.text
        assert not re.search(r"<input[^>]*\schecked", page.text), "nothing is preset"
        assert "60 of those who take part here are simulated" in page.text
        page = await join(client, publish="yes")
        assert page.url.path == room
        assert "0 of 7, then you see where you stand" in page.text
        locked = await client.get(f"{room}/map")
        assert "0 of 7 votes" in locked.text
        assert '<svg class="map"' not in locked.text
        voted = []
        for number in range(7):
            page = await client.get(room)
            again = await client.get(room)
            assert STATEMENT.search(page.text)[1] == STATEMENT.search(again.text)[1]  # type: ignore[index]
            voted.append(await vote(client, world, ("agree", "disagree")[number % 2], page))
        assert len(set(voted)) == 7
        page = await client.get(f"{room}/map")
        assert "You are here" in page.text
        assert "The same as a list" in page.text
        # A vote can be found, looked at, and changed.
        page = await client.get(f"{room}/mine")
        assert "My votes (7)" in page.text
        page = await client.post(
            f"{room}/votes",
            data={
                "csrf": csrf_in(page),
                "statement_id": voted[0],
                "choice": "pass",
                "back": "mine",
            },
        )
        assert page.url.path == f"{room}/mine"
        assert "You passed. Recorded, receipt no." in page.text
        state = await world.desk.house.room(world.room)
        person = next(p for p in state.rows[::-1])
        assert state.vote_of(person, voted[0]) == 0  # type: ignore[arg-type]
        page = await client.get(f"{room}/mine")
        assert "receipt no." not in page.text, "a receipt is shown once"
        member = (await world.desk.house.assembly(world.assembly)).members[person]
        assert (member.consent.publish, member.consent.research) == (True, False)


async def test_skip_puts_a_statement_off_and_pause_thanks(tmp_path: Path) -> None:
    async with visiting(tmp_path, people=0) as (world, client):
        page = await join(client)
        first = STATEMENT.search(page.text)[1]  # type: ignore[index]
        page = await client.post(
            f"/rooms/{world.room}/skip", data={"csrf": csrf_in(page), "statement_id": first}
        )
        assert "Put off; it comes again later." in page.text
        assert STATEMENT.search(page.text)[1] != first  # type: ignore[index]
        page = await client.get(f"/rooms/{world.room}/pause")
        assert "Everything is kept" in page.text


async def test_writing_shows_what_is_similar_first_and_keeps_the_text(tmp_path: Path) -> None:
    async with visiting(tmp_path) as (world, client):
        room = f"/rooms/{world.room}"
        page = await join(client)
        text = "Laboratories must publish how they test before they release a system."
        token = csrf_in(page)
        preview = await client.post(f"{room}/statements", data={"csrf": token, "text": text})
        assert preview.url.path == f"{room}/statements"
        assert "People have said something like it already" in preview.text
        assert "Laboratories must publish how they test a system" in preview.text
        key = re.search(r'name="key" value="([^"]+)"', preview.text)[1]  # type: ignore[index]
        edit = await client.post(
            f"{room}/statements", data={"csrf": token, "text": text, "edit": "yes"}
        )
        assert f">{text}</textarea>" in edit.text
        fields = {"csrf": token, "text": text, "language": "en", "key": key, "confirmed": "yes"}
        page = await client.post(f"{room}/statements", data=fields)
        assert "Your statement is in, receipt no." in page.text
        # Pressed twice: the same receipt, one statement.
        page = await client.post(f"{room}/statements", data=fields)
        assert "Your statement is in, receipt no." in page.text
        state = await world.desk.house.room(world.room)
        assert sum(s.text == text for s in state.statements.values()) == 1
        page = await client.get(f"{room}/mine")
        assert text in page.text
        assert "Everybody can see it" in page.text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "The text is empty."),
        ("   ", "The text is empty."),
        ("x" * 281, "281 characters; 280 are possible"),
        ("a\x07b", "control characters"),
    ],
)
async def test_bad_texts_are_named_beside_the_field(tmp_path: Path, text: str, told: str) -> None:
    async with visiting(tmp_path, people=0) as (world, client):
        page = await join(client)
        page = await client.post(
            f"/rooms/{world.room}/statements", data={"csrf": csrf_in(page), "text": text}
        )
        assert page.status_code == 422
        assert told in page.text
        assert 'aria-invalid="true"' in page.text
        assert 'href="#field-text"' in page.text
        assert 'id="problem-text"' in page.text
        if text.strip() and "\x07" not in text:
            assert text in page.text, "the person's text is kept"


async def test_lone_surrogates_in_a_form_are_refused_by_name(tmp_path: Path) -> None:
    async with visiting(tmp_path, people=0) as (world, client):
        page = await join(client)
        body = f"csrf={csrf_in(page)}&text=broken%ED%A0%80text"
        page = await client.post(
            f"/rooms/{world.room}/statements",
            content=body,
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
        assert page.status_code == 422
        assert "broken characters" in page.text


async def test_forms_without_the_token_of_their_session_are_refused(tmp_path: Path) -> None:
    async with visiting(tmp_path, people=0) as (world, client):
        await join(client)
        room = f"/rooms/{world.room}"
        for path in (
            f"{room}/votes",
            f"{room}/skip",
            f"{room}/statements",
            f"{room}/testimonies",
            f"{room}/rankings",
            f"{room}/ratifications",
            f"{room}/mine/consent",
            f"{room}/mine/erase",
            f"{room}/moderation",
            f"{room}/facilitate/phase",
            f"{room}/facilitate/invites",
            f"{room}/facilitate/notice",
            f"{room}/facilitate/drafts",
            "/signout",
            "/welcome",
        ):
            page = await client.post(path, data={"sure": "yes"})
            assert page.status_code == 403, path
            assert "This form is too old" in page.text, path


async def test_strangers_meet_a_page_and_not_the_room(tmp_path: Path) -> None:
    async with visiting(tmp_path, people=0) as (world, client):
        for path in ("", "/map", "/mine", "/drafts", "/moderation", "/facilitate", "/statements"):
            page = await client.get(f"/rooms/{world.room}{path}")
            assert page.status_code == 401
            assert "You are not signed in here" in page.text
        await join(client)
        for path in ("/rooms/r0000000000000000", "/nowhere", "/assemblies/none"):
            page = await client.get(path)
            assert page.status_code == 404, path
            assert "There is nothing here" in page.text
        for path in ("/moderation", "/facilitate"):
            page = await client.get(f"/rooms/{world.room}{path}")
            assert page.status_code == 403
        # What stands for everybody needs no session.
        stranger = browser(world.app)
        for path in ("/", "/assemblies/owed", f"/rooms/{world.room}/moderation/log"):
            assert (await stranger.get(path)).status_code == 200
        await stranger.aclose()


async def test_an_invitation_for_one_is_used_once(tmp_path: Path) -> None:
    async with visiting(tmp_path, people=0) as (world, client):
        await join(client, MODERATOR)
        other = browser(world.app)
        page = await other.get(f"/join/{MODERATOR}")
        assert page.status_code == 403
        assert "used already" in page.text
        page = await other.post("/join", data={"invite": "http://x/join/" + PARTICIPANT})
        assert page.url.path == "/join/participantofthistest"
        page = await other.post("/join", data={"invite": "!"})
        assert page.status_code == 422
        page = await other.post(f"/join/{PARTICIPANT}", data={"name": "x" * 41, "research": "yes"})
        assert page.status_code == 422
        assert "x" * 41 in page.text
        assert re.search(r'name="research" value="yes" checked', page.text), "switches are kept"
        await other.aclose()


async def test_a_return_code_brings_the_same_person_back(tmp_path: Path) -> None:
    async with visiting(tmp_path, people=0) as (world, client):
        page = await client.post(f"/join/{PARTICIPANT}", data={"name": ""})
        code = re.search(r'id="return-code">([^<]+)<', page.text)[1]  # type: ignore[index]
        room = await client.post("/welcome", data={"csrf": csrf_in(page)})
        voted = await vote(client, world, "agree", room)
        after = await client.get("/welcome")
        assert after.url.path == f"/rooms/{world.room}", "the code is shown once"
        other = browser(world.app)
        wrong = await other.post("/return", data={"code": "0" * 20})
        assert wrong.status_code == 422
        assert "nobody with this return code" in wrong.text
        back = await other.post("/return", data={"code": code.upper()})
        assert "Welcome back." in back.text
        assert voted in (await other.get(f"/rooms/{world.room}/mine")).text
        # Signing out everywhere ends the first session too.
        mine = await other.get(f"/rooms/{world.room}/mine")
        await other.post("/signout", data={"csrf": csrf_in(mine), "where": "everywhere"})
        assert (await client.get(f"/rooms/{world.room}")).status_code == 401
        await other.aclose()


async def test_one_can_change_consent_and_erase_ones_words(tmp_path: Path) -> None:
    async with visiting(tmp_path, people=0) as (world, client):
        room = f"/rooms/{world.room}"
        page = await join(client, publish="yes")
        token = csrf_in(page)
        story = "My application was refused by a machine.\n\nNobody could tell me why."
        page = await client.post(f"{room}/testimonies", data={"csrf": token, "text": story})
        assert "Your testimony is in" in page.text
        assert "Nobody could tell me why." in page.text
        page = await client.post(f"{room}/mine/consent", data={"csrf": token, "training": "yes"})
        assert "Your switches are kept." in page.text
        assert re.search(r'name="training" value="yes" checked', page.text)
        assert not re.search(r'name="publish" value="yes" checked', page.text)
        ask = await client.get(f"{room}/mine/erase")
        assert "2 texts" in ask.text or "1 text" in ask.text
        page = await client.post(f"{room}/mine/erase", data={"csrf": token, "sure": "yes"})
        assert "Your words are erased for good." in page.text
        assert "You erased these words." in page.text
        assert "Nobody could tell me why." not in (await client.get(f"{room}/testimonies")).text


async def test_moderation_has_a_reason_its_author_sees_and_a_public_log(tmp_path: Path) -> None:
    async with visiting(tmp_path, people=0, moderation=Moderation.BEFORE) as (world, client):
        room = f"/rooms/{world.room}"
        page = await join(client)
        text = "Buy my course on prompting."
        page = await client.post(
            f"{room}/statements",
            data={"csrf": csrf_in(page), "text": text, "confirmed": "yes"},
        )
        assert "A moderator looks at it first." in page.text
        desk = browser(world.app)
        await join(desk, MODERATOR)
        page = await desk.get(f"{room}/moderation")
        assert "1 statement waits" in page.text
        assert "Moderation&nbsp;(1)" in page.text
        token = csrf_in(page)
        statement = re.search(r'id="row-([^"]+)"', page.text)[1]  # type: ignore[index]
        fields = {"csrf": token, "statement_id": statement, "decision": "reject"}
        page = await desk.post(f"{room}/moderation", data={**fields, "note": "Kind words."})
        assert page.status_code == 422
        assert "Choose a reason from the list" in page.text
        assert "Kind words." in page.text
        page = await desk.post(
            f"{room}/moderation", data={**fields, "reason": "spam", "note": "Kind words."}
        )
        assert "Taken away. The decision stands in the public log." in page.text
        mine = await client.get(f"{room}/mine")
        assert "Advertising" in mine.text
        assert "Kind words." in mine.text
        log = await browser(world.app).get(f"{room}/moderation/log")
        assert "Advertising" in log.text
        assert text not in log.text
        assert "Kind words." not in log.text
        await desk.aclose()


async def test_a_facilitator_takes_it_through_all_phases(tmp_path: Path) -> None:
    async with visiting(tmp_path, phase=Phase.DRAFT) as (world, person):
        room = f"/rooms/{world.room}"
        lead = browser(world.app)
        run = await join(lead, FACILITATOR)
        assert run.url.path == f"{room}/facilitate"
        home = await lead.get("/")
        assert "you are in this one" in home.text
        assert "you are in this one" not in (await person.get("/")).text
        token = csrf_in(run)
        assert "Go on to: Speaking and voting" in run.text

        async def move(phase: str, **more: str) -> httpx.Response:
            return await lead.post(
                f"{room}/facilitate/phase", data={"csrf": token, "phase": phase, **more}
            )

        wrong = await move("ranking")
        assert wrong.status_code == 422
        assert "the next phase can be" in wrong.text
        assert "another step now" in (await move("open")).text
        page = await lead.post(
            f"{room}/facilitate/invites", data={"csrf": token, "role": "participant", "count": "2"}
        )
        links = re.findall(r"<code>([^<]+)</code>", page.text)
        assert len(links) == 2
        page = await lead.post(
            f"{room}/facilitate/invites", data={"csrf": token, "role": "participant", "count": "x"}
        )
        assert page.status_code == 422
        assert "whole number from 1 to 200" in page.text
        page = await lead.post(
            f"{room}/facilitate/notice", data={"csrf": token, "text": "We pause for tea."}
        )
        assert "Your notice is out" in page.text
        page = await join(person, links[0].rpartition("/")[2])
        assert "We pause for tea." in page.text
        assert "Not heard yet" in (await lead.get(f"{room}/facilitate")).text
        await vote(person, world, "agree", page)
        await move("drafting")
        page = await lead.post(f"{room}/facilitate/drafts", data={"csrf": token, "drafts": "99"})
        assert page.status_code == 422
        await world.drafts()
        assert "2 drafts are ready" in (await lead.get(f"{room}/facilitate")).text
        await move("ranking")
        await _rank(world, person)
        await move("ratifying")
        page = await person.get(f"{room}/drafts")
        assert "came first" in page.text
        assert "a program without a language model" in page.text, "who made which is shown now"
        clauses = re.findall(r'name="clause-([^"]+)" value="yes"', page.text)
        assert len(clauses) == 3
        token_of_person = csrf_in(page)
        page = await person.post(f"{room}/ratifications", data={"csrf": token_of_person})
        assert page.status_code == 422
        page = await person.post(
            f"{room}/ratifications",
            data={
                "csrf": token_of_person,
                f"clause-{clauses[0]}": "yes",
                f"clause-{clauses[1]}": "no",
            },
        )
        assert "Your decisions are recorded" in page.text
        ask = await move("closed")
        assert "Close the room for good?" in ask.text
        await move("closed", sure="yes")
        page = await person.get(f"{room}/drafts")
        assert "adopted" in page.text
        assert "not adopted" in page.text
        report = await person.get("/assemblies/owed/report")
        assert report.status_code == 200
        assert "unsafe-inline" not in report.headers["content-security-policy"]
        assert "'sha256-" in report.headers["content-security-policy"]
        closed = await lead.get(f"{room}/facilitate")
        assert "A closed room stays closed." in closed.text
        await lead.aclose()


async def _rank(world: World, person: httpx.AsyncClient) -> None:
    room = f"/rooms/{world.room}"
    page = await person.get(f"{room}/drafts")
    assert "How each was made is shown when the ranking closes" in page.text
    assert "a program without a language model" not in page.text
    assert "How each group voted on it" in page.text
    fields = {"csrf": csrf_in(page), "line": ["d0", "d1"]}
    page = await person.post(f"{room}/rankings", data={**fields, "save": "yes"})
    assert page.status_code == 422
    assert "Give at least one draft a place" in page.text
    page = await person.post(
        f"{room}/rankings",
        data={**fields, "move": "down-d0", "criticism-d0": "Says nothing of children."},
    )
    assert page.text.index('data-draft="d1"') < page.text.index('data-draft="d0"')
    assert "Says nothing of children." in page.text, "a text that is being written is kept"
    assert not (await world.desk.house.room(world.room)).rounds[-1].ballots
    page = await person.post(
        f"{room}/rankings",
        data={
            "csrf": fields["csrf"],
            "line": ["d1", "d0"],
            "place-d1": "1",
            "place-d0": "1",
            "criticism-d0": "Says nothing of children.",
            "save": "yes",
        },
    )
    assert "Your ballot is recorded" in page.text
    (_, ballot), *_ = (await world.desk.house.room(world.room)).rounds[-1].ballots.values()
    assert ballot.order == (("d1", "d0"),), "the same place is a tie"
    assert ballot.criticism == {"d0": "Says nothing of children."}
    page = await person.post(
        f"{room}/rankings",
        data={
            "csrf": fields["csrf"],
            "line": ["d1", "d0"],
            "place-d1": "1",
            "place-d0": "",
            "save": "yes",
        },
    )
    (_, ballot), *_ = (await world.desk.house.room(world.room)).rounds[-1].ballots.values()
    assert ballot.order == (("d1",),)
    assert set(ballot.seen) == {"d0", "d1"}


async def test_what_people_write_is_escaped_and_kept_apart(tmp_path: Path) -> None:
    async with visiting(tmp_path, people=0) as (world, client):
        payload = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'{{7*7}}"
        page = await join(client, name="<b>&\"'</b>")
        assert "<b>&" not in page.text
        page = await client.post(
            f"/rooms/{world.room}/statements",
            data={"csrf": csrf_in(page), "text": payload, "confirmed": "yes"},
        )
        page = await client.get(f"/rooms/{world.room}/statements")
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        assert "{{7*7}}" in page.text
        assert page.text.count('dir="auto"') >= 13
        assert " style=" not in page.text
        policy = page.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy


async def test_a_browser_keeps_what_does_not_change(tmp_path: Path) -> None:
    async with visiting(tmp_path, people=0) as (_, client):
        page = await join(client)
        assert page.headers["cache-control"] == "no-store"
        links = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
        assert any("room.js?v=" in link for link in links)
        for link in links:
            asset = await client.get(link)
            assert asset.status_code == 200
            assert "immutable" in asset.headers["cache-control"]
        assert page.headers["content-type"] == "text/html; charset=utf-8"
