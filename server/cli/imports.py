"""``import``: conversations from elsewhere become assemblies."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
import msgspec

from ..intake.polis import read_export
from ..runtime.importing import Imported, Wishes, import_polis
from ..runtime.installation import public_address
from ..runtime.invites import link, new_code
from ..runtime.ports import SystemChance
from .common import (
    Failure,
    failing_in_one_sentence,
    open_house,
    progress,
    run,
    settings,
    write_json,
)


@click.group("import")
def command() -> None:
    """Bring a conversation from elsewhere; it becomes an assembly of its own.

    Example: python -m server import polis exports/uberx --assembly uberx --language zh
    """


@command.command("polis")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--assembly", "slug", required=True, metavar="SLUG", help="The new assembly's name.")
@click.option("--title", default="", metavar="T", help="Its title; else the export's topic.")
@click.option("--language", metavar="L", help="The language of all statements, such as zh.")
@click.option("--strict", is_flag=True, help="Hide what moderation had not looked at.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Write the counts there."
)
def polis(
    *,
    folder: Path,
    slug: str,
    title: str,
    language: str | None,
    strict: bool,
    json_file: Path | None,
) -> None:
    """Import a folder that Polis exported, with its statements, moderation and votes.

    The assembly starts in the phase 'drafting'. A file that can't be read is named with its line,
    and then nothing is imported.

    Example: python -m server import polis exports/uberx --assembly uberx --language zh
    """
    given = settings()
    code = new_code()
    if json_file is not None and not json_file.absolute().parent.is_dir():
        raise Failure(f"There is no folder for {json_file}; nothing was imported.")
    imported = run(_import(folder, Wishes(slug, title, language, strict), code))
    counts = {
        name: getattr(imported, name) for name in ("participants", "statements", "written", "votes")
    }
    for name, count in counts.items():
        click.echo(f"{name}: {count}")
    if imported.authors_only:
        click.echo(f"authors who never voted: {imported.authors_only}")
    # Before anything else can fail: the link is shown once.
    click.echo(f"facilitator: {link(public_address(given), code)}")
    if json_file is not None:
        with failing_in_one_sentence():
            write_json(json_file, msgspec.json.encode({"assembly": slug, **counts}))


async def _import(folder: Path, wishes: Wishes, code: str) -> Imported:
    with progress() as shown:
        task = shown.add_task("Reading the export", total=None)
        export = await asyncio.to_thread(read_export, folder)
        shown.update(task, description="Importing")
        async with open_house(settings(), write=True) as house:
            return await import_polis(house, export, wishes, code, SystemChance())
