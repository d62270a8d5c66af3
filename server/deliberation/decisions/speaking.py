"""Statements and testimonies: writing, moderating, importing, erasing."""

from __future__ import annotations

from ...errors import Conflict, Forbidden, Invalid, NotFound, WrongPhase
from ...ids import StatementId
from .. import commands as c
from .. import events as e
from ..phases import requires_phase
from ..redaction import remains_of
from ..room import RoomState
from ..text import NOTE_LENGTH, STATEMENT_LENGTH, TESTIMONY_LENGTH, clean
from ..vocabulary import Decision, Kind, Moderation, Origin, Phase, Reason, Role, Status
from .permissions import requires_person, requires_program


def submit(state: RoomState, command: c.SubmitStatement, context: c.Context) -> tuple[e.Event, ...]:
    """Write a statement or a testimony; those who run the room may seed it before it opens."""
    actor = requires_person(context)
    if not actor.role.speaks:
        raise Forbidden(f"Here as {actor.role} you can read, not write statements.")
    seeding = actor.role.runs and state.phase is Phase.DRAFT
    if not seeding:
        requires_phase(state.phase, Phase.OPEN, what="Writing")
    testimony = command.kind is Kind.TESTIMONY
    text = clean(
        command.text,
        limit=TESTIMONY_LENGTH if testimony else STATEMENT_LENGTH,
        field="text",
        lines=testimony,
    )
    person = state.people.get(actor.participant)
    for earlier in person.submitted if person else ():
        if state.statements[earlier].text.casefold() == text.casefold():
            raise Conflict("You have written this already.", field="text")
    participant = actor.role is Role.PARTICIPANT
    waits = participant and state.moderation is Moderation.BEFORE
    return (
        e.StatementSubmitted(
            statement=StatementId(context.new_id("statement")),
            author=actor.participant,
            text=text,
            language=language_tag(command.language),
            origin=Origin.PARTICIPANT if participant else Origin.ORGANISER,
            kind=command.kind,
            status=Status.PENDING if waits else Status.ACCEPTED,
        ),
    )


def language_tag(language: str | None) -> str | None:
    """Return a language tag in small letters, or None.

    Raises:
        Invalid: it does not look like a BCP 47 tag such as ``sw`` or ``pt-br``.
    """
    if language is None or not language.strip():
        return None
    tag = language.strip().lower().replace("_", "-")
    parts = tag.split("-")
    fits = 2 <= len(parts[0]) <= 3 and all(
        p.isascii() and p.isalnum() and 1 <= len(p) <= 8 for p in parts
    )
    if not fits or len(tag) > 35 or not parts[0].isalpha():
        raise Invalid("A language is a tag such as 'en', 'sw' or 'pt-br'.", field="language")
    return tag


def moderate(
    state: RoomState, command: c.ModerateStatement, context: c.Context
) -> tuple[e.Event, ...]:
    """Accept or reject, with a reason that the author and the public log see."""
    actor = requires_person(context)
    if not actor.role.moderates:
        raise Forbidden("Only moderators decide on statements.")
    if state.phase is Phase.CLOSED:
        raise WrongPhase("The room is closed; nothing is moderated any more.")
    statement = state.statements.get(command.statement_id)
    if statement is None or statement.erased:
        raise NotFound("There is no such statement.", field="statement_id")
    accepts = command.decision is Decision.ACCEPT
    if accepts != (command.reason is Reason.FITS) or command.reason is Reason.IMPORTED:
        raise Invalid(
            "To accept, the reason is 'fits'; to reject, one of the others: "
            + ", ".join(r for r in Reason if r not in (Reason.FITS, Reason.IMPORTED))
            + ".",
            field="reason",
        )
    note = clean(command.note, limit=NOTE_LENGTH, field="note", lines=True, empty=True)
    wanted = Status.ACCEPTED if accepts else Status.REJECTED
    if statement.status is wanted and statement.reason is command.reason:
        return ()
    return (
        e.StatementModerated(
            statement=command.statement_id,
            decision=command.decision,
            reason=command.reason,
            note=note,
        ),
    )


def import_statements(
    state: RoomState, command: c.ImportStatements, context: c.Context
) -> tuple[e.Event, ...]:
    """Bring statements from elsewhere with their moderation; each hidden one has its event."""
    requires_program(context)
    made: list[e.Event] = []
    known = set(state.sources)
    for imported in command.statements:
        if imported.source in known:
            raise Conflict(f"The statement {imported.source} was imported already.")
        known.add(imported.source)
        statement = StatementId(context.new_id("statement"))
        rejected = imported.moderated < 0
        waits = imported.moderated == 0 and command.strict
        made.append(
            e.StatementSubmitted(
                statement=statement,
                author=imported.author,
                text=imported.text,
                language=imported.language,
                origin=imported.origin,
                kind=imported.kind,
                status=Status.PENDING if rejected or waits else Status.ACCEPTED,
                source=imported.source,
            )
        )
        if rejected:
            made.append(
                e.StatementModerated(
                    statement=statement, decision=Decision.REJECT, reason=Reason.IMPORTED
                )
            )
    return tuple(made)


def erase(state: RoomState, command: c.EraseContent, context: c.Context) -> tuple[e.Event, ...]:
    """Delete one's own words for good; the places where they stood remain."""
    actor = requires_person(context)
    own = set(state.words.get(actor.participant, ()))
    remains = remains_of(record for record in command.records if record.seq in own)
    return (e.ContentErased(remains=remains),) if remains else ()
