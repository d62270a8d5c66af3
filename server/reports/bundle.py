"""Write the bundle: a folder, or a zip, that a stranger can check."""

from __future__ import annotations

import io
import os
import secrets
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import msgspec

from ..errors import Conflict
from .manifest import (
    MANIFEST,
    PUBLIC_KEY,
    SIGNATURE,
    File,
    Key,
    LogHead,
    Manifest,
    Software,
    Subject,
    canonical,
    is_plain_path,
    log_path,
)
from .material import Material, PublicLog
from .registry import files_of
from .signing import SigningKey, fingerprint

_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def build(material: Material, key: SigningKey, formats: Sequence[str] = ()) -> dict[str, bytes]:
    """Return the bundle's files by path; ``formats`` name which, none meaning all there are.

    The logs, the key, the manifest and its signature are always there. Deterministic.

    Raises:
        Invalid: there is no such format.
    """
    files = dict(files_of(material, formats))
    for log in material.logs:
        files[log_path(log.log)] = log_lines(log)
    files[PUBLIC_KEY] = key.public
    manifest = canonical(_manifest(material, key, files))
    files[MANIFEST] = manifest
    files[SIGNATURE] = key.sign(manifest)
    return files


def log_lines(log: PublicLog) -> bytes:
    """Return the public envelopes of a log, one JSON object a line."""
    encode = msgspec.json.Encoder(order="sorted").encode
    return b"".join(encode(envelope) + b"\n" for envelope in log.envelopes)


def write(files: Mapping[str, bytes], folder: Path) -> None:
    """Write the files into a new folder, all or nothing.

    Raises:
        Conflict: there is something at ``folder`` already that is not an empty folder.
    """
    if folder.is_symlink() or (
        folder.exists() and not (folder.is_dir() and not any(folder.iterdir()))
    ):
        raise Conflict(f"{folder} exists already; name a folder that doesn't.", field="out")
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}.{secrets.token_hex(4)}")
    fresh.mkdir()
    try:
        for path, content in sorted(files.items()):
            target = fresh / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        fresh.rename(folder)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def zipped(files: Mapping[str, bytes], folder: str) -> bytes:
    """Return the files as a zip with one folder in it; the same files give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path, content in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{folder}/{path}", _ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return out.getvalue()


def _manifest(material: Material, key: SigningKey, files: Mapping[str, bytes]) -> Manifest:
    odd = [path for path in files if not is_plain_path(path)]
    if odd:
        raise ValueError(f"{odd[0]!r} is no path for a bundle")
    return Manifest(
        format="folkmoot.bundle/1",
        assembly=Subject(id=material.assembly, slug=material.slug, title=material.title),
        made_on=material.made_on,
        software=Software(name="folkmoot", version=material.version),
        key=Key(algorithm="Ed25519", fingerprint=fingerprint(key.public)),
        logs=tuple(
            LogHead(log=each.log, kind=each.kind, seq=each.seq, hash=each.hash)
            for each in sorted(material.logs, key=lambda each: each.log)
        ),
        files=tuple(
            File(path=path, sha256=sha256(content).hexdigest(), size=len(content))
            for path, content in sorted(files.items())
        ),
    )
