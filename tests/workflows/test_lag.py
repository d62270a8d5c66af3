"""What another server's room asks for is not overlooked where it is not yet heard of."""

from __future__ import annotations

from pathlib import Path

from server.deliberation import events as e
from server.deliberation.vocabulary import Phase
from server.demo.founding import ensure_demo
from server.ids import LogId
from server.runtime.doorbell import LocalDoorbell
from server.runtime.house import open_house
from server.runtime.ports import SeededChance
from server.settings import Settings
from server.store import log as store

from .homes import PEOPLE, request_drafts, to_phase, until, working


class LateDoorbell(LocalDoorbell):
    """A doorbell that others' rings reach late: until the next look nothing is heard of them."""

    @property
    def healthy(self) -> bool:
        return True


async def test_a_request_that_is_in_the_log_and_not_yet_folded_here_is_carried_out(
    postgres_url: str, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path, database_url=postgres_url)
    async with open_house(settings) as asking:
        access = await ensure_demo(asking, SeededChance(1), people=PEOPLE)
        room = LogId((await asking.assembly(access.assembly)).plenary.id)
        await to_phase(asking, room, Phase.DRAFTING)
        async with (
            open_house(settings, doorbell=LateDoorbell()) as house,
            working(house, tmp_path) as works,
        ):

            async def at_rest() -> bool:
                return bool(works.service._heads) and not works.service._unsettled

            await until(at_rest)
            before = (await house.room(room)).seq
            seq = await request_drafts(asking, room)
            assert seq > before

            async def proposed() -> bool:
                recorded = await asking.database.reading(store.records, room, seq)
                return any(isinstance(each.event, e.DraftsProposed) for each in recorded)

            await until(proposed)
