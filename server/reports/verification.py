"""Check a bundle with nothing but its own files: for a stranger who trusts nobody here.

What is checked, in this order: the folder holds plain files only; the manifest is canonical JSON
of its form; the key is the one named, and is the expected one where one is given; the signature is
that key's; every file is there with its size and hash, and no other; the assembly's own log and a
room's are there, and every log is in the one form that it can have and an unbroken chain from its
beginning to the head that the manifest names. Not promised: whose key it is, where
none is given, and that the logs hold all that happened: for that, hold two bundles of different
days against each other.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec
import rfc8785

from ..deliberation.chain import Envelope, check_chain
from ..errors import LogBroken, Refusal
from ..ids import LogId
from .manifest import (
    LOGS,
    MANIFEST,
    PUBLIC_KEY,
    SIGNATURE,
    File,
    LogHead,
    Manifest,
    is_plain_path,
    log_path,
)
from .signing import KEY_BYTES, SIGNATURE_BYTES, fingerprint, holds

_LARGEST_MANIFEST = 16 * 1024 * 1024
_LONGEST_LINE = 4096
_CHUNK = 1 << 20


class BundleBroken(Refusal):
    """Something of a bundle does not hold; the message names the first thing."""

    code = "bundle-broken"


class _StrictEnvelope(Envelope, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line of a log: an envelope's fields and no others."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A bundle that holds. ``key_expected`` says whether it was checked whose key it is."""

    manifest: Manifest
    key_expected: bool
    events: int


def verify(folder: Path, expected_key: bytes | None = None) -> Verified:
    """Check the bundle in ``folder``; with ``expected_key`` (32 raw bytes) it must be that key's.

    Raises:
        BundleBroken: naming the first thing that doesn't hold.
    """
    present = _listing(folder)
    for needed in (MANIFEST, SIGNATURE, PUBLIC_KEY):
        if needed not in present:
            raise BundleBroken(f"{needed} is missing.")
    raw = _small(folder, MANIFEST, _LARGEST_MANIFEST)
    manifest = _read_manifest(raw)
    public = _small(folder, PUBLIC_KEY, KEY_BYTES)
    _check_key(manifest, public, expected_key)
    if not holds(public, _small(folder, SIGNATURE, SIGNATURE_BYTES), raw):
        raise BundleBroken(f"{SIGNATURE} is not this key's signature of {MANIFEST}.")
    _check_files(folder, manifest, present)
    for head in manifest.logs:
        _check_log(folder, head)
    return Verified(manifest, expected_key is not None, sum(head.seq for head in manifest.logs))


def read_key(path: Path) -> bytes:
    """Return the public key in a file: 32 raw bytes, or their 64 hex digits.

    Raises:
        BundleBroken: it is neither.
    """
    with path.open("rb") as file:
        raw = file.read(256)
    if len(raw) == KEY_BYTES:
        return raw
    try:
        key = bytes.fromhex(raw.decode("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise BundleBroken(f"{path} holds no public key: 32 raw bytes, or their 64 hex digits.")
    return key


def _listing(folder: Path) -> set[str]:
    if not folder.is_dir() or folder.is_symlink():
        packed = " Unpack it first." if folder.suffix == ".zip" else ""
        raise BundleBroken(f"{folder} is not a folder.{packed}")
    files: set[str] = set()
    folders: set[str] = set()
    for path, mode in sorted(_walk(folder)):
        if stat.S_ISDIR(mode):
            folders.add(path)
        elif stat.S_ISREG(mode):
            files.add(path)
        else:
            raise BundleBroken(f"{path!r} is neither a file nor a folder.")
    for path in sorted(folders):
        if not any(file.startswith(path + "/") for file in files):
            raise BundleBroken(f"The folder {path} is empty.")
    return files


def _walk(folder: Path, prefix: str = "") -> Iterator[tuple[str, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            mode = entry.stat(follow_symlinks=False).st_mode
            path = prefix + entry.name
            if not is_plain_path(path):
                raise BundleBroken(f"{path!r} is no name that a bundle has.")
            yield path, mode
            if stat.S_ISDIR(mode):
                yield from _walk(Path(entry.path), f"{prefix}{entry.name}/")


def _small(folder: Path, name: str, most: int) -> bytes:
    with (folder / name).open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise BundleBroken(f"{name} is larger than it can be.")
    return content


def _read_manifest(raw: bytes) -> Manifest:
    try:
        manifest = msgspec.json.decode(raw, type=Manifest)
        same = rfc8785.dumps(json.loads(raw)) == raw
    except (ValueError, RecursionError, rfc8785.CanonicalizationError) as error:
        raise BundleBroken(f"{MANIFEST} is not of the form folkmoot.bundle/1.") from error
    if not same:
        raise BundleBroken(f"{MANIFEST} is not canonical JSON.")
    _check_names(manifest)
    paths = [file.path for file in manifest.files]
    if paths != sorted(set(paths)):
        raise BundleBroken(f"{MANIFEST} does not list each file once, in order.")
    logs = [head.log for head in manifest.logs]
    if logs != sorted(set(logs)):
        raise BundleBroken(f"{MANIFEST} does not list each log once, in order.")
    return manifest


def _check_names(manifest: Manifest) -> None:
    """Check what is going to be shown: whoever made the bundle may be nobody's friend."""
    names = [
        *(file.path for file in manifest.files),
        *(log_path(head.log) for head in manifest.logs),
        manifest.assembly.slug,
        manifest.made_on,
    ]
    odd = next((name for name in names if not is_plain_path(name)), None)
    if odd is not None:
        raise BundleBroken(f"{odd!r} in {MANIFEST} is no name that a bundle has.")


def _check_key(manifest: Manifest, public: bytes, expected: bytes | None) -> None:
    if len(public) != KEY_BYTES:
        raise BundleBroken(f"{PUBLIC_KEY} is not {KEY_BYTES} bytes long.")
    if fingerprint(public) != manifest.key.fingerprint:
        raise BundleBroken(f"{PUBLIC_KEY} is not the key that {MANIFEST} names.")
    if expected is not None and expected != public:
        raise BundleBroken(
            f"The bundle is signed by another key than the one expected: {fingerprint(public)}."
        )


def _check_files(folder: Path, manifest: Manifest, present: set[str]) -> None:
    listed = {file.path for file in manifest.files}
    for file in manifest.files:
        if file.path not in present:
            raise BundleBroken(f"{file.path} is missing.")
        _check_file(folder, file)
    extra = sorted(present - listed - {MANIFEST, SIGNATURE})
    if extra:
        raise BundleBroken(f"{extra[0]} is not in {MANIFEST}: it was added.")
    if not {PUBLIC_KEY, *(log_path(head.log) for head in manifest.logs)} <= listed:
        raise BundleBroken(f"{MANIFEST} does not list the key and every log.")
    logs = {path for path in listed if path.startswith(f"{LOGS}/")}
    unnamed = sorted(logs - {log_path(head.log) for head in manifest.logs})
    if unnamed:
        raise BundleBroken(f"{MANIFEST} names no head for {unnamed[0]}.")
    named = {head.log for head in manifest.logs}
    if manifest.assembly.id not in named or len(named) < 2:
        raise BundleBroken(f"{MANIFEST} does not name the logs of the assembly and of its room.")


def _check_file(folder: Path, file: File) -> None:
    digest = sha256()
    with (folder / file.path).open("rb") as content:
        size = os.fstat(content.fileno()).st_size
        while size == file.size and (chunk := content.read(_CHUNK)):
            digest.update(chunk)
    if size != file.size:
        raise BundleBroken(f"{file.path} has {size} bytes; the manifest says {file.size}.")
    if digest.hexdigest() != file.sha256:
        raise BundleBroken(f"{file.path} was changed: its SHA-256 is not the manifest's.")


def _check_log(folder: Path, head: LogHead) -> None:
    path = log_path(head.log)
    try:
        last = check_chain(LogId(head.log), counted := _Counted(_envelopes(folder, path)))
    except LogBroken as error:
        raise BundleBroken(f"{path}: {error.message}") from error
    if counted.count != head.seq or last != head.hash:
        raise BundleBroken(
            f"{path} ends at {counted.count} with another hash than the head of {head.seq} that "
            f"{MANIFEST} names."
        )


class _Counted:
    """Envelopes as they are read, counted."""

    def __init__(self, envelopes: Iterator[Envelope]) -> None:
        self._envelopes = envelopes
        self.count = 0

    def __iter__(self) -> Iterator[Envelope]:
        for envelope in self._envelopes:
            self.count += 1
            yield envelope


def _envelopes(folder: Path, path: str) -> Iterator[Envelope]:
    decode = msgspec.json.Decoder(_StrictEnvelope).decode
    encode = msgspec.json.Encoder(order="sorted").encode
    with (folder / path).open("rb") as lines:
        number = 0
        while line := lines.readline(_LONGEST_LINE):
            number += 1
            if not line.endswith(b"\n"):
                raise BundleBroken(f"{path}, line {number} does not end.")
            try:
                envelope = decode(line)
            except (ValueError, RecursionError) as error:
                raise BundleBroken(f"{path}, line {number} is no envelope.") from error
            if encode(envelope) + b"\n" != line:
                raise BundleBroken(f"{path}, line {number} is not in the form that a log has.")
            yield envelope
