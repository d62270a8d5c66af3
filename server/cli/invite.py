"""``invite``: links with which people come into an assembly."""

from __future__ import annotations

import click

from ..deliberation.vocabulary import Role
from ..runtime.installation import public_address
from ..runtime.invites import digest_of, link, new_code
from .common import open_house, run, settings


@click.command("invite")
@click.argument("slug")
@click.option(
    "--role",
    default=Role.PARTICIPANT.value,
    show_default=True,
    type=click.Choice([role.value for role in Role]),
    help="What they may do.",
)
@click.option(
    "--count", default=1, show_default=True, type=click.IntRange(1, 10_000), help="How many links."
)
@click.option("--reusable", is_flag=True, help="Each link can be used again and again.")
def command(*, slug: str, role: str, count: int, reusable: bool) -> None:
    """Print invite links, one a line; only digests of them are kept.

    Example: python -m server invite water --count 30
    """
    codes = [new_code() for _ in range(count)]
    run(_issue(slug, Role(role), codes, reusable))
    address = public_address(settings())
    for code in codes:
        click.echo(link(address, code))


async def _issue(slug: str, role: Role, codes: list[str], reusable: bool) -> None:
    from ..deliberation.commands import IssueInvite

    async with open_house(settings(), write=True) as house:
        log = (await house.assembly_by_slug(slug)).log
        await house.submit_together(
            [
                (log, IssueInvite(digest=digest_of(code), role=role, reusable=reusable))
                for code in codes
            ]
        )
