"""``analyze``, ``themes`` and ``draft`` with ``--assembly``: reading a plenary, writing to it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from hashlib import sha256

import msgspec

from ..deliberation import commands as c
from ..deliberation.phases import requires_phase
from ..deliberation.published import THEMES_KIND, hidden_columns
from ..deliberation.vocabulary import Phase
from ..errors import Conflict, NotFound
from ..ids import LogId
from ..runtime.house import House
from ..store.artifacts import Artifact
from ..synthesis.adapters.lexical import LexicalEmbedder
from ..synthesis.drafting.document import DraftsDocument
from ..synthesis.ports import SourceStatement
from ..synthesis.theming import ThemesDocument
from ..workflows.bench import Bench, make_bench
from ..workflows.material import corpus_of, names_of, statements_of
from . import analyze as analyze_command
from . import draft as draft_command
from . import themes as themes_command
from .analysis import VotesWithIds
from .common import open_house, progress, settings
from .draft import AssemblyVotes


async def plenary_of(house: House, slug: str) -> LogId:
    """Return the log of an assembly's plenary.

    Raises:
        NotFound: there is no assembly with this slug.
    """
    return LogId((await house.assembly_by_slug(slug)).plenary.id)


def read_votes(slug: str) -> VotesWithIds:
    """Read the plenary's votes as they stand, beside a running server too."""

    async def work() -> VotesWithIds:
        async with open_house(settings(), write=False) as house:
            state = await house.room(await plenary_of(house, slug))
            statements = [state.statements[each] for each in state.columns]
            return VotesWithIds(
                title=state.title,
                votes=state.votes.view().copy(),
                participant_ids=tuple(state.rows),
                statement_ids=tuple(state.columns),
                texts=[each.text for each in statements],
                moderated_out=hidden_columns(state),
                shown={each.column: each.shown for each in statements},
            )

    return asyncio.run(work())


def read_statements(slug: str) -> Sequence[SourceStatement]:
    """Read the plenary's statements, to put their themes into it."""

    async def work() -> Sequence[SourceStatement]:
        async with open_house(settings(), write=True) as house:
            return statements_of(await house.room(await plenary_of(house, slug)))

    return asyncio.run(work())


def publish_themes(slug: str, document: ThemesDocument) -> None:
    """Keep themes and publish them in the plenary."""

    async def work() -> None:
        async with open_house(settings(), write=True) as house:
            room = await plenary_of(house, slug)
            seq = (await house.room(room)).seq
            body = msgspec.json.encode(document)
            digest = sha256(body).hexdigest()
            await house.keep(Artifact(room, THEMES_KIND, digest, seq, body))
            await house.submit(
                room,
                c.PublishThemes(as_of_seq=seq, digest=digest, themes=len(document.themes)),
                None,
            )

    asyncio.run(work())


def read_corpus(slug: str) -> AssemblyVotes:
    """Read what drafts may be made of, with the published opinion groups; found now if need be.

    Raises:
        WrongPhase: the plenary is not in 'drafting'.
        Conflict: drafts are being made already.
    """

    async def work() -> AssemblyVotes:
        async with open_house(settings(), write=True) as house:
            room = await plenary_of(house, slug)
            state = await house.room(room)
            requires_phase(state.phase, Phase.DRAFTING, what="Asking for drafts")
            if state.requests:
                raise Conflict("Drafts are being made already; the server goes on with them.")
            bench = _bench(house)
            with progress() as shown:
                shown.add_task("Finding opinion groups", total=None)
                await bench.current_analysis(room)
            published = await bench.published(room)
            if published is None:
                raise NotFound("There are no votes to make drafts from.")
            state = await house.room(room)
            assembly = await house.assembly(LogId(state.assembly))
            corpus = corpus_of(state, assembly, published.document.groups.labels)
            return AssemblyVotes(corpus, names_of(assembly))

    return asyncio.run(work())


def propose_drafts(slug: str, document: DraftsDocument) -> None:
    """Put drafts before the plenary, as what a request brought; or say why there are none."""

    async def work() -> None:
        async with open_house(settings(), write=True) as house:
            room = await plenary_of(house, slug)
            bench = _bench(house)
            analysis = await bench.current_analysis(room)
            seed = document.drafts[0].provenance.seed if document.drafts else 0
            count = len(document.drafts) + len(document.failed)
            asked = await house.submit(room, c.RequestDrafts(count=max(count, 1), seed=seed), None)
            await bench.propose(room, asked.recorded[0].seq, analysis, document)

    asyncio.run(work())


def _bench(house: House) -> Bench:
    # The command embeds by itself; of a bench it needs analyses and proposing.
    return make_bench(house, LexicalEmbedder())


analyze = analyze_command.build(read_votes)
themes = themes_command.build(read_statements, publish_themes)
draft = draft_command.build(read_corpus, propose_drafts)
