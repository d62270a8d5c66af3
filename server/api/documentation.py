"""What describes the interface to a machine and to a developer: OpenAPI, and a page that shows it.

The page is ours and loads nothing from elsewhere. The framework describes the handlers; added are
the bodies that it doesn't see, the ways to sign in, and problems as they are answered.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from litestar import Litestar
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.routes import HTTPRoute

from .. import __version__
from .problems import MEDIA_TYPE, Problem
from .sessions import COOKIE

TAKES = "takes"
GIVES = "gives"
"""Keys of a handler's ``opt``: the structs of a body and an answer that it reads and writes itself.
"""
ASSETS = {"docs.js": "text/javascript; charset=utf-8", "docs.css": "text/css; charset=utf-8"}
_REFERENCE = "#/components/schemas/{name}"
_UNSAFE = ("post", "put", "patch", "delete")


class _Nowhere(OpenAPIRenderPlugin):
    """Stands in for the framework's pages, which load from a foreign host."""

    def render(self, request: Any, openapi_schema: dict[str, Any]) -> bytes:  # noqa: ARG002 - the framework's types
        return b"{}"


def configuration() -> OpenAPIConfig:
    """Return what the framework is told; its own pages move to where nobody looks."""
    return OpenAPIConfig(
        title="Folkmoot",
        version=__version__,
        description="Write over HTTP, read over the socket. Errors are RFC 9457 problem details.",
        path="/api/.framework",
        render_plugins=[_Nowhere(path="/openapi.json")],
        components=Components(
            security_schemes={
                "cookie": SecurityScheme(
                    type="apiKey",
                    name=COOKIE,
                    security_scheme_in="cookie",
                    description="Unsafe methods then need the header X-CSRF-Token.",
                ),
                "bearer": SecurityScheme(type="http", scheme="bearer"),
            }
        ),
        security=[{"cookie": []}, {"bearer": []}],
    )


def described(app: Litestar) -> bytes:
    """Return the interface's OpenAPI document as JSON; made once an application."""
    kept: bytes | None = app.state.get("openapi")
    if kept is None:
        kept = msgspec.json.encode(_document(app))
        app.state["openapi"] = kept
    return kept


def _document(app: Litestar) -> dict[str, Any]:
    document: dict[str, Any] = app.openapi_schema.to_schema()
    schemas: dict[str, Any] = document["components"].setdefault("schemas", {})
    (problem,), more = msgspec.json.schema_components([Problem], ref_template=_REFERENCE)
    schemas.update(more)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if isinstance(operation, dict) and "responses" in operation:
                _answers_problems(operation, problem, guarded=path.startswith("/api"))
                if method in _UNSAFE:
                    _takes_keys(operation)
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            _add_bodies(route, document["paths"].get(route.path_format, {}), schemas)
    return document


def _answers_problems(operation: dict[str, Any], problem: Any, *, guarded: bool) -> None:
    operation["responses"].pop("400", None)
    if guarded:
        operation["responses"]["default"] = {
            "description": "A problem; docs/problems.md lists the types.",
            "content": {MEDIA_TYPE: {"schema": problem}},
        }


def _takes_keys(operation: dict[str, Any]) -> None:
    for name, about in (
        ("Idempotency-Key", "The same key, person and body give the same answer, once."),
        ("X-CSRF-Token", "Needed with a session's cookie, not with a bearer token."),
    ):
        operation.setdefault("parameters", []).append(
            {"name": name, "in": "header", "required": False, "description": about}
            | {"schema": {"type": "string"}}
        )


def _add_bodies(route: HTTPRoute, operations: dict[str, Any], schemas: dict[str, Any]) -> None:
    for handler in route.route_handlers:
        taken, given = handler.opt.get(TAKES), handler.opt.get(GIVES)
        if taken is None or given is None:
            continue
        (body, answer), more = msgspec.json.schema_components(
            [taken, given], ref_template=_REFERENCE
        )
        schemas.update(more)
        operation = operations["post"]
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": body}},
        }
        operation["responses"]["201"] = {
            "description": "It is durable.",
            "content": {"application/json": {"schema": answer}},
        }


@cache
def asset(name: str) -> bytes:
    """Return a file of the page that shows the interface."""
    return (files(__package__) / "assets" / name).read_bytes()
