"""Drafts for tests: whole sentences resting on statements that stand."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from server.deliberation.drafts import Clause, Coverage, Draft, Provenance, Quote

from .world import RoomWorld


def draft(name: str, cites: Sequence[str], clauses: int = 3) -> Draft:
    """Return a draft of some clauses, each resting on one of ``cites`` in turn."""
    return Draft(
        id=name,
        clauses=tuple(
            Clause(
                id=f"{name}.{number}",
                text=f"Clause {number} of {name}.",
                cites=(cites[number % len(cites)],) if cites else (),
                quotes=(Quote(statement=cites[number % len(cites)], start=0, end=1, text="x"),)
                if cites
                else (),
                support=0.5,
            )
            for number in range(clauses)
        ),
        coverage=Coverage(mean=0.4, lowest_decile=0.1, gap=0.2, uncovered=1),
        provenance=Provenance(drafter="extractive", seed=1, shown=tuple(cites)),
    )


def quoting(name: str, room: RoomWorld) -> Draft:
    """Return a draft of which every clause is a statement's own words."""
    statements = list(room.state.statements.values())[:2]
    clauses = tuple(
        Clause(
            id=f"{name}.{number}",
            text=statement.text,
            cites=(statement.id,),
            quotes=(
                Quote(
                    statement=statement.id, start=0, end=len(statement.text), text=statement.text
                ),
            ),
        )
        for number, statement in enumerate(statements)
    )
    return msgspec.structs.replace(draft(name, []), clauses=clauses)
