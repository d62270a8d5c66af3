"""``assembly``: founding an assembly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..deliberation.charter import Charter
from ..runtime.installation import public_address
from ..runtime.invites import link, new_code
from .common import open_house, run, settings

if TYPE_CHECKING:
    from ..runtime.founding import Plan

_CHARTER = Charter()


@click.group("assembly")
def command() -> None:
    """Found an assembly.

    Example: python -m server assembly create water --title "Our water" --question "Who decides?"
    """


@command.command("create")
@click.argument("slug")
@click.option("--title", required=True, metavar="T", help="What it is called.")
@click.option("--question", required=True, metavar="Q", help="What is to be decided.")
@click.option("--language", default="en", show_default=True, metavar="L", help="Such as en or sw.")
@click.option("--recipient", default="", metavar="R", help="Who must answer.")
@click.option("--convener", default="", metavar="C", help="Who convenes it.")
@click.option(
    "--answer-days",
    default=_CHARTER.answer_days,
    show_default=True,
    type=click.IntRange(min=1),
    help="Days until the answer is due.",
)
@click.option(
    "--quorum",
    default=_CHARTER.quorum,
    show_default=True,
    type=click.IntRange(min=0),
    help="Ballots without which no clause is adopted.",
)
@click.option(
    "--rounds",
    default=_CHARTER.rounds,
    show_default=True,
    type=click.IntRange(min=1),
    help="Rounds of drafts at most.",
)
def create(
    *,
    slug: str,
    title: str,
    question: str,
    language: str,
    recipient: str,
    convener: str,
    answer_days: int,
    quorum: int,
    rounds: int,
) -> None:
    """Found an assembly with its plenary, and print the link with which a facilitator comes in.

    The charter (recipient, quorum and so on) is fixed with it.

    Example: python -m server assembly create water --title "Our water" --question "Who decides?"
    """
    from ..runtime.founding import Plan

    charter = Charter(
        recipient=recipient,
        convener=convener,
        answer_days=answer_days,
        quorum=quorum,
        rounds=rounds,
    )
    code = new_code()
    run(_create(Plan(slug, title, question, language, charter), code))
    click.echo(f"facilitator: {link(public_address(settings()), code)}")


async def _create(plan: Plan, code: str) -> None:
    from ..runtime.founding import founding
    from ..runtime.ports import SystemChance

    async with open_house(settings(), write=True) as house:
        await house.submit_together(founding(plan, code, SystemChance()).units)
