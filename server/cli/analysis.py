"""What the command ``analyze`` reads, computes and says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..deliberation.opinion import (
    Analysis,
    AnalysisDocument,
    Effort,
    Verdict,
    analyze,
)
from ..deliberation.opinion.chance import REDRAWS, SHUFFLES
from ..deliberation.opinion.document import Id
from ..deliberation.votes import EMPTY
from ..intake.polis import read_export
from ..runtime.compute import spread
from .common import progress

_LISTED = 5

_VERDICTS = {
    Verdict.GIVEN: "as the export names them",
    Verdict.PUBLISHED: "better than chance, and stable",
    Verdict.TOO_FEW_PEOPLE: "fewer than 50 people voted enough: counts only, no map",
    Verdict.NO_SPLIT: "no separate groups can be told: people stand at one place",
    Verdict.CHANCE: "no separate groups can be told: what was found is no better than chance",
    Verdict.UNSTABLE: "no separate groups can be told: they do not come again in re-draws",
    Verdict.SMALL_GROUPS: "no separate groups can be told: each way to divide leaves a tiny group",
    Verdict.PROVISIONAL: "not tested against chance",
}


@dataclass(frozen=True, slots=True, eq=False)
class VotesWithIds:
    """Votes and what their rows and columns are called.

    ``votes`` (n, m) as in ``deliberation.votes``; ``texts`` and ``moderated_out`` by column;
    ``shown`` by column to how many people it was put, None where nobody recorded that;
    ``labels`` (n,) the source's own groups.
    """

    title: str
    votes: NDArray[np.int8]
    participant_ids: Sequence[Id]
    statement_ids: Sequence[Id]
    texts: Sequence[str]
    moderated_out: NDArray[np.bool_]
    shown: Mapping[int, int] | None = None
    labels: NDArray[np.intp] | None = None


def load_polis(folder: Path) -> VotesWithIds:
    """Read a Polis export as votes with the export's own ids; UnreadableFile if it is none."""
    export = read_export(folder)
    texts = {statement.id: statement.text for statement in export.statements}
    return VotesWithIds(
        title=export.topic,
        votes=export.matrix,
        participant_ids=export.participants,
        statement_ids=export.columns,
        texts=[texts[column] for column in export.columns],
        moderated_out=export.moderated_out,
        labels=export.group_labels,
    )


def run(source: VotesWithIds, seed: int, *, use_labels: bool = False) -> Analysis:
    """Analyze with a progress bar if standard error is a terminal, in processes if it is long."""
    votes = int(np.count_nonzero(source.votes != EMPTY))
    with progress() as bar, spread(1 if use_labels else votes) as mapper:
        task = bar.add_task("Against chance", total=SHUFFLES + REDRAWS)

        def counted(work: Callable[[int], float], numbers: Iterable[int]) -> Iterator[float]:
            for value in mapper(work, numbers):
                bar.advance(task)
                yield value

        return analyze(
            source.votes,
            moderated_out=source.moderated_out,
            seed=seed,
            labels=source.labels if use_labels else None,
            effort=Effort(mapper=counted),
        )


def describe(source: VotesWithIds, document: AnalysisDocument, verdict: Verdict) -> Iterator[str]:
    """Say an analysis in lines for a person to read."""
    texts = dict(zip(source.statement_ids, source.texts, strict=True))
    groups = document.groups

    def quote(statement: Id) -> str:
        text = " ".join(texts[statement].split())
        return f"[{statement}] {text if len(text) <= 90 else text[:89] + '…'}"

    yield source.title or "(no title)"
    yield (
        f"{document.participants} people voted on {document.statements} statements: "
        f"{document.votes} votes."
    )
    sizes = ", ".join(f"{name}: {size}" for name, size in groups.sizes.items())
    yield f"Opinion groups: {groups.k} ({sizes}) — {_VERDICTS[verdict]}."
    if groups.silhouette is not None and groups.chance_p95 is not None:
        yield (
            f"  silhouette {groups.silhouette:.3f} (95 % of shuffled votes stay below "
            f"{groups.chance_p95:.3f})"
            + (f", stability {groups.stability:.2f}" if groups.stability is not None else "")
        )
    labelled = [each for each in document.statements_detail if each.label]
    what = "Consensus across groups" if groups.k > 1 else "Agreement among those who voted"
    yield f"{what}: {len(labelled)} statements."
    for each in sorted(labelled, key=lambda one: -one.consensus)[:_LISTED]:
        yield f"  {each.agree} of {each.seen} agree  {quote(each.id)}"
    for name, listed in document.representative.items():
        if groups.k > 1:
            yield f"Group {name} stands out by:"
        for entry in listed:
            if entry.qualifies:
                yield f"  {entry.direction:8} {entry.p:.0%}  {quote(entry.id)}"
    if document.divisive:
        yield "Divides most:"
        for apart in document.divisive[:_LISTED]:
            yield (
                f"  {apart.difference:.0%} (95 %: {apart.low:.0%} to {apart.high:.0%}) between "
                f"{apart.one} and {apart.two}  {quote(apart.id)}"
            )
