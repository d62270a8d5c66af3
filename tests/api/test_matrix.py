"""Every route, in every role, with objects that are not one's own: absent and forbidden alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from server.deliberation.vocabulary import Role
from tests.serving import client_of, found, settings_in

from .conftest import Town, problem

OF_A_ROOM: list[tuple[str, str, Any]] = [
    ("GET", "", None),
    ("GET", "/next", None),
    ("GET", "/similar?text=hello", None),
    ("GET", "/analysis", None),
    ("GET", "/drafts", None),
    ("GET", "/result", None),
    ("POST", "/statements", {"text": "A statement."}),
    ("POST", "/votes", {"statement_id": "s1", "choice": "agree"}),
    ("POST", "/skip", {"statement_id": "s1"}),
    ("POST", "/phase", {"phase": "drafting"}),
    ("POST", "/drafts", {}),
    ("POST", "/invites", {}),
    ("POST", "/notices", {"text": "n"}),
    ("POST", "/moderation", {"statement_id": "s1", "decision": "accept", "reason": "fits"}),
    ("POST", "/rankings", {"order": [], "seen": ["d1"]}),
    ("POST", "/ratifications", {"clause": "c", "choice": "yes"}),
]
OF_AN_ASSEMBLY: list[tuple[str, str]] = [("GET", ""), ("GET", "/export")]
RUNS = {Role.OWNER, Role.FACILITATOR}
ALLOWED: dict[tuple[str, str], set[Role]] = {
    ("GET", "/next"): {Role.PARTICIPANT},
    ("POST", "/statements"): RUNS | {Role.PARTICIPANT},
    ("POST", "/votes"): {Role.PARTICIPANT},
    ("POST", "/skip"): {Role.PARTICIPANT},
    ("POST", "/phase"): RUNS,
    ("POST", "/drafts"): RUNS,
    ("POST", "/invites"): RUNS,
    ("POST", "/notices"): RUNS,
    ("POST", "/moderation"): RUNS | {Role.MODERATOR},
    ("POST", "/rankings"): {Role.PARTICIPANT},
    ("POST", "/ratifications"): {Role.PARTICIPANT},
}
"""Who may; the routes that are not listed are for everybody in the assembly."""


@pytest.mark.parametrize("role", list(Role))
async def test_another_assemblys_objects_are_not_there(tmp_path: Path, role: Role) -> None:
    async with client_of(settings_in(tmp_path)) as (client, desk):
        own, other = await found(desk, "own"), await found(desk, "other")
        headers = await Town(client, own).as_(role)
        for method, tail, body in OF_A_ROOM:
            absent = f"/api/rooms/r0000000000000000{tail}"
            foreign = f"/api/rooms/{other.room}{tail}"
            answers = [
                await client.request(method, path, headers=headers, json=body)
                for path in (absent, foreign)
            ]
            for answer in answers:
                problem(answer, 404, "not-found")
            assert answers[0].json() == answers[1].json()
        for method, tail in OF_AN_ASSEMBLY:
            for slug in ("nowhere", "other"):
                answer = await client.request(
                    method, f"/api/assemblies/{slug}{tail}", headers=headers
                )
                problem(answer, 404, "not-found")


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_may_do_its_own_and_nothing_else(tmp_path: Path, role: Role) -> None:
    async with client_of(settings_in(tmp_path)) as (client, desk):
        town = Town(client, await found(desk))
        headers = await town.as_(role)
        for method, tail, body in OF_A_ROOM:
            if tail == "/phase" and role in RUNS:
                continue  # it would change what the others are asked in
            answer = await town.ask(method, town.url(tail), headers, body)
            allowed = ALLOWED.get((method, tail))
            if allowed is not None and role not in allowed:
                problem(answer, 403, "forbidden")
            else:
                assert answer.status_code != 403, (method, tail, answer.text)
        export = await town.ask("GET", "/api/assemblies/town/export", headers)
        if role.exports:
            assert export.status_code == 200
            assert export.headers["content-type"] == "application/zip"
            assert export.content[:2] == b"PK"
        else:
            problem(export, 403, "forbidden")


async def test_without_a_session_nothing_is_shown(town: Town) -> None:
    for method, tail, body in OF_A_ROOM:
        answer = await town.client.request(method, town.url(tail), json=body)
        problem(answer, 401, "not-signed-in")
    for method, tail in OF_AN_ASSEMBLY:
        answer = await town.client.request(method, f"/api/assemblies/town{tail}")
        problem(answer, 401, "not-signed-in")
    for method, path in (("GET", "/api/me"), ("POST", "/api/me/erase")):
        problem(await town.client.request(method, path), 401, "not-signed-in")


async def test_a_session_of_another_installation_is_nobody(town: Town, tmp_path: Path) -> None:
    async with client_of(settings_in(tmp_path / "elsewhere")) as (_, desk):
        foreign = await Town(town.client, await found(desk)).as_()
    problem(await town.ask("GET", town.url(), foreign), 401, "not-signed-in")
