"""``verify``: is a bundle what was signed?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .common import failing_in_one_sentence, progress

if TYPE_CHECKING:
    from ..reports.verification import Verified


@click.command("verify")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--key",
    "key_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The public key that must have signed: 32 raw bytes, or their 64 hex digits.",
)
def command(*, folder: Path, key_file: Path | None) -> None:
    """Check a bundle with nothing but its own files; name the first thing that doesn't hold.

    Needs no database and no network. With --key the signature must be that key's.

    Example: python -m server verify water-report --key their-key.raw
    """
    from ..reports.verification import read_key, verify

    with failing_in_one_sentence(), progress() as shown:
        shown.add_task("Checking the bundle", total=None)
        found = verify(folder, read_key(key_file) if key_file is not None else None)
    click.echo(_told(found))


def _told(found: Verified) -> str:
    manifest = found.manifest
    whose = (
        "The key is the one that was given."
        if found.key_expected
        else "Whose key it is isn't established: compare the fingerprint with one you trust, "
        "or give --key."
    )
    return (
        f"{manifest.assembly.slug}, {manifest.made_on}: {len(manifest.files)} files and "
        f"{found.events} records in {len(manifest.logs)} logs hold.\n"
        f"Signed by {manifest.key.fingerprint}.\n{whose}"
    )
