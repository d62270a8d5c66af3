"""An assembly, and its bundle."""

from __future__ import annotations

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from ...deliberation.views import tally_view
from ...deliberation.vocabulary import Role
from ...errors import NotFound
from ...ids import LogId
from ..access import access_assembly, access_export
from ..schemas import AssemblyAnswer, Counts
from ..services.desk import AnyRequest, Desk
from .answers import room_list


def handlers(desk: Desk) -> list[HTTPRouteHandler]:
    """Return the handlers of this subject."""

    @get("/api/assemblies/{slug:str}", summary="An assembly's question, charter and counts")
    async def assembly(request: AnyRequest, slug: FromPath[str]) -> AssemblyAnswer:
        state = access_assembly(await desk.who(request), slug)
        plenary = await desk.house.room(LogId(state.plenary.id))
        tally = tally_view(plenary)
        return AssemblyAnswer(
            id=state.id,
            slug=state.slug,
            title=state.title,
            question=state.question,
            language=state.language,
            charter=state.charter,
            phase=plenary.phase,
            counts=Counts(
                participants=sum(m.role is Role.PARTICIPANT for m in state.members.values()),
                voters=tally.voters,
                votes=tally.votes,
                statements=tally.statements,
            ),
            rooms=await room_list(desk.house, state),
        )

    @get(
        "/api/assemblies/{slug:str}/export",
        summary="The signed bundle as a zip",
        media_type="application/zip",
    )
    async def export(request: AnyRequest, slug: FromPath[str]) -> Response[bytes]:
        state = access_export(await desk.who(request), slug)
        if desk.export is None:
            raise NotFound("This server makes no exports.")
        return Response(
            await desk.export(state),
            media_type="application/zip",
            headers={"content-disposition": f'attachment; filename="{state.slug}.zip"'},
        )

    return [assembly, export]
