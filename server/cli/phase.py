"""``phase``: taking an assembly's plenary to a phase."""

from __future__ import annotations

import click

from ..deliberation.vocabulary import Phase
from ..ids import LogId
from .common import open_house, run, settings


@click.command("phase")
@click.argument("slug")
@click.argument("phase", type=click.Choice([phase.value for phase in Phase]))
def command(*, slug: str, phase: str) -> None:
    """Take the assembly's plenary to a phase; closes the ranking or ratification it leaves.

    Example: python -m server phase water open
    """
    before = run(_change(slug, Phase(phase)))
    click.echo(f"{slug}: {before} → {phase}" if before != phase else f"{slug}: already in {phase}")


async def _change(slug: str, phase: Phase) -> str:
    from ..deliberation.commands import ChangePhase

    async with open_house(settings(), write=True) as house:
        plenary = LogId((await house.assembly_by_slug(slug)).plenary.id)
        before = (await house.room(plenary)).phase.value
        await house.submit(plenary, ChangePhase(phase=phase), None)
        return before
