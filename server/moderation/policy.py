"""By which rules statements are moderated: each reason in a sentence that its author can act on.

That a wish "can't be met" is no rule: it is the recipient's to say, in an answer, never a
moderator's reason to take a statement away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..deliberation.vocabulary import Reason


@dataclass(frozen=True, slots=True)
class Rule:
    """What a reason means, and what the author can do about it."""

    title: str
    meaning: str
    remedy: str


RULES: Mapping[Reason, Rule] = MappingProxyType(
    {
        Reason.OFF_TOPIC: Rule(
            "Off topic",
            "It does not speak to the assembly's question.",
            "Say how it bears on the question, and write it again.",
        ),
        Reason.DUPLICATE: Rule(
            "Said already",
            "Another statement says the same, in the same direction.",
            "Vote on the other statement, or say what yours adds.",
        ),
        Reason.PERSONAL_DATA: Rule(
            "Personal data",
            "It names or identifies a private person.",
            "Leave out who it was, and write it again.",
        ),
        Reason.ABUSE: Rule(
            "Abuse",
            "It attacks people instead of speaking to the question.",
            "Say what you want changed, without the attack.",
        ),
        Reason.SPAM: Rule(
            "Advertising",
            "It advertises, or was posted in bulk.",
            "Write what you yourself want of the recipient.",
        ),
        Reason.UNREADABLE: Rule(
            "Not understandable",
            "It could not be understood as a statement.",
            "Write it as one sentence that people can agree or disagree with.",
        ),
        Reason.SEVERAL_IDEAS: Rule(
            "Several ideas",
            "It holds more than one idea, so that a vote on it would not be clear.",
            "Write one statement for each idea.",
        ),
        Reason.UNLAWFUL: Rule(
            "Unlawful",
            "The law of the place where the assembly is run forbids publishing it.",
            "Ask the facilitators which part is meant.",
        ),
        Reason.FITS: Rule(
            "Accepted",
            "It fits the question and the rules.",
            "Nothing: everybody can vote on it.",
        ),
        Reason.IMPORTED: Rule(
            "Moderated elsewhere",
            "It was taken out where the conversation was held before it was imported.",
            "Ask those who ran that conversation.",
        ),
    }
)
"""Every reason there is; a test says that none is missing and none means "can't be done"."""

REASONS_TO_REJECT: tuple[Reason, ...] = tuple(
    reason for reason in RULES if reason not in (Reason.FITS, Reason.IMPORTED)
)
"""The reasons a moderator can choose from when taking a statement away."""
