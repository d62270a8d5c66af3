"""The key that signs, once it is known to be that of all who share a database."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ..errors import Fault
from ..reports.signing import SigningKey, fingerprint, has_signing_key, signing_key
from ..store import installation
from ..store.database import Database


class HouseKey:
    """The signing key of a data folder; where a database is shared, it is agreed upon there."""

    def __init__(self, database: Database, data_dir: Path, url: str = "") -> None:
        """``url`` is where the database is written, should this one be open for reading only."""
        self._database = database
        self._data_dir = data_dir
        self._url = url
        self._agreed = not database.shared

    async def get(self) -> SigningKey:
        """Return the key, made now if there is none here and none is known in the database.

        Raises:
            Fault: the file holds no key; or others on this database sign with one that isn't here.
            StorageFault, StorageFull: it couldn't be agreed upon.
        """
        if self._agreed:
            return signing_key(self._data_dir)
        known = await self._database.reading(installation.known, installation.SIGNING_KEY)
        if known is not None and not has_signing_key(self._data_dir):
            raise Fault(
                f"There is no signing.key in {self._data_dir}, and other servers and workers on "
                "this database have one: copy theirs there (docs/postgresql.md, Keys)."
            )
        key = signing_key(self._data_dir)
        if known != fingerprint(key.public):
            await self._agree({installation.SIGNING_KEY: fingerprint(key.public)})
        self._agreed = True
        return key

    async def _agree(self, facts: dict[str, str]) -> None:
        if self._database.writes or not self._url:
            await self._database.writing(installation.agree, facts)
            return
        writable = await asyncio.to_thread(Database.open, self._url)
        try:
            await writable.writing(installation.agree, facts)
        finally:
            await asyncio.to_thread(writable.close)
