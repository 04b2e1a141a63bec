"""QuPath's tables of measurements: one object a line, as the point where it lies."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsi_lab.errors import Invalid, TooLarge
from wsi_lab.formats.bulk import BulkDocument, column_of, features_of, numbered
from wsi_lab.formats.safe import text_of
from wsi_lab.geometry.columns import KINDS, ShapeColumns
from wsi_lab.model.annotation import FARTHEST, ShapeKind
from wsi_lab.model.feature import Document, Notice

MOST_ROWS = 4_000_000
MOST_SINGLY = 100_000
"""Objects that become features; more are columns."""
MOST_COLUMNS = 2000
LARGEST_TABLE = 1 << 30
_CENTROID = re.compile(r"centroid ([xy])\s*(?:\[?(px|µm|μm|um|microns?)\]?)?", re.IGNORECASE)
_CLASS = frozenset({"class", "classification"})
_MOST_NAMED = 10


def read(data: bytes, *, mpp: float | None = None) -> Document:
    r"""Return the objects of a table, with their measurements as properties.

    Parameters
    ----------
    mpp
        Micrometres of a level-0 pixel, for tables that say where objects lie in micrometres.

    Raises
    ------
    Invalid
        It has no columns of centroids, or `mpp` is needed.
    TooLarge
        It has more objects than are read one by one.

    Examples
    --------
    >>> table = "Class\tCentroid X px\tCentroid Y px\tArea\nTumor\t10\t20.5\t3.5\n"
    >>> feature = read(table.encode()).features[0]
    >>> feature.labels, feature.geometry.wkt, feature.properties
    (('Tumor',), 'POINT (10 20.5)', {'Area': 3.5})
    """
    found = read_columns(data, mpp=mpp)
    if len(found.columns) > MOST_SINGLY:
        raise TooLarge(f"More than {MOST_SINGLY:,} objects are read in bulk only.")
    return Document(list(features_of(found.columns)), notices=found.notices)


def read_columns(data: bytes, *, mpp: float | None = None) -> BulkDocument:
    """As `read`, as columns."""
    if len(data) > LARGEST_TABLE:
        raise TooLarge(f"A table may have at most {LARGEST_TABLE:,} bytes.")
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        data = text_of(data).encode()
    data = data.removeprefix(b"\xef\xbb\xbf")
    if data.count(b"\n") > MOST_ROWS:
        raise TooLarge(f"A table may have at most {MOST_ROWS:,} objects.")
    first, _, rest = data.partition(b"\n")
    mark = max("\t,;", key=text_of(first).count)
    header = _cells(first, mark)
    width = len(_cells(rest.lstrip(b"\r\n").partition(b"\n")[0], mark)) if rest.strip() else 0
    notices: list[Notice] = []
    names = header if width in {0, len(header)} else _parted(header, width, notices)
    axes, scale = _axes(names, mpp)
    if not width:
        return BulkDocument(ShapeColumns.empty(), notices=notices)
    columns = _columns(rest, mark, width, notices)
    numbers = [_numbers(columns[axis]) * scale for axis in axes]
    is_placed = (np.abs(numbers[0]) <= FARTHEST) & (np.abs(numbers[1]) <= FARTHEST)
    if not is_placed.all():
        lines = (np.flatnonzero(~is_placed) + 2).tolist()
        named = ", ".join(map(str, lines[:_MOST_NAMED]))
        more = ", …" if len(lines) > _MOST_NAMED else ""
        what = f"{len(lines):,} of the objects lie nowhere; they are left out."
        notices.append(Notice(f"Line {named}{more}", what))
    places = np.column_stack(numbers)[is_placed]
    said = {place: columns[place][is_placed] for place in range(len(names)) if place not in axes}
    return BulkDocument(_shapes(places, names, said), notices=notices)


def _cells(line: bytes, mark: str) -> list[str]:
    try:
        return next(csv.reader([text_of(line).strip("\r\n")], delimiter=mark), [])
    except csv.Error as error:
        raise Invalid(f"This table cannot be read: {error}.") from None


def _columns(rows: bytes, mark: str, width: int, notices: list[Notice]) -> list[NDArray[Any]]:
    """Return the columns of a table, each of numbers or of words."""
    import pyarrow as pa  # noqa: PLC0415 (only who reads such files waits for it)
    import pyarrow.csv as pa_csv  # noqa: PLC0415 (as above)

    if width > MOST_COLUMNS:
        raise TooLarge(f"A table may have at most {MOST_COLUMNS:,} columns.")
    lost = 0

    def other_width(_: Any) -> str:
        nonlocal lost
        lost += 1
        return "skip"

    try:
        table = pa_csv.read_csv(
            pa.BufferReader(rows),
            # One block, so that all of a column tells what it is.
            pa_csv.ReadOptions(
                column_names=[str(place) for place in range(width)], block_size=len(rows) + 1
            ),
            pa_csv.ParseOptions(delimiter=mark, invalid_row_handler=other_width),
            pa_csv.ConvertOptions(
                null_values=["", "NaN", "nan"],
                strings_can_be_null=True,
                timestamp_parsers=[pa_csv.ISO8601],
            ),
        )
    except (pa.ArrowException, OSError) as error:
        raise Invalid(f"This table cannot be read: {str(error)[:100]}") from None
    if lost:
        what = "There are more or fewer values than in the first line; it is left out."
        notices.append(Notice(f"{lost:,} line{'' if lost == 1 else 's'}", what))
    return [_values(column) for column in table.columns]


def _values(column: Any) -> NDArray[Any]:
    import pyarrow as pa  # noqa: PLC0415 (as above)

    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        found: NDArray[Any] = column.cast(pa.float64()).to_numpy()
        return found
    is_plain = pa.types.is_boolean(column.type) or pa.types.is_null(column.type)
    said = column.to_pylist()
    return column_of(said if is_plain else [None if each is None else str(each) for each in said])


def _numbers(values: NDArray[Any]) -> NDArray[np.float64]:
    if values.dtype != object:
        return values.astype(np.float64)
    return np.array([_number(value) for value in values.tolist()], np.float64)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _shapes(
    places: NDArray[np.float64], names: Sequence[str], said: dict[int, NDArray[Any]]
) -> ShapeColumns:
    count = len(places)
    labels = np.full(count, -1, np.int32)
    label_names: tuple[str, ...] = ()
    properties: dict[str, NDArray[Any]] = {}
    for place, values in said.items():
        name = names[place].strip() or f"column {place + 1}"
        if name.lower() in _CLASS and values.dtype == object and not label_names:
            words = [None if value is None else str(value).strip() for value in values.tolist()]
            labels, label_names = numbered([word or None for word in words])
        else:
            properties[name] = values
    each = np.arange(count + 1)
    return ShapeColumns(
        np.full(count, KINDS.index(ShapeKind.POINT), np.uint8),
        places,
        each,
        np.zeros(count, np.uint8),
        each,
        labels,
        label_names,
        properties,
    )


def _parted(header: list[str], width: int, notices: list[Notice]) -> list[str]:
    """Return a header of as many names as there are values, if some only lack what parts them."""
    parted = []
    for name in header:
        first = name.split(" ", 1)[0]
        begins = [match.start() for match in re.finditer(re.escape(first), name)] if first else []
        ends = [*begins[1:], len(name)]
        parted += [name[begin:end] for begin, end in zip(begins or [0], ends, strict=True)]
    if len(parted) == width:
        what = "Some names of columns run together; they were taken apart."
        notices.append(Notice("Line 1", what))
        return parted
    what = (
        f"{len(header)} names of columns stand above {width} values, so that nobody knows what "
        "is what; only what lies left of the centroid is kept."
    )
    notices.append(Notice("Line 1", what))
    last = max((place for place, name in enumerate(header) if _CENTROID.match(name)), default=-1)
    return header[: min(last + 1, width)]


def _axes(header: Sequence[str], mpp: float | None) -> tuple[tuple[int, int], float]:
    """Return which columns say where an object lies, and how many pixels their unit is."""
    found: dict[str, tuple[int, str]] = {}
    for place, name in enumerate(header):
        match = _CENTROID.match(name.strip())
        if match is not None:
            found.setdefault(match[1].lower(), (place, (match[2] or "px").lower()))
    if found.keys() != {"x", "y"}:
        raise Invalid("This table has no columns 'Centroid X' and 'Centroid Y'.")
    units = {unit for _, unit in found.values()}
    axes = (found["x"][0], found["y"][0])
    if units == {"px"}:
        return axes, 1.0
    if mpp is None or not 0 < mpp < float("inf"):
        message = "This table tells places in micrometres; state mpp, the micrometres of a pixel."
        raise Invalid(message)
    return axes, 1 / mpp
