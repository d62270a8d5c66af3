"""``report.html`` and ``report.json``."""

from __future__ import annotations

import msgspec

from . import html, report
from .material import Material

NAME = "report"


def files(material: Material) -> dict[str, bytes]:
    """Return both files."""
    found = report.build(material)
    return {
        "report.html": html.page(found, html.map_points(material)).encode(),
        "report.json": msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n",
    }
