"""What ``/metrics`` tells Prometheus: counts and times, never words, ids or addresses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics(Collector):
    """A registry of its own. Answers are counted in a plain counter, since each vote is one."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._answers: Counter[tuple[str, str, int]] = Counter()
        self._drops: Counter[int] = Counter()
        self._gauges: dict[str, tuple[str, Callable[[], float]]] = {}
        self._commit_seconds = Histogram(
            "folkmoot_commit_seconds",
            "Seconds from a batch being decided to its being durable.",
            registry=self.registry,
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
        )
        self._batch_size = Histogram(
            "folkmoot_batch_commands",
            "Commands carried out together under one sync.",
            registry=self.registry,
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024),
        )
        self.registry.register(self)

    def answered(self, method: str, route: str, status: int) -> None:
        """Count an answer by its route's template."""
        self._answers[method, route, status] += 1

    def closed(self, code: int) -> None:
        """Count a socket that the server closed."""
        self._drops[code] += 1

    def committed(self, seconds: float, commands: int) -> None:
        """Note a batch that became durable."""
        self._commit_seconds.observe(seconds)
        self._batch_size.observe(commands)

    def gauge(self, name: str, help_: str, read: Callable[[], float]) -> None:
        """Show the value of ``read`` at every scrape."""
        self._gauges[name] = (help_, read)

    def collect(self) -> Iterable[Metric]:
        """Give what is counted here; called by the registry."""
        answers = CounterMetricFamily(
            "folkmoot_http_answers", "Answers by route.", labels=("method", "route", "status")
        )
        for (method, route, status), count in sorted(self._answers.items()):
            answers.add_metric((method, route or "none", str(status)), count)
        yield answers
        closes = CounterMetricFamily(
            "folkmoot_socket_closes", "Sockets that the server closed.", labels=("code",)
        )
        for code, count in sorted(self._drops.items()):
            closes.add_metric((str(code),), count)
        yield closes
        for name, (help_, read) in self._gauges.items():
            gauge = GaugeMetricFamily(name, help_)
            gauge.add_metric((), read())
            yield gauge

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)
