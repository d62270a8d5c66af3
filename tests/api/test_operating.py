"""What an operator relies on: numbers and logs of requests, health, metrics, limits of time."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import re
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
import websockets
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import make_url

from server.api import asked
from server.api.asked import networks_of
from server.api.health import DatabaseCheck
from server.app import Parts
from server.errors import Invalid
from server.runtime import logs
from server.runtime.draining import drain
from server.runtime.half_sent import HalfSent
from server.runtime.ports import SharedClock
from server.settings import Settings
from server.store.backend import READERS
from tests.databases import admin
from tests.serving import Served, bearer, client_of, found, serving, settings_in

ROOT = Path(__file__).resolve().parents[2]
WORDS = "people's own words"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Let the process log as JSON, into this."""
    root = logging.getLogger()
    own = (logging.getLogger("server"), logging.getLogger("server.requests"))
    before = root.handlers[:], root.level, [each.level for each in own]
    written = io.StringIO()
    logs.configure("json", stream=written)
    yield written
    root.handlers[:], level, levels = before
    root.setLevel(level)
    for logger, kept in zip(own, levels, strict=True):
        logger.setLevel(kept)


def read(written: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


async def test_every_answer_has_a_number_of_its_own(tmp_path: Path) -> None:
    async with client_of(settings_in(tmp_path)) as (client, _):
        numbers = [
            (await client.request(method, path)).headers["x-request-id"]
            for method, path in (
                ("GET", "/healthz"),
                ("HEAD", "/"),
                ("GET", "/nothing"),
                ("POST", "/api/join"),
                ("GET", "/static/room.js"),
            )
        ]
    assert len(set(numbers)) == len(numbers)


async def test_a_proxys_number_is_kept_if_it_is_trusted_and_well_formed(tmp_path: Path) -> None:
    async with serving(settings_in(tmp_path / "one")) as served, asking(served) as client:
        for given, kept in (
            ("a.proxy_made-this.1", True),
            ("x" * 64, True),
            ("x" * 65, False),
            ('"quoted"', False),
            ("two words", False),
            ("", False),
        ):
            answer = await client.get("/healthz", headers={"x-request-id": given})
            assert (answer.headers["x-request-id"] == given) is kept, given
            assert answer.headers.get_list("x-request-id") == [answer.headers["x-request-id"]]
    strict = settings_in(tmp_path / "two", trusted_proxies="10.0.0.0/8")
    async with serving(strict) as served, asking(served) as client:
        answer = await client.get("/healthz", headers={"x-request-id": "mine"})
        assert answer.headers["x-request-id"] != "mine"


async def test_a_stranger_is_not_believed_who_they_are(tmp_path: Path) -> None:
    headers = {"x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https"}
    body = {"invite": "nobody knows this"}
    for trusted, seen in (("10.0.0.0/8", {"127.0.0.1"}), ("127.0.0.1", {"203.0.113.7"})):
        settings = settings_in(tmp_path / trusted.partition("/")[0], trusted_proxies=trusted)
        async with serving(settings) as served, asking(served) as client:
            asked_for: set[str] = set()

            class Noting:
                async def take(self, kind: str, who: str, per_hour: int) -> float:
                    asked_for.add(who)  # noqa: B023 - used within this round
                    return 0.0

            served.desk.limits = Noting()
            await client.post("/api/join", json=body, headers=headers)
            assert asked_for == seen


@pytest.mark.parametrize("listed", ["proxy.example", "10.0.0.1/8", "*"])
def test_a_proxy_that_is_no_address_is_refused_by_name(listed: str) -> None:
    with pytest.raises(Invalid) as refused:
        networks_of(listed)
    assert refused.value.field == "FOLKMOOT_TRUSTED_PROXIES"


async def test_a_failure_is_logged_under_the_number_that_its_page_shows(
    tmp_path: Path, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client_of(settings_in(tmp_path)) as (client, desk):
        world = await found(desk)
        headers = bearer(await world.token())

        async def broken(*_: object, **__: object) -> None:
            raise ValueError(WORDS)

        monkeypatch.setattr(desk.house, "room", broken)
        path = f"/api/rooms/{world.room}"
        answer = await client.get(f"{path}?q=secret", headers=headers)
        page = await client.get(f"/rooms/{world.room}", headers=headers | {"accept": "text/html"})
    assert answer.status_code == page.status_code == 500
    number = answer.headers["x-request-id"]
    assert answer.json()["request_id"] == number
    assert page.headers["x-request-id"] in page.text
    told = [line for line in read(lines) if line.get("request") == number]
    assert len(told) == 1
    (line,) = told
    assert line["level"] == "error"
    assert line["event"] == "ValueError"
    assert line["route"] == "/api/rooms/{room_id}"
    assert line["room"] == world.room
    assert line["status"] == 500
    assert line["method"] == "GET"
    assert isinstance(line["seconds"], float)
    assert "test_operating.py" in str(line["places"])
    assert str(line["time"]).endswith("Z")
    for secret in (WORDS, "secret", headers["authorization"][7:], "testserver"):
        assert secret not in lines.getvalue()


async def test_the_slow_is_logged_and_the_rest_only_if_asked_for(
    tmp_path: Path, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client_of(settings_in(tmp_path / "one")) as (client, desk):
        await client.get("/healthz")
        assert read(lines) == []
        monkeypatch.setattr(asked, "SLOW_SECONDS", 0.0)
        await client.get("/nothing/at/all?who=me")
        (line,) = read(lines)
        assert (line["event"], line["route"], line["status"]) == ("request slow", "none", 404)
        assert "folkmoot_http_slow_total 1.0" in desk.metrics.text().decode()
        monkeypatch.undo()
    lines.truncate(0)
    lines.seek(0)
    async with client_of(settings_in(tmp_path / "two", log_requests=1)) as (client, _):
        await client.get("/healthz?who=me")
    (line,) = read(lines)
    assert (line["event"], line["level"], line["status"]) == ("request answered", "info", 200)
    assert "who" not in lines.getvalue()


def test_a_line_holds_no_more_than_is_listed(lines: io.StringIO) -> None:
    said = "Task exception was never retrieved\nfuture: <Task %s>"
    logging.getLogger("asyncio").error(said, WORDS, exc_info=ValueError(WORDS))
    logging.getLogger("server.x").warning("first\nsecond", extra={"name_of": WORDS, "_room": "r1"})
    library, own = read(lines)
    assert library["event"] == "Task exception was never retrieved (ValueError)"
    assert own["event"] == "first"
    assert own["room"] == "r1"
    assert WORDS not in lines.getvalue()


def test_for_people_a_line_is_text() -> None:
    record = logging.LogRecord("server.x", logging.WARNING, "f", 1, "%s happened", ("It",), None)
    record._status = 503
    assert logs.TextLines().format(record) == "WARNING server.x: It happened status=503"


def test_a_form_of_the_log_that_is_unknown_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        Settings.from_environment({"FOLKMOOT_LOG": "xml"})
    assert refused.value.field == "FOLKMOOT_LOG"


async def test_what_takes_no_such_method_says_which_it_takes(tmp_path: Path) -> None:
    async with client_of(settings_in(tmp_path)) as (client, _):
        for method, path, takes in (
            ("GET", "/api/join", {"POST"}),
            ("DELETE", "/healthz", {"GET", "HEAD"}),
            ("PUT", "/", {"GET", "HEAD"}),
            ("POST", "/static/room.js", {"GET", "HEAD"}),
            ("HEAD", "/api/join", {"POST"}),
        ):
            answer = await client.request(method, path, headers={"authorization": "Bearer x"})
            assert answer.status_code == 405, path
            allowed = {each.strip() for each in answer.headers["allow"].split(",")}
            assert allowed - {"OPTIONS"} == takes, path


async def test_half_a_request_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.runtime.half_sent.REQUEST_SECONDS", 1.0)
    monkeypatch.setattr(HalfSent.__init__, "__defaults__", (1.0,))
    async with serving(settings_in(tmp_path)) as served:
        head = b"POST /api/join HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        halves = (b"", b"GET /heal", head, head + b"content-length: 30\r\n\r\n{")
        whole = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
        begun = asyncio.get_running_loop().time()
        ends = await asyncio.gather(
            *(end_of(served, half) for half in halves), end_of(served, whole, head)
        )
        assert asyncio.get_running_loop().time() - begun < 4
        for said in ends:
            assert b"HTTP/1.1 408 " in said
        assert ends[-1].startswith(b"HTTP/1.1 200 ")
        counted = served.desk.metrics.text().decode()
        assert 'status="500"' not in counted
        async with asking(served) as client:  # who sends whole requests is left alone
            for _ in range(3):
                assert (await client.get("/healthz")).status_code == 200
                await asyncio.sleep(0.6)


async def end_of(served: Served, *parts: bytes) -> bytes:
    port = int(served.base_url.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await asyncio.sleep(0.2)
    async with asyncio.timeout(10):
        said = await reader.read()
    writer.close()
    return said


@asynccontextmanager
async def asking(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=served.base_url, trust_env=False) as client:
        yield client


async def test_readiness_names_each_part(tmp_path: Path) -> None:
    async with client_of(settings_in(tmp_path)) as (client, desk):
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()) == (
            200,
            {"status": "ok", "database": "ok", "clock": "ok"},
        )
        assert isinstance(desk.clock, SharedClock)
        desk.clock.offset = -3600.0
        late = await client.get("/readyz")
        assert late.status_code == 200
        assert late.json()["clock"] == "3600 s ahead of the database's"
        desk.draining = True
        ending = await client.get("/readyz")
        assert (ending.status_code, ending.json()) == (503, {"status": "draining"})
        assert (await client.get("/healthz")).status_code == 200
        desk.draining = False


async def test_readiness_answers_within_two_seconds_whatever_hangs(tmp_path: Path) -> None:
    async with client_of(settings_in(tmp_path)) as (client, desk):
        let_go = threading.Event()
        reading = [
            asyncio.ensure_future(desk.house.database.reading(lambda _: let_go.wait(20)))
            for _ in range(READERS)
        ]
        begun = asyncio.get_running_loop().time()
        hanging = [await client.get("/readyz") for _ in range(2)]
        assert asyncio.get_running_loop().time() - begun < 4
        for answer in hanging:
            assert (answer.status_code, answer.json()["status"]) == (503, "unready")
            assert answer.json()["database"] == "does not answer"
        let_go.set()
        await asyncio.gather(*reading)
        await asyncio.sleep(0.1)
        assert (await client.get("/readyz")).json()["status"] == "ok"


async def test_a_busy_writer_is_ready(tmp_path: Path) -> None:
    async with client_of(settings_in(tmp_path)) as (client, desk):
        async with desk.house.database.turn:
            assert (await client.get("/readyz")).json()["status"] == "ok"
        assert (await client.get("/readyz")).json()["status"] == "ok"


async def test_a_writer_that_comes_to_no_end_is_not_ready(tmp_path: Path) -> None:
    async with client_of(settings_in(tmp_path)) as (_, desk):
        check = DatabaseCheck(desk.house.database, stuck=1.0)
        async with desk.house.database.turn:
            assert await check() == "ok"
            await asyncio.sleep(0.4)
            assert await check() == "does not answer"
        assert await check() == "ok"
        assert await check() == "ok"


async def test_a_database_that_turns_read_only_is_not_ready(
    tmp_path: Path, postgres_url: str
) -> None:
    settings = settings_in(tmp_path, database_url=postgres_url)
    async with client_of(settings) as (client, _):
        ready = (await client.get("/readyz")).json()
        assert ready == {
            "status": "ok",
            "database": "ok",
            "workers": "none: drafts, analyses and exports wait",
            "clock": "ok",
        }
        name = make_url(postgres_url).database
        admin(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        end_sessions(postgres_url)
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["database"]) == (503, "read-only")
        admin(f'ALTER DATABASE "{name}" SET default_transaction_read_only = off')
        end_sessions(postgres_url)
        assert (await client.get("/readyz")).json()["database"] == "ok"
        metrics = (await client.get("/metrics")).text
        assert 'folkmoot_database_connections{pool="writing",state=' in metrics


def end_sessions(url: str) -> None:
    """End what sessions there are, so that settings of the database hold for new ones."""
    admin(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        f"WHERE datname = '{make_url(url).database}' AND pid <> pg_backend_pid()"
    )


async def test_a_redis_that_is_gone_costs_delay_and_readiness_says_so(tmp_path: Path) -> None:
    with socket.socket() as taken:  # bound and not listened on: nobody answers there
        taken.bind(("127.0.0.1", 0))
        nowhere = f"redis://127.0.0.1:{taken.getsockname()[1]}/0"
        async with client_of(settings_in(tmp_path, redis_url=nowhere)) as (client, _):
            answer = await client.get("/readyz")
            metrics = (await client.get("/metrics")).text
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.json()["redis"] == "unreachable: updates are late"
    assert "folkmoot_doorbell_healthy 0.0" in metrics


async def test_every_metric_is_in_the_table_and_in_nothing_else(tmp_path: Path) -> None:
    async with serving(settings_in(tmp_path), Parts()) as served, asking(served) as client:
        families = text_string_to_metric_families((await client.get("/metrics")).text)
        given = {family.name: family.type for family in families}
    page = (ROOT / "docs" / "operating.md").read_text("utf-8")
    rows = re.findall(r"^\| `((?:folkmoot|process)_\w+)` \| (\w+) \|", page, re.MULTILINE)
    assert {name.removesuffix("_total"): kind for name, kind in rows} == {
        name.removesuffix("_total"): kind for name, kind in given.items()
    }
    for name, kind in rows:
        assert name.endswith("_total") is (kind == "counter"), name


async def test_what_alerts_watch_is_shown_before_the_first(tmp_path: Path) -> None:
    async with client_of(settings_in(tmp_path)) as (client, _):
        shown = (await client.get("/metrics")).text
    for line in (
        'folkmoot_problems_total{code="fault"} 0.0',
        'folkmoot_problems_total{code="log-broken"} 0.0',
        'folkmoot_database_errors_total{code="storage-fault"} 0.0',
        'folkmoot_database_errors_total{code="storage-full"} 0.0',
    ):
        assert line in shown.splitlines()


async def test_numbers_that_cannot_be_had_are_left_out_and_counted(tmp_path: Path) -> None:
    async with client_of(settings_in(tmp_path)) as (client, desk):

        def broken() -> float:
            raise ValueError(WORDS)

        async def hangs() -> None:
            await asyncio.sleep(30)

        desk.metrics.gauge("folkmoot_broken", "Cannot be read.", broken)
        desk.metrics.ask(hangs)
        begun = asyncio.get_running_loop().time()
        told = (await client.get("/metrics")).text
        assert asyncio.get_running_loop().time() - begun < 3
        assert "folkmoot_broken" not in told
        assert "folkmoot_metrics_unread_total 1.0" in told
        assert "folkmoot_sockets 0.0" in told
        assert WORDS not in told


async def test_what_is_refused_is_counted_by_its_type(tmp_path: Path) -> None:
    async with client_of(settings_in(tmp_path)) as (client, _):
        await client.get("/api/me")
        await client.get("/nothing")
        told = (await client.get("/metrics")).text
    assert 'folkmoot_problems_total{code="not-signed-in"} 1.0' in told
    assert 'folkmoot_problems_total{code="not-found"} 1.0' in told


async def test_sockets_are_drained_bit_by_bit(tmp_path: Path) -> None:
    async with serving(settings_in(tmp_path)) as served:
        world = await found(served.desk)
        loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            url = f"{served.live_url}/live/rooms/{world.room}"
            sockets = [
                await stack.enter_async_context(
                    websockets.connect(url, additional_headers=bearer(await world.token()))
                )
                for _ in range(20)
            ]
            assert served.desk.hub.listeners() == 20
            told = (await served_metrics(served)).decode()
            assert 'folkmoot_rooms_listened{sockets="10"} 1.0' in told
            assert 'folkmoot_rooms_listened{sockets="100"} 0.0' in told

            async def ended(socket: websockets.ClientConnection) -> tuple[float, int]:
                with contextlib.suppress(websockets.ConnectionClosed):
                    while True:
                        await socket.recv()
                return loop.time(), socket.close_code or 0

            waiting = [asyncio.ensure_future(ended(socket)) for socket in sockets]
            begun = loop.time()
            await drain(served.desk.hub, rate=20.0)
            took = loop.time() - begun
            ends = await asyncio.gather(*waiting)
            with pytest.raises(websockets.ConnectionClosed) as refused:
                async with websockets.connect(
                    url, additional_headers=bearer(await world.token())
                ) as late:
                    await late.recv()
    assert refused.value.rcvd is not None
    assert refused.value.rcvd.code == 1012
    assert {code for _, code in ends} == {1012}
    assert 0.9 < took < 2.5
    times = sorted(at - begun for at, _ in ends)
    assert times[4] < times[-1] - 0.3, "they are not closed at once"


async def test_who_closes_a_socket_and_how_is_counted(tmp_path: Path) -> None:
    async with serving(settings_in(tmp_path)) as served:
        world = await found(served.desk)
        url = f"{served.live_url}/live/rooms/{world.room}"
        for code in (1000, 3999):
            headers = bearer(await world.token())
            async with websockets.connect(url, additional_headers=headers) as socket:
                await socket.recv()
                await socket.close(code)
        stranger = bearer("nobody")
        async with websockets.connect(url, additional_headers=stranger) as socket:
            with pytest.raises(websockets.ConnectionClosed):
                await socket.recv()
        async with asyncio.timeout(5):
            while served.desk.hub.listeners():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        told = (await served_metrics(served)).decode()
    for by, code in (("client", 1000), ("client", 0), ("server", 4401)):
        assert f'folkmoot_socket_closes_total{{by="{by}",code="{code}"}} 1.0' in told


async def served_metrics(served: Served) -> bytes:
    async with asking(served) as client:
        return (await client.get("/metrics")).content
