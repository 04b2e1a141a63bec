"""Files of annotations: brought in, taken out, and as masks."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from msgspec import Meta, Struct
from tornado import web

from wsi_lab.errors import Invalid
from wsi_lab.model.exchange import Exported
from wsi_lab.model.feature import Notice
from wsi_lab.model.layer import Box, Tier
from wsi_lab.model.people import Actor
from wsi_lab.server.annotating.jobs import job_json
from wsi_lab.server.annotating.receiving_files import FileReceiver
from wsi_lab.server.annotating.tables import Words, box_of, words_of
from wsi_lab.server.api import forms
from wsi_lab.server.api.answering import JsonHandler, disposition
from wsi_lab.server.parsing import whole_id
from wsi_lab.service.lab import Lab

LARGEST_FILE = 2 << 30
SECONDS_PER_FILE = 3600.0
NOTICES_TOLD = 20
LONGEST_NOTICES = 8 << 10

Options = Annotated[str, Meta(max_length=10_000)]


_Length = Annotated[float, Meta(gt=0, le=1e9)]
_OPTIONS: dict[str, Any] = {
    "height": _Length | None,
    "mpp": _Length | None,
    "left": forms.Pixel | None,
    "top": forms.Pixel | None,
    "downsample": _Length | None,
    "object_type": forms.Words | None,
    "box": tuple[forms.Pixel, forms.Pixel, forms.Pixel, forms.Pixel] | None,
    "label_names": dict[int, forms.Words] | list[forms.Words] | None,
}
"""What the options of formats may be."""


class ImportQuery(Struct, kw_only=True):
    """What is to become of a file; `options` is a JSON object."""

    slide_id: forms.Id
    name: forms.Words = ""
    format: forms.Words | None = None
    author: forms.Email | None = None
    dry_run: bool = False
    as_bulk: bool | None = None
    replace: bool = False
    precision: Annotated[float, Meta(ge=0, le=1)] = 0.01
    options: Options = "{}"


class ExportQuery(Struct, kw_only=True):
    """Which shapes, and as what; `options` is a JSON object."""

    slide_id: forms.Id
    format: forms.Name
    author: forms.Email | None = None
    labels: Words | None = None
    box: forms.Words | None = None
    options: Options = "{}"


class MaskQuery(Struct, kw_only=True):
    """A rectangle in level-0 pixels, and which shapes."""

    layer_id: forms.Id
    left: forms.Pixel
    top: forms.Pixel
    width: Annotated[float, Meta(gt=0, le=1e9)]
    height: Annotated[float, Meta(gt=0, le=1e9)]
    downsample: Annotated[float, Meta(gt=0, le=1e6)] = 1.0
    author: forms.Email | None = None
    labels: Words | None = None
    tier: Tier = "all"


@web.stream_request_body
class ImportsHandler(FileReceiver):
    """Files that are brought in on a layer."""

    async def get_ready(self) -> None:
        """Find out whether whoever asks may do this, before the file is taken."""
        query = self.query(ImportQuery)
        await self.ask(
            self.lab.exchange.check_import,
            self.actor,
            whole_id(self.path_args[0], "layer"),
            query.slide_id,
            author=query.author,
            format=query.format,
            as_bulk=query.as_bulk,
            options=_options(query.options),
        )

    async def post(self, layer_id: str) -> None:
        """Take a file, and begin to bring it in."""
        file = await self.received_file()
        query = self.query(ImportQuery)
        job = await self.site.rows.submit(
            self.lab.exchange.begin_import,
            self.actor,
            whole_id(layer_id, "layer"),
            query.slide_id,
            file,
            name=query.name,
            format=query.format,
            author=query.author,
            dry_run=query.dry_run,
            as_bulk=query.as_bulk,
            replace=query.replace,
            precision=query.precision,
            options=_options(query.options),
        )
        self.send(job_json(job), status=202, location=f"v1/jobs/{job.id}")


class ExportHandler(JsonHandler):
    """A layer as a file."""

    async def get(self, layer_id: str) -> None:
        """Return the file; headers say what it cannot say."""
        number, query = whole_id(layer_id, "layer"), self.query(ExportQuery)
        made = await self.wait_in(self.site.transfers, _export, self.lab, self.actor, number, query)
        stem, _, ending = made.name.rpartition(".")
        self.set_header("Content-Type", made.media_type)
        self.set_header("Content-Disposition", disposition(stem, ending))
        self.set_header("Wsi-Lab-Shapes", str(made.shape_count))
        self.set_header("Wsi-Lab-Notices", _notices(made.notices))
        await self.send_pieces(made.pieces)


class MaskHandler(JsonHandler):
    """A layer as a label mask."""

    async def get(self, slide_id: str) -> None:
        """Return a rectangle of it as a PNG."""
        number, query = whole_id(slide_id, "slide"), self.query(MaskQuery)
        body = await self.wait_in(self.site.transfers, _mask, self.lab, self.actor, number, query)
        self.set_header("Content-Type", "image/png")
        await self.send_body(body)


def _export(lab: Lab, actor: Actor, layer_id: int, query: ExportQuery) -> Exported:
    return lab.exchange.export(
        actor,
        layer_id,
        query.slide_id,
        query.format,
        author=query.author,
        labels=None if query.labels is None else words_of(query.labels, "labels"),
        box=None if query.box is None else box_of(query.box),
        options=_options(query.options),
    )


def _mask(lab: Lab, actor: Actor, slide_id: int, query: MaskQuery) -> bytes:
    box: Box = (query.left, query.top, query.left + query.width, query.top + query.height)
    pieces = lab.exchange.mask(
        actor,
        slide_id,
        query.layer_id,
        box,
        query.downsample,
        author=query.author,
        labels=None if query.labels is None else words_of(query.labels, "labels"),
        tier=query.tier,
    )
    return b"".join(pieces)


def _options(text: str) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _problems(["options: expected a JSON object"]) from None
    found: dict[str, Any] = {}
    problems = []
    for name, value in said.items():
        if name not in _OPTIONS:
            problems.append(f"options: there are {', '.join(_OPTIONS)}")
            continue
        try:
            found[name] = msgspec.convert(value, _OPTIONS[name], str_keys=True)
        except msgspec.ValidationError:
            problems.append(f"options.{name}: is not what it may be")
    if problems:
        raise _problems(list(dict.fromkeys(problems)))
    return found


def _problems(problems: list[str]) -> Invalid:
    return Invalid(f"This request has a problem: {'; '.join(problems)}.", problems=problems)


def _notices(notices: tuple[Notice, ...]) -> str:
    """Return the first notices for a header, which holds ASCII only and not very much."""
    told: list[str] = []
    for each in notices[:NOTICES_TOLD]:
        text = quote(str(each), safe=" ,.:;'()/=+-")
        if sum(map(len, told)) + len(text) > LONGEST_NOTICES:
            break
        told.append(text)
    return " | ".join(told)
