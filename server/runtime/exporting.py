"""What leaves the house: an assembly's moment read from the store, made into report and bundle.

Everything is read in one transaction beside the running server, and folded apart from its live
state: the report, the data and the logs in a bundle speak of the same moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
from sqlalchemy import Connection

from .. import __version__
from ..deliberation import assembly as assemblies
from ..deliberation import events as e
from ..deliberation import room as rooms
from ..deliberation.assembly import AssemblyState
from ..deliberation.published import ANALYSIS_KIND, THEMES_KIND, PublishedAnalysis
from ..deliberation.room import RoomState
from ..deliberation.vocabulary import Phase
from ..errors import NotFound
from ..ids import AssemblyId, LogId
from ..reports import bundle, html, report
from ..reports.document import ValueReport
from ..reports.material import Material, Opinion, PublicLog, Themes
from ..reports.pseudonyms import pseudonym_key
from ..reports.signing import SigningKey
from ..reports.taking import Surroundings, opinion_of, public_log, take, themes_of
from ..settings import Settings
from ..store import artifacts, lookups
from ..store import log as store
from ..store.database import Database
from .ports import Clock, SystemClock
from .signing import HouseKey

T = TypeVar("T")
_STANDS_MS = 20_000


@dataclass(frozen=True, slots=True)
class _Page:
    heads: tuple[tuple[LogId, int], ...]
    html: str
    at: int
    phase: Phase


class Exporter:
    """Makes reports and bundles of the assemblies in one database; needs no lock on it."""

    def __init__(
        self, database: Database, data_dir: Path, clock: Clock | None = None, *, url: str = ""
    ) -> None:
        """``url`` is where the database is written, should this one be open for reading only."""
        self._database = database
        self._key = HouseKey(database, data_dir, url)
        self._clock = clock or SystemClock()
        self._pages: dict[str, _Page] = {}
        self._at_work = asyncio.Lock()

    async def material(self, slug: str) -> Material:
        """Return the moment at which the assembly stands.

        Raises:
            NotFound: there is no such assembly, or it has no plenary.
            LogBroken: a log doesn't hold.
            Fault: the signing key can't be read, or is not that of others on this database.
        """
        key = await self._key.get()
        return await self._database.reading(read_material, slug, self._clock.now(), key)

    async def files(self, slug: str, formats: Sequence[str] = ()) -> dict[str, bytes]:
        """Return the bundle's files by path; ``formats`` name which, none meaning all.

        Raises:
            Invalid: there is no such format.
            NotFound, LogBroken, Fault: as :meth:`material`.
        """
        material = await self.material(slug)
        key = await self._key.get()
        return await self._apart(lambda: bundle.build(material, key, formats))

    async def export_zip(self, slug: str, formats: Sequence[str] = ()) -> bytes:
        """Return the bundle as a zip with one folder in it, named by the slug.

        Raises:
            Invalid, NotFound, LogBroken, Fault: as :meth:`files`.
        """
        files = await self.files(slug, formats)
        return await self._apart(lambda: bundle.zipped(files, slug))

    async def report(self, slug: str) -> ValueReport:
        """Return the report's data.

        Raises:
            NotFound, LogBroken, Fault: as :meth:`material`.
        """
        material = await self.material(slug)
        return await self._apart(lambda: report.build(material))

    async def report_html(self, slug: str) -> str:
        """Return the report's page; made anew only when something has happened.

        While voting is open, and the page holds no counts, at most every twenty seconds. Its
        style is inline: a content security policy for it allows ``html.style_hash()``.

        Raises:
            NotFound, LogBroken, Fault: as :meth:`material`.
        """
        async with self._at_work:
            heads = await self._database.reading(_heads, slug)
            kept = self._pages.get(slug)
            now = self._clock.now()
            if kept is not None and (kept.heads == heads or await self._fresh(kept, slug, now)):
                return kept.html
            material = await self.material(slug)
            page = await self._apart(
                lambda: html.page(report.build(material), html.map_points(material))
            )
            read = tuple((log.log, log.seq) for log in material.logs)
            self._pages[slug] = _Page(read, page, now, material.phase)
            return page

    async def _fresh(self, kept: _Page, slug: str, now: int) -> bool:
        """Say whether a page may stand although something has happened: replay isn't free."""
        if kept.phase is not Phase.OPEN or now - kept.at >= _STANDS_MS:
            return False
        return await self._database.reading(_phase, slug) is Phase.OPEN

    async def _apart(self, work: Callable[[], T]) -> T:
        """Do ``work`` on a reading thread: long arithmetic has no place on the event loop."""
        return await self._database.reading(lambda _: work())


def exporter(database: Database, settings: Settings) -> Exporter:
    """Return what exports from a database by the settings."""
    return Exporter(database, settings.data_dir, url=settings.resolved_database_url)


def read_material(connection: Connection, slug: str, at: int, key: SigningKey) -> Material:
    """Read an assembly's moment in one transaction; see :meth:`Exporter.material`."""
    (of, _), (plenary, _) = _heads(connection, slug)
    assembly = AssemblyState(of)
    for recorded in _history(connection, of):
        assemblies.evolve(assembly, recorded)
    room = RoomState(plenary)
    for recorded in _history(connection, plenary):
        rooms.evolve(room, recorded)
    around = Surroundings(
        at=at,
        version=__version__,
        key=pseudonym_key(key.seed, assembly.id),
        logs=(
            _public(connection, of, store.ASSEMBLY),
            _public(connection, plenary, store.ROOM),
        ),
        opinion=_opinion(connection, room),
        themes=_themes(connection, room),
    )
    return take(assembly, room, _history(connection, plenary), around)


def _heads(connection: Connection, slug: str) -> tuple[tuple[LogId, int], tuple[LogId, int]]:
    found = lookups.assembly_of_slug(connection, slug)
    if found is None:
        raise NotFound(f"There is no assembly {slug!r}.", field="slug")
    of = LogId(found)
    plenary = _plenary(connection, of)
    heads = store.heads(connection, (of, plenary))
    if plenary not in heads:
        raise NotFound("This assembly has no plenary yet.")
    return (of, heads[of].seq), (plenary, heads[plenary].seq)


def _phase(connection: Connection, slug: str) -> Phase | None:
    _, (plenary, _) = _heads(connection, slug)
    known = lookups.rooms(connection)
    return next((room.phase for room in known if LogId(room.id) == plenary), None)


def _plenary(connection: Connection, of: LogId) -> LogId:
    known = lookups.rooms(connection, AssemblyId(of))
    if len(known) == 1:
        return LogId(known[0].id)
    assembly = AssemblyState(of)
    for recorded in _history(connection, of):
        if isinstance(recorded.event, e.RoomOpened):
            assemblies.evolve(assembly, recorded)
    return LogId(assembly.plenary.id)


def _history(connection: Connection, log: LogId) -> Iterator[e.Recorded]:
    for some in store.in_chunks(connection, log):
        yield from some


def _public(connection: Connection, log: LogId, kind: str) -> PublicLog:
    return public_log(log, kind, store.envelopes(connection, log))


def _opinion(connection: Connection, room: RoomState) -> Opinion | None:
    if room.analysis is None:
        return None
    kept = artifacts.find(connection, room.log, ANALYSIS_KIND, room.analysis.digest)
    if kept is None:
        return None
    return opinion_of(msgspec.json.decode(kept.body, type=PublishedAnalysis))


def _themes(connection: Connection, room: RoomState) -> Themes | None:
    # Finding themes takes libraries that are slow to load, and reading them does not need.
    from ..synthesis.theming import ThemesDocument  # noqa: PLC0415

    if room.themes is None:
        return None
    kept = artifacts.find(connection, room.log, THEMES_KIND, room.themes.digest)
    if kept is None:
        return None
    return themes_of(msgspec.json.decode(kept.body, type=ThemesDocument), room.themes.as_of_seq)
