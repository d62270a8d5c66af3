"""One kept-alive HTTP/1.1 connection: a request at a time, status and body, and nothing more."""

from __future__ import annotations

import asyncio


class Line:
    """A connection to a server. Whatever ends it is raised: OSError or EOFError."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, host: str, port: int) -> Line:
        """Connect."""
        return cls(*await asyncio.open_connection(host, port))

    async def ask(self, sent: bytes) -> tuple[int, bytes]:
        """Send one request and return the answer's status and body, by its content-length."""
        self._writer.write(sent)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head[9:12])
        place = head.find(b"content-length:")
        length = int(head[place + 15 : head.index(b"\r\n", place)]) if place >= 0 else 0
        return status, await self._reader.readexactly(length) if length else b""

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


def request(
    method: str, path: str, host: str, token: str = "", key: str = "", body: bytes = b""
) -> bytes:
    """Return a request as it goes over the line; ``key`` is its idempotency key."""
    headers = [f"{method} {path} HTTP/1.1", f"host: {host}"]
    if token:
        headers.append(f"authorization: Bearer {token}")
    if key:
        headers.append(f"idempotency-key: {key}")
    if method == "POST":
        headers += ["content-type: application/json", f"content-length: {len(body)}"]
    return "\r\n".join(headers).encode() + b"\r\n\r\n" + body
