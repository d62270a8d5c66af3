"""A ballot as a form: places in numbers, Up and Down, ties, and what is left out."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..deliberation.state import Round
from ..deliberation.views import order_for
from ..ids import ParticipantId
from .forms import Form


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The drafts as they are listed, each one's place (None: left out) and what is missing."""

    listed: tuple[str, ...]
    places: dict[str, int | None]
    criticism: dict[str, str]
    none_of_these: bool


def arrangement_of(current: Round, participant: ParticipantId) -> Arrangement:
    """Return a person's ballot as it was cast; before that nothing has a place, so that no order
    is suggested, and they stand in the person's own order."""
    ids = tuple(draft.id for draft in order_for(current.drafts, participant))
    cast = current.ballots.get(participant)
    if cast is None:
        return Arrangement(ids, dict.fromkeys(ids), {}, none_of_these=False)
    ballot = cast[1]
    ranked = {each: i + 1 for i, level in enumerate(ballot.order) for each in level}
    listed = sorted(ids, key=lambda each: (ranked.get(each, len(ids) + 1), ids.index(each)))
    return Arrangement(
        tuple(listed),
        {each: ranked.get(each) for each in ids},
        dict(ballot.criticism),
        ballot.none_of_these,
    )


def arrangement_in(form: Form, current: Round, participant: ParticipantId) -> Arrangement:
    """Return the ballot that a form carries; what is not a draft of this round is left aside."""
    ids = tuple(draft.id for draft in order_for(current.drafts, participant))
    lines = [each for each in dict.fromkeys(form.all("line")) if each in ids]
    listed = (*lines, *(each for each in ids if each not in lines))
    return Arrangement(
        listed,
        {each: _place(form.text(f"place-{each}"), len(ids)) for each in listed},
        {each: text for each in ids if (text := form.text(f"criticism-{each}"))},
        form.on("none_of_these"),
    )


def _place(given: str, most: int) -> int | None:
    if given.isascii() and given.isdecimal() and len(given) < 4 and 1 <= int(given) <= most:
        return int(given)
    return None


def moved(ballot: Arrangement, move: str) -> Arrangement:
    """Return the ballot with one draft a line up or down: ``up-ID`` or ``down-ID``.

    All drafts get the place of their line then; a tie is made again with the numbers.
    """
    direction, _, draft = move.partition("-")
    order = list(ballot.listed)
    if draft in order:
        here = order.index(draft)
        there = here - 1 if direction == "up" else here + 1
        if 0 <= there < len(order):
            order[here], order[there] = order[there], order[here]
    places: dict[str, int | None] = {each: i + 1 for i, each in enumerate(order)}
    return replace(ballot, listed=tuple(order), places=places)


def arranged(ballot: Arrangement) -> tuple[tuple[str, ...], ...]:
    """Return the levels of a ballot, the best first; drafts with the same place tie."""
    levels: dict[int, list[str]] = {}
    for draft in ballot.listed:
        place = ballot.places.get(draft)
        if place is not None:
            levels.setdefault(place, []).append(draft)
    return tuple(tuple(levels[place]) for place in sorted(levels))
