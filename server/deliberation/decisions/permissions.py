"""Who may ask for what, in one sentence each."""

from __future__ import annotations

from ...errors import Forbidden
from ...ids import ParticipantId
from ..commands import Actor, Context


def requires_person(context: Context) -> Actor:
    """Return who asks.

    Raises:
        Forbidden: the program itself asks, for something that only a person can do.
    """
    if context.actor is None:
        raise Forbidden("This is for a person, not for the program.")
    return context.actor


def requires_participant(context: Context, what: str) -> ParticipantId:
    """Return the participant who asks.

    Raises:
        Forbidden: the person's role has no vote; ``what`` is such as "vote".
    """
    actor = requires_person(context)
    if not actor.role.decides:
        raise Forbidden(
            f"Only participants {what}; you are here as {actor.role}. "
            "To take part, join with an invite for participants."
        )
    return actor.participant


def requires_runs(context: Context) -> None:
    """Check that a facilitator, an owner or the program asks.

    Raises:
        Forbidden: somebody else does.
    """
    if context.actor is not None and not context.actor.role.runs:
        raise Forbidden("Only those who run the assembly can do this.")


def requires_program(context: Context) -> None:
    """Check that the program itself asks.

    Raises:
        Forbidden: a person does.
    """
    if context.actor is not None:
        raise Forbidden("Only the program itself does this.")
