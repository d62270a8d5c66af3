"""``analyze``: opinion groups and what follows, of an assembly or of a Polis export."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import msgspec

from ..deliberation.opinion import analysis_json
from .analysis import VotesWithIds, describe, load_polis, run
from .common import Failure, failing_in_one_sentence, write_json

__all__ = ["VotesWithIds", "build", "run"]


def build(load_assembly: Callable[[str], VotesWithIds]) -> click.Command:
    """Return the command; ``load_assembly`` reads the votes of the assembly with that slug.

    What it raises as ``FolkmootError`` becomes one sentence on standard error and exit 1.
    """

    @click.command("analyze")
    @click.option("--assembly", metavar="SLUG", help="An assembly of this server.")
    @click.option(
        "--polis",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help="A folder that Polis exported.",
    )
    @click.option(
        "--groups-from-export", is_flag=True, help="Take the groups that the export names."
    )
    @click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
    @click.option(
        "--json", "json_file", type=click.Path(path_type=Path), help="Write everything there."
    )
    def command(
        assembly: str | None,
        polis: Path | None,
        groups_from_export: bool,
        seed: int,
        json_file: Path | None,
    ) -> None:
        """Find opinion groups, and what each and all of them say of every statement.

        Groups are shown only if they are better than chance; otherwise it says so.

        Example: python -m server analyze --polis exports/uberx --json uberx.json
        """
        if (assembly is None) == (polis is None):
            raise click.UsageError("name an --assembly or a --polis folder, one of them.")
        if groups_from_export and polis is None:
            raise click.UsageError("--groups-from-export goes with --polis.")
        with failing_in_one_sentence():
            source = load_polis(polis) if polis is not None else load_assembly(assembly or "")
        if groups_from_export and source.labels is None:
            raise Failure("the export names no groups.")
        analysis = run(source, seed, use_labels=groups_from_export)
        document = analysis_json(
            analysis, source.participant_ids, source.statement_ids, source.shown
        )
        if json_file is not None:
            with failing_in_one_sentence():
                write_json(json_file, msgspec.json.format(msgspec.json.encode(document), indent=1))
        for line in describe(source, document, analysis.groups.verdict):
            click.echo(line)

    return command
