"""Sending to many sockets from one place, without ever waiting for one of them.

Each ``send`` coroutine is stepped here, by hand: nearly always it writes and is done. Only one that
would block gets a task, with a limit of time, and its socket is left out until it ends. That costs
no task and no wake-up a frame, and a reader that has stalled keeps nobody else waiting.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Protocol

from .ring import Message

_logger = logging.getLogger(__name__)

Send = Callable[[Message], Coroutine[Any, Any, None]]


class Outlet(Protocol):
    """A socket as the pump sees it."""

    @property
    def send(self) -> Send:
        """Send a message, blocking while the peer doesn't read."""
        ...

    def next(self) -> Message | None:
        """Return what is to be sent next and take note that it was; None: nothing now.

        Raises:
            Overrun: what comes next is gone already.
        """
        ...

    def stalled(self) -> None:
        """Take note that the peer reads too slowly; nothing more is sent to it."""
        ...

    def lost(self) -> None:
        """Take note that the peer has gone; nothing more is sent to it."""
        ...


class Overrun(Exception):
    """A socket is so far behind that what it needs next is no longer kept."""


class _Resumed:
    """The rest of a coroutine that was stepped until it waited for ``future``."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], waited_for: object) -> None:
        self._coroutine = coroutine
        self._waited_for = waited_for

    def __await__(self) -> Generator[object, None, None]:
        coroutine, waited_for = self._coroutine, self._waited_for
        while True:
            thrown: BaseException | None = None
            try:
                yield waited_for
            except BaseException as error:  # noqa: BLE001 - a cancellation is the sender's to take
                thrown = error
            try:
                waited_for = coroutine.send(None) if thrown is None else coroutine.throw(thrown)
            except StopIteration:
                return


class Pump:
    """Sends what outlets have to send, each at its peer's pace."""

    def __init__(self, *, patience: float) -> None:
        """A peer that keeps one frame waiting for ``patience`` seconds has stalled."""
        self._patience = patience
        self._blocked: dict[Outlet, asyncio.Task[None]] = {}
        self.sent = 0
        """How many messages were handed on so far."""

    @property
    def blocked(self) -> int:
        """How many peers keep a frame waiting now."""
        return len(self._blocked)

    def run(self, outlet: Outlet) -> None:
        """Send all that ``outlet`` has, until it has nothing or would block; never raises."""
        if outlet in self._blocked:
            return
        send = outlet.send
        while True:
            try:
                message = outlet.next()
                if message is None:
                    return
                self.sent += 1
                coroutine = send(message)
                waits_for = coroutine.send(None)
            except StopIteration:
                continue
            except Overrun:
                outlet.stalled()
                return
            except Exception as error:  # noqa: BLE001 - one peer's end is not the others'
                _logger.debug("a socket ended while it was sent to: %s", type(error).__name__)
                outlet.lost()
                return
            self._wait(outlet, coroutine, waits_for)
            return

    def forget(self, outlet: Outlet) -> None:
        """Stop sending to ``outlet``, even what is under way."""
        task = self._blocked.pop(outlet, None)
        if task is not None:
            task.cancel()

    def _wait(
        self, outlet: Outlet, coroutine: Coroutine[Any, Any, None], waits_for: object
    ) -> None:
        task = asyncio.ensure_future(self._finish(_Resumed(coroutine, waits_for)))
        self._blocked[outlet] = task

        def done(ended: asyncio.Task[None]) -> None:
            # A task that is cancelled before its first step never runs a line of its own.
            coroutine.close()
            if self._blocked.get(outlet) is not ended:
                if not ended.cancelled():
                    ended.exception()
                return
            del self._blocked[outlet]
            error = None if ended.cancelled() else ended.exception()
            if isinstance(error, TimeoutError):
                outlet.stalled()
            elif ended.cancelled() or error is not None:
                outlet.lost()
            else:
                self.run(outlet)

        task.add_done_callback(done)

    async def _finish(self, resumed: _Resumed) -> None:
        async with asyncio.timeout(self._patience):
            await resumed
