"""The last frames of a room, encoded once, with a place in them for every socket's cursor."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from time import monotonic
from typing import TypedDict

import msgspec

from ..deliberation import frames as f
from ..deliberation.audience import Announcement, Everyone, Moderators, Variant, Who
from ..deliberation.folding import unquoted
from ..deliberation.views import Viewer
from ..deliberation.vocabulary import Status

_encode = msgspec.json.Encoder().encode
_PREV = '"prev":0'


class Message(TypedDict):
    """What a server is given to send a text frame; many sockets share one."""

    type: str
    text: str


def message_of(frame: f.Frame) -> Message:
    """Return a frame encoded, ready to be sent."""
    return {"type": "websocket.send", "text": _encode(frame).decode()}


class Form:
    """One form of an event's frame, for those whom ``who`` admits; encoded when first sent."""

    __slots__ = ("_after", "_before", "_last", "_spliced", "frame", "who")

    def __init__(self, variant: Variant) -> None:
        self.who: Who = variant.who
        self.frame = variant.frame
        self._before = ""
        self._after = ""
        self._last = -1
        self._spliced: Message = {"type": "websocket.send", "text": ""}

    def message(self, prev: int) -> Message:
        """Return the frame with ``prev`` put in; the same object for the same value in a row."""
        if prev != self._last:
            if not self._before:
                # seq and prev come before anything that a person wrote.
                self._before, _, self._after = _encode(self.frame).decode().partition(_PREV)
            self._spliced = {
                "type": "websocket.send",
                "text": f'{self._before}"prev":{prev}{self._after}',
            }
            self._last = prev
        return self._spliced


class Told:
    """An event as a room is told of it: who is admitted first gets that form."""

    __slots__ = ("at", "forms", "seq")

    def __init__(self, announcement: Announcement) -> None:
        self.seq = announcement.seq
        self.at = monotonic()
        self.forms = tuple(Form(variant) for variant in announcement.variants)

    def form_for(self, viewer: Viewer) -> Form | None:
        """Return the form that ``viewer`` is owed, if any."""
        for form in self.forms:
            if form.who.admits(viewer):
                return form
        return None

    def withdraw(self, statements: frozenset[str], *, erased: bool) -> None:
        """Take back what was told of statements, for all but those who still see them.

        Author and moderators do; of what was erased they don't get the words either, and nobody
        gets those that drafts quote.
        """
        self.forms = tuple(_withdrawn(form, statements, erased=erased) for form in self.forms)


def _withdrawn(form: Form, statements: frozenset[str], *, erased: bool) -> Form:
    if not _shows(form.frame, statements):
        kept = unquoted(form.frame, statements) if erased else form.frame
        return form if kept is form.frame else Form(Variant(form.who, kept))
    who = Moderators() if isinstance(form.who, Everyone) else form.who
    frame = _without_words(form.frame) if erased else form.frame
    return Form(Variant(who, frame))


def _shows(frame: f.EventFrame, statements: frozenset[str]) -> bool:
    return isinstance(frame, f.StatementFrame) and frame.statement.id in statements


def _without_words(frame: f.EventFrame) -> f.EventFrame:
    if not isinstance(frame, f.StatementFrame):
        return frame
    emptied = msgspec.structs.replace(frame.statement, text="", language=None)
    return msgspec.structs.replace(frame, statement=emptied)


class Ring:
    """What a room was told, the last ``size`` of it; positions count on for ever.

    Everything that was told after seq ``since`` is in it. What moderation took away or its author
    erased is taken out of it too: nobody is sent it again, however far back they resume.
    """

    def __init__(self, size: int, since: int) -> None:
        self._size = size
        self._cells: list[Told | None] = [None] * size
        self.since = since
        self.first = 0
        self.end = 0

    def push(self, announcement: Announcement) -> None:
        """Add what happened; the oldest goes when the ring is full."""
        self._withdraw_for(announcement)
        if self.full:
            self.since = self.at(self.first).seq
            self.first += 1
        self._cells[self.end % self._size] = Told(announcement)
        self.end += 1

    def at(self, position: int) -> Told:
        """Return what stands at a position; LookupError where nothing does, or no longer."""
        if not self.first <= position < self.end:
            raise LookupError(f"{position} is not in [{self.first}, {self.end})")
        told = self._cells[position % self._size]
        if told is None:
            raise LookupError(f"nothing at {position}")
        return told

    @property
    def full(self) -> bool:
        """The next push takes the oldest out."""
        return self.end - self.first == self._size

    @property
    def age(self) -> float:
        """Seconds since the oldest that is here was put in; 0.0 where there is nothing."""
        return monotonic() - self.at(self.first).at if self.end > self.first else 0.0

    def position_after(self, seq: int) -> int | None:
        """Return where the first thing told after ``seq`` stands; None: not all of it is here."""
        if seq < self.since:
            return None
        return bisect_right(
            range(self.end), seq, lo=self.first, key=lambda position: self.at(position).seq
        )

    def __iter__(self) -> Iterator[Told]:
        """Give what is in the ring, oldest first."""
        return (self.at(position) for position in range(self.first, self.end))

    def _withdraw_for(self, announcement: Announcement) -> None:
        for variant in announcement.variants:
            match variant.frame:
                case f.StatementModeratedFrame(statement_id=statement, status=Status.REJECTED):
                    self._withdraw(frozenset((statement,)), erased=False)
                    return
                case f.ErasedFrame(statement_ids=statements):
                    self._withdraw(frozenset(statements), erased=True)
                    return

    def _withdraw(self, statements: frozenset[str], *, erased: bool) -> None:
        for told in self:
            told.withdraw(statements, erased=erased)
