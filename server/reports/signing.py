"""The key that signs what leaves the house: Ed25519, made once in the data directory.

Whoever has the file can sign in this installation's name, and can tell who is behind a pseudonym
whose id they know: it stays with the operator, readable by them alone (mode 0600).
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ..errors import Fault

KEY_BYTES = 32
SIGNATURE_BYTES = 64
_KEY_FILE = "signing.key"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key; ``seed`` never shows itself."""

    seed: bytes = field(repr=False)

    @property
    def public(self) -> bytes:
        """The public key, 32 raw bytes."""
        return self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Return the signature, 64 raw bytes."""
        return self._key.sign(message)

    @property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


def fingerprint(public: bytes) -> str:
    """Return the SHA-256 of a raw public key, 64 hex digits: what people compare by reading."""
    return sha256(public).hexdigest()


def holds(public: bytes, signature: bytes, message: bytes) -> bool:
    """Say whether ``signature`` is the key's signature of ``message``."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def has_signing_key(data_dir: Path) -> bool:
    """Tell whether the installation's key was made already."""
    return (data_dir / _KEY_FILE).exists()


def signing_key(data_dir: Path) -> SigningKey:
    """Return the installation's key, made now if there is none.

    Raises:
        Fault: the file holds no key.
    """
    path = data_dir / _KEY_FILE
    if not path.exists():
        _make(path)
    seed = path.read_bytes()
    if len(seed) != KEY_BYTES:
        raise Fault(f"{path} does not hold a signing key of {KEY_BYTES} bytes.")
    return SigningKey(seed)


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(fresh)  # whoever is first wins, and nobody sees half a key
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
