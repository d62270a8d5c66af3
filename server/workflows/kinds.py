"""The kinds of long work, and how much of each is done at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    """How many of a kind are done at once: by all workers together, and by each of them."""

    everywhere: int
    worker: int


ANALYSIS: Final = "analysis"
THEMES: Final = "themes"
DRAFTS: Final = "drafts"
EXPORT: Final = "export"

KINDS: Final[Mapping[str, Limits]] = MappingProxyType(
    {
        # Arithmetic: a worker has one process for it.
        ANALYSIS: Limits(everywhere=16, worker=1),
        # The embedder is one process too.
        THEMES: Limits(everywhere=8, worker=1),
        # A drafter may be a model that somebody pays for, and that others wait for as well.
        DRAFTS: Limits(everywhere=4, worker=2),
        EXPORT: Limits(everywhere=4, worker=1),
    }
)
"""Each kind is a queue of its own. A room has one piece of a kind under way at most, and a queue
is first come, first served: so rooms take turns, and no busy room keeps the others waiting."""


def kind_and_room(name: str) -> tuple[str, str]:
    """Return what a workflow's name (``KIND:ROOM:SEQ:ATTEMPT``) says it is about."""
    kind, _, rest = name.partition(":")
    return kind, rest.partition(":")[0]
