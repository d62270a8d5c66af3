"""``export``: the bundle, as a folder."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from .common import open_house, progress, run, settings


def _known(_: click.Context, __: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        return ()
    from ..reports.registry import FORMATS

    for name in names:
        if name not in FORMATS:
            raise click.BadParameter(f"there is no format {name!r}; there are {', '.join(FORMATS)}")
    return names


@click.command("export")
@click.argument("slug")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="A new folder.",
)
@click.option(
    "--format",
    "formats",
    multiple=True,
    callback=_known,
    metavar="NAME",
    help="Only this one, such as report; may be given several times.",
)
def command(*, slug: str, out: Path, formats: tuple[str, ...]) -> None:
    """Write the signed bundle: report, data, public log, manifest and signature.

    Works beside a running server. Whose key signs is told by its fingerprint, which is printed:
    publish it where people trust you.

    Example: python -m server export water --out water-report
    """
    from ..reports.manifest import PUBLIC_KEY
    from ..reports.signing import fingerprint

    files = run(_export(slug, out, formats))
    click.echo(f"{out}: {len(files)} files, signed by {fingerprint(files[PUBLIC_KEY])}")


async def _export(slug: str, out: Path, formats: tuple[str, ...]) -> dict[str, bytes]:
    from ..reports.bundle import write
    from ..runtime.exporting import exporter

    given = settings()
    with progress() as shown:
        task = shown.add_task("Reading the assembly", total=None)
        async with open_house(given, write=False) as house:
            files = await exporter(house.database, given).files(slug, formats)
        shown.update(task, description="Writing the bundle")
        await asyncio.to_thread(write, files, out)
    return files
