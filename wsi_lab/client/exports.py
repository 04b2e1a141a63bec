"""Layers written into files, and shown as masks."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from wsi_lab.client.connection import Connection
from wsi_lab.client.imports import options_text
from wsi_lab.client.shape_tables import LabelChoice, box_text, labels_text
from wsi_lab.errors import Invalid, WsiLabError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SECONDS_PER_FILE = 3600.0
KEYWORD = "wsi-lab"
_FORMATS = {
    ".geojson": "geojson",
    ".json": "geojson",
    ".parquet": "geoparquet",
    ".geoparquet": "geoparquet",
    ".xml": "asap",
    ".svg": "phas-svg",
    ".wkt": "cytomine-wkt",
    ".png": "mask-png",
    ".nii": "mask-nifti",
    ".nii.gz": "mask-nifti",
    ".anno2": "anno2",
}


@dataclass(frozen=True, kw_only=True)
class ExportReport:
    """A file that was written.

    Attributes
    ----------
    shape_count
        How many shapes there were to be written.
    notices
        What the format cannot say: sentences.
    """

    path: Path
    format: str
    shape_count: int
    notices: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([f"{self.shape_count:,} shapes in {self.path.name}", *self.notices])


class Mask(NamedTuple):
    """A rectangle of a slide as a label mask.

    Attributes
    ----------
    values
        ``(rows, columns)`` uint8 or uint16: 0 for nothing, else the place of the label in
        `labels`, from 1 on.
    labels
        The layer's labels in their order; ``""`` as the last one where shapes have none.
    colours
        ``#rrggbb`` of each, by name.
    box
        ``(left, top, right, bottom)`` in level-0 pixels.
    downsample
        How many level-0 pixels a pixel of the mask is wide.
    """

    values: NDArray[np.uint8] | NDArray[np.uint16]
    labels: tuple[str, ...]
    colours: Mapping[str, str]
    box: tuple[float, float, float, float]
    downsample: float


def export(
    connection: Connection,
    layer_id: int,
    path: str | Path,
    *,
    slide_id: int,
    format: str | None,  # noqa: A002 (the field's own word)
    label: LabelChoice,
    reader: str | None,
    within: Sequence[float] | None,
    options: Mapping[str, Any],
) -> ExportReport:
    """Write a layer into a file; see `wsi_lab.client.Layer.export`."""
    path = Path(path).expanduser()
    name = format or _format_of(path)
    answer = connection.ask(
        "GET",
        f"v1/layers/{layer_id}/export",
        accept="*/*",
        timeout_s=SECONDS_PER_FILE,
        slide_id=slide_id,
        format=name,
        labels=labels_text(label),
        author=reader,
        box=None if within is None else box_text(within),
        options=options_text(options),
    )
    # All of it or none: what was there stays until the new one is whole.
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        unfinished.write_bytes(answer.content)
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise Invalid(f"The file {path.name!r} cannot be written here.") from error
    told = answer.headers.get("Wsi-Lab-Notices", "")
    return ExportReport(
        path=path,
        format=name,
        shape_count=int(answer.headers.get("Wsi-Lab-Shapes", "0")),
        notices=tuple(unquote(each) for each in told.split(" | ") if each),
    )


def mask(
    connection: Connection,
    slide_id: int,
    layer_id: int,
    region: tuple[float, float, float, float],
    *,
    downsample: float,
    label: LabelChoice,
    reader: str | None,
) -> Mask:
    """Return a mask; see `wsi_lab.client.Slide.mask`."""
    try:
        left, top, width, height = (float(each) for each in region)
    except (TypeError, ValueError) as error:
        raise Invalid("A region is (left, top, width, height), in level-0 pixels.") from error
    body = connection.get_bytes(
        f"v1/slides/{slide_id}/mask",
        accept="image/png",
        timeout_s=SECONDS_PER_FILE,
        layer_id=layer_id,
        left=left,
        top=top,
        width=width,
        height=height,
        downsample=downsample,
        labels=labels_text(label),
        author=reader,
    )
    box = (left, top, left + width, top + height)
    return _decoded(body, box, downsample)


def _decoded(body: bytes, box: tuple[float, float, float, float], downsample: float) -> Mask:
    import msgspec  # noqa: PLC0415 (only for those who want masks)
    import numpy as np  # noqa: PLC0415 (as above)
    from PIL.PngImagePlugin import PngImageFile  # noqa: PLC0415 (as above)

    try:
        with PngImageFile(io.BytesIO(body)) as picture:
            picture.load()
            said = msgspec.json.decode(str(picture.text[KEYWORD]))
            values = np.array(picture)
        named = {int(value): name or "" for value, name in said["labels"].items()}
    except (OSError, SyntaxError, KeyError, ValueError, msgspec.DecodeError) as error:
        raise WsiLabError(
            "The lab's mask cannot be understood; it and this client may be of different "
            "versions. Update the older one."
        ) from error
    if values.dtype == np.bool_:
        values = values.astype(np.uint8)
    elif values.dtype != np.uint8:
        values = values.astype(np.uint16)
    labels = tuple(named[value] for value in sorted(named))
    return Mask(values, labels, said.get("colours", {}), box, downsample)


def _format_of(path: Path) -> str:
    name = path.name.lower()
    suffix = ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()
    if suffix not in _FORMATS:
        raise Invalid(
            f"What format {path.name!r} is to have, its name does not tell; say format=…, for "
            "example 'qupath'."
        )
    return _FORMATS[suffix]
