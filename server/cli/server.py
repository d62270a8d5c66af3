"""uvicorn's server with this house's way of ending: drained, spread over time, and bounded."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from ..api.services.desk import Desk
from ..runtime.draining import drain
from ..runtime.half_sent import HalfSent
from ..runtime.logs import fields

LONGEST_STOP = 30
"""Seconds from the end of listening after which the process ends whatever still hangs."""
_NEW_OBJECTS = 50_000
"""So many new objects are made before the youngest are searched for garbage (Python's own: 700)."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_KILLED_BY = 128
"""A process that a signal ended is said to have ended with this and the signal's number."""
_TICKS_A_SECOND = 10
_log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """Ends on a signal without raising it again: having drained is having done it.

    Told to stop, it is not ready any more and takes no more sockets; after
    ``FOLKMOOT_DRAIN_SECONDS`` it listens no more, closes its sockets with 1012, spread over the
    delay that it hinted at, answers what is under way, and ends. A second signal ends it at once.
    """

    def __init__(self, config: uvicorn.Config, desk: Desk | None, *, signals: bool) -> None:
        """``desk`` is None for another application than ours.

        Without ``signals`` it leaves signals, memory and the process alone.
        """
        super().__init__(config)
        self._desk = desk
        self._signals = signals
        self._half_sent = HalfSent()
        self._ticked_at: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the application and listen."""
        await super().startup(sockets)
        if self._signals:
            # What is loaded stays. Searching it for garbage stopped everything for a tenth of
            # a second again and again, and cost a third of the votes.
            # What votes leave behind is kept on purpose; so it is searched more seldom, too.
            gc.collect()
            gc.freeze()
            gc.set_threshold(_NEW_OBJECTS, 10, 10)

    async def on_tick(self, counter: int) -> bool:
        """Do what is done ten times a second; tell whether it is time to end."""
        now = time.monotonic()
        if self._desk is not None and self._ticked_at is not None:
            self._desk.metrics.late(max(0.0, now - self._ticked_at - 1 / _TICKS_A_SECOND))
        self._ticked_at = now
        if counter % _TICKS_A_SECOND == 0:
            self._half_sent.look(self.server_state.connections, now)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, then close the application."""
        if self._desk is not None:
            if self._signals:
                _end_anyway(self._desk.settings.drain_seconds + LONGEST_STOP)
            await self._drain(self._desk, sockets or [])
        await super().shutdown(sockets)

    async def _drain(self, desk: Desk, sockets: list[socket.socket]) -> None:
        desk.draining = True
        desk.hub.refuse()
        _log.info("told to stop", extra=fields(sockets=desk.hub.listeners()))
        await asyncio.sleep(desk.settings.drain_seconds)
        # From now on a proxy gets no connection here, and goes to another server.
        for server in self.servers:
            server.close()
        for each in sockets:
            each.close()
        await drain(desk.hub)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal: the first begins the end, the second is it."""
        if self.should_exit:
            os._exit(_KILLED_BY + sig)  # whoever asks twice does not want to wait
        if self._desk is not None:
            self._desk.draining = True
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Hold the signals while serving, and give them back."""
        kept = {
            each: signal.signal(each, self.handle_exit)
            for each in (_SIGNALS if self._signals else ())
        }
        try:
            yield
        finally:
            for each, handler in kept.items():
                signal.signal(each, handler)


def _end_anyway(after: float) -> None:
    """End the process after so many seconds, should something hang.

    All that was acknowledged is on disk.
    """

    def end() -> None:
        _log.error("stopping took longer than %d seconds: ended anyway", after)
        os._exit(1)

    timer = threading.Timer(after, end)
    timer.daemon = True
    timer.start()
