"""For operators and developers: alive, ready, metrics, and the interface's description."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from ...errors import NotFound
from ..documentation import ASSETS, asset, described
from ..metrics import CONTENT_TYPE
from ..services.desk import Desk


class Health(msgspec.Struct, frozen=True):
    """``ok``, or the answer is another status."""

    status: str = "ok"


def handlers(desk: Desk) -> list[HTTPRouteHandler]:
    """Return the handlers of this subject."""

    @get("/healthz", summary="The process is alive", sync_to_thread=False)
    def healthz() -> Health:
        return Health()

    @get("/readyz", summary="The database can be reached")
    async def readyz() -> Health:
        await desk.house.assemblies()
        return Health()

    @get("/metrics", include_in_schema=False, sync_to_thread=False)
    def metrics() -> ASGIResponse:
        return ASGIResponse(body=desk.metrics.text(), media_type=CONTENT_TYPE)

    @get("/api/openapi.json", include_in_schema=False, sync_to_thread=False)
    def openapi(request: Request[Any, Any, Any]) -> ASGIResponse:
        return ASGIResponse(body=described(request.app), media_type="application/json")

    @get("/api/docs/{name:str}", include_in_schema=False, sync_to_thread=False)
    def docs_asset(name: FromPath[str]) -> ASGIResponse:
        if name not in ASSETS:
            raise NotFound("There is nothing at this address.")
        return ASGIResponse(body=asset(name), media_type=ASSETS[name])

    @get("/api/docs", include_in_schema=False, sync_to_thread=False)
    def docs() -> ASGIResponse:
        return ASGIResponse(body=asset("docs.html"), media_type="text/html; charset=utf-8")

    return [healthz, readyz, metrics, openapi, docs, docs_asset]
