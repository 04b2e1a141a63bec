"""What all addresses of a reading have in common: who asks is a reader, and no id gets out."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from wsi_lab.errors import (
    DamagedSlide,
    NotFound,
    SlideError,
    SlideMissing,
    SourceUnavailable,
    UnsupportedSlide,
    WsiLabError,
)
from wsi_lab.model.people import Action
from wsi_lab.server.api.answering import JsonHandler
from wsi_lab.server.doors import FailureAnswer
from wsi_lab.server.failures import Failure
from wsi_lab.server.parsing import whole_id
from wsi_lab.server.routing import Need
from wsi_lab.service.reading.order import as_reader

# What a reader is told of a slide that cannot be shown: sentences of others may name its file.
_OF_SLIDES: Mapping[type[WsiLabError], str] = {
    SlideMissing: "The file of this slide is not where it was; tell whoever runs the study.",
    UnsupportedSlide: "This slide cannot be shown; tell whoever runs the study.",
    DamagedSlide: "The file of this slide is damaged; tell whoever runs the study.",
    SlideError: "This slide cannot be shown; tell whoever runs the study.",
    SourceUnavailable: "The place where this slide lies does not answer; try again in a moment.",
}
_TELLS_NO_ID = re.compile(
    r"There is (no (study|layer|annotation|question) \d+( in this study( any more)?)?"
    r"|no (item|slide) \d+ in this reading|no core in row \d+ and column \d+ of this item"
    r"|no such \w+|nothing at this address)\."
)
_TOLD_DETAILS = frozenset({"current", "changed_by", "changed_on", "limit"})


class ReadingHandler(JsonHandler):
    """A handler of a reading."""

    def let_in(self, need: Need, action: Action) -> Awaitable[None] | None:
        """Let in whoever may, as a reader."""
        return self._let_in_to_read(need, action)

    async def _let_in_to_read(self, need: Need, action: Action) -> None:
        await self._let_known_in(need, action)
        self.actor = as_reader(self.actor)

    def failure_answer(self, failure: Failure) -> FailureAnswer:
        """Return a failure in words that tell no id, name or file."""
        return super().failure_answer(Failure(failure.status, told(failure.error)))


class SlideByNumber(ReadingHandler):
    """In front of a handler of a slide: finds the slide of a number."""

    def get(self, *address: str, **_named: str) -> Any:
        """Answer as the handler of slides does; no waiting where none is needed."""
        study_id, number, *rest = address
        study, slide = whole_id(study_id, "study"), whole_id(number, "slide")
        found = self.lab.readings.slide_id_at_once(self.actor, study, slide)
        if found is None:
            return self._find(study, slide, rest)
        return self.get_slide(found, *rest)

    def get_slide(self, slide_id: int, *rest: str) -> Awaitable[None]:
        """Answer as the handler of slides does."""
        inner: Any = super()
        answer: Awaitable[None] = inner.get(str(slide_id), *rest)
        return answer

    async def _find(self, study_id: int, number: int, rest: Sequence[str]) -> None:
        found = await self.ask(self.lab.readings.slide_id, self.actor, study_id, number)
        await self.get_slide(found, *rest)


def told(error: WsiLabError) -> WsiLabError:
    """Return an error in a sentence that a reader may be told, with what they may know of it."""
    for kind, sentence in _OF_SLIDES.items():
        if isinstance(error, kind):
            return type(error)(sentence)
    if isinstance(error, NotFound) and not _TELLS_NO_ID.fullmatch(error.message):
        return NotFound("There is nothing here that you can read.")
    error.details = {name: value for name, value in error.details.items() if name in _TOLD_DETAILS}
    return error
