"""The closed lists of words that events, commands and answers share."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """Where a room stands."""

    DRAFT = "draft"
    OPEN = "open"
    DRAFTING = "drafting"
    RANKING = "ranking"
    RATIFYING = "ratifying"
    CLOSED = "closed"


class Role(StrEnum):
    """What a person may do in an assembly."""

    OWNER = "owner"
    FACILITATOR = "facilitator"
    MODERATOR = "moderator"
    ANALYST = "analyst"
    PARTICIPANT = "participant"
    OBSERVER = "observer"

    @property
    def runs(self) -> bool:
        """May change phases, ask for drafts and invite."""
        return self in (Role.OWNER, Role.FACILITATOR)

    @property
    def moderates(self) -> bool:
        """May accept and reject statements, and sees those that wait."""
        return self in (Role.OWNER, Role.FACILITATOR, Role.MODERATOR)

    @property
    def decides(self) -> bool:
        """May vote, rank and ratify: participants alone; who runs an assembly has no vote in it."""
        return self is Role.PARTICIPANT

    @property
    def speaks(self) -> bool:
        """May write statements; those of anybody but participants are marked as the organiser's."""
        return self in (Role.OWNER, Role.FACILITATOR, Role.PARTICIPANT)

    @property
    def exports(self) -> bool:
        """May take the bundle away."""
        return self in (Role.OWNER, Role.FACILITATOR, Role.ANALYST)


class Channel(StrEnum):
    """How somebody came to be admitted; results are told apart by it."""

    FOUNDER = "founder"
    INVITE = "invite"
    IMPORTED = "imported"
    SIMULATED = "simulated"


class Origin(StrEnum):
    """Who wrote a statement."""

    PARTICIPANT = "participant"
    ORGANISER = "organiser"
    IMPORTED = "imported"


class Kind(StrEnum):
    """A statement is voted on; a testimony is what someone has lived through, citable, unvoted."""

    STATEMENT = "statement"
    TESTIMONY = "testimony"


class Status(StrEnum):
    """Where a statement stands with moderation."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class Choice(StrEnum):
    """A vote."""

    AGREE = "agree"
    DISAGREE = "disagree"
    PASS = "pass"  # noqa: S105

    @property
    def value_in_matrix(self) -> int:
        """+1, −1 or 0."""
        return _VALUES[self]


_VALUES = {Choice.AGREE: 1, Choice.DISAGREE: -1, Choice.PASS: 0}
CHOICE_OF_VALUE = {1: Choice.AGREE, -1: Choice.DISAGREE, 0: Choice.PASS}


class Assent(StrEnum):
    """A ballot on one clause in its ratification."""

    YES = "yes"
    NO = "no"
    BLANK = "blank"


class Moderation(StrEnum):
    """Whether statements wait for a moderator before others see them."""

    BEFORE = "before"
    AFTER = "after"


class Decision(StrEnum):
    """What a moderator decides of one statement."""

    ACCEPT = "accept"
    REJECT = "reject"


class Reason(StrEnum):
    """Why a statement was moderated. That something "can't be done" is no reason to remove it."""

    FITS = "fits"
    OFF_TOPIC = "off-topic"
    DUPLICATE = "duplicate"
    PERSONAL_DATA = "personal-data"
    ABUSE = "abuse"
    SPAM = "spam"
    UNREADABLE = "unreadable"
    SEVERAL_IDEAS = "several-ideas"
    UNLAWFUL = "unlawful"
    IMPORTED = "imported"
