"""The HTTP interface, a module a subject; each gives handlers that work with one desk."""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler

from ..services.desk import Desk
from . import assemblies, drafting, entering, me, operating, rooms, running, voting


def handlers(desk: Desk) -> list[HTTPRouteHandler]:
    """Return every HTTP handler of ``/api`` and those for operators."""
    modules = (assemblies, drafting, entering, me, operating, rooms, running, voting)
    return [handler for module in modules for handler in module.handlers(desk)]
