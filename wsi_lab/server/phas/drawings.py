"""What is drawn on a slide in a task: paper.js's JSON as it was sent, and SVG."""

from __future__ import annotations

import re
from collections.abc import Mapping

from wsi_lab.errors import Invalid
from wsi_lab.server.dialect import JSON
from wsi_lab.server.parsing import whole_numbers
from wsi_lab.server.phas.handlers import (
    SVG,
    PhasHandler,
    PhasReceiver,
    check_raw,
    task_and_slide,
)

LARGEST_DRAWING = 32 << 20
SECONDS_PER_DRAWING = 300.0

_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})", re.ASCII)


class DrawingHandler(PhasHandler):
    """What is drawn on a slide."""

    async def get(self, task_id: str, mode: str, resolution: str, slide_id: str) -> None:
        """Return it, or nothing where nothing is drawn."""
        check_raw(mode, resolution)
        ids = task_and_slide(task_id, slide_id)
        verb = self.lab.task_drawings.get
        drawing = await self.wait_in(self.site.transfers, verb, self.actor, *ids)
        await self.send_file(b"" if drawing is None else drawing.text.encode(), JSON)


class SetDrawingHandler(PhasReceiver):
    """Replaces what is drawn on a slide."""

    async def post(self, task_id: str, mode: str, resolution: str, slide_id: str) -> None:
        """Keep what was sent."""
        text = await self.received(_text)
        check_raw(mode, resolution)
        ids = task_and_slide(task_id, slide_id)
        verb = self.lab.task_drawings.put
        await self.wait_in(self.site.transfers, verb, self.actor, *ids, text)
        await self.send_json({"success": True})


class TimestampHandler(PhasHandler):
    """When a drawing was changed."""

    async def get(self, task_id: str, slide_id: str) -> None:
        """Return that as ISO 8601 has it, `None` where nothing is drawn."""
        ids = task_and_slide(task_id, slide_id)
        record = await self.ask(self.lab.task_drawings.edit_record, self.actor, *ids)
        changed_on = None if record is None else record.changed_on.isoformat()
        await self.send_json({"timestamp": changed_on})


class SvgHandler(PhasReceiver):
    """What is drawn on a slide, as SVG."""

    async def post(self, task_id: str, slide_id: str, size: str = "0") -> None:
        """Return it in the style of the form, as large as the slide or with `size` as one side."""
        form = await self.form()
        ids, (downsample,) = task_and_slide(task_id, slide_id), whole_numbers(size=size)
        data = await self.wait_in(
            self.site.previews,
            self.lab.task_pictures.svg,
            self.actor,
            *ids,
            downsample=downsample,
            stroke_width=_number(form, "stroke_width", 480.0),
            strip_width=_number(form, "strip_width", 0.0),
            font_size=form.get("font_size", "2000px"),
            font_color=form.get("font_color", "black"),
        )
        await self.send_file(data, SVG, saved_as=f"slide_{ids[1]}_annot.svg")


def _number(form: Mapping[str, str], name: str, default: float) -> float:
    text = form.get(name, "").strip() or str(default)
    if _NUMBER.fullmatch(text) is None:
        raise Invalid(f"The field '{name}' must be a number.")
    return float(text)


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Invalid("The drawing is not UTF-8.") from error
