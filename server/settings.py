"""What an operator can set: a frozen dataclass read from the environment, never a global."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

from .errors import Invalid


class Secret:
    """A value that never shows itself in a repr, a log line or an error."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value; call it only where the value is used."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that differs between two installations; each field says what it does."""

    data_dir: Path = Path(".folkmoot")
    """`FOLKMOOT_DATA_DIR`: where the database, the keys and the exports live."""

    database_url: str = ""
    """`FOLKMOOT_DATABASE_URL`: empty means SQLite in the data directory."""

    redis_url: str = ""
    """`FOLKMOOT_REDIS_URL`: what several servers ring each other through; empty: one process."""

    redis_prefix: str = "folkmoot"
    """`FOLKMOOT_REDIS_PREFIX`: what every key and channel begins with, where Redis is shared."""

    secret_key: Secret = field(default_factory=lambda: Secret(""))
    """`FOLKMOOT_SECRET_KEY`: signs sessions; empty means one made once in the data directory."""

    public_url: str = ""
    """`FOLKMOOT_PUBLIC_URL`: the address people use, for links and the Origin check."""

    embedder: str = "bundled"
    """`FOLKMOOT_EMBEDDER`: bundled, lexical, sentence-transformers:NAME or openai:MODEL."""

    llm_model: str = ""
    """`FOLKMOOT_LLM_MODEL`: empty means that drafts are composed without a model and say so."""

    openai_base_url: str = ""
    """`OPENAI_BASE_URL`: the address of an OpenAI-compatible server."""

    openai_api_key: Secret = field(default_factory=lambda: Secret(""))
    """`OPENAI_API_KEY`: its key."""

    statements_per_hour: int = 30
    """`FOLKMOOT_STATEMENTS_PER_HOUR`: a person and room; 0 means no limit."""

    votes_per_hour: int = 600
    """`FOLKMOOT_VOTES_PER_HOUR`: a person and room; 0 means no limit."""

    joins_per_hour: int = 600
    """`FOLKMOOT_JOINS_PER_HOUR`: a network address; 0 means no limit."""

    max_body: int = 64 * 1024
    """`FOLKMOOT_MAX_BODY`: bytes of a request's body; 0 means no limit."""

    log: str = "text"
    """`FOLKMOOT_LOG`: text for people, or json for one object a line."""

    log_requests: int = 0
    """`FOLKMOOT_LOG_REQUESTS`: 1 logs every request, 0 the slow and the failed."""

    trusted_proxies: str = "127.0.0.1"
    """`FOLKMOOT_TRUSTED_PROXIES`: whose word on who asks, and by which number, is taken."""

    drain_seconds: int = 0
    """`FOLKMOOT_DRAIN_SECONDS`: how long it goes on listening once told to stop."""

    @property
    def resolved_database_url(self) -> str:
        """The database's address, with SQLite in the data directory as the default."""
        return self.database_url or f"sqlite:///{self.data_dir / 'folkmoot.db'}"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read every field from ``environment``.

        Raises:
            Invalid: a number is not a whole number of at least 0; ``field`` is the variable.
        """
        values: dict[str, object] = {}
        for each in fields(cls):
            name = each.name.upper()
            name = name if name.startswith("OPENAI_") else f"FOLKMOOT_{name}"
            raw = environment.get(name, "").strip()
            if raw:
                values[each.name] = _parse(name, raw, each.type)
        return cls(**values)  # type: ignore[arg-type]  # _parse follows each field's type


_MOST_DIGITS = 15


def _address(name: str, raw: str) -> str:
    """Return the address of a site; one that is none would refuse every browser's Origin."""
    try:
        parts = urlsplit(raw)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise Invalid(
            f"{name} must be an address such as https://folkmoot.example, not {raw!r}.", field=name
        )
    return raw


def _parse(name: str, raw: str, kind: object) -> object:
    if kind == "int":
        if not raw.isdecimal() or len(raw) > _MOST_DIGITS:
            shown = raw if len(raw) <= _MOST_DIGITS else raw[:_MOST_DIGITS] + "…"
            raise Invalid(
                f"{name} must be a whole number of at least 0, not {shown!r}.", field=name
            )
        return int(raw)
    if name == "FOLKMOOT_PUBLIC_URL":
        return _address(name, raw)
    if name == "FOLKMOOT_LOG" and raw not in ("text", "json"):
        raise Invalid(f"{name} is text or json, not {raw[:_MOST_DIGITS]!r}.", field=name)
    if kind == "Path":
        return Path(raw)
    if kind == "Secret":
        return Secret(raw)
    return raw
