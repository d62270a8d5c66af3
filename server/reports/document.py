"""``report.json``: the form ``folkmoot.report/1``.

Every share stands with its counts: ``n`` is of how many, ``low`` and ``high`` are Wilson's 95 %
interval at the close, absent where everybody of the population is in it (then it is a count). A
group's cell may be ``hidden``: too small a group of people would be told from it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from ..deliberation.charter import Charter
from ..deliberation.vocabulary import Choice


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """What all parts have in common."""


class Share(_Part, frozen=True, kw_only=True):
    """``count`` of ``n``; ``everybody`` says that n is the whole population."""

    count: int
    n: int
    share: float | None
    low: float | None
    high: float | None
    everybody: bool = False


class Weighted(_Part, frozen=True, kw_only=True):
    """An agree share weighted by 1/probability of the showing (Hájek), over ``n`` votes.

    ``raw`` is the same votes' unweighted share.
    """

    share: float
    raw: float
    low: float
    high: float
    n: int


class GroupCell(_Part, frozen=True, kw_only=True):
    """What one opinion group said; nothing but ``group`` where it is hidden."""

    group: int
    hidden: bool
    agree: Share | None = None
    disagree: int = 0
    passes: int = msgspec.field(name="pass", default=0)


class StatementReport(_Part, frozen=True, kw_only=True):
    """A statement with what was said of it; counts are absent while voting is open.

    ``text`` is absent for the reason in ``withheld``. ``anytime`` is the interval that would also
    hold had anybody looked at every moment.
    """

    id: str
    number: int
    seq: int
    text: str | None
    withheld: str | None
    language: str | None
    kind: str
    origin: str
    status: str
    reason: str | None
    shown: int | None
    agree: Share | None = None
    disagree: int | None = None
    passes: int | None = msgspec.field(name="pass", default=None)
    anytime: tuple[float, float] | None = None
    weighted: Weighted | None = None
    label: Literal["consensus across groups", "agreement"] | None = None
    label_holds_for: tuple[int, ...] = ()
    groups: tuple[GroupCell, ...] = ()


class Source(_Part, frozen=True, kw_only=True):
    """A statement that a clause rests on, and the piece of it that is quoted."""

    statement: str
    number: int
    quoted: str | None = None


class GroupBallots(_Part, frozen=True, kw_only=True):
    """One group's ballots on a clause; nothing but ``group`` and ``rejects`` where hidden."""

    group: int
    hidden: bool
    rejects: bool
    yes: Share | None = None
    no: int = 0
    blank: int = 0
    people: int = 0


class Reason(_Part, frozen=True, kw_only=True):
    """Why somebody voted as they did on a statement, in their words, of those who agreed to it."""

    statement: str
    choice: Choice
    text: str


class ClauseReport(_Part, frozen=True, kw_only=True):
    """A clause that was put to ratification; ``number`` by the participants' order of priority.

    ``against`` are the statements that most of those who rejected what the clause rests on agree
    with, and most of those who backed it disagree with. ``reasons`` are what people gave with
    their votes on the statements it rests on, for and against alike.
    """

    id: str
    number: int
    draft: str
    text: str | None
    adopted: bool
    yes: Share
    no: int
    blank: int
    quorum: int
    quorum_met: bool
    simulated: int
    groups: tuple[GroupBallots, ...]
    dissent: tuple[int, ...]
    consensus_across_groups: bool
    cites: tuple[Source, ...]
    against: tuple[Source, ...]
    criticisms: tuple[str, ...]
    reasons: tuple[Reason, ...] = ()


class OriginShare(_Part, frozen=True, kw_only=True):
    """How much of an assembly came from whom: statements, and votes on them (absent while open)."""

    origin: str
    statements: int
    statements_share: float
    votes: int | None
    votes_share: float | None


class ChannelCount(_Part, frozen=True, kw_only=True):
    """How many of those who took part came by a channel."""

    channel: str
    people: int | None
    hidden: bool = False


class Participation(_Part, frozen=True, kw_only=True):
    """Who took part. ``voters`` is the population of every share in the report."""

    admitted: int
    voters: int
    votes: int
    statements: int
    testimonies: int
    simulated: int
    imported: int
    rows_published: int
    rows_withheld: int
    running: dict[str, int]
    channels: tuple[ChannelCount, ...]


class OpinionGroup(_Part, frozen=True, kw_only=True):
    """An opinion group: how many people, and the statements that set it apart."""

    group: int
    people: int
    agrees: tuple[str, ...]
    disagrees: tuple[str, ...]


class Division(_Part, frozen=True, kw_only=True):
    """Two groups' agree shares differ by so much; the interval describes and doesn't test."""

    statement: str
    one: int
    two: int
    difference: float
    low: float
    high: float


class Represents(_Part, frozen=True, kw_only=True):
    """More than half of a group, and more than of all others, agree (or disagree)."""

    statement: str
    group: int
    direction: Literal["agree", "disagree"]


class ClaimsReport(_Part, frozen=True, kw_only=True):
    """What may be claimed of the groups, tested on votes that did not make them.

    Cross-fitted, at a false-discovery rate of ``rate`` over the ``tested`` statements.
    """

    rate: float
    tested: int
    divides: tuple[str, ...]
    represents: tuple[Represents, ...]


class OpinionReport(_Part, frozen=True, kw_only=True):
    """Whether opinion groups can be told, by which evidence, and what follows."""

    k: int | None
    verdict: str
    sentence: str
    silhouette: float | None
    chance_p95: float | None
    stability: float | None
    seed: int | None
    groups: tuple[OpinionGroup, ...]
    consensus: tuple[str, ...]
    agreement: tuple[str, ...]
    rejection: tuple[str, ...]
    divisive: tuple[Division, ...]
    claims: ClaimsReport | None


class ThemeReport(_Part, frozen=True, kw_only=True):
    """A theme with the statements in it."""

    name: str
    words: tuple[str, ...]
    statements: tuple[str, ...]


class ThemesReport(_Part, frozen=True, kw_only=True):
    """The themes, and how they were found."""

    themes: tuple[ThemeReport, ...]
    unthemed: int
    embedder: str
    stability: float | None


class DraftClause(_Part, frozen=True, kw_only=True):
    """A clause of a draft."""

    id: str
    text: str | None
    cites: tuple[Source, ...]


class DraftReport(_Part, frozen=True, kw_only=True):
    """A draft and how it was made; ``maker`` is absent until its ranking was counted."""

    id: str
    clauses: tuple[DraftClause, ...]
    maker: str | None
    model: str | None
    approach: str
    prompt_sha256: str | None
    entailer: str
    seed: int | None
    coverage_mean: float | None
    coverage_lowest_decile: float | None
    coverage_gap: float | None
    uncovered: int | None
    criticisms: tuple[str, ...]
    criticisms_withheld: int


class GroupPreference(_Part, frozen=True, kw_only=True):
    """How many of a group's ballots put a draft above "none" and how many below."""

    group: int
    hidden: bool
    prefer: Share | None = None
    reject: int = 0


class DraftSupport(_Part, frozen=True, kw_only=True):
    """A draft's support against "none", group by group."""

    draft: str
    groups: tuple[GroupPreference, ...]
    rejected_by: tuple[int, ...]


class RoundReport(_Part, frozen=True, kw_only=True):
    """A round of drafts; the ranking is absent while it isn't counted."""

    round: int
    seq: int
    drafts: tuple[DraftReport, ...]
    failed: tuple[str, ...]
    group_count: int
    ballots: int | None
    simulated: int
    levels: tuple[tuple[str, ...], ...]
    winners: tuple[str, ...]
    candidates: tuple[str, ...]
    pairwise: tuple[tuple[int, ...], ...]
    support: tuple[DraftSupport, ...]


class ModerationRule(_Part, frozen=True, kw_only=True):
    """How many statements stand moderated by one rule, and which."""

    reason: str
    title: str
    meaning: str
    statements: int
    share: float
    ids: tuple[str, ...]


class ModerationReport(_Part, frozen=True, kw_only=True):
    """What was moderated, by rule; ``waiting`` has not been looked at."""

    policy: str
    rejected: int
    waiting: int
    decisions: int
    erased_words: int
    rules: tuple[ModerationRule, ...]


class Head(_Part, frozen=True, kw_only=True):
    """Up to where a log was read: its last seq and the hash there."""

    log: str
    kind: str
    seq: int
    hash: str


class Step(_Part, frozen=True, kw_only=True):
    """When a phase began."""

    phase: str
    day: str
    seq: int


class AssemblyHead(_Part, frozen=True, kw_only=True):
    """What the assembly is."""

    id: str
    slug: str
    title: str
    question: str
    language: str
    charter: Charter


class ValueReport(_Part, frozen=True, kw_only=True):
    """The whole report; ``missing`` says in sentences what is not there yet."""

    format: Literal["folkmoot.report/1"] = "folkmoot.report/1"
    assembly: AssemblyHead
    room: str
    phase: str
    made_on: str
    version: str
    final: bool
    missing: tuple[str, ...]
    clauses: tuple[ClauseReport, ...]
    participation: Participation
    opinion: OpinionReport
    statements: tuple[StatementReport, ...]
    themes: ThemesReport | None
    rounds: tuple[RoundReport, ...]
    moderation: ModerationReport
    capture: tuple[OriginShare, ...]
    steps: tuple[Step, ...]
    heads: tuple[Head, ...]
