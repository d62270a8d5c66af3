"""The rules of an assembly, fixed before it opens."""

from __future__ import annotations

import msgspec


class Charter(msgspec.Struct, frozen=True, kw_only=True):
    """Who must answer, and by which numbers it is decided.

    ``quorum`` is the number of ballots (yes, no or blank) without which no clause is adopted;
    ``rounds`` how many rounds of drafts there are at most; ``answer_days`` how long the recipient
    has for an answer.
    """

    recipient: str = ""
    convener: str = ""
    answer_days: int = 60
    quorum: int = 5
    rounds: int = 3
