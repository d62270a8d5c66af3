"""``replay``: does everything that is stored follow from the log?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..ids import LogId
from .common import Failure, open_house, progress, run, settings

if TYPE_CHECKING:
    from ..store.replay import Replayed


@click.command("replay")
@click.argument("slug")
def command(*, slug: str) -> None:
    """Check the assembly's logs, rebuild every projection from them, and compare.

    Works beside a running server. Exit 1, and the first difference, where something differs.

    Example: python -m server replay water
    """
    found = run(_replay(slug))
    for each in found:
        if each.difference is not None:
            raise Failure(f"{each.log} differs: {each.difference}")
    for each in found:
        click.echo(f"{each.log}: {each.events} events, nothing differs")


async def _replay(slug: str) -> list[Replayed]:
    from ..store.lookups import rooms
    from ..store.replay import replay

    async with open_house(settings(), write=False) as house:
        assembly = await house.assembly_by_slug(slug)
        known = await house.database.reading(rooms, assembly.id)
        logs = [assembly.log, *(LogId(room.id) for room in known)]
        with progress() as shown:
            tracked = shown.track(logs, description="Replaying")
            return [await house.database.reading(replay, log) for log in tracked]
