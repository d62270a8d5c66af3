"""For operators and developers: alive, ready, metrics, and the interface's description."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from ...errors import NotFound
from ..documentation import ASSETS, asset, described
from ..health import Health, Ready
from ..metrics import CONTENT_TYPE
from ..services.desk import Desk


def handlers(desk: Desk) -> list[HTTPRouteHandler]:
    """Return the handlers of this subject."""

    @get("/healthz", summary="The process is alive", sync_to_thread=False)
    def healthz() -> Health:
        return Health()

    @get("/readyz", summary="People can be sent here, and how each part stands")
    async def readyz() -> Response[Ready]:
        ready = Ready("draining")
        if not desk.draining:
            ready = await desk.readiness.ask()
        return Response(ready, status_code=200 if ready.serves else 503)

    @get("/metrics", include_in_schema=False)
    async def metrics() -> ASGIResponse:
        await desk.metrics.fresh()
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
