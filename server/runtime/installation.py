"""What an installation keeps beside its database: the secret key, and where it was last served."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from ..errors import Fault, Invalid
from ..settings import Settings

DEFAULT_ADDRESS = "http://127.0.0.1:8000"
SHORTEST_SECRET = 32
_KEY_FILE = "secret.key"
_ADDRESS_FILE = "address"


def secret_key(settings: Settings) -> bytes:
    """Return the key that signs sessions: the one that was set, or one made once, mode 0600.

    Raises:
        Invalid: the one that was set has fewer than 32 characters.
        Fault: the file holds no key.
    """
    given = settings.secret_key.reveal().encode()
    if given:
        if len(given) < SHORTEST_SECRET:
            raise Invalid(
                f"FOLKMOOT_SECRET_KEY needs at least {SHORTEST_SECRET} characters.",
                field="FOLKMOOT_SECRET_KEY",
            )
        return given
    path = settings.data_dir / _KEY_FILE
    if not path.exists():
        _make(path, secrets.token_hex(32))
    key = path.read_bytes().strip()
    if not key.isascii() or len(key) < SHORTEST_SECRET:
        raise Fault(f"{path} does not hold a secret key; remove it, and everybody signs in again.")
    return key


def has_secret_key(settings: Settings) -> bool:
    """Tell whether there is a key already: one that was set, or one in the data folder."""
    return bool(settings.secret_key) or (settings.data_dir / _KEY_FILE).exists()


def _make(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(fresh)  # whoever is first wins, and nobody sees half a key
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def note_address(settings: Settings, address: str) -> None:
    """Remember where the server listens, so that commands beside it print links that work."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    (settings.data_dir / _ADDRESS_FILE).write_text(address + "\n", "utf-8")


def public_address(settings: Settings) -> str:
    """Return the address people use: the one that was set, or where the server last listened."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    path = settings.data_dir / _ADDRESS_FILE
    try:
        return path.read_text("utf-8").strip() or DEFAULT_ADDRESS
    except OSError:
        return DEFAULT_ADDRESS
