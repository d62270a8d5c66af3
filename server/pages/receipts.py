"""What a person is told after a redirect: a short-lived cookie that names a sentence of ours.

The cookie holds no text, only which sentence, a seq and an id; whoever forges it can make nothing
appear that this program does not say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from litestar.datastructures import Cookie

from .wording import N_

COOKIE: Final = "folkmoot_said"
_LIFETIME = 60
_SHAPE = re.compile(r"(?P<key>[a-z-]{1,24})\.(?P<seq>\d{1,12})\.(?P<about>[a-z0-9]{0,24})")

SENTENCES: Final[dict[str, str]] = {
    "agree": N_("You agreed. Recorded, receipt no. %(seq)s."),
    "disagree": N_("You disagreed. Recorded, receipt no. %(seq)s."),
    "pass": N_("You passed. Recorded, receipt no. %(seq)s."),
    "skipped": N_("Put off; it comes again later."),
    "statement": N_("Your statement is in, receipt no. %(seq)s. Others can vote on it now."),
    "waiting": N_("Your statement is in, receipt no. %(seq)s. A moderator looks at it first."),
    "testimony": N_("Your testimony is in, receipt no. %(seq)s."),
    "consent": N_("Your switches are kept."),
    "erased": N_("Your words are erased for good."),
    "ballot": N_("Your ballot is recorded, receipt no. %(seq)s."),
    "decisions": N_("Your decisions are recorded, receipt no. %(seq)s."),
    "accepted": N_("Accepted. The decision stands in the public log."),
    "rejected": N_("Taken away. The decision stands in the public log."),
    "phase": N_("The assembly is in another step now; everybody has been told."),
    "notice": N_("Your notice is out to everybody in the room."),
    "drafts": N_("Drafts were asked for. They appear when they have been checked."),
    "signed-out": N_("You are signed out in this browser."),
    "everywhere": N_("You are signed out everywhere."),
    "back": N_("Welcome back."),
}


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence to show once: its key, the seq of the record, and the id it is about."""

    key: str
    seq: int = 0
    about: str = ""

    @property
    def sentence(self) -> str:
        """The sentence, untranslated."""
        return SENTENCES[self.key]


def saying(said: Said) -> Cookie:
    """Return the cookie that makes the next page say it."""
    return Cookie(
        key=COOKIE,
        value=f"{said.key}.{said.seq}.{said.about}",
        max_age=_LIFETIME,
        path="/",
        httponly=True,
        samesite="lax",
    )


def said_in(value: str | None) -> Said | None:
    """Return what a cookie's value asks to say, or None where it is none of ours."""
    found = _SHAPE.fullmatch(value or "")
    if found is None or found["key"] not in SENTENCES:
        return None
    return Said(found["key"], int(found["seq"]), found["about"])


def silence() -> Cookie:
    """Return the cookie that makes it be said once only."""
    return Cookie(key=COOKIE, value="", max_age=0, path="/", httponly=True, samesite="lax")
