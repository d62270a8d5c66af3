"""``data/polis/``: the columns of a Polis export, +1 agree, with only what people allowed.

Words are there of those who agreed to publication, rows of votes of those who agreed to research
(and of nobody, where one to nine others voted: they could be told by subtraction). Statements are
numbered from 0 in the order they were written; people are pseudonyms, an author's another one than
the same person's as a voter, so that ``n-comments`` is always 0. Times are days. A cell that a
spreadsheet would take for a formula begins with an apostrophe. While voting is open there are no
counts and no rows.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

import numpy as np

from ..deliberation.vocabulary import Status
from ..deliberation.votes import AGREE, DISAGREE, EMPTY
from .consent import Allowed
from .figures import Figures
from .material import Material, Statement
from .pseudonyms import Pseudonyms

NAME = "polis"
_FOLDER = "data/polis"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_MODERATED = {Status.ACCEPTED: 1, Status.PENDING: 0, Status.REJECTED: -1}
_DAY_MS = 86_400_000
_EPOCH = date(1970, 1, 1)

Cell = str | int


def files(material: Material) -> dict[str, bytes]:
    """Return the four files."""
    allowed = Allowed(material)
    figures = Figures(material, allowed)
    return {
        f"{_FOLDER}/summary.csv": _table(
            (("topic", plain(material.title)), *_summary(material, figures))
        ),
        f"{_FOLDER}/comments.csv": _table(_comments(material, allowed, figures)),
        f"{_FOLDER}/votes.csv": _table(_votes(material, allowed)),
        f"{_FOLDER}/participants-votes.csv": _table(_rows(material, allowed, figures)),
    }


def plain(text: str) -> str:
    """Return a cell's text so that no spreadsheet runs it: an apostrophe before a formula's sign.

    NUL characters, which CSV readers refuse, are left out.
    """
    text = text.replace("\0", "")
    runs = text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA)
    return f"'{text}" if runs else text


def _summary(material: Material, figures: Figures) -> Iterable[Sequence[Cell]]:
    over = material.voting_is_over
    groups = len(figures.names) if over else 0
    return (
        ("url", f"assembly:{material.slug}"),
        ("voters", figures.voters if over else material.tally.voters),
        ("voters-in-conv", int(np.count_nonzero(figures.allowed.rows))),
        ("commenters", len({each.author for each in _columns(material) if each.author})),
        ("comments", len(material.columns)),
        ("groups", groups),
        ("conversation-description", plain(material.question)),
    )


def _columns(material: Material) -> list[Statement]:
    statements = material.by_id
    return [statements[each] for each in material.columns]


def _comments(material: Material, allowed: Allowed, figures: Figures) -> Iterable[Sequence[Cell]]:
    yield (
        "timestamp", "datetime", "comment-id", "author-id", "agrees", "disagrees", "moderated",
        "comment-body",
    )  # fmt: skip
    names = Pseudonyms(material.key)
    total, _ = figures.counts
    over = material.voting_is_over
    for column, each in enumerate(_columns(material)):
        day = datetime.strptime(each.day, "%Y-%m-%d").replace(tzinfo=UTC).date()
        yield (
            *_day((day - _EPOCH).days),
            column,
            names.author(each.author) if each.author else "",
            int(total.agree[column]) if over else 0,
            int(total.disagree[column]) if over else 0,
            _moderated(each),
            plain(allowed.words(each) or ""),
        )


def _moderated(statement: Statement) -> int:
    """Return 1 in, 0 not looked at, −1 out; what its author took back is out."""
    return -1 if statement.erased else _MODERATED[statement.status]


def _votes(material: Material, allowed: Allowed) -> Iterable[Sequence[Cell]]:
    yield ("timestamp", "datetime", "comment-id", "voter-id", "vote")
    names = Pseudonyms(material.key)
    found: list[tuple[int, int, int, int]] = []
    for row in np.flatnonzero(allowed.rows).tolist():
        voter = names.voter(material.rows[row])
        columns = np.flatnonzero(material.votes[row] != EMPTY)
        found.extend(
            (day, voter, column, vote)
            for day, column, vote in zip(
                material.days[row, columns].tolist(),
                columns.tolist(),
                material.votes[row, columns].tolist(),
                strict=True,
            )
        )
    for day, voter, column, vote in sorted(found):
        yield (*_day(day), column, voter, vote)


def _rows(material: Material, allowed: Allowed, figures: Figures) -> Iterable[Sequence[Cell]]:
    yield (
        "participant", "group-id", "n-comments", "n-votes", "n-agree", "n-disagree",
        *range(len(material.columns)),
    )  # fmt: skip
    names = Pseudonyms(material.key)
    chosen = np.flatnonzero(allowed.rows).tolist()
    for voter, row in sorted((names.voter(material.rows[row]), row) for row in chosen):
        own = material.votes[row]
        label = int(figures.labels[row])
        cells = ("" if value == EMPTY else value for value in own.tolist())
        yield (
            voter,
            figures.names[label] if label >= 0 else "",
            0,
            int(np.count_nonzero(own != EMPTY)),
            int(np.count_nonzero(own == AGREE)),
            int(np.count_nonzero(own == DISAGREE)),
            *cells,
        )


def _day(number: int) -> tuple[int, str]:
    day = date.fromordinal(_EPOCH.toordinal() + number)
    return number * _DAY_MS, day.isoformat()


def _table(rows: Iterable[Sequence[Cell]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()
