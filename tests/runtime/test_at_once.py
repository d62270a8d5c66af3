"""A vote is answered in one write, and whoever reads the answer can't tell it from any other."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from server.deliberation import commands as c
from server.deliberation.vocabulary import Channel, Role
from tests.serving import World, found, serving, settings_in

Answer = tuple[int, dict[str, str], bytes]


async def read(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    return (
        int(head[0].split()[1]),
        headers,
        await reader.readexactly(int(headers["content-length"])),
    )


async def test_a_votes_answer_is_whole_whatever_the_connection(tmp_path: Path) -> None:
    async with serving(settings_in(tmp_path)) as served:
        world = await found(served.desk)
        token = await world.token()
        writing = c.SubmitStatement(text="Open weights for the public good")
        author = c.Actor((await admitted(world)), Role.PARTICIPANT)
        done = await served.desk.house.submit(world.room, writing, author)
        statement = done.recorded[0].event.statement  # type: ignore[union-attr]  # it is one

        def request(choice: str, *more: str, version: str = "1.1") -> bytes:
            body = json.dumps({"statement_id": statement, "choice": choice})
            head = (
                f"POST /api/rooms/{world.room}/votes HTTP/{version}",
                "host: testserver",
                f"authorization: Bearer {token}",
                f"content-length: {len(body)}",
                *more,
            )
            return ("\r\n".join(head) + "\r\n\r\n" + body).encode()

        port = int(served.base_url.rsplit(":", 1)[1])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request("agree"))
        at_once = await read(reader)
        writer.write(request("pass") + request("agree") + request("disagree"))
        pipelined = [await read(reader) for _ in range(3)]
        writer.write(request("agree", "connection: close"))
        last = await read(reader)
        assert await reader.read() == b""
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request("pass", version="1.0"))
        oldest = await read(reader)
        writer.close()

        seqs = [json.loads(each[2])["seq"] for each in (at_once, *pipelined, last, oldest)]
        assert seqs == list(range(seqs[0], seqs[0] + 6))
        for status, headers, _ in (at_once, *pipelined, last, oldest):
            assert status == 201
            kept = {name: value for name, value in headers.items() if name not in CHANGING}
            assert kept == {k: v for k, v in last[1].items() if k not in CHANGING}
        counted = [
            line for line in served.desk.metrics.text().decode().splitlines() if "/votes" in line
        ]
        assert [line.rsplit(" ", 1)[1] for line in counted] == ["6.0"], counted


CHANGING = {"date", "connection", "content-length", "x-request-id"}


async def admitted(world: World) -> str:
    admit = c.AdmitPeople(sources=("one",), channel=Channel.SIMULATED)
    done = await world.desk.house.submit(world.assembly, admit, None)
    return str(done.recorded[0].event.participant)  # type: ignore[union-attr]  # it is a join
