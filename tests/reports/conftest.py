"""Assemblies held once for all tests of reports; nobody changes them."""

from __future__ import annotations

import pytest

from server.reports import bundle
from server.reports.material import Material
from server.reports.signing import SigningKey

from .held import whole

KEY = SigningKey(b"s" * 32)


@pytest.fixture(scope="session")
def closed() -> Material:
    """A whole assembly of 80 people who agreed to everything, with two opinion groups."""
    return whole(people=80, statements=12).material()


@pytest.fixture(scope="session")
def small() -> Material:
    """A whole assembly of 12 people."""
    return whole(people=12, statements=6).material()


@pytest.fixture(scope="session")
def files(small: Material) -> dict[str, bytes]:
    """The small assembly's bundle."""
    return bundle.build(small, KEY)
