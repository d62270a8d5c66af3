"""The bundle of a closed assembly, ready on disk for whoever runs the installation."""

from __future__ import annotations

import asyncio
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from ..deliberation.vocabulary import Phase
from ..errors import NotFound
from ..ids import LogId
from ..reports.bundle import write
from ..reports.manifest import MANIFEST
from ..runtime.exporting import exporter
from ..runtime.house import House
from ..settings import Settings
from ..store import artifacts
from ..store.artifacts import Artifact

KIND: Final = "bundle"
"""The kind of document that says where a bundle was written, where several workers may."""


class Written(msgspec.Struct, frozen=True):
    """Which bundle of a plenary was written, and by whom: seqs, and its manifest's SHA-256."""

    assembly: int
    room: int
    manifest: str
    worker: str


class Bundles:
    """Writes ``exports/SLUG/A-R`` in the data directory, A and R being the seqs it stands for.

    Earlier ones of the assembly go away, since what people have since taken back is still in them.
    With ``worker``, the name of one of several, a bundle is written by one of them, and the
    database says by which.
    """

    def __init__(self, house: House, settings: Settings, worker: str | None = None) -> None:
        self._house = house
        self._exports = settings.data_dir / "exports"
        self._exporter = exporter(house.database, settings)
        self._worker = worker

    async def due(self, room: LogId) -> bool:
        """Tell whether a plenary is closed and its bundle not written as it stands."""
        at = await self._at(room)
        if at is None:
            return False
        slug, assembly, seq = at
        if self._worker is None:
            return not self._folder(slug, assembly, seq).exists()
        written = await self._written(room)
        return written is None or (written.assembly, written.room) != (assembly, seq)

    async def write(self, room: LogId) -> str:
        """Write the bundle and return the SHA-256 of its manifest.

        Raises:
            NotFound: there is no such assembly any more.
        """
        state = await self._house.room(room)
        at = await self._at(room)
        slug = (await self._house.assembly(LogId(state.assembly))).slug
        files = await self._exporter.files(slug, ())
        digest = sha256(files[MANIFEST]).hexdigest()
        if at is not None:
            slug, assembly, seq = at
            folder = self._folder(slug, assembly, seq)
            await asyncio.to_thread(_replace, files, folder)
            if self._worker is not None:
                await self._note(room, Written(assembly, seq, digest, self._worker))
        return digest

    async def prune(self) -> int:
        """Delete the bundles on this disk that are no longer of what stands; return how many.

        Which assembly's bundle another worker wrote anew since is known from the database.
        """
        found = await asyncio.to_thread(_listed, self._exports)
        gone = 0
        for slug in sorted({folder.parent.name for folder in found}):
            try:
                plenary = LogId((await self._house.assembly_by_slug(slug)).plenary.id)
            except NotFound:
                continue  # not of this database, and not ours to judge
            at = await self._at(plenary)
            for folder in found:
                if at is not None and folder.parent.name == slug and folder != self._folder(*at):
                    await asyncio.to_thread(shutil.rmtree, folder, True)  # noqa: FBT003 - its own
                    gone += 1
        return gone

    async def _at(self, room: LogId) -> tuple[str, int, int] | None:
        """Return slug and seqs of the assembly whose closed plenary this is."""
        state = await self._house.room(room)
        if state.phase is not Phase.CLOSED:
            return None
        seq = state.seq
        assembly = await self._house.assembly(LogId(state.assembly))
        if LogId(assembly.plenary.id) != room:
            return None
        return assembly.slug, assembly.seq, seq

    def _folder(self, slug: str, assembly: int, seq: int) -> Path:
        return self._exports / slug / f"{assembly}-{seq}"

    async def _written(self, room: LogId) -> Written | None:
        kept = await self._house.artifact(room, KIND)
        return None if kept is None else msgspec.json.decode(kept.body, type=Written)

    async def _note(self, room: LogId, written: Written) -> None:
        body = msgspec.json.encode(written)
        digest = sha256(body).hexdigest()
        # Both logs only grow, and so does the sum of their seqs.
        order = written.assembly + written.room
        await self._house.keep(Artifact(room, KIND, digest, order, body))
        await self._house.database.writing(artifacts.forget_old, room, KIND, 1)


def _replace(files: dict[str, bytes], folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    others = [each for each in _listed(folder.parent.parent) if each.parent == folder.parent]
    if any(_seqs(each) > _seqs(folder) for each in others):
        return  # what was written while this worker slept is of a later moment
    if not folder.exists():
        write(files, folder)
    for earlier in others:
        if earlier != folder:
            shutil.rmtree(earlier)


def _listed(exports: Path) -> list[Path]:
    """Return the folders ``SLUG/A-R``; what else lies there is somebody's own."""
    return [each for each in exports.glob("*/*-*") if _seqs(each) != (0, 0)]


def _seqs(folder: Path) -> tuple[int, int]:
    assembly, _, room = folder.name.partition("-")
    if not (assembly.isdecimal() and room.isdecimal()):
        return 0, 0
    return int(assembly), int(room)
