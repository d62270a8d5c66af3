"""What a room's sockets are owed, kept once a room: which events there were, and who got them when.

Most sockets of a room are sent the same bytes. So a frame is decoded and checked once for each
distinct encoding, and a socket costs a lookup and a comparison of its place in the stream.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from dataclasses import dataclass, field

import msgspec

from server.deliberation import frames as f
from server.deliberation.vocabulary import Status

EVENT, TALLY, PRESENCE, VIEW, HELLO, SNAPSHOT, OTHER = range(7)
_MOST_KNOWN = 2_048
_decode = msgspec.json.Decoder(f.Frame).decode


@dataclass(frozen=True, slots=True)
class Heard:
    """What a frame says, as far as it is checked for each socket that gets it.

    ``number``: votes of a tally, people of a presence; 1 for an event that is one person's alone.
    """

    kind: int
    seq: int = 0
    prev: int = 0
    number: int = 0
    frame: f.Hello | f.Snapshot | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What an event was: its frame's type and what it is about (a statement's id, a text)."""

    kind: str
    about: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """An acknowledged command that is an event for all: when it was meant to go out, and the 201.

    Times are ``perf_counter`` seconds.
    """

    about: str
    kinds: tuple[str, ...]
    due: float
    at: float


@dataclass
class Delays:
    """Seconds from a command to each of its frames."""

    from_due: array[float] = field(default_factory=lambda: array("f"))
    from_receipt: array[float] = field(default_factory=lambda: array("f"))
    last: array[float] = field(default_factory=lambda: array("f"))
    """From the 201 to the last socket that was connected then, one for each event."""


@dataclass
class Books:
    """What is counted for the whole fleet."""

    frames: int = 0
    views: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    """What must not happen, by what it is."""

    examples: dict[str, str] = field(default_factory=dict)
    """The first of each, with seqs and ids and no words."""

    closes: Counter[int] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)
    """Handshakes that were not answered with 101, by status; 0: no answer."""

    connects: int = 0
    resumed: int = 0
    snapshots: int = 0
    delays: Delays = field(default_factory=Delays)

    def fault(self, what: str, example: str, *, times: int = 1) -> None:
        """Take down that something must not have happened."""
        self.faults[what] += times
        self.examples.setdefault(what, example)


class Room:
    """One room: the events that there were, by its sockets and its receipts."""

    def __init__(self, log: str, books: Books, people: int) -> None:
        """``people``: how many are in it, at the most."""
        self.log = log
        self.books = books
        self.people = people
        self.statements: list[str] = []
        """Ids of what can be voted on, as far as it was acknowledged."""
        self.rejected: list[str] = []
        """Ids of what moderation took away, as far as that was acknowledged."""
        self.unsure: set[str] = set()
        """Ids of statements with a decision that was not answered."""
        self.withdrawn: set[int] = set()
        """Seqs that showed what moderation took away then: who resumes is not sent them."""
        self.shown_again: dict[str, list[int]] = {}
        """Seqs at which moderation put a statement back."""
        self.written: dict[str, int] = {}
        self.order: list[int] = []
        self.told: dict[int, Told] = {}
        self.receipts: dict[int, Receipt] = {}
        self.ratified: Counter[tuple[str, str]] = Counter()
        """Acknowledged ratifications, by clause and choice."""
        self.drafts: f.DraftsFrame | None = None
        self.tallies: set[tuple[int, int]] = set()
        """Every tally that anybody was shown: people who voted, and votes."""
        self._follows: dict[int, int] = {}
        self._times: dict[int, array[float]] = {}
        self._known: dict[bytes, Heard] = {}

    def read(self, payload: bytes) -> Heard:
        """Return what a frame says; the same bytes are decoded and checked once.

        Raises:
            msgspec.DecodeError: it is no frame of the protocol.
        """
        heard = self._known.get(payload)
        if heard is None:
            heard = self._read(payload)
            if heard.kind < HELLO:
                if len(self._known) >= _MOST_KNOWN:
                    self._known.clear()
                self._known[payload] = heard
        return heard

    def _read(self, payload: bytes) -> Heard:
        frame = _decode(payload)
        match frame:
            case f.Hello() | f.Snapshot():
                return Heard(HELLO if isinstance(frame, f.Hello) else SNAPSHOT, frame=frame)
            case f.TallyFrame():
                if not (
                    0 <= frame.voters <= min(self.people, frame.votes) and frame.statements >= 0
                ):
                    self.books.fault("a tally that cannot be", f"{self.log}: {frame}")
                self.tallies.add((frame.voters, frame.votes))
                return Heard(TALLY, number=frame.votes)
            case f.PresenceFrame():
                if not 0 < frame.here <= self.people:
                    self.books.fault("a presence that cannot be", f"{self.log}: {frame}")
                return Heard(PRESENCE, number=frame.here)
            case f.AnalysisFrame() | f.QueueFrame():
                return Heard(VIEW)
            case f.Pong():
                return Heard(OTHER)
        if isinstance(frame, f.StatementFrame) and frame.statement.status is Status.PENDING:
            return Heard(EVENT, frame.seq, frame.prev, number=1)
        self._event(frame)
        return Heard(EVENT, frame.seq, frame.prev)

    def _event(self, frame: f.EventFrame) -> None:
        about = _about(frame)
        earlier = self.told.get(frame.seq)
        if earlier is None:
            self._insert(frame.seq)
            self.told[frame.seq] = Told(str(type(frame).__struct_config__.tag), about)
        elif earlier.about != about:
            self.books.fault("two events with one seq", f"{self.log} {frame.seq}")
        if isinstance(frame, f.DraftsFrame):
            self.drafts = frame

    def _insert(self, seq: int) -> None:
        if self.order and seq < self.order[-1]:
            self._follows.clear()
        insort(self.order, seq)
        self._times[seq] = array("d")

    def left_out(self, prev: int, seq: int) -> int:
        """Return how many events strictly between may be left out, since moderation took them."""
        if self._follows.get(prev) == seq:
            return 0
        between = self.order[bisect_right(self.order, prev) : bisect_left(self.order, seq)]
        if not between:
            self._follows[prev] = seq
        return sum(each in self.withdrawn for each in between)

    def owed(self, after: int, until: int) -> int:
        """Return how many events there were after one seq, until another and with it."""
        return bisect_right(self.order, until) - bisect_right(self.order, after)

    def arrived(self, seq: int, now: float) -> None:
        """Take down that a socket that was connected when an event happened has its frame."""
        self._times[seq].append(now)

    @property
    def last(self) -> int:
        """The seq of the last event."""
        return self.order[-1] if self.order else 0

    def acknowledged(self, seq: int, receipt: Receipt) -> None:
        """Take down a receipt for what everybody is owed."""
        if seq in self.receipts:
            self.books.fault("two commands acknowledged with one seq", f"{self.log} {seq}")
        self.receipts[seq] = receipt

    def settle(self) -> None:
        """Compare receipts with events; what nobody was sent becomes owed to everybody."""
        for seq, receipt in self.receipts.items():
            told = self.told.get(seq)
            if told is None:
                self._insert(seq)
                self.told[seq] = Told(receipt.kinds[0], receipt.about)
            elif told.kind not in receipt.kinds or told.about != receipt.about:
                self.books.fault("an event that is not what was acknowledged", f"{self.log} {seq}")

    def timed(self) -> None:
        """Put the delays of all that was acknowledged into the books."""
        delays = self.books.delays
        for seq, receipt in self.receipts.items():
            times = self._times.get(seq)
            if times:
                delays.from_due.extend(each - receipt.due for each in times)
                delays.from_receipt.extend(each - receipt.at for each in times)
                delays.last.append(max(times) - receipt.at)


def _about(frame: f.EventFrame) -> str:
    match frame:
        case f.StatementFrame(statement=statement):
            return statement.id
        case f.StatementModeratedFrame(statement_id=statement_id):
            return statement_id
        case f.ErasedFrame(statement_ids=statement_ids):
            return " ".join(statement_ids)
        case f.PhaseFrame(phase=phase):
            return phase
        case f.NoticeFrame(notice=notice):
            return notice.text
        case f.DraftsFrame() | f.ResultFrame():
            return ""
