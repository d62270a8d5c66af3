"""Pages for people: rendered here, working without any script, on the services that the API uses.

Every form posts to a route of its own and ends in a redirect with a receipt, or in the same page
with what is wrong beside the field and the text kept.
"""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler

from ..api.services.desk import Desk
from . import assemblies, drafts, facilitation, home, maps, mine, moderating, rooms, writing
from .failures import failure_page

__all__ = ["failure_page", "handlers"]


def handlers(desk: Desk) -> list[HTTPRouteHandler]:
    """Return the handlers of all pages."""
    subjects = (assemblies, drafts, facilitation, home, maps, mine, moderating, rooms, writing)
    return [handler for subject in subjects for handler in subject.handlers(desk)]
