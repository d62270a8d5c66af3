"""Joining with an invite, coming back, leaving."""

from __future__ import annotations

import asyncio

from server.api.services.joining import Asking, join
from server.deliberation import commands as c
from server.deliberation.vocabulary import Role

from .conftest import Town, problem


async def test_a_browser_gets_a_cookie_and_a_csrf_token_and_no_bearer_token(town: Town) -> None:
    invite = await town.world.invite(Role.PARTICIPANT)
    answer = await town.client.post("/api/join", json={"invite": invite, "name": "Ada"})
    assert answer.status_code == 201
    joined = answer.json()
    assert joined["assembly"] == town.world.assembly
    assert joined["rooms"][0]["id"] == town.world.room
    assert joined["csrf"]
    assert "token" not in joined
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    me = await town.client.get("/api/me")
    assert me.json()["participant"] == joined["participant"]
    assert me.json()["name"] == "Ada"
    assert me.json()["csrf"] == joined["csrf"]
    assert me.json()["consent"] == {"publish": False, "research": False, "training": False}


async def test_over_https_the_cookie_is_secure(town: Town) -> None:
    invite = await town.world.invite(Role.PARTICIPANT)
    answer = await town.client.post("https://testserver/api/join", json={"invite": invite})
    assert "; Secure" in answer.headers["set-cookie"]


async def test_a_script_gets_a_token_instead_of_cookie_and_csrf(town: Town) -> None:
    invite = await town.world.invite(Role.PARTICIPANT)
    answer = await town.client.post("/api/join", json={"invite": invite, "client": "script"})
    assert answer.status_code == 201
    assert "csrf" not in answer.json()
    assert "set-cookie" not in answer.headers
    headers = {"authorization": f"Bearer {answer.json()['token']}"}
    assert (await town.client.get("/api/me", headers=headers)).status_code == 200


async def test_an_invite_may_be_given_as_its_link(town: Town) -> None:
    invite = await town.world.invite(Role.PARTICIPANT)
    link = f"http://anywhere.example/join/{invite.upper()}/"
    assert (await town.client.post("/api/join", json={"invite": link})).status_code == 201


async def test_fifty_at_once_with_one_invite_let_exactly_one_in(town: Town) -> None:
    invite = await town.world.invite(Role.PARTICIPANT)
    before = len((await town.world.desk.house.assembly(town.world.assembly)).members)
    body = {"invite": invite, "client": "script"}
    answers = await asyncio.gather(*(town.client.post("/api/join", json=body) for _ in range(50)))
    assert sorted(a.status_code for a in answers) == [201] + [403] * 49
    after = len((await town.world.desk.house.assembly(town.world.assembly)).members)
    assert after == before + 1


async def test_used_unknown_and_expired_invites_are_refused(town: Town) -> None:
    used = await town.world.invite(Role.PARTICIPANT)
    await town.client.post("/api/join", json={"invite": used, "client": "script"})
    expired = await town.world.invite(Role.PARTICIPANT, expires=1)
    for invite in (used, expired, "nothing", "", "x" * 5000, "\x00"):
        answer = await town.client.post("/api/join", json={"invite": invite})
        problem(answer, 403, "invite-unusable", "invite")


async def test_the_same_key_gives_the_same_person_and_return_code(town: Town) -> None:
    invite = await town.world.invite(Role.PARTICIPANT)
    body = {"invite": invite, "client": "script"}
    for key in ("a-long-enough-key-0001",):
        first = await town.client.post("/api/join", json=body, headers={"idempotency-key": key})
        again = await town.client.post("/api/join", json=body, headers={"idempotency-key": key})
        assert first.status_code == again.status_code == 201
        assert first.json() == again.json()
        other = await town.client.post(
            "/api/join", json=body | {"name": "Eve"}, headers={"idempotency-key": key}
        )
        problem(other, 422, "idempotency-key-reused")


async def test_a_short_key_guessed_from_elsewhere_is_nobody_else(town: Town) -> None:
    invite = await town.world.invite(Role.PARTICIPANT, reusable=True)
    house, sessions = town.world.desk.house, town.world.desk.sessions
    one = await join(house, sessions, Asking(invite, address="10.0.0.1", key="1"))
    two = await join(house, sessions, Asking(invite, address="10.0.0.2", key="1"))
    again = await join(house, sessions, Asking(invite, address="10.0.0.1", key="1"))
    assert one.participant != two.participant
    assert again == one


async def test_a_return_code_brings_the_same_person_back(town: Town) -> None:
    invite = await town.world.invite(Role.PARTICIPANT)
    joined = (await town.client.post("/api/join", json={"invite": invite})).json()
    town.client.cookies.clear()
    back = await town.client.post("/api/return", json={"code": joined["return_code"]})
    assert back.status_code == 201
    assert back.json()["participant"] == joined["participant"]
    assert "return_code" not in back.json()
    town.client.cookies.clear()
    wrong = await town.client.post("/api/return", json={"code": "0" * 20})
    problem(wrong, 403, "invite-unusable", "code")


async def test_signing_out_ends_every_session_and_a_return_code_still_works(town: Town) -> None:
    invite = await town.world.invite(Role.PARTICIPANT)
    body = {"invite": invite, "client": "script"}
    joined = (await town.client.post("/api/join", json=body)).json()
    headers = {"authorization": f"Bearer {joined['token']}"}
    assert (await town.client.post("/api/me/sign-out", headers=headers)).status_code == 204
    problem(await town.client.get("/api/me", headers=headers), 401, "not-signed-in")
    back = await town.client.post(
        "/api/return", json={"code": joined["return_code"], "client": "script"}
    )
    fresh = {"authorization": f"Bearer {back.json()['token']}"}
    assert (await town.client.get("/api/me", headers=fresh)).status_code == 200


async def test_a_withdrawn_role_ends_the_session(town: Town) -> None:
    headers = await town.as_()
    participant = (await town.client.get("/api/me", headers=headers)).json()["participant"]
    command = c.ChangeRole(participant=participant, role=None)
    await town.world.desk.house.submit(town.world.assembly, command, None)
    problem(await town.client.get("/api/me", headers=headers), 401, "not-signed-in")


async def test_joins_are_limited_by_address(town: Town) -> None:
    town.world.desk.settings = type(town.world.desk.settings)(
        data_dir=town.world.desk.settings.data_dir, joins_per_hour=2
    )
    answers = [await town.client.post("/api/join", json={"invite": "nothing"}) for _ in range(3)]
    assert [a.status_code for a in answers] == [403, 403, 429]
    assert int(answers[2].headers["retry-after"]) > 0


async def test_forged_and_torn_tokens_are_nobody(town: Town) -> None:
    token = await town.world.token()
    body, _, mac = token.rpartition(".")
    for bad in ("", "x", "a.b.c.d", token[:-1], f"{body}.{mac[::-1]}", token + "x", "ü" * 9):
        headers = {"authorization": f"Bearer {bad}".encode()}
        answer = await town.client.get("/api/me", headers=headers)  # type: ignore[arg-type]  # raw bytes
        problem(answer, 401, "not-signed-in")
        assert answer.headers["www-authenticate"] == "Bearer"
