"""What holds for every route: tokens, origins, sizes, headers, and what is never said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from litestar.routes import HTTPRoute

from server.app import create_app
from server.deliberation.vocabulary import Role
from tests.serving import client_of, found, settings_in

from .conftest import Town, problem

UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}


async def _signed_in(town: Town, role: Role = Role.FACILITATOR) -> str:
    """Sign the client in with a cookie and return its CSRF token."""
    invite = await town.world.invite(role)
    answer = await town.client.post("/api/join", json={"invite": invite})
    return str(answer.json()["csrf"])


def _unsafe_paths(folder: Path) -> list[tuple[str, str]]:
    app = create_app(settings_in(folder))
    return [
        (method, route.path_format)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method in sorted(UNSAFE & set(route.methods))
    ]


async def test_every_unsafe_route_needs_its_csrf_token(town: Town, tmp_path: Path) -> None:
    await _signed_in(town)
    paths = _unsafe_paths(tmp_path / "other")
    assert len(paths) > 15
    for method, template in paths:
        path = template.replace("{room_id}", town.world.room).replace("{slug}", "town")
        for name in ("{code}", "{statement_id}", "{id}", "{participant}"):
            path = path.replace(name, "x")
        for headers in ({}, {"x-csrf-token": "wrong"}):
            answer = await town.client.request(method, path, headers=headers, json={})
            assert answer.status_code == 403, (method, path, answer.text)
        form = await town.client.request(method, path, data={"csrf": "wrong"})
        assert form.status_code == 403, (method, path)


async def test_the_right_csrf_token_lets_through_and_a_bearer_needs_none(town: Town) -> None:
    csrf = await _signed_in(town)
    body = {"text": "We say something."}
    answer = await town.client.post(
        town.url("/statements"), json=body, headers={"x-csrf-token": csrf}
    )
    assert answer.status_code == 201
    town.client.cookies.clear()
    headers = await town.as_() | {"origin": "https://script.example"}
    assert (await town.ask("POST", town.url("/statements"), headers, body)).status_code == 201


async def test_somebody_elses_csrf_token_does_not_do(town: Town) -> None:
    first = await _signed_in(town)
    town.client.cookies.clear()
    await _signed_in(town)
    answer = await town.client.post(
        town.url("/statements"), json={"text": "x"}, headers={"x-csrf-token": first}
    )
    problem(answer, 403, "csrf", "X-CSRF-Token")


async def test_a_cookie_of_another_installation_does_not_keep_anybody_from_joining(
    town: Town,
) -> None:
    town.client.cookies.set("folkmoot", "a1.p1.x.forged")
    invite = await town.world.invite(Role.PARTICIPANT)
    assert (await town.client.post("/api/join", json={"invite": invite})).status_code == 201


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://testserver", 201),
        (None, 201),
        ("http://TESTSERVER", 403),
        ("null", 403),
        ("https://testserver", 403),
        ("http://testserver:8000", 403),
        ("http://sub.testserver", 403),
        ("http://testserver.evil.example", 403),
        ("http://evil.example", 403),
        ("", 403),
        ("http://[", 403),
    ],
)
async def test_origins_of_unsafe_requests(town: Town, origin: str | None, status: int) -> None:
    csrf = await _signed_in(town)
    headers = {"x-csrf-token": csrf} | ({"origin": origin} if origin is not None else {})
    answer = await town.client.post(town.url("/statements"), json={"text": "a"}, headers=headers)
    assert answer.status_code == status, answer.text
    if status == 403:
        problem(answer, 403, "foreign-origin")
    town.client.cookies.clear()
    invite = await town.world.invite(Role.PARTICIPANT)
    joining = {"origin": origin} if origin is not None else {}
    joined = await town.client.post("/api/join", json={"invite": invite}, headers=joining)
    assert joined.status_code == status


async def test_with_a_public_address_only_its_origin_is_ours(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, public_url="https://folkmoot.example")
    async with client_of(settings) as (client, desk):
        town = Town(client, await found(desk))
        for origin, status in (("https://folkmoot.example", 201), ("http://testserver", 403)):
            invite = await town.world.invite(Role.PARTICIPANT)
            answer = await client.post(
                "/api/join", json={"invite": invite}, headers={"origin": origin}
            )
            assert answer.status_code == status
            client.cookies.clear()


async def test_every_answer_has_the_security_headers(town: Town) -> None:
    headers = await town.as_()
    for path in ("/", "/healthz", "/nothing", "/api/me", "/api/docs", town.url(), "/api/rooms/x"):
        answer = await town.client.get(path, headers=headers)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"]


async def test_bodies_that_are_too_large_are_refused_with_and_without_a_length(
    town: Town,
) -> None:
    headers = await town.as_() | {"content-type": "application/json"}
    large = b'{"text":"' + b"a" * 70_000 + b'"}'
    answer = await town.client.post(town.url("/statements"), content=large, headers=headers)
    problem(answer, 413, "too-large")

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(large), 4096):
            yield large[start : start + 4096]

    answer = await town.client.post(town.url("/statements"), content=pieces(), headers=headers)
    problem(answer, 413, "too-large")
    answer = await town.client.post(town.url("/votes"), content=pieces(), headers=headers)
    problem(answer, 413, "too-large")


@pytest.mark.parametrize("tail", ["/statements", "/votes", "/rankings", "/skip"])
async def test_json_that_is_nested_too_deeply_or_broken(town: Town, tail: str) -> None:
    headers = await town.as_() | {"content-type": "application/json"}
    for body in (
        b'{"z":' + b"[" * 9000 + b"]" * 9000 + b"}",
        b"{",
        b"\xff\xfe",
        b"nonsense",
    ):
        answer = await town.client.post(town.url(tail), content=body, headers=headers)
        problem(answer, 400, "malformed")


async def test_what_nobody_foresaw_is_answered_and_logged_without_words(
    town: Town, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("canary-in-an-error")

    headers = await town.as_()
    monkeypatch.setattr(town.world.desk.house, "submit", broken)
    answer = await town.ask("POST", town.url("/statements"), headers, {"text": "canary-words"})
    problem(answer, 500, "fault")
    assert "canary" not in answer.text
    assert "RuntimeError" in caplog.text
    assert "canary" not in caplog.text


async def test_nothing_that_was_said_or_kept_secret_reaches_the_log(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    invite = await town.world.invite(Role.PARTICIPANT)
    body = {"invite": invite, "name": "canary-name", "client": "script"}
    joined = (await town.client.post("/api/join", json=body)).json()
    headers = {"authorization": f"Bearer {joined['token']}"}
    await town.write(headers, "canary-statement for the log")
    await town.client.get("/api/me", headers=headers)
    await town.ask("POST", town.url("/votes"), headers, {"statement_id": "canary", "choice": "x"})
    ours = "\n".join(r.getMessage() for r in caplog.records if not r.name.startswith("http"))
    for secret in (invite, joined["token"], joined["return_code"], "canary"):
        assert secret not in ours
    key = (town.world.desk.settings.data_dir / "secret.key").read_text().strip()
    assert key not in ours


async def test_the_secret_key_is_kept_for_its_owner_alone_and_survives(tmp_path: Path) -> None:
    async with client_of(settings_in(tmp_path)) as (_, desk):
        town = await found(desk)
        token = await town.token()
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600
    async with client_of(settings_in(tmp_path)) as (client, _):
        headers = {"authorization": f"Bearer {token}"}
        assert (await client.get("/api/me", headers=headers)).status_code == 200


async def test_a_form_of_too_many_fields_is_a_problem_and_no_fault(town: Town) -> None:
    csrf = await _signed_in(town)
    many = "&".join(f"f{number}=1" for number in range(1001))
    answer = await town.client.post(
        "/leave",
        content=f"csrf={csrf}&{many}",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    problem(answer, 400, "malformed")


@pytest.mark.parametrize("host", ["[", "a]b[", "town:99999", "town:x"])
async def test_a_host_that_is_none_is_nobodys_origin(town: Town, host: str) -> None:
    invite = await town.world.invite(Role.PARTICIPANT)
    answer = await town.client.post(
        "/api/join",
        json={"invite": invite},
        headers={"host": host, "origin": "https://elsewhere.example"},
    )
    problem(answer, 403, "foreign-origin")


async def test_head_is_answered_as_get_is_without_the_body(town: Town) -> None:
    headers = await town.as_()
    for path in (
        "/",
        "/healthz",
        "/readyz",
        "/api/me",
        "/api/openapi.json",
        town.url(),
        "/nothing",
    ):
        got = await town.client.get(path, headers=headers)
        head = await town.client.head(path, headers=headers)
        assert head.status_code == got.status_code, path
        assert head.headers["content-type"] == got.headers["content-type"]
        assert head.content == b""
    problem_free = await town.client.head("/api/join")
    assert problem_free.status_code == 405
