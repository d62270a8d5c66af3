"""What a plain form sends: read once, bounded, and handed out as text."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar
from urllib.parse import parse_qs

from litestar.exceptions import HTTPException

from ..api.services.desk import AnyRequest
from ..errors import Invalid

MOST_FIELDS = 1000
_FORM = "application/x-www-form-urlencoded"
_Word = TypeVar("_Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form; a field that is missing reads as empty."""

    fields: dict[str, list[str]]
    body: bytes = b""

    def text(self, name: str) -> str:
        """Return the first value of ``name``."""
        return self.fields.get(name, [""])[0]

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of ``name``, in order."""
        return tuple(self.fields.get(name, ()))

    def on(self, name: str) -> bool:
        """Tell whether a switch or button of that name was sent."""
        return bool(self.text(name))

    def word(self, name: str, kind: type[_Word], message: str) -> _Word:
        """Return a value of a closed list.

        Raises:
            Invalid: it is missing or none of them; ``message`` says what to do.
        """
        try:
            return kind(self.text(name))
        except ValueError:
            raise Invalid(message, field=name) from None

    def number(self, name: str, *, least: int, most: int) -> int:
        """Return a whole number.

        Raises:
            Invalid: it is missing, no number, or out of bounds.
        """
        given = self.text(name).strip()
        if not (given.isascii() and given.isdecimal() and len(given) < 7):
            raise Invalid(f"Enter a whole number from {least} to {most}.", field=name)
        number = int(given)
        if not least <= number <= most:
            raise Invalid(f"Enter a whole number from {least} to {most}.", field=name)
        return number


async def form_of(request: AnyRequest) -> Form:
    """Return the form that a request carries.

    Bytes that are no UTF-8 stay visible as lone surrogates, so that the core refuses them by name.

    Raises:
        HTTPException: 415 where it is no form, 400 where it has too many fields.
    """
    if not request.headers.get("content-type", "").startswith(_FORM):
        raise HTTPException(status_code=415)
    body = await request.body()
    try:
        fields = parse_qs(
            body.decode("ascii", "surrogateescape"),
            keep_blank_values=True,
            max_num_fields=MOST_FIELDS,
            errors="surrogateescape",
        )
    except ValueError:
        raise HTTPException(status_code=400) from None
    return Form(fields, body)
