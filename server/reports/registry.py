"""The formats in which an assembly leaves the house, one module each.

A format is a module here with ``NAME`` and ``files(material)``; it is found by being listed in
:data:`FORMATS`, and nothing else knows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ..errors import Invalid
from . import constitution, disclosure, polis, value_report
from .material import Material


@dataclass(frozen=True, slots=True)
class Format:
    """A format: the name it is asked for by, and what gives its files by path."""

    name: str
    files: Callable[[Material], Mapping[str, bytes]]


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        module.NAME: Format(module.NAME, module.files)
        for module in (value_report, polis, constitution, disclosure)
    }
)
"""Every format, by name."""


def files_of(material: Material, names: Sequence[str] = ()) -> dict[str, bytes]:
    """Return the files of some formats by their path in the bundle; of all where none is named.

    Raises:
        Invalid: there is no such format.
    """
    found: dict[str, bytes] = {}
    for name in dict.fromkeys(names or FORMATS):
        if name not in FORMATS:
            raise Invalid(
                f"There is no format {name!r}; there are {', '.join(FORMATS)}.", field="format"
            )
        found.update(FORMATS[name].files(material))
    return found
