"""What a run found: figures for a file, a table for a person."""

from __future__ import annotations

from array import array
from dataclasses import asdict, dataclass, field

import numpy as np
from rich.table import Table

FORMAT = "folkmoot.fleet/1"


@dataclass(frozen=True)
class Spread:
    """How long something took: how many were measured, and milliseconds."""

    n: int
    p50: float
    p99: float
    max: float

    @classmethod
    def of(cls, seconds: array[float] | list[float]) -> Spread | None:
        """Return the spread of so many seconds; None of nothing."""
        if not len(seconds):
            return None
        found = np.asarray(seconds, dtype=np.float64) * 1e3
        p50, p99 = np.percentile(found, (50, 99))
        return cls(
            len(found), round(float(p50), 3), round(float(p99), 3), round(float(found.max()), 3)
        )


@dataclass
class Commands:
    """What became of the commands of one kind."""

    asked: int
    acknowledged: int
    refused: dict[str, int]
    unanswered: int
    retried: int
    not_begun: int
    """Due, and everybody still waited for an answer: the servers are behind."""
    rate: float | None
    """Acknowledged a second of the load; None of what came after it."""
    from_due: Spread | None
    from_sending: Spread | None


@dataclass
class Report:
    """Everything; ``faults`` is what must be empty."""

    servers: str
    profile: dict[str, object]
    seconds: float
    commands: dict[str, Commands] = field(default_factory=dict)
    frames: dict[str, int] = field(default_factory=dict)
    sockets: dict[str, object] = field(default_factory=dict)
    delays: dict[str, Spread | None] = field(default_factory=dict)
    costs: dict[str, float | None] = field(default_factory=dict)
    checked: dict[str, int | None] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether nothing was lost and nothing else was wrong."""
        return not self.faults

    def plain(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return {"format": FORMAT, **asdict(self)}

    def table(self) -> Table:
        """Return it for a terminal."""
        table = Table("what", "", title=f"{self.servers}, {self.seconds:.0f} s of load")
        for kind, each in self.commands.items():
            table.add_row(f"{kind} acknowledged", _commands(each))
            if each.from_due is not None and each.from_sending is not None:
                table.add_row("  from when it was due", _spread(each.from_due))
                table.add_row("  from sending it", _spread(each.from_sending))
        table.add_section()
        names = {
            "from_receipt": "a frame, from the 201 of its command",
            "from_due": "a frame, from when its command was due",
            "last": "the last socket, from the 201",
            "back": "a socket that was lost, until it stands again",
            "late": "the fleet's own lateness",
        }
        for name, spread in self.delays.items():
            if spread is not None:
                table.add_row(names[name], _spread(spread))
        table.add_section()
        for part in (self.frames, self.sockets, self.costs, self.checked):
            for name, value in part.items():
                if value not in (None, {}):
                    table.add_row(name.replace("_", " "), _figure(value))
            table.add_section()
        for name, times in self.faults.items():
            table.add_row(f"WRONG: {name}", f"{times:,} (first: {self.examples.get(name, '')})")
        if self.whole:
            table.add_row("lost, doubled or out of order", "nothing")
        for remark in self.remarks:
            table.add_row("remark", remark)
        return table


def _commands(each: Commands) -> str:
    said = f"{each.acknowledged:,} of {each.asked:,}"
    if each.rate is not None:
        said += f", {each.rate:,.1f}/s"
    if each.refused:
        said += "; refused " + ", ".join(f"{n:,} with {s}" for s, n in each.refused.items())
    if each.unanswered:
        said += f"; {each.unanswered:,} never answered"
    if each.not_begun:
        said += f"; {each.not_begun:,} not begun, everybody was waiting"
    return said + (f"; {each.retried:,} tried again" if each.retried else "")


def _spread(each: Spread) -> str:
    return f"p50 {each.p50:,.1f}  p99 {each.p99:,.1f}  max {each.max:,.1f} ms  (n {each.n:,})"


def _figure(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {number:,}" for name, number in value.items())
    return str(value)
