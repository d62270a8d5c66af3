"""A state written down as of one seq, so that a long log need not be folded from its beginning.

A snapshot is derived and can be thrown away: whoever has none, or cannot read one, folds the log.
It holds exactly what the state holds: people's words as far as they stand, votes, names of rows.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields

import msgspec
import numpy as np
from numpy.typing import NDArray

from .assembly import AssemblyState
from .state import RoomState
from .votes import VoteMatrix

MODULES = (
    "adoption",
    "assembly",
    "charter",
    "drafts",
    "events",
    "ranking",
    "redaction",
    "room",
    "snapshot",
    "state",
    "vocabulary",
    "votes",
)
"""The modules of this package that say what a state is and how an event changes it.

A snapshot that was taken under other sources than these is none: what it says might not be what
folding the log says now.
"""

_LEVEL = 1
_HEADER = 8


class _Room(msgspec.Struct, frozen=True, kw_only=True):
    """A room but for its cells, which follow as bytes."""

    state: RoomState
    rows: int
    columns: int
    told: tuple[int, ...]
    since: int


class _Assembly(msgspec.Struct, frozen=True, kw_only=True):
    """An assembly; it tells nobody anything."""

    state: AssemblyState


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken of a state at rest; the state may change now, and this does not."""

    rest: bytes
    cells: NDArray[np.int8]

    def pack(self) -> bytes:
        """Return the snapshot; on any thread, and most of the time is spent here."""
        squeeze = zlib.compressobj(_LEVEL)
        return b"".join(
            (
                squeeze.compress(len(self.rest).to_bytes(_HEADER, "big")),
                squeeze.compress(self.rest),
                squeeze.compress(self.cells.data),
                squeeze.flush(),
            )
        )


@dataclass(frozen=True, slots=True)
class Restored:
    """A state as a snapshot has it, and the seqs of what was ``told`` of it after seq ``since``."""

    state: RoomState | AssemblyState
    told: tuple[int, ...] = ()
    since: int = 0


def take(state: RoomState | AssemblyState, told: Sequence[int] = (), since: int = 0) -> Taken:
    """Take what a snapshot needs of ``state``, which is at rest, and change nothing.

    ``told`` are the seqs of the last events of a room that others were told of: all of those after
    seq ``since``. The cells of the vote matrix are copied, everything else is encoded; equal states
    that came about by the same events give the same bytes.
    """
    if isinstance(state, AssemblyState):
        return Taken(_encode({"state": state}), np.empty((0, 0), dtype=np.int8))
    plain = {field.name: getattr(state, field.name) for field in fields(state)}
    tally = {field.name: getattr(state.tally, field.name) for field in fields(state.tally)}
    # A set has another order in every process.
    plain["tally"] = tally | {"changed": sorted(state.tally.changed)}
    del plain["votes"]
    cells = np.ascontiguousarray(state.votes.view())
    if cells.base is not None:
        cells = cells.copy()
    rows, columns = cells.shape
    document = {
        "state": plain,
        "rows": rows,
        "columns": columns,
        "told": tuple(told),
        "since": since,
    }
    return Taken(_encode(document), cells)


def restore(body: bytes, kind: type[RoomState] | type[AssemblyState]) -> Restored:
    """Return the state of a kind that :meth:`Taken.pack` made ``body`` of.

    Raises:
        ValueError: it was not made so; the message names nothing of what stands in it.
    """
    try:
        plain = memoryview(zlib.decompress(body))
        end = _HEADER + int.from_bytes(plain[:_HEADER], "big")
        rest, cells = plain[_HEADER:end], plain[end:]
        if kind is AssemblyState:
            return Restored(_assembly(rest).state)
        read = _room(rest)
        matrix = np.frombuffer(cells, dtype=np.int8).reshape(read.rows, read.columns)
        read.state.votes = VoteMatrix.from_array(matrix)
    except (zlib.error, msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ValueError(f"no snapshot of a {kind.__name__} ({type(error).__name__})") from None
    return Restored(read.state, read.told, read.since)


_encode = msgspec.msgpack.Encoder().encode
_room = msgspec.msgpack.Decoder(_Room).decode
_assembly = msgspec.msgpack.Decoder(_Assembly).decode
