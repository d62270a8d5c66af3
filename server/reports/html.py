"""``report.html``: the report as one page that asks nothing of the network and runs no script."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from . import document as d
from .consent import WITHHELD, Allowed
from .figures import Figures
from .material import Material
from .plots import MapPlot, map_plot

_TEMPLATES = Path(__file__).parent / "templates"
_NARROW_SPACE = "\u202f"
_PHASES = {
    "draft": "being prepared",
    "open": "people are speaking and voting",
    "drafting": "drafts are being written",
    "ranking": "drafts are being ranked",
    "ratifying": "clauses are being ratified",
    "closed": "closed",
}
_STATUSES = {
    "accepted": "accepted",
    "pending": "not looked at",
    "rejected": "moderated out",
    "erased": "taken back",
}
_ORIGINS = {"participant": "participants", "organiser": "the organiser", "imported": "imported"}
_CHANNELS = {
    "invite": "by an invite",
    "imported": "imported from another conversation",
    "simulated": "simulated by a program",
    "founder": "as founders",
}
_MAKERS = {"extractive": "Composed without a model, of participants’ own statements"}


def page(report: d.ValueReport, plot: MapPlot | None) -> str:
    """Return the whole page. Everything that people wrote is escaped and isolated."""
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            r=report,
            plot=plot,
            by_id={each.id: each for each in report.statements},
            groups=tuple(each.group for each in report.opinion.groups),
            drafts=_draft_names(report),
            style=Markup(_style()),  # noqa: S704 - our own file, no word of anybody's in it
            csp=f"default-src 'none'; style-src '{style_hash()}'; img-src data:",
        )
    )


def style_hash() -> str:
    """Return the source expression by which a content security policy allows the page's style."""
    digest = sha256(_style().encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def map_points(material: Material) -> MapPlot | None:
    """Return the map of a moment, or None where there is none to show."""
    if not material.voting_is_over:
        return None
    return map_plot(material, Figures(material, Allowed(material)))


def percent(share: float | None) -> str:
    """Return a share in whole percent, such as ``72 %``; ``–`` where there is none."""
    return "–" if share is None else f"{100 * share:.0f}{_NARROW_SPACE}%"


def interval(share: d.Share) -> str:
    """Return a share's interval in percent, or that it is everybody."""
    if share.everybody:
        return "everybody"
    if share.low is None or share.high is None:
        return "–"
    return f"{100 * share.low:.0f}–{100 * share.high:.0f}{_NARROW_SPACE}%"


def letter(group: int) -> str:
    """Return the letter of an opinion group: A for 0."""
    return chr(ord("A") + group) if 0 <= group < 26 else str(group)


def thousands(number: int) -> str:
    """Return a number with its thousands set apart."""
    return f"{number:,}".replace(",", _NARROW_SPACE)


def _draft_names(report: d.ValueReport) -> Mapping[str, str]:
    return {"none": "None of these"} | {
        draft.id: f"Draft {letter(place)}"
        + (f" of round {each.round}" if len(report.rounds) > 1 else "")
        for each in report.rounds
        for place, draft in enumerate(each.drafts)
    }


@cache
def _style() -> str:
    return (_TEMPLATES / "report.css").read_text("utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=percent, interval=interval, letter=letter, thousands=thousands
    )
    environment.globals.update(
        PHASES=_PHASES,
        STATUSES=_STATUSES,
        ORIGINS=_ORIGINS,
        CHANNELS=_CHANNELS,
        MAKERS=_MAKERS,
        WITHHELD=WITHHELD,
    )
    return environment
