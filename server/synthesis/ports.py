"""The protocols where the outside begins, and what is handed through them.

Ids are the source's own: text in an assembly, numbers in a Polis export. Everything here is
frozen, and the arrays of a :class:`Corpus` are made read-only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..errors import Fault, Refusal

SourceId: TypeAlias = str | int
"""An id as the source has it."""

Vectors: TypeAlias = NDArray[np.float32]
"""Embeddings, one unit row a text."""

AGREE, PASS, DISAGREE, EMPTY = 1, 0, -1, -128
"""The cells of a vote matrix."""


class EmbedderFailed(Fault):
    """One embedding call was lost (the worker crashed or took too long); the next may succeed."""

    code = "embedder-failed"


class EmbedderUnavailable(Refusal):
    """The embedder that was asked for is not in this installation."""

    code = "embedder-unavailable"


class NothingToSynthesise(Refusal):
    """The input has too little in it for what was asked; the message says what is missing."""

    code = "nothing-to-synthesise"


@dataclass(frozen=True, slots=True)
class SourceStatement:
    """What somebody wrote, as synthesis sees it: no author, no name, no time.

    ``language`` is a BCP 47 tag as its author or the import said, ``None`` where unknown. A
    testimony can be cited like a statement but is not voted on.
    """

    id: SourceId
    text: str
    language: str | None = None
    kind: Literal["statement", "testimony"] = "statement"
    moderated_out: bool = False


@dataclass(frozen=True)
class Corpus:
    """Statements with the votes on them, at one moment.

    ``votes`` is int8 (n × m; 1 agree, 0 pass, −1 disagree, −128 empty), its columns in the order
    of ``statements`` and its rows in that of ``participants``; a testimony's column is empty.
    ``labels`` (n,) holds each participant's published opinion group, −1 for none. Where no
    groups could be told apart, everybody who counts has the label 0.

    Raises ``ValueError`` if the shapes do not fit together or an id comes twice.
    """

    statements: tuple[SourceStatement, ...]
    participants: tuple[SourceId, ...]
    votes: NDArray[np.int8]
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        shape = (len(self.participants), len(self.statements))
        if self.votes.shape != shape:
            raise ValueError(f"the votes are {self.votes.shape}, not {shape}")
        if self.labels.shape != shape[:1]:
            raise ValueError(f"the labels are {self.labels.shape}, not {shape[:1]}")
        if len({statement.id for statement in self.statements}) != shape[1]:
            raise ValueError("a statement's id comes twice")
        if len(set(self.participants)) != shape[0]:
            raise ValueError("a participant's id comes twice")
        for name, dtype in (("votes", np.int8), ("labels", np.int64)):
            frozen = np.array(getattr(self, name), dtype=dtype)
            frozen.setflags(write=False)
            object.__setattr__(self, name, frozen)

    @property
    def groups(self) -> tuple[int, ...]:
        """The published opinion groups that have somebody in them, ascending."""
        return tuple(int(label) for label in np.unique(self.labels) if label >= 0)

    @property
    def statement_ids(self) -> tuple[SourceId, ...]:
        """The ids of the columns."""
        return tuple(statement.id for statement in self.statements)


class Embedder(Protocol):
    """Turns texts into directions that lie close where meanings do."""

    @property
    def name(self) -> str:
        """Names the model and whatever else its vectors depend on: the cache's first key."""
        ...

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return unit rows (n, d), one a text, in order; raises :class:`EmbedderFailed`."""
        ...

    async def close(self) -> None:
        """Let go of processes and threads; calling it twice does nothing more."""
        ...


class EmbeddingCache(Protocol):
    """Remembers embeddings by the model's name and the SHA-256 of the text, never by the text."""

    async def get(self, model: str, digests: Sequence[str]) -> dict[str, Vectors]:
        """Return the rows (d,) that are known, by digest."""
        ...

    async def put(self, model: str, rows: dict[str, Vectors]) -> None:
        """Keep rows (d,) by digest; what is there already may be replaced by the same."""
        ...


class Entailer(Protocol):
    """Says how far a clause follows from what it cites."""

    @property
    def name(self) -> str:
        """What is shown beside ``support``: ``lexical``, a model's name."""
        ...

    def judge(self, clause: str, source: str, language: str | None) -> Judgement:
        """Judge one clause against one cited text."""
        ...


SupportFault = Literal["polarity", "quantifier", "modality", "condition", "number", "unrelated"]
"""Ways in which a clause can fail to follow from its source."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """``support`` in 0–1 and what stands against it; ``opposite``: it says the contrary."""

    support: float
    faults: tuple[SupportFault, ...] = ()

    @property
    def opposite(self) -> bool:
        """Whether the clause and its source point in opposite directions."""
        return "polarity" in self.faults


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """How a draft came about; what belongs to a model is null where none was asked.

    ``drafter`` is ``model`` or ``extractive``; hashes are SHA-256 in hexadecimal; ``shown`` is in
    the order in which it was shown.
    """

    drafter: Literal["model", "extractive"]
    approach: str = ""
    prompt_id: str | None = None
    prompt_sha256: str | None = None
    rendered_sha256: str | None = None
    shown: tuple[SourceId, ...] = ()
    model_asked: str | None = None
    model_answered: str | None = None
    fingerprint: str | None = None
    parameters: dict[str, float | int | str | bool] = {}
    seed: int = 0
    attempts: int = 1
    tokens: int | None = None
    answer_sha256: str | None = None
    entailer: str = ""
    embedder: str = ""


@dataclass(frozen=True, slots=True)
class ProposedQuote:
    """``text`` is said to stand at [start, end) of a statement, in code points."""

    statement: SourceId
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class ProposedClause:
    """A sentence and what it is said to rest on. Nothing about it has been checked."""

    text: str
    cites: tuple[SourceId, ...]
    quotes: tuple[ProposedQuote, ...] = ()
    language: str | None = None


@dataclass(frozen=True, slots=True)
class ProposedDraft:
    """What a drafter answered. Nothing about it has been checked."""

    id: str
    clauses: tuple[ProposedClause, ...]
    provenance: Provenance


@dataclass(frozen=True)
class DraftingBrief:
    """What a drafter may know: votes without those held out, and how statements lie in meaning.

    ``rows`` (m, d) and ``themes`` (m,) go with ``corpus.statements``; −1 is unthemed.
    """

    corpus: Corpus
    rows: Vectors
    themes: tuple[int, ...]
    embedder: str


class Drafter(Protocol):
    """Composes drafts out of what people said."""

    @property
    def name(self) -> str:
        """``extractive``, or a model's name."""
        ...

    async def propose(
        self, brief: DraftingBrief, *, count: int, seed: int
    ) -> Sequence[ProposedDraft]:
        """Return up to ``count`` drafts, unverified; the same brief and seed, the same request."""
        ...
