"""Votes, and what is shown to be voted on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...errors import Conflict, Invalid, NotFound
from ...ids import StatementId
from .. import commands as c
from .. import events as e
from .. import routing
from ..phases import requires_phase
from ..room import Person, RoomState, Statement
from ..text import BECAUSE_LENGTH, clean
from ..vocabulary import CHOICE_OF_VALUE, Phase
from ..votes import EMPTY
from .permissions import requires_participant, requires_program


def _votable(state: RoomState, statement_id: StatementId) -> Statement:
    statement = state.statements.get(statement_id)
    if statement is None or not statement.visible or statement.column < 0:
        raise NotFound("There is no such statement to vote on.", field="statement_id")
    return statement


def cast(state: RoomState, command: c.CastVote, context: c.Context) -> tuple[e.Event, ...]:
    """Vote, for the first time or anew."""
    requires_participant(context, "vote")
    if state.phase is not Phase.OPEN:
        requires_phase(state.phase, Phase.OPEN, what="Voting")
    _votable(state, command.statement_id)
    because = command.because
    if because:
        because = clean(because, limit=BECAUSE_LENGTH, field="because", empty=True)
    return (e.VoteCast(statement=command.statement_id, choice=command.choice, because=because),)


def skip(state: RoomState, command: c.SkipStatement, context: c.Context) -> tuple[e.Event, ...]:
    """Put a statement off; it comes again when nothing else is left."""
    requires_participant(context, "vote")
    requires_phase(state.phase, Phase.OPEN, what="Voting")
    _votable(state, command.statement_id)
    return (e.StatementSkipped(statement=command.statement_id),)


def remaining(state: RoomState, person: Person | None) -> list[int]:
    """Return the columns a person has not voted on and may see, put-off ones included."""
    row = state.votes.view()[person.row] if person is not None else None
    return [
        column
        for column, statement in enumerate(state.columns)
        if (row is None or row[column] == EMPTY) and state.statements[statement].visible
    ]


def show_next(state: RoomState, command: c.ShowNext, context: c.Context) -> tuple[e.Event, ...]:
    """Put a statement to the person; no event where one is pending, or none is left."""
    participant = requires_participant(context, "vote")
    requires_phase(state.phase, Phase.OPEN, what="Voting")
    person = state.people.get(participant)
    open_columns = remaining(state, person)
    if pending(state, person) is not None or not open_columns:
        return ()
    put_off = {
        state.statements[s].column: i for i, s in enumerate(person.skipped if person else ())
    }
    fresh = [column for column in open_columns if column not in put_off]
    if not fresh:
        fresh = [min(open_columns, key=lambda column: put_off[column])]
    chosen = routing.choose(
        priorities(state, command.outlook),
        fresh,
        (context.draw(), context.draw()),
        person.shown if person else 0,
    )
    if chosen is None:
        return ()
    return (
        e.StatementShown(
            statement=state.columns[chosen.statement],
            position=chosen.position,
            probability=chosen.probability,
            stream=chosen.stream,
        ),
    )


def priorities(state: RoomState, outlook: c.Outlook | None) -> NDArray[np.float64]:
    """Return each column's priority for routing, from the counts of now and the last analysis."""
    votes = state.votes
    seen = votes.agree + votes.disagree + votes.passes
    extremity = np.zeros(len(seen))
    appeal = (votes.agree + 1.0) / (seen + 2.0)
    if outlook is not None:
        known = min(len(outlook.extremity), len(seen))
        extremity[:known] = outlook.extremity[:known]
        if outlook.appeal is not None:
            appeal[:known] = outlook.appeal[:known]
    return routing.priority(votes.agree, votes.passes, seen, extremity, appeal)


def pending(state: RoomState, person: Person | None) -> StatementId | None:
    """Return the statement that was put to the person and still waits for their vote."""
    if person is None or person.showing is None:
        return None
    statement = state.statements[person.showing.statement]
    if not statement.visible or state.votes.view()[person.row, statement.column] != EMPTY:
        return None
    return statement.id


def import_votes(
    state: RoomState, command: c.ImportVotes, context: c.Context
) -> tuple[e.Event, ...]:
    """Bring votes from elsewhere, one event a person."""
    requires_program(context)
    made: list[e.Event] = []
    for participant, sources, choices in command.votes:
        missing = [source for source in sources if source not in state.sources]
        if missing:
            raise Conflict(f"There is no imported statement {missing[0]} to vote on.")
        if len(choices) != len(sources) or not set(choices) <= set(CHOICE_OF_VALUE):
            raise Invalid("A vote is 1, 0 or -1, and each has its statement.", field="votes")
        made.append(
            e.VotesImported(
                participant=participant,
                statements=tuple(state.sources[source] for source in sources),
                choices=choices,
            )
        )
    return tuple(made)
