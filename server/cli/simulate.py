"""``simulate``: marked, simulated participants do what the phase asks."""

from __future__ import annotations

import click

from ..ids import LogId
from ..workflows.simulation import Simulated
from ..workflows.simulation import simulate as simulated
from .common import open_house, run, settings


@click.command("simulate")
@click.argument("slug", metavar="SLUG")
@click.option("--people", default=60, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
def command(slug: str, people: int, seed: int) -> None:
    """Let simulated participants vote, rank or ratify, as the assembly's phase asks.

    They are marked as simulated wherever they are counted, and so is all that comes of it.

    Example: python -m server simulate demo --people 60 --seed 7
    """
    done = run(_simulate(slug, people, seed))
    click.echo(f"simulated participants: {done.people} ({done.joined} new)")
    click.echo(f"simulated in the phase '{done.phase}':")
    for name in ("statements", "votes", "ballots", "ratifications"):
        if count := getattr(done, name):
            click.echo(f"  simulated {name}: {count}")


async def _simulate(slug: str, people: int, seed: int) -> Simulated:
    async with open_house(settings(), write=True) as house:
        assembly = await house.assembly_by_slug(slug)
        return await simulated(house, LogId(assembly.plenary.id), people=people, seed=seed)
