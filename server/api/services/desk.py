"""What the handlers of API and pages work with, put together by the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from litestar import Request

from ...deliberation.assembly import AssemblyState
from ...errors import Invalid
from ...ids import LogId
from ...runtime.hub import Hub
from ...runtime.installation import public_address
from ...runtime.ports import Clock
from ...runtime.writer import House, Key
from ...settings import Settings
from ..facts import facts_of
from ..health import DatabaseCheck, Readiness
from ..identity import Identities, Identity
from ..limits import Limits
from ..metrics import Metrics
from ..sessions import Sessions
from .analyses import Analyses
from .similar import SimilarStatements

LONGEST_KEY = 200
AnyRequest = Request[Any, Any, Any]
Exporter = Callable[[AssemblyState], Awaitable[bytes]]
Reporter = Callable[[str], Awaitable[str]]


@dataclass
class Desk:
    """One server's collaborators. The house is opened when the server starts, and given then.

    ``export`` gives an assembly's bundle as a zip, ``report`` the report's page of the assembly
    with a slug; ``moved`` are told of a room whose
    drafts were asked for or whose phase changed, so that work on it can begin.
    """

    settings: Settings
    sessions: Sessions
    limits: Limits
    metrics: Metrics
    clock: Clock
    export: Exporter | None = None
    report: Reporter | None = None
    readiness: Readiness = field(default_factory=Readiness)
    draining: bool = False
    """It was told to stop: nobody is to be sent here any more."""
    moved: list[Callable[[LogId], None]] = field(default_factory=list)
    house: House = field(init=False)
    identities: Identities = field(init=False)
    analyses: Analyses = field(init=False)
    similar: SimilarStatements = field(init=False)
    hub: Hub = field(init=False)

    def open(self, house: House, hub: Hub, similar: SimilarStatements) -> None:
        """Begin to serve what is in ``house``, and what ``hub`` tells of it."""
        self.house = house
        self.hub = hub
        self.identities = Identities(self.sessions, house, self.clock.now)
        self.analyses = Analyses(house)
        self.similar = similar
        self.readiness.needs("database", DatabaseCheck(house.database))

    def address(self) -> str:
        """Return the address people use, for links."""
        return public_address(self.settings)

    async def who(self, request: AnyRequest) -> Identity:
        """Return the person who sent a request; raises NotSignedIn."""
        return await self.identities.of(request.scope)

    def secure(self, request: AnyRequest) -> bool:
        """Tell whether cookies can be kept to https: by the scheme that people use."""
        if request.scope["scheme"] == "https":
            return True
        return self.settings.public_url.startswith("https://")

    async def key(self, request: AnyRequest, person: str, body: bytes | None = None) -> Key | None:
        """Return the write's idempotency key, bound to the person, the address and the body.

        ``body`` is given by whoever has read it already.

        Raises:
            Invalid: it is too long, or has other characters than printable ASCII.
        """
        given = facts_of(request.scope).key
        if not given:
            return None
        if len(given) > LONGEST_KEY or not given.isascii() or not given.isprintable():
            raise Invalid(
                f"An idempotency key has 1 to {LONGEST_KEY} printable ASCII characters.",
                field="Idempotency-Key",
            )
        if body is None:
            body = await request.body()
        return Key(person, given, digest(request.scope["path"], body))

    def move(self, log: LogId) -> None:
        """Tell whoever works on rooms that there is something to do in one."""
        for tell in self.moved:
            tell(log)


def digest(path: str, body: bytes) -> bytes:
    """Return what an idempotency key stands for: the SHA-256 of the address and the body."""
    return sha256(path.encode("utf-8", "surrogatepass") + b"\n" + body).digest()


def address_of(request: AnyRequest) -> str:
    """Return the network address that a request came from."""
    client = request.scope.get("client")
    return client[0] if client else "unknown"
