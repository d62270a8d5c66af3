"""What a simulated person asked for, and what they were told of it."""

from __future__ import annotations

from dataclasses import dataclass, field


class Owed(AssertionError):
    """Somebody did not get what they are owed, or got it twice, or out of order."""


class Unexpected(AssertionError):
    """The server gave an answer that no client should get here."""


@dataclass(frozen=True)
class Command:
    """Something that was asked under a key."""

    key: str
    path: str
    body: bytes
    statement: str = ""


@dataclass(frozen=True)
class Acknowledged:
    """A command with its receipt."""

    command: Command
    seq: int
    statement: str


@dataclass
class Ledger:
    """What a person asked for: what was acknowledged, and what has no answer yet."""

    acknowledged: dict[str, Acknowledged] = field(default_factory=dict)
    waiting: dict[str, Command] = field(default_factory=dict)

    def votes(self) -> dict[str, int]:
        """Return the seq of the latest acknowledged vote on each statement."""
        latest: dict[str, int] = {}
        for each in self.acknowledged.values():
            if each.command.path.endswith("/votes"):
                latest[each.statement] = max(latest.get(each.statement, 0), each.seq)
        return latest

    def statements(self) -> set[str]:
        """Return the ids of what was written."""
        return {
            each.statement
            for each in self.acknowledged.values()
            if each.command.path.endswith("/statements")
        }
