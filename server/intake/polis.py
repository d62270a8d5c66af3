"""Reading a conversation that Polis exported: a folder of CSV files.

Which file is the truth: ``votes.csv`` where it exists, since it is the record of what was cast (a
later row for the same person and statement replaces an earlier one); the matrix in
``participants-votes.csv`` gives the people, the statements that were voted on, their order and
groups, and the votes where there is no ``votes.csv``. Votes are never taken back in Polis, so that
a vote which only the matrix holds says that ``votes.csv`` was cut off, and somebody or something
that only ``votes.csv`` knows says that of the other file: both are refused rather than guessed.
Tallies in the files are not used: they count replaced votes too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..deliberation.votes import AGREE, DISAGREE, EMPTY, PASS
from ..errors import UnreadableFile
from .csvrows import Limits, Row, Table

COMMENTS = "comments.csv"
MATRIX = "participants-votes.csv"
VOTES = "votes.csv"
SUMMARY = "summary.csv"

_COMMENT_COLUMNS = (
    "timestamp",
    "datetime",
    "comment-id",
    "author-id",
    "agrees",
    "disagrees",
    "moderated",
    "comment-body",
)
_VOTE_COLUMNS = ("timestamp", "datetime", "comment-id", "voter-id", "vote")
_PERSON_COLUMNS = ("group-id", "n-comments", "n-votes", "n-agree", "n-disagree")
_CHOICES = {str(choice): choice for choice in (AGREE, PASS, DISAGREE)}
_MODERATED = {"1": 1, "0": 0, "-1": -1}
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class PolisStatement:
    """A statement as written; ``moderated`` is 1 in, 0 not looked at, −1 out.

    ``timestamp`` is milliseconds since 1970. The tallies count replaced votes too.
    """

    id: int
    text: str
    author: int | None
    moderated: int
    timestamp: int | None
    agrees: int
    disagrees: int


@dataclass(frozen=True, slots=True)
class PolisVote:
    """One row of ``votes.csv``, in the file's order; a later one replaces an earlier one."""

    participant: int
    statement: int
    choice: int
    timestamp: int


@dataclass(frozen=True, slots=True, eq=False)
class PolisExport:
    """A conversation. ``participants`` voted; some authors in ``statements`` never did.

    ``statements`` are all that were written, by id; ``columns`` the ids of those that are columns
    of ``matrix``, ascending; ``matrix`` is (participants, columns) of 1 agree, 0 pass, −1 disagree,
    −128 empty, rows in the file's order. ``group_labels`` (participants,): the export's groups, −1
    for in none; absent if the export names none. ``shown`` is absent: Polis doesn't export it.
    ``votes`` are the rows of ``votes.csv``, absent without that file.
    """

    topic: str
    description: str
    statements: tuple[PolisStatement, ...]
    participants: tuple[int, ...]
    columns: tuple[int, ...]
    matrix: NDArray[np.int8]
    group_labels: NDArray[np.intp] | None
    votes: tuple[PolisVote, ...] | None
    shown: None = None

    @property
    def written(self) -> int:
        """How many statements were written."""
        return len(self.statements)

    @property
    def vote_count(self) -> int:
        """How many votes hold, replaced ones not counted."""
        return int(np.count_nonzero(self.matrix != EMPTY))

    @property
    def voters(self) -> int:
        """How many people cast at least one vote."""
        return int(np.count_nonzero((self.matrix != EMPTY).any(axis=1)))

    @property
    def moderated_out(self) -> NDArray[np.bool_]:
        """Which columns moderation took out, (columns,)."""
        out = {statement.id for statement in self.statements if statement.moderated < 0}
        return np.array([column in out for column in self.columns], dtype=np.bool_)


def read_export(folder: Path, limits: Limits | None = None) -> PolisExport:
    """Read the export in ``folder``; nothing is returned of one that can't be read whole.

    UnreadableFile, naming file and line, for a missing or empty file, other columns, an unknown
    vote or moderation value, an id twice, a cut-off file, files that contradict each other, and
    what exceeds ``limits``.
    """
    limits = limits or Limits()
    if not folder.is_dir():
        raise UnreadableFile(f"{folder.name}: there is no such folder")
    topic, description, announced = _read_summary(folder, limits)
    statements, unended = _read_statements(folder, limits)
    people = _read_matrix(folder, limits, {statement.id for statement in statements})
    if announced is not None and announced > len(people.ids):
        raise UnreadableFile(
            f"{MATRIX}, line {people.last_line}: it ends after {len(people.ids)} people where "
            f"{SUMMARY} speaks of {announced} voters; was it cut off?"
        )
    if unended is not None and people.ends_with_a_line:
        # Only here would a cut leave a row that looks whole: the text stands last.
        raise UnreadableFile(f"{COMMENTS}, line {unended}: the line has no end; was it cut off?")
    votes = None
    if (folder / VOTES).exists():
        votes = _read_votes(folder, limits, people)
    return PolisExport(
        topic=topic,
        description=description,
        statements=tuple(statements),
        participants=tuple(people.ids),
        columns=tuple(people.columns),
        matrix=people.matrix,
        group_labels=people.labels if (people.labels >= 0).any() else None,
        votes=votes,
    )


@dataclass(slots=True, eq=False)
class _People:
    """The matrix file: columns ascending, rows as they came."""

    ids: list[int]
    columns: list[int]
    matrix: NDArray[np.int8]
    labels: NDArray[np.intp]
    last_line: int
    ends_with_a_line: bool


def _read_summary(folder: Path, limits: Limits) -> tuple[str, str, int | None]:
    """Return topic, description and how many voters the export says it has."""
    if not (folder / SUMMARY).exists():
        return "", "", None
    table = Table(folder / SUMMARY, limits)
    values: dict[str, str] = {}
    rows = [Row(table.header, 1), *table]
    for row in rows:
        if len(row.fields) != 2:
            raise table.refuse(row.line, "a row is a key and a value")
        values[row.fields[0]] = row.fields[1]
    if "topic" not in values:
        raise table.refuse(rows[-1].line, "there is no topic; is this a Polis export?")
    voters = values.get("voters-in-conv", "")
    announced = int(voters) if voters.isascii() and voters.isdigit() else None
    return values["topic"], values.get("conversation-description", ""), announced


def _read_statements(folder: Path, limits: Limits) -> tuple[list[PolisStatement], int | None]:
    """Return the statements, and the last line where it has no end."""
    table = Table(folder / COMMENTS, limits)
    at = _columns(table, _COMMENT_COLUMNS)
    found: dict[int, PolisStatement] = {}
    line = 1
    for row in table:
        line = row.line
        cell = {name: row.fields[i] for name, i in at.items()}
        number = _number(table, row, cell["comment-id"], "comment-id")
        if number in found:
            raise table.refuse(row.line, f"the comment-id {number} stands there twice")
        moderated = _MODERATED.get(cell["moderated"])
        if moderated is None:
            raise table.refuse(row.line, "moderated is 1, 0 or -1")
        author, timestamp = cell["author-id"], cell["timestamp"]
        found[number] = PolisStatement(
            id=number,
            text=cell["comment-body"],
            author=_number(table, row, author, "author-id") if author else None,
            moderated=moderated,
            timestamp=_number(table, row, timestamp, "timestamp") if timestamp else None,
            agrees=_number(table, row, cell["agrees"], "agrees"),
            disagrees=_number(table, row, cell["disagrees"], "disagrees"),
        )
    unended = None if table.ends_with_a_line else line
    return [found[number] for number in sorted(found)], unended


def _read_matrix(folder: Path, limits: Limits, written: set[int]) -> _People:
    table = Table(folder / MATRIX, limits)
    columns, first = _statement_columns(table, written)
    group_at = table.header.index("group-id")
    order = sorted(range(len(columns)), key=columns.__getitem__)
    values = {**_CHOICES, "": EMPTY}
    ids: dict[int, None] = {}
    rows: list[NDArray[np.int8]] = []
    labels: list[int] = []
    line = 1
    for row in table:
        line = row.line
        number = _number(table, row, row.fields[0], "participant")
        if number in ids:
            raise table.refuse(line, f"the participant {number} stands there twice")
        ids[number] = None
        if len(ids) * len(columns) > limits.cells:
            raise table.refuse(line, f"more than {limits.cells} cells")
        group = row.fields[group_at]
        labels.append(_number(table, row, group, "group-id") if group else -1)
        if labels[-1] >= limits.groups:
            raise table.refuse(line, f"more than {limits.groups} groups")
        cells = row.fields[first:]
        try:
            rows.append(np.array([values[cell] for cell in cells], dtype=np.int8)[order])
        except KeyError as wrong:
            raise table.refuse(line, "a vote is 1, 0, -1 or empty") from wrong
    matrix = np.array(rows, dtype=np.int8).reshape(len(rows), len(columns))
    return _People(
        ids=list(ids),
        columns=[columns[i] for i in order],
        matrix=matrix,
        labels=np.array(labels, dtype=np.intp),
        last_line=line,
        ends_with_a_line=table.ends_with_a_line,
    )


def _statement_columns(table: Table, written: set[int]) -> tuple[list[int], int]:
    """Return the statements' ids in the header, and the place of the first."""
    header = table.header
    people: tuple[str, ...] = ("participant", *_PERSON_COLUMNS)
    if header[:2] == ["participant", "xid"]:
        people = ("participant", "xid", *_PERSON_COLUMNS)
    if tuple(header[: len(people)]) != people:
        raise table.refuse(1, f"the first columns are {', '.join(people)}; is this a Polis export?")
    columns: list[int] = []
    known: set[int] = set()
    for name in header[len(people) :]:
        number = _number(table, Row(header, 1), name, "column")
        if number in known:
            raise table.refuse(1, f"the statement {number} has two columns")
        if number not in written:
            raise table.refuse(
                1, f"a column for statement {number}, which {COMMENTS} lacks; was that cut off?"
            )
        known.add(number)
        columns.append(number)
    return columns, len(people)


def _read_votes(folder: Path, limits: Limits, people: _People) -> tuple[PolisVote, ...]:
    """Read the votes, and put them into the matrix in the place of what it held."""
    table = Table(folder / VOTES, limits)
    at = _columns(table, _VOTE_COLUMNS)
    time_at, statement_at = at["timestamp"], at["comment-id"]
    voter_at, vote_at = at["voter-id"], at["vote"]
    row_of = {number: i for i, number in enumerate(people.ids)}
    column_of = {number: i for i, number in enumerate(people.columns)}
    matrix = np.full_like(people.matrix, EMPTY)
    cells = matrix.data
    votes: list[PolisVote] = []
    line = 1
    for row in table:
        line = row.line
        voter = _number(table, row, row.fields[voter_at], "voter-id")
        statement = _number(table, row, row.fields[statement_at], "comment-id")
        choice = _CHOICES.get(row.fields[vote_at])
        if choice is None:
            raise table.refuse(line, "a vote is 1, 0 or -1")
        if voter not in row_of:
            raise table.refuse(line, f"a vote of {voter}, whom {MATRIX} lacks; was that cut off?")
        if statement not in column_of:
            raise table.refuse(
                line, f"a vote on statement {statement}, for which {MATRIX} has no column"
            )
        cells[row_of[voter], column_of[statement]] = choice
        timestamp = _number(table, row, row.fields[time_at], "timestamp")
        votes.append(PolisVote(voter, statement, choice, timestamp))
    lost = np.argwhere((matrix == EMPTY) & (people.matrix != EMPTY))
    if lost.size:
        person, column = (int(i) for i in lost[0])
        raise table.refuse(
            line,
            f"it ends without the vote of {people.ids[person]} on statement "
            f"{people.columns[column]} that {MATRIX} has; was it cut off?",
        )
    people.matrix = matrix
    return tuple(votes)


def _columns(table: Table, wanted: tuple[str, ...]) -> dict[str, int]:
    if sorted(table.header) != sorted(wanted):
        raise table.refuse(1, f"the columns are {', '.join(wanted)}; is this a Polis export?")
    return {name: table.header.index(name) for name in wanted}


def _number(table: Table, row: Row, cell: str, name: str) -> int:
    """Return a whole number that is not negative and fits 64 bits."""
    if not (cell.isascii() and cell.isdigit() and len(cell) < 20) or int(cell) > _LARGEST:
        raise table.refuse(row.line, f"{name} is a whole number")
    return int(cell)
