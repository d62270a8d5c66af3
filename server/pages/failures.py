"""Pages for what cannot be shown: what happened, in words, and where to go from there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from litestar.types import Scope

from ..api.problems import Problem
from .rendering import environment
from .wording import MOVED_ON, N_


@dataclass(frozen=True, slots=True)
class Action:
    """A way on."""

    href: str
    label: str


_HOME = Action("/", N_("All assemblies"))
_RETURN = Action("/return", N_("Come back with a return code"))

_HEADINGS: Final[dict[str, str]] = {
    "not-signed-in": N_("You are not signed in here"),
    "forbidden": N_("This is not for your role"),
    "csrf": N_("This form is too old"),
    "foreign-origin": N_("This came from another site"),
    "invite-unusable": N_("This invitation cannot be used"),
    "not-found": N_("There is nothing here"),
    "method-not-allowed": N_("There is nothing here"),
    "wrong-phase": N_("The assembly is in another step"),
    "conflict": N_("Something has changed meanwhile"),
    "too-large": N_("That is too much at once"),
    "too-many-requests": N_("A little slower, please"),
    "stopping": N_("The server is restarting"),
    "storage-full": N_("The server cannot keep more at the moment"),
    "storage-fault": N_("The server could not keep that"),
}
_INPUT = N_("That did not work")
_OURS = N_("Something of ours failed")
_FORM_TOO_OLD = N_("Go back, load the page again, and send it once more: your text is still there.")


def failure_page(found: Problem, scope: Scope) -> bytes:
    """Return a problem as a page."""
    heading = _HEADINGS.get(found.code) or (_OURS if found.status >= 500 else _INPUT)
    text = (
        environment()
        .get_template("trouble.html")
        .render(
            visit=None,
            places=[],
            here="",
            receipt=None,
            problems=(),
            heading=heading,
            message=_message(found),
            number=found.request_id,
            actions=_actions(found.code, scope),
        )
    )
    return text.encode("utf-8", "replace")


def _message(found: Problem) -> str:
    if found.code == "csrf":
        return _FORM_TOO_OLD
    if found.code == "wrong-phase" and not found.field:
        return MOVED_ON
    return found.detail


def _actions(code: str, scope: Scope) -> list[Action]:
    if code in ("not-signed-in", "invite-unusable"):
        return [_RETURN, _HOME]
    path: str = scope["path"]
    parts = path.split("/")
    in_room = len(parts) > 2 and parts[1] == "rooms" and parts[2].isalnum() and parts[2].isascii()
    if in_room and code != "not-found":
        return [Action(f"/rooms/{parts[2]}", N_("Back to the room")), _HOME]
    return [_HOME]
