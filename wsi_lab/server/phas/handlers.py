"""What the handlers of the door have in common: who comes, forms and JSON in, files out."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import TypeVar

import msgspec
from tornado import web

from wsi_lab.errors import Invalid
from wsi_lab.model.people import Action
from wsi_lab.server.browsers import refuse_other_sites
from wsi_lab.server.dialect import DialectHandler
from wsi_lab.server.parsing import form_parts, from_json_at_once, id_in, whole_id
from wsi_lab.server.receiving import Receiver
from wsi_lab.server.routing import Need

F = TypeVar("F", bound=msgspec.Struct)

LARGEST_FORM = 64 << 10
FORM = "application/x-www-form-urlencoded"
SUCCESS = b"success"
"""What clients compare a whole body with."""

CSV, PNG, SVG = "text/csv; charset=utf-8", "image/png", "image/svg+xml"
BYTES, TEXT = "application/octet-stream", "text/plain; charset=utf-8"


class PhasHandler(DialectHandler):
    """Base of all handlers of the door.

    Attributes
    ----------
    anonymise
        Whether this session hides private names, whatever its user may see.
    """

    anonymise: bool = False

    def let_in(self, need: Need, action: Action) -> Awaitable[None] | None:
        """Let in whose session it is, unless a page of another site makes use of it."""
        refuse_other_sites(self.request.headers)
        return super().let_in(need, action)


@web.stream_request_body
class PhasReceiver(PhasHandler, Receiver):
    """Base of handlers that take a form or JSON."""

    async def form(self) -> Mapping[str, str]:
        """Return the fields of the form in the body; the last one of each name.

        Raises
        ------
        Invalid
            It is none.
        """
        content_type = self.request.headers.get("Content-Type", FORM)
        return await self.received(lambda body: _fields(content_type, body))

    async def json(self, form: type[F]) -> F:
        """Return the JSON object in the body; what the form does not know is passed over."""
        return await self.received(lambda body: from_json_at_once(form, body))


class ChangingByGet(PhasReceiver):
    """Base of handlers that do by GET what changes something, as PHAS's clients want it."""

    async def change(self, *args: str) -> None:
        """Do it, and answer."""
        raise NotImplementedError

    async def get(self, *args: str) -> None:
        """Do it. Nobody expects HEAD to change anything, and it does not."""
        await self.nothing()
        if self.request.method == "HEAD":
            self.finish()
            return
        await self.change(*args)

    async def post(self, *args: str) -> None:
        """Do it."""
        await self.nothing()
        await self.change(*args)


def check_raw(mode: str, resolution: str = "raw") -> None:
    """Raise unless coordinates are those of the slide itself.

    Raises
    ------
    Invalid
        They are those of something that the lab does not have, such as an affine registration.
    """
    if (mode, resolution) != ("raw", "raw"):
        raise Invalid("Only the mode 'raw' at the resolution 'raw' is known here.")


def task_and_slide(task_id: str, slide_id: str) -> tuple[int, int]:
    """Return the two ids that most addresses have."""
    return whole_id(task_id, "task"), whole_id(slide_id, "slide")


def required(form: Mapping[str, str], name: str) -> str:
    """Return a field of a form that must be there.

    Raises
    ------
    Invalid
        It is not.
    """
    value = form.get(name)
    if value is None:
        raise Invalid(f"The field '{name}' is missing in the form.")
    return value


def required_id(form: Mapping[str, str], name: str) -> int:
    """Return a field of a form that must be an id.

    Raises
    ------
    Invalid
        It is missing, or none.
    """
    number = id_in(required(form, name).strip())
    if number is None:
        raise Invalid(f"The field '{name}' must be an id.")
    return number


def _fields(content_type: str, body: bytes) -> dict[str, str]:
    arguments, _ = form_parts(content_type, body)
    try:
        return {name: values[-1].decode() for name, values in arguments.items()}
    except UnicodeDecodeError as error:
        raise Invalid("The form in the body of this request is damaged.") from error
