"""``themes``: what the statements of an assembly or of Polis exports are about."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import click
import msgspec

from ..synthesis.adapters.choose import make_embedder
from ..synthesis.embedding import embed_statements
from ..synthesis.ports import SourceStatement
from ..synthesis.theming import Themed, ThemesDocument, theme_embedded
from .common import failing_in_one_sentence, progress, run, settings, write_json
from .sources import polis_statements

LoadAssembly: TypeAlias = Callable[[str], Sequence[SourceStatement]]
PutIntoRoom: TypeAlias = Callable[[str, ThemesDocument], None]

_LISTED = 2


def build(load_assembly: LoadAssembly, put_into_room: PutIntoRoom) -> click.Command:
    """Return the command; what it finds for an assembly is handed to ``put_into_room``.

    What either raises as ``FolkmootError`` becomes one sentence on standard error and exit 1.
    """

    @click.command("themes")
    @click.option("--assembly", metavar="SLUG", help="An assembly of this server.")
    @click.option(
        "--polis",
        metavar="DIR",
        multiple=True,
        type=click.Path(path_type=Path),
        help="A folder that Polis exported; several make one list, with ids FOLDER/ID.",
    )
    @click.option("--language", metavar="TAG", help="The language of all --polis statements.")
    @click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
    @click.option(
        "--json", "json_file", type=click.Path(path_type=Path), help="Write everything there."
    )
    def command(
        *,
        assembly: str | None,
        polis: tuple[Path, ...],
        language: str | None,
        seed: int,
        json_file: Path | None,
    ) -> None:
        """Find what the statements are about, across languages.

        With --assembly, the themes are put into its room.

        Example: python -m server themes --polis exports/uberx --language zh --json themes.json
        """
        if (assembly is None) != bool(polis):
            raise click.UsageError("name an --assembly or --polis folders, one of them.")
        if assembly is not None and language is not None:
            raise click.UsageError("--language goes with --polis; an assembly knows its own.")
        with failing_in_one_sentence():
            statements = (
                polis_statements(polis, language) if polis else load_assembly(assembly or "")
            )
        themed = run(_find(statements, settings().embedder, seed))
        if assembly is not None:
            with failing_in_one_sentence():
                put_into_room(assembly, themed.document)
        if json_file is not None:
            with failing_in_one_sentence():
                write_json(
                    json_file, msgspec.json.format(msgspec.json.encode(themed.document), indent=1)
                )
        for line in describe(themed):
            click.echo(line)

    return command


def describe(themed: Themed) -> Iterator[str]:
    """Say themes in lines for a person to read."""
    document = themed.document
    texts = {statement.id: statement.text for statement in themed.embedded.statements}
    total = len(document.labels)
    yield f"{total} statements, {len(document.themes)} themes ({document.embedder})."
    if document.reason is not None:
        yield document.reason
    for theme in document.themes:
        yield f"{theme.id:3}  {theme.name}  ({theme.size})"
        for statement in theme.statements[:_LISTED]:
            text = " ".join(texts[statement].split())
            yield f"       [{statement}] {text if len(text) <= 90 else text[:89] + '…'}"
    if document.themes:
        yield f"{len(document.unthemed)} statements belong to no theme clearly."
    if document.stability is not None:
        yield (
            f"Agreement with {document.reruns} re-runs on 90 % of the statements: "
            f"{document.stability:.2f} (adjusted Rand index; 1 is the same)."
        )


async def _find(statements: Sequence[SourceStatement], setting: str, seed: int) -> Themed:
    embedder = make_embedder(setting)
    try:
        with progress() as shown:
            task = shown.add_task("Reading statements", total=None)
            embedded = await embed_statements(statements, embedder)
            shown.update(task, description="Finding themes")
            return await asyncio.to_thread(theme_embedded, embedded, seed=seed)
    finally:
        await embedder.close()
