"""The doorbell: "log L has reached seq S", said to whoever listens. It carries nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from ..ids import LogId

_logger = logging.getLogger(__name__)

Listener = Callable[[LogId, int], None]
Missed = Callable[[], None]


class Doorbell(Protocol):
    """Says that a log has grown. It may be late and may be lost; the log is the truth."""

    @property
    def healthy(self) -> bool:
        """What other processes ring is heard here now; False where there is no way to hear it."""
        ...

    def ring(self, log: LogId, seq: int) -> None:
        """Say that ``log`` has reached ``seq``; returns at once."""
        ...

    def listen(self, listener: Listener, missed: Missed | None = None) -> Callable[[], None]:
        """Call ``listener`` for every ring, on the event loop; returns what ends that.

        ``missed`` is called when rings may have been lost.
        """
        ...


class Listeners:
    """Who listens to a doorbell; one that fails doesn't keep the others from hearing."""

    def __init__(self) -> None:
        self._listeners: list[tuple[Listener, Missed | None]] = []

    def add(self, listener: Listener, missed: Missed | None) -> Callable[[], None]:
        """Add a listener; returns what ends that."""
        entry = (listener, missed)
        self._listeners.append(entry)

        def end() -> None:
            if entry in self._listeners:
                self._listeners.remove(entry)

        return end

    def hear(self, log: LogId, seq: int) -> None:
        """Tell every listener that ``log`` has reached ``seq``."""
        for listener, _ in tuple(self._listeners):
            try:
                listener(log, seq)
            except Exception as error:  # noqa: BLE001 - whoever rings must not pay for it
                _logger.error("a listener of the doorbell failed: %s", type(error).__name__)  # noqa: TRY400

    def missed(self) -> None:
        """Tell every listener that rings may have been lost."""
        for _, missed in tuple(self._listeners):
            if missed is not None:
                missed()


class LocalDoorbell:
    """A doorbell within one process: rings are heard at once, in order."""

    def __init__(self) -> None:
        self._listeners = Listeners()

    @property
    def healthy(self) -> bool:
        """False: other processes are not heard."""
        return False

    def ring(self, log: LogId, seq: int) -> None:
        """Call every listener."""
        self._listeners.hear(log, seq)

    def listen(self, listener: Listener, missed: Missed | None = None) -> Callable[[], None]:
        """Call ``listener`` for every ring until the answer is called; none is lost."""
        return self._listeners.add(listener, missed)
