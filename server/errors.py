"""The tree of refusals and faults, with no word of HTTP in it.

A *refusal* is an answer to somebody who can do something about it: its ``code`` is stable
(it becomes the last segment of ``/problems/…``), its message is one sentence for a person, and
``field`` names the part of the input that is meant, where there is one. A *fault* is ours: the
person can only come back later, the operator can act.
"""

from __future__ import annotations

from typing import ClassVar


class FolkmootError(Exception):
    """Everything this program raises on purpose."""

    code: ClassVar[str] = "fault"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class Refusal(FolkmootError):
    """A command or question that is understood and not granted."""

    code = "refused"


class Invalid(Refusal):
    """The input is wrong in itself, whatever the state is; ``field`` names where."""

    code = "invalid"


class NotFound(Refusal):
    """Absent, or not for this person: both answer alike."""

    code = "not-found"


class NotSignedIn(Refusal):
    """No session, an unreadable one, or one that was withdrawn."""

    code = "not-signed-in"


class Forbidden(Refusal):
    """The person may see the thing but not do this to it."""

    code = "forbidden"


class WrongPhase(Refusal):
    """What was asked belongs to another phase of the room."""

    code = "wrong-phase"


class Conflict(Refusal):
    """The state has moved on, or the thing was already done by somebody."""

    code = "conflict"


class Moved(Refusal):
    """The assembly lives somewhere else now; nothing is recorded here any more."""

    code = "moved"


class KeyReused(Refusal):
    """An idempotency key came again with another body."""

    code = "idempotency-key-reused"


class InviteUnusable(Refusal):
    """An invite that is unknown, used up, withdrawn or expired."""

    code = "invite-unusable"


class TooMany(Refusal):
    """A limit of this person or address is reached; ``retry_after`` in seconds."""

    code = "too-many-requests"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TooLarge(Refusal):
    """A body, frame or file beyond its limit."""

    code = "too-large"


class UnreadableFile(Refusal):
    """A file to import that is not what it should be; the message names file and line."""

    code = "unreadable-file"


class Fault(FolkmootError):
    """Something of ours failed; nothing that was acknowledged is lost."""

    code = "fault"


class StorageFull(Fault):
    """The database could not grow; the command was not carried out."""

    code = "storage-full"


class StorageFault(Fault):
    """The database refused or broke; the command was not carried out."""

    code = "storage-fault"


class Unreachable(StorageFault):
    """The database doesn't answer, or its connection was lost; it may come back in a moment."""


class Conflicted(StorageFault):
    """Another process wrote the same at the same moment; nothing of it was carried out here.

    Who decides again, from what stands now, gets a refusal or another outcome.
    """


class OutcomeUnknown(StorageFault):
    """The connection was lost while the database made it durable: it was carried out, or not.

    Who sends the same again with the same idempotency key learns which.
    """

    code = "outcome-unknown"


class DatabaseHeld(Fault):
    """Another server holds this SQLite file."""

    code = "database-held"


class DatabaseNewer(Fault):
    """The database was written by a newer version of this program."""

    code = "database-newer"


class LogBroken(Fault):
    """The log on disk does not hold: a gap, or a commitment or hash that differs."""

    code = "log-broken"


class Stopping(Fault):
    """The server is going down and takes no more commands."""

    code = "stopping"
