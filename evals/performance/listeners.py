"""A process full of websockets that only listen: it counts frames, and how long each was under way.

Told what to do by lines of JSON on standard input, and answers each by one on standard output. A
frame that holds ``"sent N."`` (ns of the machine's monotonic clock) is timed.
"""

from __future__ import annotations

import json
import os
import re
import selectors
import socket
import sys
import time

_SENT = re.compile(rb"sent (\d+)\.")
_HANDSHAKE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
)


class Listener:
    """One socket; ``frames`` so far, and the latencies (ns) of those that were timed."""

    def __init__(self, port: int, path: str, *, group: str = "", buffer: int = 0) -> None:
        self.group = group
        self.socket = socket.socket()
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.connect(("127.0.0.1", port))
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{_HANDSHAKE}\r\n\r\n".encode()
        )
        self._waiting = b""
        self._shaken = False
        self.frames = 0
        self.latencies: list[int] = []
        self.ended = False

    def read(self) -> None:
        """Read what there is."""
        try:
            data = self.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.ended = True
            return
        now = time.monotonic_ns()
        data = self._waiting + data
        if not self._shaken:
            _, found, rest = data.partition(b"\r\n\r\n")
            if not found:
                self._waiting = data
                return
            self._shaken = True
            data = rest
        self._waiting = self._split(data, now)

    def _split(self, data: bytes, now: int) -> bytes:
        at, size = 0, len(data)
        while size - at >= 2:
            length, head = data[at + 1], 2
            if length == 126:
                if size - at < 4:
                    break
                length, head = int.from_bytes(data[at + 2 : at + 4], "big"), 4
            elif length == 127:
                if size - at < 10:
                    break
                length, head = int.from_bytes(data[at + 2 : at + 10], "big"), 10
            if size - at < head + length:
                break
            start = at + head
            at = start + length
            self.frames += 1
            sent = _SENT.search(data, start, min(at, start + 160))
            if sent:
                self.latencies.append(now - int(sent[1]))
        return data[at:]


class Process:
    """The listeners of this process, and what it is told."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._listeners: list[Listener] = []
        self._stalled: socket.socket | None = None

    def run(self) -> None:
        """Listen until standard input ends."""
        os.set_blocking(0, False)
        self._selector.register(0, selectors.EVENT_READ, None)
        told = b""
        while True:
            for key, _ in self._selector.select():
                if isinstance(key.data, Listener):
                    key.data.read()
                    if key.data.ended:
                        self._selector.unregister(key.data.socket)
                        key.data.socket.close()
                    continue
                data = os.read(0, 1 << 16)
                if not data:
                    return
                *lines, told = (told + data).split(b"\n")
                for line in lines:
                    print(json.dumps(self._answer(json.loads(line))), flush=True)

    def _answer(self, told: dict[str, object]) -> object:
        match told:
            case {"do": "connect", "port": int(port), "paths": list(paths), "group": str(group)}:
                for path in paths:
                    self._add(Listener(port, path, group=group))
                return len(self._listeners)
            case {"do": "stall", "port": int(port), "path": str(path)}:
                self._stalled = Listener(port, path, buffer=4096).socket
                return True
            case {"do": "count"}:
                return sum(each.frames for each in self._listeners)
            case {"do": "latencies", "group": str(group)}:
                timed = [each for each in self._listeners if each.group == group]
                found = sorted(ns for each in timed for ns in each.latencies)
                for each in timed:
                    each.latencies.clear()
                return found
            case {"do": "close"}:
                if self._stalled is not None:
                    self._stalled.close()
                return True
        raise ValueError(str(told))

    def _add(self, listener: Listener) -> None:
        listener.socket.setblocking(False)
        self._listeners.append(listener)
        self._selector.register(listener.socket, selectors.EVENT_READ, listener)


if __name__ == "__main__":
    Process().run()
    sys.exit(0)
