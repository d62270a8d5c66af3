"""The doorbell: "log L has reached seq S", said to whoever listens. It carries nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from ..ids import LogId

_logger = logging.getLogger(__name__)

Listener = Callable[[LogId, int], None]


class Doorbell(Protocol):
    """Says that a log has grown. It may be late and may be lost; the log is the truth."""

    def ring(self, log: LogId, seq: int) -> None:
        """Say that ``log`` has reached ``seq``; returns at once."""
        ...

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` for every ring, on the event loop; returns what ends that."""
        ...


class LocalDoorbell:
    """A doorbell within one process: rings are heard at once, in order."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def ring(self, log: LogId, seq: int) -> None:
        """Call every listener; one that fails doesn't keep the others from hearing."""
        for listener in tuple(self._listeners):
            try:
                listener(log, seq)
            except Exception as error:  # noqa: BLE001 - whoever rings must not pay for it
                _logger.error("a listener of the doorbell failed: %s", type(error).__name__)  # noqa: TRY400

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` for every ring until the answer is called."""
        self._listeners.append(listener)

        def end() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return end
