"""The tables. They never leave this package: others get events and frozen rows.

The log is ``log``, ``event`` and ``payload``; everything else but ``idempotency``, ``artifact``,
``embedding``, ``installation`` and ``spending`` is a projection that a replay rebuilds.
``assembly.as_of_seq`` says up to which seq of the assembly's log ``assembly`` and ``member`` stand,
``room.as_of_seq`` the same for ``room``, ``statement`` and ``vote``.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    text,
)
from sqlmodel import Field, SQLModel

# Rows live in their primary key's tree: half the writing of a table with an index beside it.
_CLUSTERED: dict[str, bool] = {"sqlite_with_rowid": False}
_ERASES = text("type = 'content.erased'")


class LogRow(SQLModel, table=True):
    """A log: its kind (``assembly`` or ``room``), its last seq and that envelope's hash.

    ``moved`` says where its assembly went, once it doesn't live here any more.
    """

    __tablename__ = "log"
    __table_args__ = _CLUSTERED

    id: str = Field(primary_key=True)
    kind: str
    head: int = Field(sa_type=BigInteger)
    hash: bytes = Field(sa_type=LargeBinary)
    moved: str | None = None


class EventRow(SQLModel, table=True):
    """The public envelope of one event."""

    __tablename__ = "event"
    __table_args__ = (
        Index(
            "event_erasures", "log", "seq", "type", sqlite_where=_ERASES, postgresql_where=_ERASES
        ),
        _CLUSTERED,
    )

    log: str = Field(primary_key=True, foreign_key="log.id")
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    type: str
    day: str
    commitment: bytes = Field(sa_type=LargeBinary)
    previous: bytes = Field(sa_type=LargeBinary)


class PayloadRow(SQLModel, table=True):
    """What an envelope commits to, with its salt; absent once it was erased."""

    __tablename__ = "payload"
    __table_args__ = (ForeignKeyConstraint(["log", "seq"], ["event.log", "event.seq"]), _CLUSTERED)

    log: str = Field(primary_key=True)
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    salt: bytes = Field(sa_type=LargeBinary)
    body: bytes = Field(sa_type=LargeBinary)


class IdempotencyRow(SQLModel, table=True):
    """A key that a person's write carried, and the events it brought (``last`` < ``first``: none).

    ``id`` is made of person and key: what is short is written quickly where keys come in no order.
    """

    __tablename__ = "idempotency"
    __table_args__ = _CLUSTERED

    id: bytes = Field(primary_key=True, sa_type=LargeBinary)
    digest: bytes = Field(sa_type=LargeBinary)
    log: str
    first: int = Field(sa_type=BigInteger)
    last: int = Field(sa_type=BigInteger)


class AssemblyRow(SQLModel, table=True):
    """An assembly, and up to where its log is projected."""

    __tablename__ = "assembly"
    __table_args__ = _CLUSTERED

    id: str = Field(primary_key=True)
    slug: str = Field(unique=True)
    title: str
    question: str
    language: str
    as_of_seq: int = Field(sa_type=BigInteger)


class RoomRow(SQLModel, table=True):
    """A room, and up to where its log is projected."""

    __tablename__ = "room"
    __table_args__ = _CLUSTERED

    id: str = Field(primary_key=True)
    assembly: str = Field(index=True)
    title: str
    question: str
    language: str
    phase: str
    as_of_seq: int = Field(sa_type=BigInteger)


class MemberRow(SQLModel, table=True):
    """A person in an assembly; ``role`` is null once it was withdrawn."""

    __tablename__ = "member"
    __table_args__ = _CLUSTERED

    assembly: str = Field(primary_key=True)
    participant: str = Field(primary_key=True)
    role: str | None
    channel: str
    name: str
    source: str
    publish: bool
    research: bool
    training: bool
    joined: int = Field(sa_type=BigInteger)
    seq: int = Field(sa_type=BigInteger)


class StatementRow(SQLModel, table=True):
    """A statement or testimony of a room, as it stands."""

    __tablename__ = "statement"
    __table_args__ = _CLUSTERED

    room: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    author: str | None = Field(index=True)
    text: str
    language: str | None
    origin: str
    kind: str
    status: str
    reason: str | None
    note: str
    source: str
    erased: bool
    seq: int = Field(sa_type=BigInteger)


class VoteRow(SQLModel, table=True):
    """A person's latest vote on a statement: 1 agree, 0 pass, −1 disagree; ``seq`` of the vote.

    They lie by statement, since those cast at one time are mostly on the same few statements.
    """

    __tablename__ = "vote"
    __table_args__ = _CLUSTERED

    room: str = Field(primary_key=True)
    statement: str = Field(primary_key=True)
    participant: str = Field(primary_key=True)
    choice: int = Field(sa_type=SmallInteger)
    seq: int = Field(sa_type=BigInteger)


class ArtifactRow(SQLModel, table=True):
    """A derived document of a log, such as an analysis: what kind, its digest, as of which seq."""

    __tablename__ = "artifact"

    log: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    as_of_seq: int = Field(sa_type=BigInteger)
    body: bytes = Field(sa_type=LargeBinary)


class EmbeddingRow(SQLModel, table=True):
    """A vector by model and SHA-256 of the text, never by the text itself."""

    __tablename__ = "embedding"

    model: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    vector: bytes = Field(sa_type=LargeBinary)


class InstallationRow(SQLModel, table=True):
    """A fact that all processes on this database share, such as which key signs sessions."""

    __tablename__ = "installation"
    __table_args__ = _CLUSTERED

    name: str = Field(primary_key=True)
    value: str


class SpendingRow(SQLModel, table=True):
    """What the answers of one model cost for one kind of work, in all."""

    __tablename__ = "spending"
    __table_args__ = _CLUSTERED

    kind: str = Field(primary_key=True)
    model: str = Field(primary_key=True)
    calls: int = Field(sa_type=BigInteger)
    tokens: int = Field(sa_type=BigInteger)


METADATA = SQLModel.metadata


def table(row: type[SQLModel]) -> Table:
    """Return the table behind a row's class."""
    return METADATA.tables[str(row.__tablename__)]


LOG = table(LogRow)
EVENT = table(EventRow)
PAYLOAD = table(PayloadRow)
IDEMPOTENCY = table(IdempotencyRow)
ASSEMBLY = table(AssemblyRow)
ROOM = table(RoomRow)
MEMBER = table(MemberRow)
STATEMENT = table(StatementRow)
VOTE = table(VoteRow)
ARTIFACT = table(ArtifactRow)
EMBEDDING = table(EmbeddingRow)
INSTALLATION = table(InstallationRow)
SPENDING = table(SpendingRow)
