"""Whoever shares a database signs with one key, from the first signature on."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.errors import Fault
from server.reports.signing import fingerprint, has_signing_key, signing_key
from server.runtime.house import open_house
from server.runtime.signing import HouseKey
from server.settings import Settings
from server.store import installation
from server.store.database import Database

pytestmark = pytest.mark.timeout(60)


def of(url: str, folder: Path) -> Settings:
    secret = Settings.from_environment({"FOLKMOOT_SECRET_KEY": "x" * 32}).secret_key
    return Settings(database_url=url, data_dir=folder, secret_key=secret)


@pytest.mark.parametrize("write", [True, False])
async def test_a_key_is_agreed_on_when_it_is_made(
    postgres_url: str, tmp_path: Path, write: bool
) -> None:
    one, two, three = (of(postgres_url, tmp_path / name) for name in ("one", "two", "three"))
    made = signing_key(three.data_dir)
    async with open_house(one, write=write) as here, open_house(two) as there:
        key = await HouseKey(here.database, one.data_dir, postgres_url).get()
        assert key == signing_key(one.data_dir)
        known = there.database.read(installation.known, installation.SIGNING_KEY)
        assert known == fingerprint(key.public)
        with pytest.raises(Fault, match="copy theirs there"):
            await HouseKey(there.database, two.data_dir).get()
        assert not has_signing_key(two.data_dir)
        with pytest.raises(Fault, match="The signing key of this process is not") as refused:
            await HouseKey(there.database, three.data_dir).get()
        assert fingerprint(made.public) not in refused.value.message
        two.data_dir.mkdir(exist_ok=True)
        (two.data_dir / "signing.key").write_bytes((one.data_dir / "signing.key").read_bytes())
        assert await HouseKey(there.database, two.data_dir).get() == key


async def test_what_only_reads_and_knows_the_key_writes_nothing(
    postgres_url: str, tmp_path: Path
) -> None:
    here = of(postgres_url, tmp_path / "here")
    key = signing_key(here.data_dir)
    async with open_house(here):
        pass
    nowhere = "postgresql://127.0.0.1:1/nowhere"
    database = Database.open(postgres_url, hold=False)
    try:
        assert await HouseKey(database, here.data_dir, nowhere).get() == key
    finally:
        database.close()
