"""Templates and what all of them know: words, the person who looks, receipts and problems."""

from __future__ import annotations

import gettext
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Response
from litestar.datastructures import Cookie
from litestar.response import Redirect

from ..api.problems import FieldError, problem_of
from ..errors import Refusal, WrongPhase
from . import wording
from .receipts import Said, saying, silence
from .visits import Visit

HTML = "text/html"
_HERE = Path(__file__).resolve().parent
_catalogue = gettext.NullTranslations()


@cache
def environment() -> Environment:
    """Return the one environment: everything escaped, every missing name an error."""
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_callables(  # type: ignore[attr-defined]  # the extension adds it
        _catalogue.gettext, _catalogue.ngettext, newstyle=True
    )
    made.filters["letter"] = wording.letter
    # Sentences of the core are whole: a per cent sign in them is no placeholder.
    made.filters["told"] = _catalogue.gettext
    made.filters["headline"] = lambda text: text.strip().partition("\n")[0]
    made.filters["rest"] = lambda text: text.strip().partition("\n")[2].strip()
    made.globals["words"] = SimpleNamespace(
        phases=wording.PHASES,
        path=wording.PATH,
        roles=wording.ROLES,
        choices=wording.CHOICES,
        voted=wording.VOTED,
        assents=wording.ASSENTS,
        origins=wording.ORIGINS,
        statuses=wording.STATUSES,
        draft_failure=lambda reason: wording.DRAFT_FAILURES.get(reason, wording.DRAFT_FAILED),
        languages=wording.LANGUAGES,
        letter=wording.letter,
        call=wording.call,
        place_of=wording.place_of,
        script=wording.script_words(_catalogue.gettext),
        script_line=lambda key: _catalogue.gettext(wording.SCRIPT_WORDS[key]),
    )
    made.globals["version"] = _version()
    made.globals["language"] = "en"
    made.globals["direction"] = "ltr"
    return made


def _version() -> str:
    """Return what names the state of the scripts and styles, so that browsers may keep them."""
    digest = sha256()
    for place in (_HERE.parent / "web" / "dist", _HERE.parents[1] / "web" / "dist"):
        for path in sorted(place.glob("*")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Page:
    """A page to render: its template, what it shows, and where it stands in the navigation."""

    template: str
    here: str = ""
    problems: tuple[FieldError, ...] = ()
    status: int = 200
    cookies: tuple[Cookie, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    context: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """What a page says beside its fields of something that was not done, and how it answers."""

    problems: tuple[FieldError, ...] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the navigation."""

    key: str
    href: str
    label: str
    count: int = 0


def render(visit: Visit, page: Page) -> Response[bytes]:
    """Return the page for whoever visits, with the receipt that waits for them."""
    said = visit.said
    text = (
        environment()
        .get_template(page.template)
        .render(
            visit=visit,
            places=_places(visit),
            here=page.here,
            receipt=_receipt(visit, said) if said and not page.problems else None,
            problems=page.problems,
            **page.context,
        )
    )
    cookies = [*page.cookies, *((silence(),) if said else ())]
    return Response(
        content=text.encode("utf-8", "replace"),
        media_type=HTML,
        status_code=page.status,
        headers=page.headers,
        cookies=cookies,
    )


def told(error: Refusal, *, field_names: dict[str, str] | None = None) -> tuple[FieldError, ...]:
    """Return a refusal as the problem of a form; ``field_names`` maps the core's to the form's."""
    name = error.field or ""
    message = error.message
    if isinstance(error, WrongPhase) and not name:
        message = wording.MOVED_ON  # The core names phases by their keys.
    return (FieldError(field=(field_names or {}).get(name, name), message=message),)


def refused(error: Refusal, *, field_names: dict[str, str] | None = None) -> Told:
    """Return what a page says of a refusal while it keeps what somebody wrote.

    It answers with the status and headers (``Retry-After``) that the refusal has everywhere.
    """
    found = problem_of(error)
    return Told(told(error, field_names=field_names), found.status, found.headers)


def go(path: str, said: Said | None = None, cookies: Sequence[Cookie] = ()) -> Redirect:
    """Return the redirect after a form (303), with what the next page is to say."""
    given = [*cookies, *((saying(said),) if said else ())]
    return Redirect(path=path, status_code=303, cookies=given)


def _receipt(visit: Visit, said: Said) -> SimpleNamespace:
    change = None
    if said.key in ("agree", "disagree", "pass") and said.about and visit.room:
        change = f"/rooms/{visit.room}?statement={said.about}"
    return SimpleNamespace(
        text=_catalogue.gettext(said.sentence) % {"seq": said.seq}, change=change
    )


def _places(visit: Visit) -> list[Place]:
    if visit.identity is None or not visit.room:
        return []
    role, base = visit.identity.role, f"/rooms/{visit.room}"
    places = [Place("room", base, wording.N_("Room"))]
    if role.decides:
        places.append(Place("map", f"{base}/map", wording.N_("Where I stand")))
    else:
        places.append(Place("map", f"{base}/map", wording.N_("Where people stand")))
    places.append(Place("drafts", f"{base}/drafts", wording.N_("Drafts")))
    places.append(Place("mine", f"{base}/mine", wording.N_("Mine")))
    if role.moderates:
        places.append(Place("desk", f"{base}/moderation", wording.N_("Moderation"), visit.waiting))
    if role.runs:
        places.append(Place("run", f"{base}/facilitate", wording.N_("Run")))
    return places
