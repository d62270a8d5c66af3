"""What ``/metrics`` tells Prometheus: counts and times, never words, ids or addresses."""

from __future__ import annotations

import asyncio
import logging
import platform
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from .. import __version__
from ..errors import Fault, LogBroken

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
ASK_SECONDS = 2.0
"""So long a scrape waits for numbers that have to be asked for, such as from the database."""
_log = logging.getLogger(__name__)

Labels = tuple[str, ...]
Values = Mapping[Any, float]
"""A number for each tuple of label values."""


@dataclass(frozen=True, slots=True)
class _Series:
    """Values that are read at every scrape, by their labels."""

    help: str
    labels: Labels
    counts: bool
    read: Callable[[], Values]


class Metrics(Collector):
    """A registry of its own. Answers are counted in a plain counter, since each vote is one."""

    def __init__(self, *, database: str = "") -> None:
        """``database`` is the kind of it, for the line about what runs here."""
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it out
        self.registry = CollectorRegistry()
        self._answers: Counter[tuple[str, str, int]] = Counter()
        self._closes: Counter[tuple[str, str]] = Counter()
        # Shown before there is one: what alerts watch must be seen to grow from 0 at the first.
        self._problems: Counter[str] = Counter({Fault.code: 0, LogBroken.code: 0})
        self._slow = 0
        self._unread = 0
        self._series: dict[str, _Series] = {}
        self._asked: list[Callable[[], Awaitable[None]]] = []
        self._asking: asyncio.Task[None] | None = None
        self._commit_seconds = Histogram(
            "folkmoot_commit_seconds",
            "Seconds from a batch being decided to its being durable.",
            registry=self.registry,
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )
        self._batch_size = Histogram(
            "folkmoot_batch_commands",
            "Commands carried out together under one sync.",
            registry=self.registry,
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024),
        )
        self._loop_delay = Histogram(
            "folkmoot_loop_delay_seconds",
            "Seconds by which the event loop is late, looked at ten times a second.",
            registry=self.registry,
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
        )
        self._build = {(__version__, platform.python_version(), database or "none"): 1.0}
        self.by(
            "folkmoot_build_info",
            "What runs here; always 1.",
            ("version", "python", "database"),
            lambda: self._build,
        )
        self.counter(
            "folkmoot_http_slow", "Answers that took longer than a second.", lambda: self._slow
        )
        self.by(
            "folkmoot_problems",
            "Refusals and faults that were answered, by the type of the problem.",
            ("code",),
            lambda: {(code,): count for code, count in self._problems.items()},
            counts=True,
        )
        ProcessCollector(registry=self.registry)
        self.registry.register(self)

    def answered(self, method: str, route: str, status: int) -> None:
        """Count an answer by its route's template."""
        self._answers[method, route, status] += 1

    def told(self, code: str) -> None:
        """Count a problem that was answered, by its type."""
        self._problems[code] += 1

    def slow(self) -> None:
        """Count an answer that took longer than a second."""
        self._slow += 1

    def closed(self, code: int, *, by: str = "server") -> None:
        """Count a socket that was closed; ``by`` is ``server`` or ``client``."""
        self._closes[by, str(code)] += 1

    def committed(self, seconds: float, commands: int) -> None:
        """Note a batch that became durable."""
        self._commit_seconds.observe(seconds)
        self._batch_size.observe(commands)

    def late(self, seconds: float) -> None:
        """Note by how much the event loop was late."""
        self._loop_delay.observe(seconds)

    def gauge(self, name: str, help_: str, read: Callable[[], float]) -> None:
        """Show the value of ``read`` at every scrape."""
        self._series[name] = _Series(help_, (), counts=False, read=lambda: {(): read()})

    def counter(self, name: str, help_: str, read: Callable[[], float]) -> None:
        """Show the count of ``read``, which never falls; its name gets ``_total`` at its end."""
        self._series[name] = _Series(help_, (), counts=True, read=lambda: {(): read()})

    def by(
        self,
        name: str,
        help_: str,
        labels: Labels,
        read: Callable[[], Values],
        *,
        counts: bool = False,
    ) -> None:
        """Show several values by the values of ``labels``, of which there must be few."""
        self._series[name] = _Series(help_, labels, counts, read)

    def ask(self, ask: Callable[[], Awaitable[None]]) -> None:
        """Await ``ask`` before a scrape: it fetches what the others then read.

        Where it fails or takes longer than two seconds, the numbers are those of the last time.
        """
        self._asked.append(ask)

    async def fresh(self) -> None:
        """Ask for all that has to be asked for; returns within two seconds, whatever hangs."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.ensure_future(self._ask_all())
        await asyncio.wait({self._asking}, timeout=ASK_SECONDS)

    async def _ask_all(self) -> None:
        for ask in tuple(self._asked):
            try:
                await ask()
            except Exception as error:  # noqa: BLE001 - the other numbers are worth having
                self._unread += 1
                _log.warning("a number could not be asked for: %s", type(error).__name__)

    def collect(self) -> Iterable[Metric]:
        """Give what is counted here; called by the registry."""
        answers = CounterMetricFamily(
            "folkmoot_http_answers", "Answers by route.", labels=("method", "route", "status")
        )
        for (method, route, status), count in sorted(self._answers.items()):
            answers.add_metric((method, route or "none", str(status)), count)
        yield answers
        closes = CounterMetricFamily(
            "folkmoot_socket_closes", "Sockets that were closed.", labels=("by", "code")
        )
        for ended, count in sorted(self._closes.items()):
            closes.add_metric(ended, count)
        yield closes
        for name, series in self._series.items():
            try:
                values = series.read()
            except Exception as error:  # noqa: BLE001 - the other numbers are worth having
                self._unread += 1
                _log.warning("the metric %s could not be read: %s", name, type(error).__name__)
                continue
            family = CounterMetricFamily if series.counts else GaugeMetricFamily
            shown: Metric = family(name, series.help, labels=series.labels)
            for labels, value in sorted(values.items()):
                shown.add_metric(labels, value)  # type: ignore[attr-defined]  # both families have it
            yield shown
        unread = CounterMetricFamily("folkmoot_metrics_unread", "Numbers that could not be had.")
        unread.add_metric((), self._unread)
        yield unread

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)
