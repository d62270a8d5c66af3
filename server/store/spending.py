"""What answers of models cost, and the answers themselves until they are no longer needed."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select, text

from ..ids import LogId
from . import artifacts
from .artifacts import Artifact
from .tables import ARTIFACT, SPENDING

KIND = "answer"
"""The kind of document that an answer is; its digest is the question's."""
_MOST = 8
"""So many answers of a room are kept, should a process have died before it let go of them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model answered to ``question``, a digest of it, and what it took."""

    room: LogId
    kind: str
    model: str
    question: str
    body: bytes
    calls: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Spent:
    """What one model was used for one kind of work, in all."""

    kind: str
    model: str
    calls: int
    tokens: int


def keep(connection: Connection, answer: Answer) -> None:
    """Keep an answer and count what it cost, together.

    Whoever asked the same at the same time has paid too: that is counted, and either answer kept.
    """
    latest = select(ARTIFACT.c.as_of_seq).where(
        ARTIFACT.c.log == answer.room, ARTIFACT.c.kind == KIND
    )
    number = max(connection.execute(latest).scalars(), default=0) + 1
    artifacts.keep(connection, Artifact(answer.room, KIND, answer.question, number, answer.body))
    artifacts.forget_old(connection, answer.room, KIND, _MOST)
    connection.execute(
        _ADD,
        {
            "kind": answer.kind,
            "model": answer.model,
            "calls": answer.calls,
            "tokens": answer.tokens,
        },
    )


def answer(connection: Connection, room: LogId, question: str) -> bytes | None:
    """Return the answer to a question in a room, if it is kept."""
    found = artifacts.find(connection, room, KIND, question)
    return None if found is None else found.body


def forget(connection: Connection, room: LogId) -> None:
    """Delete a room's answers; what they cost stays counted."""
    artifacts.forget(connection, room, (KIND,))


def spent(connection: Connection) -> tuple[Spent, ...]:
    """Return what was spent, by kind and model."""
    rows = connection.execute(select(SPENDING).order_by(SPENDING.c.kind, SPENDING.c.model))
    return tuple(Spent(*row) for row in rows)


_ADD = text(
    "INSERT INTO spending (kind, model, calls, tokens) VALUES (:kind, :model, :calls, :tokens)"
    " ON CONFLICT (kind, model) DO UPDATE SET calls = spending.calls + excluded.calls,"
    " tokens = spending.tokens + excluded.tokens"
)
