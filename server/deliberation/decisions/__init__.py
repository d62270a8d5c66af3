"""What may happen in a room: every command's answer, as events or a refusal."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...errors import NotFound
from .. import commands as c
from .. import events as e
from ..room import RoomState
from . import drafting, running, speaking, voting

_DECIDE: Mapping[type, Callable[..., tuple[e.Event, ...]]] = {
    c.CreateRoom: running.create,
    c.ChangePhase: running.change_phase,
    c.PostNotice: running.post_notice,
    c.PublishAnalysis: running.publish_analysis,
    c.PublishThemes: running.publish_themes,
    c.SubmitStatement: speaking.submit,
    c.ModerateStatement: speaking.moderate,
    c.ImportStatements: speaking.import_statements,
    c.EraseContent: speaking.erase,
    c.ShowNext: voting.show_next,
    c.SkipStatement: voting.skip,
    c.CastVote: voting.cast,
    c.ImportVotes: voting.import_votes,
    c.RequestDrafts: drafting.request,
    c.ProposeDrafts: drafting.propose,
    c.FailDrafts: drafting.fail,
    c.PlaceSimulated: drafting.place_simulated,
    c.CastRanking: drafting.rank_drafts,
    c.CastRatification: drafting.ratify,
}


def decide(state: RoomState, command: c.RoomCommand, context: c.Context) -> tuple[e.Event, ...]:
    """Return what ``command`` makes happen; nothing is changed here.

    Raises:
        Refusal: one of its kinds, with a sentence for the person who asked.
    """
    handler = _DECIDE.get(type(command))
    if handler is None:
        raise TypeError(f"a room takes no {type(command).__name__}")
    if state.seq == 0 and not isinstance(command, c.CreateRoom):
        raise NotFound("There is no such room.")
    return handler(state, command, context)
