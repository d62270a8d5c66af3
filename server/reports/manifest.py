"""What a bundle says of itself: ``manifest.json``, the form ``folkmoot.bundle/1``."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal

import msgspec
import rfc8785

MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
PUBLIC_KEY = "public-key.raw"
LOGS = "log"

_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")
_LONGEST_PATH = 200


class File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of the bundle; ``sha256`` is 64 hex digits, ``size`` in bytes."""

    path: str
    sha256: str
    size: int


class LogHead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a log stood: its last seq, and the hash of that envelope."""

    log: str
    kind: str
    seq: int
    hash: str


class Subject(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which assembly the bundle is of."""

    id: str
    slug: str
    title: str


class Software(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By which version it was written."""

    name: str
    version: str


class Key(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The public key that signs, by the SHA-256 of its 32 bytes."""

    algorithm: Literal["Ed25519"]
    fingerprint: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every file but the manifest and its signature, by path; the heads of the logs, by id."""

    format: Literal["folkmoot.bundle/1"]
    assembly: Subject
    made_on: str
    software: Software
    key: Key
    logs: tuple[LogHead, ...]
    files: tuple[File, ...]


def canonical(manifest: Manifest) -> bytes:
    """Return the manifest's bytes: canonical JSON (RFC 8785)."""
    plain = msgspec.to_builtins(manifest)
    return rfc8785.dumps(plain)


def is_plain_path(path: str) -> bool:
    """Say whether ``path`` is a relative one of ASCII letters, digits and ``-._`` in its parts.

    No part is empty or begins with a dot, so that it means the same place everywhere.
    """
    parts = path.split("/")
    return (
        len(path) <= _LONGEST_PATH
        and all(part and not part.startswith(".") and _SAFE.issuperset(part) for part in parts)
        and str(PurePosixPath(path)) == path
    )


def log_path(log: str) -> str:
    """Return where the public envelopes of a log are in the bundle."""
    return f"{LOGS}/{log}.jsonl"
