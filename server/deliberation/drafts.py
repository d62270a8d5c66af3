"""What a draft is: clauses, what they rest on, and how they came about."""

from __future__ import annotations

import msgspec


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """A verbatim piece of a statement: ``text`` stands at [start, end) of it, in code points."""

    statement: str
    start: int
    end: int
    text: str


class GroupSupport(msgspec.Struct, frozen=True, kw_only=True):
    """The lower Wilson bound of the agree share of a clause's citations in one opinion group."""

    group: int
    wilson_low: float


class Clause(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence that people can adopt, with the statements it rests on."""

    id: str
    text: str
    cites: tuple[str, ...]
    quotes: tuple[Quote, ...] = ()
    support: float = 0.0
    groups: tuple[GroupSupport, ...] = ()


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How well a draft covers what people agreed with in votes that the drafter did not see."""

    mean: float
    lowest_decile: float
    gap: float
    uncovered: int


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """How a draft came about; fields of a model are empty where none was asked."""

    drafter: str
    seed: int
    approach: str = ""
    prompt_id: str | None = None
    prompt_sha256: str | None = None
    rendered_sha256: str | None = None
    shown: tuple[str, ...] = ()
    model_asked: str | None = None
    model_answered: str | None = None
    fingerprint: str | None = None
    parameters: dict[str, float | int | str | bool] = {}
    attempts: int = 1
    tokens: int = 0
    answer_sha256: str | None = None
    entailer: str = ""
    embedder: str = ""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A text of three to six clauses that could unite people across their differences."""

    id: str
    clauses: tuple[Clause, ...]
    coverage: Coverage | None
    provenance: Provenance


class DraftFailure(msgspec.Struct, frozen=True, kw_only=True):
    """A draft that could not be shown: a stable reason and what was found."""

    reason: str
    detail: str = ""
