"""Statements and votes of Polis exports, as synthesis takes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import Invalid
from ..intake.polis import read_export
from ..synthesis.ports import EMPTY, Corpus, SourceId, SourceStatement


def polis_statements(
    folders: Sequence[Path], language: str | None = None
) -> tuple[SourceStatement, ...]:
    """Read the statements of exports; with several, ids are ``FOLDER/ID``.

    ``language`` is that of all of them. Raises ``UnreadableFile``, and ``Invalid`` if two folders
    have the same name.
    """
    names = [folder.resolve().name for folder in folders]
    if len(set(names)) != len(names):
        raise Invalid("two --polis folders have the same name, so their ids would clash")
    found: list[SourceStatement] = []
    for name, folder in zip(names, folders, strict=True):
        for written in read_export(folder).statements:
            where: SourceId = written.id if len(folders) == 1 else f"{name}/{written.id}"
            found.append(
                SourceStatement(where, written.text, language, moderated_out=written.moderated < 0)
            )
    return tuple(found)


def polis_corpus(folder: Path, language: str | None = None) -> Corpus:
    """Read an export with its votes, everybody in no group; statements nobody saw stay out.

    Raises ``UnreadableFile``.
    """
    export = read_export(folder)
    texts = {written.id: written.text for written in export.statements}
    statements = tuple(
        SourceStatement(column, texts[column], language, moderated_out=bool(out))
        for column, out in zip(export.columns, export.moderated_out, strict=True)
    )
    votes = np.where((export.matrix >= -1) & (export.matrix <= 1), export.matrix, np.int8(EMPTY))
    nobody = np.full(len(export.participants), -1, np.int64)
    return Corpus(statements, export.participants, votes, nobody)
