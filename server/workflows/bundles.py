"""The bundle of a closed assembly, ready on disk for whoever runs the installation."""

from __future__ import annotations

import asyncio
import shutil
from hashlib import sha256
from pathlib import Path

from ..deliberation.vocabulary import Phase
from ..ids import LogId
from ..reports.bundle import write
from ..reports.manifest import MANIFEST
from ..runtime.exporting import exporter
from ..runtime.house import House
from ..settings import Settings


class Bundles:
    """Writes ``exports/SLUG/A-R`` in the data directory, A and R being the seqs it stands for.

    Earlier ones of the assembly go away, since what people have since taken back is still in them.
    """

    def __init__(self, house: House, settings: Settings) -> None:
        self._house = house
        self._settings = settings

    async def due(self, room: LogId) -> bool:
        """Tell whether a plenary is closed and its bundle not written as it stands."""
        folder = await self._folder(room)
        return folder is not None and not folder.exists()

    async def write(self, room: LogId) -> str:
        """Write the bundle and return the SHA-256 of its manifest.

        Raises:
            NotFound: there is no such assembly any more.
        """
        folder = await self._folder(room)
        state = await self._house.room(room)
        slug = (await self._house.assembly(LogId(state.assembly))).slug
        files = await exporter(self._house.database, self._settings).files(slug, ())
        if folder is not None:
            await asyncio.to_thread(_replace, files, folder)
        return sha256(files[MANIFEST]).hexdigest()

    async def _folder(self, room: LogId) -> Path | None:
        state = await self._house.room(room)
        if state.phase is not Phase.CLOSED:
            return None
        seq = state.seq
        assembly = await self._house.assembly(LogId(state.assembly))
        if LogId(assembly.plenary.id) != room:
            return None
        return self._settings.data_dir / "exports" / assembly.slug / f"{assembly.seq}-{seq}"


def _replace(files: dict[str, bytes], folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not folder.exists():
        write(files, folder)
    for earlier in folder.parent.iterdir():
        if earlier != folder and not earlier.name.startswith("."):
            shutil.rmtree(earlier)
