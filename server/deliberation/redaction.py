"""What is left of an event when its words are taken out of it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ..ids import ParticipantId
from . import events as e


def redact(event: e.Event) -> e.Event:
    """Return ``event`` without any words a person wrote; the same event where it holds none."""
    match event:
        case e.StatementSubmitted():
            return msgspec.structs.replace(event, text="", language=None, erased=True)
        case e.VoteCast():
            return msgspec.structs.replace(event, because="")
        case e.RankingCast():
            return msgspec.structs.replace(event, criticism={})
        case e.ParticipantJoined():
            return msgspec.structs.replace(event, name="")
        case _:
            return event


def remains_of(records: Iterable[e.Recorded]) -> dict[int, e.Remains]:
    """Return by seq what is left of the records that hold words."""
    remains: dict[int, e.Remains] = {}
    for record in records:
        left = redact(record.event)
        if left != record.event:
            remains[record.seq] = e.Remains(at=record.at, by=record.by, event=left)
    return remains


def strike(words: dict[ParticipantId, list[int]], seq: int) -> None:
    """Strike ``seq`` from everybody's list of records with words."""
    for person in [p for p, seqs in words.items() if seq in seqs]:
        words[person].remove(seq)
        if not words[person]:
            del words[person]
