"""The house of all logs: one writer that decides, makes durable, answers and announces, in turn."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from time import perf_counter

from ..deliberation import commands as c
from ..deliberation import events as e
from ..deliberation.assembly import AssemblyState
from ..deliberation.audience import Announcement
from ..deliberation.room import RoomState
from ..errors import Conflicted, Fault, LogBroken, NotFound, Stopping
from ..ids import AssemblyId, LogId, RoomId
from ..store import artifacts, lookups
from ..store import log as store
from ..store.artifacts import Artifact
from ..store.database import Database
from ..store.writing import Begun, Ledger
from .batch import Batch, Committed, Key, Spoiled, Ticket, Unit, answer, fault_of, wanted
from .doorbell import Doorbell
from .foreign import Foreign
from .ports import Chance, Clock
from .queue import MOST_DEFERRALS, Queue, together
from .snapshots import SnapshotCounts, Snapshots
from .states import Announcer, Silence, State, States

__all__ = ["Committed", "House", "Key"]

MOST_TRIES = 5
_logger = logging.getLogger(__name__)


class House:
    """Every room and assembly behind one door: commands go in, durable events come out.

    States that it hands out are at rest: nothing in them is not durable. They change with the next
    batch, so whoever gets one takes what they need before they next await.
    """

    def __init__(
        self, database: Database, *, clock: Clock, chance: Chance, doorbell: Doorbell
    ) -> None:
        self._database = database
        self._clock = clock
        self._chance = chance
        self._doorbell = doorbell
        self._announcer: Announcer = Silence()
        self._ledger = Ledger(database, chance.entropy)
        self._snapshots = Snapshots(database)
        self._states = States(database, lambda: self._announcer, self._snapshots)
        self.foreign = Foreign(database, self._states, lambda: self._announcer, self._until_settled)
        """What other processes write to the same logs."""
        self._queue = Queue()
        self._unsettled: frozenset[LogId] = frozenset()
        self._settled = asyncio.Event()
        self._stopping = False
        self._writer: asyncio.Task[None] | None = None
        self._watch: Callable[[float, int], None] | None = None
        self._busy_since: float | None = None
        self._deaf: Callable[[], None] = lambda: None

    def attach(self, announcer: Announcer) -> None:
        """Let ``announcer`` tell what happens; before :meth:`start`, once."""
        self._announcer = announcer

    def watch(self, committed: Callable[[float, int], None]) -> None:
        """Call ``committed`` with each batch that became durable: its seconds, its commands."""
        self._watch = committed

    async def start(self) -> None:
        """Begin to carry out commands, and to follow what other processes write."""
        if not self._database.held:
            self._deaf = self._doorbell.listen(self.foreign.hear, self.foreign.look_soon)
        self.foreign.start()
        self._snapshots.start()
        self._writer = asyncio.create_task(self._run(), name="folkmoot-writer")

    async def stop(self) -> None:
        """Answer what is queued, then end; what is submitted from now on is refused."""
        self._stopping = True
        self._queue.wake()
        if self._writer is not None:
            await self._writer
            self._writer = None
            self._deaf()
            await self.foreign.stop()
            await self._states.rest()
            await self._snapshots.stop()
            await self._database.on_writer(self._ledger.close)

    async def submit(
        self, log: LogId, command: c.Command, actor: c.Actor | None, *, key: Key | None = None
    ) -> Committed:
        """Carry out a command, and answer once what it brought about is durable.

        With a ``key`` that this person has used for the same body, what it brought about then is
        read again and nothing else happens. A refusal doesn't use a key up. Who stops waiting
        doesn't stop the command.

        Raises:
            Refusal: the core's answer, as of the moment the command was decided; KeyReused.
            StorageFull, StorageFault: it was not carried out.
            Stopping: the house is closing.
        """
        (committed,) = await self._enqueue(((log, command),), actor, key)
        return committed

    async def submit_together(
        self, units: Sequence[Unit], actor: c.Actor | None = None, *, key: Key | None = None
    ) -> tuple[Committed, ...]:
        """Carry out several commands in order, over any number of logs, all of them or none.

        With a ``key`` they are all of one log; when it comes again, all that they brought about
        comes as one.

        Raises:
            As :meth:`submit`: the first refusal; nothing happened then.
        """
        if not units:
            return ()
        if key is not None and len({log for log, _ in units}) > 1:
            raise ValueError("commands with one key are of one log")
        return await self._enqueue(tuple(units), actor, key)

    async def room(self, log: LogId) -> RoomState:
        """Return a room, at rest.

        Raises:
            NotFound: there is no such room.
        """
        state = await self._at_rest(log)
        if not isinstance(state, RoomState):
            raise NotFound("There is no such room.")
        return state

    async def assembly(self, log: LogId) -> AssemblyState:
        """Return an assembly, at rest.

        Raises:
            NotFound: there is no such assembly.
        """
        state = await self._at_rest(log)
        if not isinstance(state, AssemblyState):
            raise NotFound("There is no such assembly.")
        return state

    async def assembly_by_slug(self, slug: str) -> AssemblyState:
        """Return the assembly with this slug, at rest.

        Raises:
            NotFound: there is none.
        """
        found = await self._database.reading(lookups.assembly_of_slug, slug)
        if found is None:
            raise NotFound("There is no such assembly.")
        return await self.assembly(LogId(found))

    async def rooms(self) -> tuple[RoomId, ...]:
        """Return the ids of all rooms."""
        found = await self._database.reading(store.logs, store.ROOM)
        return tuple(RoomId(log) for log in found)

    async def assemblies(self) -> tuple[AssemblyId, ...]:
        """Return the ids of all assemblies."""
        found = await self._database.reading(store.logs, store.ASSEMBLY)
        return tuple(AssemblyId(log) for log in found)

    async def look(self, *logs: LogId) -> None:
        """Bring ``logs`` to where they stand in the database, if other processes write there too.

        For what isn't known here, though another server may have acknowledged it a moment ago.
        Where the database doesn't answer, what is known has to do.
        """
        if not self._database.held:
            await asyncio.gather(*(self.foreign.fresh(log) for log in logs))

    async def records(self, log: LogId, seqs: Iterable[int]) -> tuple[e.Recorded, ...]:
        """Return the events of ``log`` at ``seqs``, in order, as far as they exist."""
        return await self._database.reading(store.records_at, log, tuple(seqs))

    @property
    def snapshots(self) -> SnapshotCounts:
        """What became of snapshots so far."""
        return self._snapshots.counts

    @property
    def queued(self) -> int:
        """How many commands wait for the batch after the one that is under way."""
        return len(self._queue)

    @property
    def longest_wait(self) -> float:
        """Seconds for which a batch has been under way; those behind it have waited less."""
        return 0.0 if self._busy_since is None else perf_counter() - self._busy_since

    @property
    def doorbell(self) -> Doorbell:
        """What says to other processes, and hears from them, that a log has grown."""
        return self._doorbell

    @property
    def database(self) -> Database:
        """The database, for reading; logs are written through this house alone."""
        return self._database

    async def keep(self, artifact: Artifact) -> None:
        """Keep a derived document; durable when this returns."""
        await self._database.writing(artifacts.keep, artifact)

    async def artifact(self, log: LogId, kind: str, digest: str | None = None) -> Artifact | None:
        """Return a log's document of a kind: the one with ``digest``, or the latest."""
        if digest is None:
            return await self._database.reading(artifacts.latest, log, kind)
        return await self._database.reading(artifacts.find, log, kind, digest)

    async def _at_rest(self, log: LogId) -> State | None:
        if not self._database.held and not self._doorbell.healthy:
            await self.foreign.fresh(log)
        while True:
            await self._until_settled(log)
            state = self._states.get(log)
            if state is not None:
                self.foreign.used(log)
                return state
            if await self._loaded(log) is None:
                return None

    async def _until_settled(self, log: LogId) -> None:
        while log in self._unsettled:
            await self._settled.wait()

    async def _loaded(self, log: LogId) -> State | None:
        # It is used from now on: what is heard of it while it is being read must not be missed.
        self.foreign.used(log)
        state = await self._states.load(log)
        if state is None:
            self.foreign.unknown(log)
        else:
            self.foreign.known(state)
        return state

    async def _enqueue(
        self, units: tuple[Unit, ...], actor: c.Actor | None, key: Key | None
    ) -> tuple[Committed, ...]:
        if self._stopping:
            raise Stopping("The server is going down and takes no more commands.")
        future: asyncio.Future[tuple[Committed, ...]] = asyncio.get_running_loop().create_future()
        self._queue.put(Ticket.of(units, actor, key, future))
        return await future

    async def _run(self) -> None:
        while not (self._stopping and not self._queue):
            await self._queue.wait()
            while self._queue:
                self._busy_since = perf_counter()
                async with self._database.turn:
                    await self._carry_out(await self._queue.take())
            self._busy_since = None

    async def _carry_out(self, taken: list[Ticket]) -> None:
        tickets, wait = await self._with_states(taken), True
        if not self._database.held:
            tickets, later, wait = together(tickets)
            self._queue.put_back(later)
        if not tickets:
            return
        try:
            asked = wanted(tickets, self._states, wait=wait)
            begun = self._ledger.known(asked)
            if begun is None:
                begun = await self._database.on_writer(self._ledger.begin, asked)
        except Conflicted as conflict:
            self._again(tickets, conflict)
            return
        except Exception as error:  # noqa: BLE001 - the writer goes on whatever happens
            answer((ticket, fault_of(error)) for ticket in tickets)
            return
        if not wait:
            tickets = self._free(tickets, begun)
        # Where none is left, what was begun is ended as after any batch in which nothing happened.
        await self._decide_and_commit(tickets, begun)

    def _free(self, tickets: list[Ticket], begun: Begun) -> list[Ticket]:
        """Return the tickets whose logs are locked here; the others are put off."""
        free: list[Ticket] = []
        busy: list[Ticket] = []
        for ticket in tickets:
            log = ticket.units[0][0]
            state = self._states.get(log)
            (busy if state is not None and log not in begun.heads else free).append(ticket)
        for ticket in busy:
            ticket.deferred = ticket.deferred + 1 if free else MOST_DEFERRALS
        self._queue.put_back(busy)
        return free

    async def _with_states(self, tickets: list[Ticket]) -> list[Ticket]:
        """Load what ``tickets`` are about; those whose log can't be read are answered here."""
        broken: dict[LogId, Fault] = {}
        for log in {log for ticket in tickets for log, _ in ticket.units}:
            if self._states.get(log) is None:
                try:
                    await self._loaded(log)
                except Exception as error:  # noqa: BLE001 - one log's state is not the others'
                    broken[log] = fault_of(error)
        if not broken:
            return tickets
        kept: list[Ticket] = []
        for ticket in tickets:
            fault = next((broken[log] for log, _ in ticket.units if log in broken), None)
            if fault is None:
                kept.append(ticket)
            else:
                answer([(ticket, fault)])
        return kept

    async def _decide_and_commit(self, tickets: list[Ticket], begun: Begun) -> None:
        batch = Batch(self._states, begun, self._announcer, self._clock, self._chance)
        self._settled.clear()
        try:
            self._catch_up(begun)
            for ticket in tickets:
                batch.carry_out(ticket)
            self._unsettled = frozenset(batch.touched)
            await self._commit(batch)
        except Spoiled as spoiled:
            await self._abandon(batch, begun)
            answer([(spoiled.ticket, spoiled.outcome)])
            self._queue.put_back(ticket for ticket in tickets if ticket is not spoiled.ticket)
        except Conflicted as conflict:
            await self._abandon(batch, begun)
            self._again(tickets, conflict)
        except Exception as error:  # noqa: BLE001 - the writer goes on whatever happens
            await self._abandon(batch, begun)
            answer((ticket, fault_of(error)) for ticket in tickets)
        finally:
            self._unsettled = frozenset()
            self._settled.set()

    def _again(self, tickets: Iterable[Ticket], conflict: Conflicted) -> None:
        """Decide anew what met another process, which was first: what it did is known then."""
        back: list[Ticket] = []
        for ticket in tickets:
            ticket.tries += 1
            if ticket.tries < MOST_TRIES:
                back.append(ticket)
            else:
                answer([(ticket, conflict)])
        self._queue.put_back(back)

    async def _commit(self, batch: Batch) -> None:
        appendings = batch.appendings()
        if appendings or batch.keys:
            begun = perf_counter()
            await self._database.on_writer(self._ledger.commit, appendings, batch.keys)
            if self._watch is not None:
                self._watch(perf_counter() - begun, len(batch.outcomes))
        elif self._ledger.begun:
            await self._database.on_writer(self._ledger.abandon)
        answer(batch.outcomes)
        for state, recorded, told in batch.told():
            self._tell(state, recorded, told)

    def _tell(
        self, state: State, recorded: Sequence[e.Recorded], told: Sequence[Announcement]
    ) -> None:
        try:
            self.foreign.announced(state)
            if isinstance(state, RoomState):
                self._announcer.publish(state, recorded, told)
            else:
                self._announcer.noticed(recorded)
            self._doorbell.ring(state.log, state.seq)
        except Exception as error:  # noqa: BLE001 - what is durable stays so, told or not
            _logger.error("announcing failed: %s", type(error).__name__)  # noqa: TRY400
        self._states.settled(state, recorded)

    async def _abandon(self, batch: Batch, begun: Begun) -> None:
        gone = {*batch.touched, *begun.foreign}
        for log in gone:
            self._states.drop(log)
        try:
            await self._database.on_writer(self._ledger.abandon)
        except Exception as error:  # noqa: BLE001 - the writer goes on whatever happens
            _logger.error("ending a transaction failed: %s", type(error).__name__)  # noqa: TRY400
        self.foreign.dropped(gone)

    def _catch_up(self, begun: Begun) -> None:
        """Fold what other processes appended; the transaction's lock keeps more from coming."""
        for log, records in begun.foreign.items():
            state = self._states.get(log)
            if state is not None and not self.foreign.fold(state, records):
                raise LogBroken(f"In the log {log}, something before {records[-1].seq} is missing.")
