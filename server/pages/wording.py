"""The words that pages use for the closed lists of the core, marked for translation.

``N_`` marks a string for the catalogue without translating it; templates translate as they print.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from ..deliberation.vocabulary import Assent, Choice, Origin, Phase, Role, Status


def N_(text: str) -> str:  # noqa: N802  # the name that message extractors look for
    """Mark ``text`` for translation and return it unchanged."""
    return text


@dataclass(frozen=True, slots=True)
class PhaseWords:
    """A phase in words: its name, one line, what one does now, and what comes after."""

    name: str
    short: str
    now: str
    then: str
    running: str


PHASES: Final[dict[Phase, PhaseWords]] = {
    Phase.DRAFT: PhaseWords(
        N_("In preparation"),
        N_("Those who run the assembly prepare it."),
        N_("The assembly has not opened yet. Those who run it are writing the first statements."),
        N_("When it opens, you can vote on statements and write your own."),
        N_("You can write first statements. Nobody can vote yet."),
    ),
    Phase.OPEN: PhaseWords(
        N_("Speaking and voting"),
        N_("People write statements and vote on them."),
        N_("Vote on what others say, and say what you want yourself."),
        N_("Then drafts are made from what people agree on across their differences."),
        N_("People write and vote. Nobody sees tallies beyond what cannot give a vote away."),
    ),
    Phase.DRAFTING: PhaseWords(
        N_("Drafting"),
        N_("Drafts are made from what was said, each clause with its sources."),
        N_("Voting has closed. Drafts are being made from statements, and checked against them."),
        N_("Then you rank the drafts, and say what is missing."),
        N_("Voting is closed and all tallies are open. Ask for drafts, then open the ranking."),
    ),
    Phase.RANKING: PhaseWords(
        N_("Ranking the drafts"),
        N_("People put the drafts in order, or say that none speaks for them."),
        N_("Put the drafts in your order. Every clause shows the statements it rests on."),
        N_("Then the clauses of the winning draft are decided one by one."),
        N_("People rank. Leaving this phase counts the ballots and shows which drafter made what."),
    ),
    Phase.RATIFYING: PhaseWords(
        N_("Deciding on the clauses"),
        N_("People say yes, no or blank to each clause."),
        N_("Say yes, no or blank to each clause of the draft that came first."),
        N_("Then the result is signed and handed over, with its dissent."),
        N_("People decide on each clause. Closing counts, and nothing can be changed after it."),
    ),
    Phase.CLOSED: PhaseWords(
        N_("Closed"),
        N_("The result is handed to those who must answer."),
        N_("The assembly is closed. What it decided stands in the report."),
        N_("Those named in the charter owe an answer."),
        N_("The room stays closed. Download the bundle and hand it over."),
    ),
}
PATH: Final = tuple(PHASES)

MOVED_ON: Final = N_("The assembly is in another step now, in which this cannot be done.")

ROLES: Final[dict[Role, str]] = {
    Role.OWNER: N_("owner"),
    Role.FACILITATOR: N_("facilitator"),
    Role.MODERATOR: N_("moderator"),
    Role.ANALYST: N_("analyst"),
    Role.PARTICIPANT: N_("participant"),
    Role.OBSERVER: N_("observer"),
}

CHOICES: Final[dict[Choice, str]] = {
    Choice.AGREE: N_("Agree"),
    Choice.DISAGREE: N_("Disagree"),
    Choice.PASS: N_("Pass"),
}
VOTED: Final[dict[Choice, str]] = {
    Choice.AGREE: N_("You agreed."),
    Choice.DISAGREE: N_("You disagreed."),
    Choice.PASS: N_("You passed."),
}

ASSENTS: Final[dict[Assent, str]] = {
    Assent.YES: N_("Yes"),
    Assent.NO: N_("No"),
    Assent.BLANK: N_("Blank"),
}

ORIGINS: Final[dict[Origin, str]] = {
    Origin.PARTICIPANT: N_("by a participant"),
    Origin.ORGANISER: N_("by the organisers"),
    Origin.IMPORTED: N_("imported"),
}

STATUSES: Final[dict[Status, str]] = {
    Status.PENDING: N_("Waits for a moderator"),
    Status.ACCEPTED: N_("Everybody can see it"),
    Status.REJECTED: N_("Taken away"),
}

DRAFT_FAILURES: Final[dict[str, str]] = {
    "nothing-to-synthesise": N_("There is too little yet to make a draft of."),
    "no-clauses": N_("A draft came out empty."),
    "too-few-clauses": N_("Of a draft, too few clauses held when they were checked."),
    "not-proposed": N_("Fewer drafts could be made than were asked for."),
    "stale": N_("Something that a draft rested on was taken away while it was made. Ask again."),
    "phase-changed": N_("The assembly went on to another step before the drafts came."),
    "lost": N_("The work on the drafts was interrupted. Ask again."),
    "embedder-failed": N_("Comparing what statements mean failed this time. Ask again."),
    "embedder-unavailable": N_(
        "What compares the meaning of statements is not installed; the operator can help."
    ),
    "storage-full": N_("The server's disk is full; the operator can help."),
}
"""What became of a draft, by the reason that its failure carries."""
DRAFT_FAILED: Final = N_(
    "The work on the drafts failed. Ask again; if it fails again, the operator can help."
)

LANGUAGES: Final = (
    ("ar", "العربية"),
    ("bn", "বাংলা"),
    ("zh", "中文"),
    ("nl", "Nederlands"),
    ("en", "English"),
    ("fr", "Français"),
    ("de", "Deutsch"),
    ("hi", "हिन्दी"),
    ("id", "Bahasa Indonesia"),
    ("it", "Italiano"),
    ("ja", "日本語"),
    ("ko", "한국어"),
    ("fa", "فارسی"),
    ("pl", "Polski"),
    ("pt", "Português"),
    ("ru", "Русский"),
    ("es", "Español"),
    ("sw", "Kiswahili"),
    ("tr", "Türkçe"),
    ("uk", "Українська"),
    ("ur", "اردو"),
    ("vi", "Tiếng Việt"),
    ("yo", "Yorùbá"),
)
"""Languages to choose from when writing; each is named in itself."""

SCRIPT_WORDS: Final[dict[str, str]] = {
    "question": N_("What do you think of this?"),
    "voted_already": N_("You have voted on this; you can change it"),
    "leave": N_("Leave it as it is"),
    "recorded": N_("Recorded."),
    "receipt": N_("Recorded, receipt no. %(seq)s."),
    "change": N_("Change it"),
    "next": N_("Next statement:"),
    "again": N_("You vote again on:"),
    "none_left": N_("You have voted on everything there is. New statements appear here."),
    "similar": N_("People have said something like it already:"),
    "vote_instead": N_("Vote on it"),
    "sent": N_("Your statement is in. Others can vote on it now."),
    "waiting": N_("Your statement is in. A moderator looks at it first."),
    "send": N_("Send my statement"),
    "characters": N_("%(n)s of %(most)s characters"),
    "offline": N_("Reconnecting: your text is safe."),
    "unsent": N_("Not recorded yet: the line is down. It is sent again as soon as it is back."),
    "phase": N_("The assembly has moved on to another step."),
    "reload": N_("Show it"),
    "notice": N_("From those who run the assembly:"),
    "drafts": N_("New drafts are here."),
    "fresh": N_("There is a new statement to vote on."),
    "analysis": N_("There is a newer picture of where people stand."),
    "left": N_("%(n)s left"),
    "moved": N_("Draft %(letter)s is now at place %(n)s."),
    "progress": N_("%(n)s of %(goal)s, then you see where you stand"),
    "enough": N_("You have voted on %(n)s statements."),
}
"""What the room's script says; handed to it by the page, so that there is one catalogue."""


def letter(index: int) -> str:
    """Return the letter of an opinion group or a draft: A, B, C …"""
    return chr(ord("A") + index % 26)


def call(phase: Phase, role: Role) -> str:
    """Return what the button to the room says in a phase."""
    if not role.decides:
        return N_("Look at the room")
    return {
        Phase.DRAFT: N_("Look at the room"),
        Phase.OPEN: N_("Vote and speak"),
        Phase.DRAFTING: N_("See where people stand"),
        Phase.RANKING: N_("Rank the drafts"),
        Phase.RATIFYING: N_("Decide on the clauses"),
        Phase.CLOSED: N_("See the result"),
    }[phase]


def place_of(room: str, phase: Phase, role: Role) -> str:
    """Return the address at which what a phase asks is done."""
    if phase is Phase.DRAFTING and role.decides:
        return f"/rooms/{room}/map"
    if phase in (Phase.RANKING, Phase.RATIFYING, Phase.CLOSED):
        return f"/rooms/{room}/drafts"
    return f"/rooms/{room}"


def script_words(translate: Callable[[str], str]) -> str:
    """Return as JSON everything that the room's script says."""
    told: dict[str, object] = {key: translate(text) for key, text in SCRIPT_WORDS.items()}
    told["voted"] = {str(choice): translate(text) for choice, text in VOTED.items()}
    told["origins"] = {str(origin): translate(text) for origin, text in ORIGINS.items()}
    return msgspec.json.encode(told).decode()
