"""Reading somebody else's CSV: in a stream, within limits, and always knowing the line."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import UnreadableFile


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may hold before reading stops: bytes of a file, rows, characters of a field.

    ``groups`` are opinion groups, numbered from 0.
    """

    file_bytes: int = 512 * 1024 * 1024
    rows: int = 20_000_000
    field_characters: int = 100_000
    columns: int = 20_000
    cells: int = 400_000_000
    groups: int = 1_000


@dataclass(frozen=True, slots=True)
class Row:
    """A row's fields and the line of the file on which it ends."""

    fields: list[str]
    line: int


class Table:
    """The rows of one CSV file, read once from the first to the last.

    UnreadableFile, naming the file and the line, for what is not UTF-8 text in CSV with a header,
    for a row that has another number of fields than the header, and for what exceeds the limits. A
    byte-order mark is read over; fields may hold commas, quotes and line breaks in quotes.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self.name = path.name
        self._limits = limits
        self._source = _Lines(path, limits)
        self._rows = self._read()
        first = next(self._rows, None)
        if first is None:
            raise UnreadableFile(f"{self.name}, line 1: the file is empty")
        self.header = first.fields

    def __iter__(self) -> Iterator[Row]:
        width = len(self.header)
        for row in self._rows:
            if len(row.fields) != width:
                raise self.refuse(
                    row.line, f"{len(row.fields)} fields where the header has {width}"
                )
            yield row

    @property
    def ends_with_a_line(self) -> bool:
        """Whether what was read so far ended in a line break."""
        return self._source.ended

    def refuse(self, line: int, why: str) -> UnreadableFile:
        """Return the error that names this file and the line."""
        return UnreadableFile(f"{self.name}, line {line}: {why}")

    def _read(self) -> Iterator[Row]:
        limits = self._limits
        before = csv.field_size_limit()
        with self._source as lines:
            reader = csv.reader(lines, strict=True)
            count = 0
            while True:
                # The limit belongs to the whole process: it is ours only while a row is read.
                csv.field_size_limit(limits.field_characters)
                try:
                    fields = next(reader, None)
                except csv.Error as wrong:
                    raise self.refuse(reader.line_num, f"not CSV ({wrong})") from wrong
                finally:
                    csv.field_size_limit(before)
                if fields is None:
                    return
                count += 1
                if count > limits.rows:
                    raise self.refuse(reader.line_num, f"more than {limits.rows} rows")
                if len(fields) > limits.columns:
                    raise self.refuse(reader.line_num, f"more than {limits.columns} columns")
                yield Row(fields, reader.line_num)


class _Lines:
    """Lines of a UTF-8 file with their ends, refused as soon as a limit is passed."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path = path
        self._limits = limits
        self._file: BinaryIO | None = None
        self.ended = True

    def __enter__(self) -> Iterator[str]:
        try:
            self._file = self._path.open("rb")
        except OSError as wrong:
            why = "is missing" if isinstance(wrong, FileNotFoundError) else wrong.strerror
            raise UnreadableFile(f"{self._path.name}: {why}; is this a Polis export?") from wrong
        return self._lines(self._file)

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def _lines(self, file: BinaryIO) -> Iterator[str]:
        limits = self._limits
        longest = 4 * limits.field_characters + 16 * limits.columns
        number, size = 0, 0
        while raw := file.readline(longest + 1):
            number += 1
            size += len(raw)
            self.ended = raw.endswith(b"\n")
            if len(raw) > longest:
                raise self._refuse(number, f"a line of more than {longest} bytes")
            if size > limits.file_bytes:
                raise self._refuse(number, f"more than {limits.file_bytes} bytes")
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as wrong:
                raise self._refuse(number, "not UTF-8 text") from wrong
            if "\0" in line:
                raise self._refuse(number, "a NUL character")
            yield line

    def _refuse(self, number: int, why: str) -> UnreadableFile:
        return UnreadableFile(f"{self._path.name}, line {number}: {why}")
