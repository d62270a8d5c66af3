"""Derived documents of a log, such as an analysis, and vectors of texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from ..ids import LogId
from ..synthesis.text import digest
from . import bulk
from .tables import ARTIFACT, EMBEDDING


@dataclass(frozen=True, slots=True)
class Artifact:
    """A derived document: made from ``log`` as of a seq; ``digest`` is the SHA-256 of ``body``."""

    log: LogId
    kind: str
    digest: str
    as_of_seq: int
    body: bytes


def keep(connection: Connection, artifact: Artifact) -> None:
    """Keep a document; the same one again changes nothing but ``as_of_seq``."""
    row = (artifact.log, artifact.kind, artifact.digest, artifact.as_of_seq, artifact.body)
    bulk.upsert(connection, ARTIFACT, [row], ("as_of_seq", "body"))


def find(connection: Connection, log: LogId, kind: str, digest: str) -> Artifact | None:
    """Return a document by its digest."""
    asked = select(ARTIFACT).where(
        ARTIFACT.c.log == log, ARTIFACT.c.kind == kind, ARTIFACT.c.digest == digest
    )
    row = connection.execute(asked).one_or_none()
    return None if row is None else Artifact(log, kind, digest, row.as_of_seq, row.body)


def latest(connection: Connection, log: LogId, kind: str) -> Artifact | None:
    """Return the document of a kind that stands for the latest seq."""
    asked = (
        select(ARTIFACT)
        .where(ARTIFACT.c.log == log, ARTIFACT.c.kind == kind)
        .order_by(ARTIFACT.c.as_of_seq.desc(), ARTIFACT.c.digest)
        .limit(1)
    )
    row = connection.execute(asked).one_or_none()
    return None if row is None else Artifact(log, kind, row.digest, row.as_of_seq, row.body)


def forget(connection: Connection, log: LogId, kinds: Sequence[str] | None = None) -> int:
    """Delete a log's documents, of some kinds or of all, and return how many there were."""
    gone = delete(ARTIFACT).where(ARTIFACT.c.log == log)
    if kinds is not None:
        gone = gone.where(ARTIFACT.c.kind.in_(kinds))
    return connection.execute(gone).rowcount


def forget_naming(connection: Connection, log: LogId, kind: str, ids: Sequence[str]) -> None:
    """Delete a log's documents of a kind in which one of ``ids`` stands."""
    asked = select(ARTIFACT.c.digest, ARTIFACT.c.body).where(
        ARTIFACT.c.log == log, ARTIFACT.c.kind == kind
    )
    named = [each.encode() for each in ids]
    for digest_, body in connection.execute(asked).all():
        if any(each in body for each in named):
            connection.execute(
                delete(ARTIFACT).where(
                    ARTIFACT.c.log == log, ARTIFACT.c.kind == kind, ARTIFACT.c.digest == digest_
                )
            )


def forget_old(connection: Connection, log: LogId, kind: str, kept: int) -> int:
    """Delete a log's documents of a kind but the ``kept`` latest; return how many there were."""
    standing = (
        select(ARTIFACT.c.as_of_seq)
        .where(ARTIFACT.c.log == log, ARTIFACT.c.kind == kind)
        .order_by(ARTIFACT.c.as_of_seq.desc())
        .limit(kept)
    )
    seqs = connection.execute(standing).scalars().all()
    if len(seqs) < kept:
        return 0
    gone = delete(ARTIFACT).where(
        ARTIFACT.c.log == log, ARTIFACT.c.kind == kind, ARTIFACT.c.as_of_seq < seqs[-1]
    )
    return connection.execute(gone).rowcount


def vectors(connection: Connection, model: str, digests: Sequence[str]) -> dict[str, bytes]:
    """Return the vectors that are known of texts with these SHA-256 digests, by digest."""
    found: dict[str, bytes] = {}
    for start in range(0, len(digests), 500):
        some = digests[start : start + 500]
        asked = select(EMBEDDING.c.digest, EMBEDDING.c.vector).where(
            EMBEDDING.c.model == model, EMBEDDING.c.digest.in_(some)
        )
        found.update(connection.execute(asked).all())
    return found


def forget_texts(connection: Connection, texts: Iterable[str]) -> None:
    """Delete the vectors of texts, of every model: a vector says much of what was written."""
    connection.execute(
        delete(EMBEDDING).where(EMBEDDING.c.digest.in_([digest(text) for text in texts]))
    )


def keep_vectors(connection: Connection, model: str, vectors: Mapping[str, bytes]) -> None:
    """Keep vectors by the digest of their text; what is there already is replaced."""
    rows: list[bulk.Cells] = [(model, digest, vector) for digest, vector in sorted(vectors.items())]
    bulk.upsert(connection, EMBEDDING, rows, ("vector",))
