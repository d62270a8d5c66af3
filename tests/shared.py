"""Where the real conversations and their golden answers are, and the skip that says they aren't."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
POLIS = SHARED / "data" / "polis"
GOLDEN = SHARED / "golden"

CONVERSATIONS = (
    "american-assembly.bowling-green",
    "austria-climate",
    "brexit-consensus",
    "london.youth.policing",
    "vtaiwan.uberx",
)

needs_shared = pytest.mark.skipif(
    not POLIS.is_dir(), reason="the real conversations (../shared) are not beside this checkout"
)
