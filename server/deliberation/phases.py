"""Which phase may follow which, and what belongs to a phase."""

from __future__ import annotations

from ..errors import WrongPhase
from .vocabulary import Phase

_NEXT: dict[Phase, tuple[Phase, ...]] = {
    Phase.DRAFT: (Phase.OPEN, Phase.CLOSED),
    Phase.OPEN: (Phase.DRAFTING, Phase.CLOSED),
    Phase.DRAFTING: (Phase.OPEN, Phase.RANKING, Phase.CLOSED),
    Phase.RANKING: (Phase.DRAFTING, Phase.RATIFYING, Phase.CLOSED),
    Phase.RATIFYING: (Phase.DRAFTING, Phase.CLOSED),
    Phase.CLOSED: (),
}


def following(phase: Phase) -> tuple[Phase, ...]:
    """Return the phases that may come after ``phase``; a closed room stays closed."""
    return _NEXT[phase]


def requires_step(now: Phase, wanted: Phase) -> None:
    """Check that ``wanted`` may follow ``now``.

    Raises:
        WrongPhase: it may not; the message names what may.
    """
    if wanted in _NEXT[now]:
        return
    options = ", ".join(_NEXT[now]) or "nothing: a closed room stays closed"
    raise WrongPhase(
        f"From '{now}' the next phase can be {options}; not '{wanted}'.", field="phase"
    )


def requires_phase(now: Phase, *allowed: Phase, what: str) -> None:
    """Check that the room is in one of ``allowed``.

    Raises:
        WrongPhase: it is not; ``what`` names what was tried, such as "Voting".
    """
    if now not in allowed:
        names = " or ".join(f"'{phase}'" for phase in allowed)
        raise WrongPhase(f"{what} belongs to the phase {names}; the room is in '{now}'.")
