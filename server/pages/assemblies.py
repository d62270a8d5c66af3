"""An assembly for everybody: its question, where it stands, what comes next, and its report."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from ..api.services.desk import AnyRequest, Desk
from ..deliberation.views import tally_view
from ..errors import NotFound
from ..ids import LogId
from .rendering import HTML, Page, render
from .visits import counts_of, visit_of

Answer = Response[Any]
_STYLE = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)


def handlers(desk: Desk) -> list[HTTPRouteHandler]:
    """Return the handlers of this subject."""

    @get("/assemblies/{slug:str}", include_in_schema=False)
    async def assembly(request: AnyRequest, slug: FromPath[str]) -> Answer:
        return await _assembly(desk, request, slug)

    @get("/assemblies/{slug:str}/report", include_in_schema=False)
    async def report(request: AnyRequest, slug: FromPath[str]) -> Answer:
        return await _report(desk, request, slug)

    return [assembly, report]


async def _assembly(desk: Desk, request: AnyRequest, slug: str) -> Answer:
    state = await desk.house.assembly_by_slug(slug)
    room = LogId(state.plenary.id)
    visit = await visit_of(desk, request, slug=slug)
    plenary = await desk.house.room(room)
    if visit.identity is not None:
        visit = replace(visit, room=str(room))
    context: dict[str, object] = {
        "assembly": state,
        "counts": counts_of(state),
        "phase": plenary.phase,
        "tally": tally_view(plenary),
        "room": str(room),
    }
    return render(visit, Page("assembly.html", context=context))


async def _report(desk: Desk, request: AnyRequest, slug: str) -> Answer:
    del request
    state = await desk.house.assembly_by_slug(slug)
    if desk.report is None:
        raise NotFound("This server makes no reports.")
    page = await desk.report(state.slug)
    return Response(
        page.encode("utf-8", "replace"),
        media_type=HTML,
        headers={"content-security-policy": policy_for(page)},
    )


def policy_for(page: str) -> str:
    """Return the policy of a page that holds its own styles: these, by their hashes, and no more.

    The report is one file that can be sent on; nothing in it runs, and nothing is fetched.
    """
    hashes = " ".join(
        f"'sha256-{b64encode(sha256(style.encode('utf-8', 'replace')).digest()).decode()}'"
        for style in _STYLE.findall(page)
    )
    return (
        f"default-src 'none'; style-src {hashes or chr(39) + 'none' + chr(39)}; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
