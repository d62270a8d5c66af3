"""The long work on one room, each piece by itself: analysis, themes, drafts.

Pieces read the room, compute away from the event loop, and keep what they found as an artifact;
publishing is a command to the house. Both may be done twice: the same moment gives the same
document under the same digest, and the core refuses an outcome that is there already. A room in
which drafts are made takes no votes, so that what is read then is the room as of the request, less
what moderation or an author has since taken away.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from hashlib import sha256
from typing import TypeVar

import msgspec

from ..deliberation import commands as c
from ..deliberation.decisions.running import PUBLISH_BATCH
from ..deliberation.drafts import Draft, DraftFailure
from ..deliberation.published import (
    ANALYSIS_KIND,
    THEMES_KIND,
    Moment,
    PublishedAnalysis,
    Smoothing,
    decode,
    encode,
    hidden_columns,
    moment_of,
)
from ..deliberation.state import TALLY_FROM, RoomState
from ..deliberation.vocabulary import Phase
from ..errors import Conflict, Fault, NotFound, WrongPhase
from ..ids import LogId
from ..runtime.compute import one_blas_thread
from ..runtime.house import House
from ..runtime.vectors import StoredVectors
from ..store import artifacts, spending
from ..store.artifacts import Artifact
from ..synthesis.compose import Composition, Material, compose_drafts
from ..synthesis.drafting.document import DraftsDocument, room_draft, room_failure
from ..synthesis.drafting.extractive import ExtractiveDrafter
from ..synthesis.ports import Drafter, Embedder, NothingToSynthesise
from ..synthesis.theming import ThemesDocument, theme_embedded
from ..synthesis.verification.lexical import LexicalEntailer
from .answers import KeptAnswers
from .crunch import Cruncher, HereCruncher
from .material import corpus_of, names_of, statements_of
from .tools import Tools, embed, forget_gone

T = TypeVar("T")
_THREADS = 2
_KEPT = 4
"""Of each kind of document a room keeps so many: the last, and those that work under way names."""


class Bench:
    """Where the long work on rooms is done; each method may be called again after a crash."""

    def __init__(self, house: House, tools: Tools) -> None:
        self._house = house
        self._tools = tools
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="bench")
        self._closed = threading.Event()
        self._analyses: dict[LogId, tuple[str, PublishedAnalysis]] = {}
        self._themed: dict[LogId, tuple[str, frozenset[str]]] = {}

    def close(self) -> None:
        """End what computes; who waits for it gets an error."""
        self._closed.set()
        self._tools.cruncher.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def published(self, room: LogId) -> PublishedAnalysis | None:
        """Return the analysis that the room has published last, if it is still kept."""
        state = await self._house.room(room)
        if state.analysis is None:
            return None
        return await self._analysis(room, state.analysis.digest)

    async def analysis_due(self, room: LogId) -> bool:
        """Tell whether a new analysis may and should be published.

        While the room is open: ten people have voted, and five since the last one. After that:
        there is none of the votes and of the moderation as they stand.
        """
        state = await self._house.room(room)
        if state.phase is Phase.DRAFT or not state.votes.votes:
            return False
        if state.phase is Phase.OPEN:
            return state.votes.voters >= TALLY_FROM and len(state.voted_since) >= PUBLISH_BATCH
        if state.analysis is None or state.voted_since:
            return True
        now = _standing(state)
        published = await self._analysis(room, state.analysis.digest)
        return published is None or published.phase is Phase.OPEN or _stood(published) != now

    async def analyse(self, room: LogId) -> str:
        """Compute and keep the analysis of the room as it stands; return its digest.

        Raises:
            CrunchFailed: the computation was lost.
            NothingToSynthesise: nobody has voted yet.
        """
        state = await self._house.room(room)
        if not state.votes.votes:
            raise NothingToSynthesise("Nobody has voted yet.")
        moment = moment_of(state)
        last = await self.published(room)
        found = await self._off_loop(lambda: self._analysis_of(moment, last))
        return await self._keep(room, ANALYSIS_KIND, found.as_of_seq, encode(found))

    def _analysis_of(self, moment: Moment, last: PublishedAnalysis | None) -> PublishedAnalysis:
        smoothing: Smoothing | None = last.smoothing if last is not None else None
        return self._tools.cruncher.analysis(moment, smoothing)

    async def publish_analysis(self, room: LogId, digest: str) -> None:
        """Publish a kept analysis, unless the room took one meanwhile that forbids it.

        Raises:
            NotFound: it is not kept any more.
        """
        published = await self._required(room, digest)
        command = c.PublishAnalysis(
            as_of_seq=published.as_of_seq,
            digest=digest,
            groups=max(len(published.map.groups), 1),
        )
        state = await self._house.room(room)
        if state.analysis is not None and state.analysis.as_of_seq >= published.as_of_seq:
            return  # another worker's, while this one slept
        with suppress(Conflict):  # too few have voted since the one that came in between
            await self._house.submit(room, command, None)

    async def themes_due(self, room: LogId) -> bool:
        """Tell whether the room has closed its voting and has no themes of what stands now.

        A closed room finds none for the first time; but where words went, so does what named them.
        """
        state = await self._house.room(room)
        if state.phase in (Phase.DRAFT, Phase.OPEN) or not state.columns:
            return False
        if state.themes is None:
            return state.phase is not Phase.CLOSED
        standing = frozenset(
            str(each.id) for each in state.statements.values() if each.visible and each.column >= 0
        )
        return await self._themed_statements(room, state.themes.digest) != standing

    async def _themed_statements(self, room: LogId, digest: str) -> frozenset[str] | None:
        known = self._themed.get(room)
        if known is not None and known[0] == digest:
            return known[1]
        body = await self._find(room, THEMES_KIND, digest)
        if body is None:
            return None
        self._themed[room] = (digest, found := frozenset(_themes(body).labels))
        return found

    async def find_themes(self, room: LogId) -> str:
        """Find and keep the themes of the room's statements; return the document's digest.

        Raises:
            EmbedderFailed: a call of the embedder was lost.
        """
        while True:
            state = await self._house.room(room)
            as_of_seq, statements = state.seq, statements_of(state)
            embedded = await embed(self._house, self._tools, room, statements)
            themed = await self._off_loop(partial(theme_embedded, embedded, seed=0))
            body = msgspec.json.encode(themed.document)
            digest = await self._keep(room, THEMES_KIND, as_of_seq, body)
            if not await forget_gone(self._house, room, statements):
                return digest

    async def publish_themes(self, room: LogId, digest: str) -> None:
        """Publish kept themes.

        Raises:
            NotFound: they are not kept any more.
        """
        state = await self._house.room(room)
        if state.themes is not None and state.themes.digest == digest:
            return
        kept = await self._house.artifact(room, THEMES_KIND, digest)
        if kept is None:
            raise NotFound("These themes are not kept any more.")
        count = len(_themes(kept.body).themes)
        command = c.PublishThemes(as_of_seq=kept.as_of_seq, digest=digest, themes=count)
        with suppress(Conflict):  # another worker's, while this one slept
            await self._house.submit(room, command, None)

    async def current_analysis(self, room: LogId) -> str:
        """Return the digest of the analysis of what stands, published; compute it if need be."""
        if not await self.analysis_due(room):
            state = await self._house.room(room)
            if state.analysis is not None:
                return state.analysis.digest
        digest = await self.analyse(room)
        await self.publish_analysis(room, digest)
        return digest

    async def current_themes(self, room: LogId) -> str:
        """Return the digest of the themes of what stands, published; find them if need be."""
        if not await self.themes_due(room):
            state = await self._house.room(room)
            if state.themes is not None:
                return state.themes.digest
        digest = await self.find_themes(room)
        await self.publish_themes(room, digest)
        return digest

    async def compose(
        self, room: LogId, request: int, analysis: str, themes: str
    ) -> DraftsDocument:
        """Compose and verify the drafts of a request, from a kept analysis and kept themes.

        Raises:
            NotFound: the request has its outcome, or a document is not kept any more.
            EmbedderFailed: a call of the embedder was lost.
            StorageFault: what the drafter answered could not be kept.
        """
        published = await self._required(room, analysis)
        body = await self._find(room, THEMES_KIND, themes)
        if body is None:  # somebody took words back meanwhile that may stand in them
            body = await self._find(room, THEMES_KIND, await self.current_themes(room))
        if body is None:
            raise NotFound("These themes are not kept any more.")
        labels = _themes(body).labels
        state = await self._house.room(room)
        asked = state.requests.get(request)
        if asked is None:
            raise NotFound("This request for drafts has its outcome already.")
        assembly = await self._house.assembly(LogId(state.assembly))
        corpus = corpus_of(state, assembly, published.document.groups.labels)
        names = names_of(assembly)
        seed = asked.seed + len(state.rounds)
        embedded = await embed(self._house, self._tools, room, corpus.statements)
        material = Material(
            corpus,
            embedded,
            tuple(labels.get(str(each.id), -1) for each in corpus.statements),
            names,
        )
        loop = asyncio.get_running_loop()
        drafter = KeptAnswers(self._tools.drafter, self._house, room, loop, self._closed)
        composed = await self._off_loop(
            lambda: self._composed(material, drafter, asked.count, seed)
        )
        return composed.document

    def _composed(self, material: Material, drafter: Drafter, count: int, seed: int) -> Composition:
        # A loop of this thread's own: verification computes between its waits.
        return asyncio.run(
            compose_drafts(
                material,
                drafter,
                self._tools.entailer,
                self._tools.embedder,
                count=count,
                seed=seed,
            )
        )

    async def propose(
        self, room: LogId, request: int, analysis: str, document: DraftsDocument
    ) -> None:
        """Put verified drafts before the room, the groups of ``analysis`` frozen, or say why not.

        Raises:
            WrongPhase: the room has moved on; the request waits for it to come back.
        """
        published = await self._required(room, analysis)
        state = await self._house.room(room)
        if request not in state.requests:
            return
        before = sum(len(each.drafts) for each in state.rounds)
        failed = tuple(room_failure(each) for each in document.failed)
        drafts = tuple(
            room_draft(each, draft_id=f"d{before + number}")
            for number, each in enumerate(document.drafts, start=1)
        )
        if not drafts:
            await self.fail(room, request, failed)
            return
        await self._propose(room, request, published, drafts, failed)

    async def _propose(
        self,
        room: LogId,
        request: int,
        published: PublishedAnalysis,
        drafts: tuple[Draft, ...],
        failed: tuple[DraftFailure, ...],
    ) -> None:
        command = c.ProposeDrafts(
            request=request,
            drafts=drafts,
            groups=dict(published.document.groups.labels),
            group_count=published.document.groups.k,
            failed=failed,
        )
        try:
            await self._house.submit(room, command, None)
            await self._house.database.writing(spending.forget, room)
        except WrongPhase:
            raise
        except Conflict as stale:
            # What a clause rests on was taken away while it was composed.
            await self.fail(room, request, (DraftFailure(reason="stale", detail=stale.message),))

    async def fail(self, room: LogId, request: int, failures: tuple[DraftFailure, ...]) -> None:
        """Say why a request brought no draft, unless it has its outcome.

        Raises:
            WrongPhase: the room has moved on; the request waits for it to come back.
        """
        state = await self._house.room(room)
        if request not in state.requests:
            return
        reasons = failures or (DraftFailure(reason="nothing-to-synthesise"),)
        try:
            await self._house.submit(room, c.FailDrafts(request=request, failures=reasons), None)
            await self._house.database.writing(spending.forget, room)
        except WrongPhase:
            raise
        except Conflict:
            return  # somebody else's outcome came first

    async def _keep(self, room: LogId, kind: str, as_of_seq: int, body: bytes) -> str:
        digest = sha256(body).hexdigest()
        await self._house.keep(Artifact(room, kind, digest, as_of_seq, body))
        await self._house.database.writing(artifacts.forget_old, room, kind, _KEPT)
        return digest

    async def _find(self, room: LogId, kind: str, digest: str) -> bytes | None:
        found = await self._house.artifact(room, kind, digest)
        return None if found is None else found.body

    async def _analysis(self, room: LogId, digest: str) -> PublishedAnalysis | None:
        known = self._analyses.get(room)
        if known is not None and known[0] == digest:
            return known[1]
        body = await self._find(room, ANALYSIS_KIND, digest)
        if body is None:
            return None
        self._analyses[room] = (digest, found := decode(body))
        return found

    async def _required(self, room: LogId, digest: str) -> PublishedAnalysis:
        published = await self._analysis(room, digest)
        if published is None:
            raise NotFound("This analysis is not kept any more.")
        return published

    async def _off_loop(self, work: Callable[[], T]) -> T:
        def limited() -> T:
            with one_blas_thread():
                return work()

        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, limited)
        except RuntimeError as closed:
            raise Fault("The server is going down.") from closed


def _standing(state: RoomState) -> tuple[int, tuple[int, ...]]:
    return len(state.columns), tuple(hidden_columns(state).nonzero()[0].tolist())


def _stood(published: PublishedAnalysis) -> tuple[int, tuple[int, ...]]:
    return len(published.map.columns), published.hidden


def _themes(body: bytes) -> ThemesDocument:
    return msgspec.json.decode(body, type=ThemesDocument)


def make_bench(house: House, embedder: Embedder, cruncher: Cruncher | None = None) -> Bench:
    """Return a bench with the drafter and the verification of this installation.

    Without ``cruncher`` analyses are computed in a thread of this process, as suits a command.
    """
    tools = Tools(
        embedder=embedder,
        cache=StoredVectors(house.database),
        drafter=ExtractiveDrafter(),
        entailer=LexicalEntailer(),
        cruncher=cruncher or HereCruncher(),
    )
    return Bench(house, tools)
