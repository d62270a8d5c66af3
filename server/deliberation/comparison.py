"""A state as plain data, so that two of them can be compared and the first difference named."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from .assembly import AssemblyState
from .state import RoomState
from .votes import EMPTY, VoteMatrix


def picture(state: RoomState | AssemblyState) -> dict[str, object]:
    """Return everything the state holds, with keys in order: equal states give equal pictures.

    Nothing is left out, kept counts included: what was folded as it happened and what was replayed
    have the same picture. It holds people's words and votes and is never shown or logged whole.
    """
    plain = msgspec.to_builtins(state, str_keys=True, order="deterministic", enc_hook=_votes)
    if not isinstance(plain, dict):
        raise TypeError(f"a {type(state).__name__} has no picture")
    return plain


def _votes(value: object) -> object:
    if not isinstance(value, VoteMatrix):
        raise NotImplementedError(f"a state holds no {type(value).__name__}")
    cells = value.view()
    cast = cells != EMPTY
    return {
        "rows": value.rows,
        "columns": value.columns,
        "voters": value.voters,
        "votes": value.votes,
        "agree": value.agree.tolist(),
        "disagree": value.disagree.tolist(),
        "passes": value.passes.tolist(),
        "cells": [
            dict(zip(row_cast.nonzero()[0].tolist(), row[row_cast].tolist(), strict=True))
            for row, row_cast in zip(cells, cast, strict=True)
        ],
    }


def first_difference(one: object, other: object, path: str = "") -> str | None:
    """Return the path of the first place where two pictures differ, such as ``people.p7.row``.

    None where they are equal. Only the place is named, never what stands there.
    """
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in sorted({*one, *other}, key=str):
            inside = f"{path}.{key}" if path else str(key)
            if key not in one or key not in other:
                return inside
            found = first_difference(one[key], other[key], inside)
            if found is not None:
                return found
        return None
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        for place, (left, right) in enumerate(zip(one, other, strict=False)):
            found = first_difference(left, right, f"{path}[{place}]")
            if found is not None:
                return found
        return None if len(one) == len(other) else f"{path}[{min(len(one), len(other))}]"
    return None if one == other and type(one) is type(other) else path or "."
