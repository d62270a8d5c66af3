"""``draft``: texts that could unite people, out of their own words, verified."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import click
import msgspec
import numpy as np

from ..deliberation.drafts import Coverage
from ..synthesis.adapters.choose import make_embedder
from ..synthesis.compose import Composition, Material, compose_drafts
from ..synthesis.drafting.document import DraftsDocument
from ..synthesis.drafting.extractive import ExtractiveDrafter
from ..synthesis.embedding import embed_statements
from ..synthesis.ports import Corpus
from ..synthesis.theming import theme_embedded
from ..synthesis.verification.lexical import LexicalEntailer
from .analysis import VotesWithIds
from .analysis import run as analyze_votes
from .common import Failure, failing_in_one_sentence, progress, run, settings, write_json
from .sources import polis_corpus


@dataclass(frozen=True)
class AssemblyVotes:
    """An assembly's votes and statements, with the opinion groups that are published for it."""

    corpus: Corpus
    names: frozenset[str] = frozenset()


LoadAssembly: TypeAlias = Callable[[str], AssemblyVotes]
PutIntoRoom: TypeAlias = Callable[[str, DraftsDocument], None]


def build(load_assembly: LoadAssembly, put_into_room: PutIntoRoom) -> click.Command:
    """Return the command; drafts and failures of an assembly are handed to ``put_into_room``.

    What either raises as ``FolkmootError`` becomes one sentence on standard error and exit 1, and
    so does a run in which no draft held.
    """

    @click.command("draft")
    @click.option("--assembly", metavar="SLUG", help="An assembly of this server.")
    @click.option(
        "--polis",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help="A folder that Polis exported.",
    )
    @click.option("--language", metavar="TAG", help="The language of all --polis statements.")
    @click.option("--count", default=3, show_default=True, type=click.IntRange(1, 12))
    @click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
    @click.option(
        "--json", "json_file", type=click.Path(path_type=Path), help="Write everything there."
    )
    def command(
        *,
        assembly: str | None,
        polis: Path | None,
        language: str | None,
        count: int,
        seed: int,
        json_file: Path | None,
    ) -> None:
        """Compose drafts whose clauses are participants' own statements, and verify them.

        With --assembly, the drafts are put into its room.

        Example: python -m server draft --polis exports/uberx --language zh --count 3
        """
        if (assembly is None) == (polis is None):
            raise click.UsageError("name an --assembly or a --polis folder, one of them.")
        if assembly is not None and language is not None:
            raise click.UsageError("--language goes with --polis; an assembly knows its own.")
        with failing_in_one_sentence():
            source = (
                AssemblyVotes(_grouped(polis_corpus(polis, language), seed))
                if polis is not None
                else load_assembly(assembly or "")
            )
        composed = run(compose(source, settings().embedder, count=count, seed=seed))
        document = composed.document
        if assembly is not None:
            with failing_in_one_sentence():
                put_into_room(assembly, document)
        if json_file is not None:
            with failing_in_one_sentence():
                write_json(json_file, msgspec.json.format(msgspec.json.encode(document), indent=1))
        for line in describe(document):
            click.echo(line)
        if not document.drafts:
            raise Failure("no draft held")

    return command


async def compose(source: AssemblyVotes, setting: str, *, count: int, seed: int) -> Composition:
    """Embed, find themes, draft without a model and verify, with the embedder of a setting."""
    embedder = make_embedder(setting)
    try:
        with progress() as shown:
            task = shown.add_task("Reading statements", total=None)
            embedded = await embed_statements(source.corpus.statements, embedder)
            shown.update(task, description="Finding themes")
            themed = await asyncio.to_thread(theme_embedded, embedded, seed=seed, reruns=0)
            shown.update(task, description="Composing drafts")
            material = Material(source.corpus, embedded, themed.labels, source.names)
            return await compose_drafts(
                material, ExtractiveDrafter(), LexicalEntailer(), embedder, count=count, seed=seed
            )
    finally:
        await embedder.close()


def describe(document: DraftsDocument) -> Iterator[str]:
    """Say drafts in lines for a person to read."""
    for draft in document.drafts:
        made = draft.provenance
        yield f"Draft {draft.id} (composed without a model, {made.approach})"
        for number, clause in enumerate(draft.clauses, start=1):
            cited = ", ".join(str(cite) for cite in clause.cites)
            bounds = ", ".join(
                f"group {chr(ord('A') + g.group)}: {g.wilson_low:.0%}" for g in clause.groups
            )
            yield f"  {number}. {clause.text}"
            yield f"     from {cited}; at least (95 %) of {bounds}"
        if draft.coverage is not None:
            yield f"  covers, of votes it did not see: {_say(draft.coverage)}"
        if draft.baseline is not None:
            yield f"  as many single statements would: {_say(draft.baseline)}"
    for failure in document.failed:
        yield f"Failed ({failure.reason}): {failure.detail}"


def _say(measured: Coverage) -> str:
    return (
        f"mean {measured.mean:.3f}, lowest tenth {measured.lowest_decile:.3f}, "
        f"between groups {measured.gap:.3f}, {measured.uncovered} people not at all"
    )


def _grouped(corpus: Corpus, seed: int) -> Corpus:
    """Put everybody into the group that the opinion mathematics publishes."""
    source = VotesWithIds(
        title="",
        votes=corpus.votes,
        participant_ids=corpus.participants,
        statement_ids=corpus.statement_ids,
        texts=[statement.text for statement in corpus.statements],
        moderated_out=np.array([s.moderated_out for s in corpus.statements], dtype=np.bool_),
    )
    labels = analyze_votes(source, seed).groups.labels
    return replace(corpus, labels=labels.astype(np.int64))
