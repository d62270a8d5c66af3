"""Each request's number, and what is logged of it: the slow, the failed, or all of them."""

from __future__ import annotations

import itertools
import logging
import re
import secrets
from functools import lru_cache
from ipaddress import ip_address, ip_network
from time import perf_counter
from typing import Any, Protocol

from litestar.types import Scope

from ..errors import Invalid
from ..runtime.at_once import PEER
from ..runtime.logs import fields, ids_in, requests_log
from .facts import Facts

SLOW_SECONDS = 1.0
READINESS = "/readyz"
"""Where 503 is an answer and no failure; it is asked every few seconds."""
_WELL_FORMED = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_log = requests_log()


class Observer(Protocol):
    """Takes note of answers; the metrics."""

    def answered(self, method: str, route: str, status: int) -> None:
        """One request was answered."""
        ...

    def slow(self) -> None:
        """It took longer than a second."""
        ...


class Asked:
    """Numbers requests as they begin, counts them as they are answered, and logs what matters.

    A number that a trusted proxy gave is kept, so that its log and ours speak of the same request;
    ``trusted`` are addresses and networks, with commas between. It is in the path of every vote.
    """

    def __init__(self, observer: Observer, *, trusted: str = "", every: bool = False) -> None:
        self._observer = observer
        self._every = every
        self._trusts = lru_cache(1024)(_trusts(trusted))
        self._start = secrets.token_hex(5).encode() + b"-%x"
        self._numbers = itertools.count(1)

    def begin(self, facts: Facts, scope: Scope) -> None:
        """Give a request its number and note the time."""
        facts.at = perf_counter()
        given = facts.number
        if not given or not self._may_number(given, scope):
            facts.number = self._start % next(self._numbers)

    def end(self, facts: Facts, scope: Scope, method: str, status: int) -> None:
        """Take note of an answer."""
        route: str = scope.get("path_template") or ""
        self._observer.answered(method if route else "any", route, status)
        seconds = perf_counter() - facts.at
        if seconds > SLOW_SECONDS:
            self._observer.slow()
        elif (status < 500 or route == READINESS) and not self._every:
            return
        if facts.noted and not self._every:
            return
        kind = "failed" if status >= 500 else "slow" if seconds > SLOW_SECONDS else "answered"
        _log.log(
            logging.INFO if kind == "answered" else logging.WARNING,
            "request %s",
            kind,
            extra=fields(
                request=facts.number.decode(),
                method=method,
                route=route or "none",
                status=status,
                seconds=round(seconds, 4),
                **ids_in(scope.get("path_params") or {}),
            ),
        )

    def _may_number(self, given: bytes, scope: Scope) -> bool:
        extensions: dict[str, Any] = scope.get("extensions") or {}
        peer: tuple[str, int] | None = extensions.get(PEER)
        if peer is None or not self._trusts(peer[0]):
            return False
        return _WELL_FORMED.fullmatch(given) is not None


def _trusts(listed: str) -> Any:
    networks = networks_of(listed)

    def trusts(host: str) -> bool:
        try:
            address = ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in networks)

    return trusts


def networks_of(listed: str) -> tuple[Any, ...]:
    """Return the networks in a list such as ``127.0.0.1, 10.0.0.0/8``.

    Raises:
        Invalid: one of them is neither an address nor a network.
    """
    try:
        return tuple(ip_network(each.strip()) for each in listed.split(",") if each.strip())
    except ValueError as error:
        raise Invalid(
            "FOLKMOOT_TRUSTED_PROXIES must be addresses or networks with commas between, "
            "such as 127.0.0.1, 10.0.0.0/8.",
            field="FOLKMOOT_TRUSTED_PROXIES",
        ) from error
