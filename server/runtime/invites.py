"""Codes that are handed to people, and the digests that are all we keep of them.

An invite's and a return code are 20 characters of Crockford's base 32: 100 random bits that can be
read aloud. What is stored is the SHA-256 of the normalised code: without white space and hyphens,
in small letters, with the letters that people confuse (``i``, ``l``, ``o``) taken as digits.
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256

CODE_LENGTH = 20
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_CONFUSED = str.maketrans("ilo", "110")
_LONGEST_CODE = 64


def new_code() -> str:
    """Return a fresh code of 20 characters from the system's randomness."""
    return _spell(secrets.randbits(5 * CODE_LENGTH))


def code_from(secret: bytes, *parts: str) -> str:
    """Return the code that ``secret`` gives for ``parts``, so that a repeated write answers alike.

    Without ``secret`` (32 random bytes) nobody can tell it from a fresh one.
    """
    message = b"\x00".join(part.encode("utf-8", "surrogatepass") for part in ("code", *parts))
    mac = hmac.digest(secret, message, "sha256")
    return _spell(int.from_bytes(mac, "big"))


def _spell(number: int) -> str:
    return "".join(_ALPHABET[(number >> (5 * place)) & 31] for place in range(CODE_LENGTH))


def normalised(code: str) -> str:
    """Return a code as it is digested; a whole link may be given instead of the code."""
    code = code.strip().rstrip("/").rpartition("/")[2]
    code = "".join(code.replace("-", "").split()).lower()[:_LONGEST_CODE]
    return code.translate(_CONFUSED) if len(code) == CODE_LENGTH else code


def digest_of(code: str) -> str:
    """Return the SHA-256 of the normalised code, 64 hex digits."""
    return sha256(normalised(code).encode("utf-8", "surrogatepass")).hexdigest()


def link(public_url: str, code: str) -> str:
    """Return the address at which somebody uses an invite."""
    return f"{public_url.rstrip('/')}/join/{code}"
