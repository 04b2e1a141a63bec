"""Layers written into files, and shown as masks."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from wsi_lab.client.connection import Connection
from wsi_lab.client.imports import options_text
from wsi_lab.client.local_files import whole_file
from wsi_lab.client.shape_tables import LabelChoice, box_text, labels_text
from wsi_lab.errors import Invalid, WsiLabError
from wsi_lab.model.exchange import counted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SECONDS_PER_FILE = 3600.0
KEYWORD = "wsi-lab"


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
        written = f"{counted(self.shape_count, 'shape')} in {self.path.name}"
        return "\n".join([written, *self.notices])


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
    name = format or format_for(path.name)
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
    write_whole(path, [answer.content])
    told = answer.headers.get("Wsi-Lab-Notices", "")
    return ExportReport(
        path=path,
        format=name,
        shape_count=int(answer.headers.get("Wsi-Lab-Shapes", "0")),
        notices=tuple(unquote(each) for each in told.split(" | ") if each),
    )


def write_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file, all of it or none: what was there stays until the new one is whole.

    Raises
    ------
    Invalid
        It cannot be written.
    """
    with whole_file(path) as file:
        file.writelines(pieces)


def format_for(name: str) -> str:
    """Return the format that a file's name stands for.

    Raises
    ------
    Invalid
        It stands for none.

    Examples
    --------
    >>> format_for("nuclei.geojson"), format_for("mask.nii.gz")
    ('geojson', 'mask-nifti')
    """
    from wsi_lab.formats.annotation_formats import written_for  # noqa: PLC0415 (only for files)

    found = written_for(name)
    if found is None:
        raise Invalid(
            f"What format {name!r} is to have, its name does not tell; name the format, for "
            "example 'qupath'."
        )
    return found.name


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
