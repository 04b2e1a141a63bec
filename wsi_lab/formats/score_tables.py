"""Tidy tables of answers, written part by part: as an Arrow stream and as CSV."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = (
    "case",
    "slide",
    "slide_id",
    "core_row",
    "core_column",
    "core_sample",
    "reader",
    "question",
    "kind",
    "answer",
    "answered_on",
    "answer_id",
    "revision",
)
"""Of a tidy table of answers. In a part of one, times are texts, and what is repeated is coded."""
CSV_COLUMNS = (
    "answer_id",
    "slide_id",
    "slide",
    "case",
    "core_row",
    "core_column",
    "core_sample",
    "reader",
    "question",
    "kind",
    "answer",
    "answered_on",
    "revision",
)
_NEVER_TEXT = frozenset({"slide_id", "core_row", "core_column", "answer_id", "revision"})
_TO_QUOTE = r'[",\r\n]'


class ScoreWriter(Protocol):
    """Writes a table of answers."""

    def write(self, part: pa.RecordBatch) -> None:
        """Write some answers, as `COLUMNS` has them."""

    def close(self) -> None:
        """Write what stands at the end. What it was written to stays open."""


class ArrowWriter:
    """Writes an Arrow stream; `answered_on` are microseconds in UTC.

    What hardly takes time to pack is packed: a study's answers are much alike.
    """

    def __init__(self, to: IO[bytes]) -> None:
        import pyarrow as pa  # noqa: PLC0415 (only who writes such tables waits for it)

        self._schema = schema()
        options = pa.ipc.IpcWriteOptions(compression="lz4", emit_dictionary_deltas=True)
        self._sink = pa.PythonFile(to, mode="w")
        self._stream = pa.ipc.new_stream(self._sink, self._schema, options=options)

    def write(self, part: pa.RecordBatch) -> None:
        """Write some answers."""
        import pyarrow as pa  # noqa: PLC0415 (as above)

        names = self._schema.names
        columns = [part.column(name) for name in names]
        when = names.index("answered_on")
        columns[when] = columns[when].cast(self._schema.field(when).type)
        self._stream.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))

    def close(self) -> None:
        """Write the end of the stream."""
        self._stream.close()


class CsvWriter:
    r"""Writes CSV, the names of its columns first.

    Examples
    --------
    >>> import io
    >>> CsvWriter(to := io.BytesIO()).close()
    >>> to.getvalue()[:29]
    b'answer_id,slide_id,slide,case'
    """

    def __init__(self, to: IO[bytes]) -> None:
        self._to = to
        to.write(",".join(CSV_COLUMNS).encode() + b"\n")

    def write(self, part: pa.RecordBatch) -> None:
        """Write some answers."""
        cells = [_texts(part, name) for name in CSV_COLUMNS]
        self._to.write(_lines(cells))

    def close(self) -> None:
        """Do nothing; a table needs no end."""


def schema() -> pa.Schema:
    """Return the columns of an Arrow stream of answers; what is repeated is coded."""
    import pyarrow as pa  # noqa: PLC0415 (as above)

    coded = pa.dictionary(pa.int32(), pa.string())
    kinds = {
        **dict.fromkeys(("case", "slide", "core_sample", "reader", "question", "kind"), coded),
        **dict.fromkeys(("slide_id", "core_row", "core_column", "answer_id"), pa.int64()),
        "answer": pa.string(),
        "answered_on": pa.timestamp("us", "UTC"),
        "revision": pa.int64(),
    }
    return pa.schema([pa.field(name, kinds[name]) for name in COLUMNS])


def _texts(part: pa.RecordBatch, name: str) -> pa.Array:
    """Return a column as texts in which nothing can be taken for the end of a cell."""
    import pyarrow as pa  # noqa: PLC0415 (as above)
    import pyarrow.compute as pc  # noqa: PLC0415 (as above)

    column = part.column(name)
    if name in _NEVER_TEXT:
        return column.cast(pa.string())
    if name == "answered_on":
        return pc.replace_substring(column, ".000000Z", "Z")
    if isinstance(column, pa.DictionaryArray):
        words = _quoted(column.dictionary)
        return pa.DictionaryArray.from_arrays(column.indices, words).cast(pa.string())
    return _quoted(column)


def _quoted(texts: pa.Array) -> pa.Array:
    import pyarrow.compute as pc  # noqa: PLC0415 (as above)

    if not _has(texts, b'",\r\n'):
        return texts
    doubled = pc.replace_substring(texts, '"', '""')
    quoted = pc.binary_join_element_wise('"', doubled, '"', "")
    return pc.if_else(pc.match_substring_regex(texts, _TO_QUOTE), quoted, texts)


def _has(texts: pa.Array, signs: bytes) -> bool:
    """Return whether any of the signs is in any of the texts."""
    data = texts.buffers()[2]
    return data is not None and re.search(b"[" + re.escape(signs) + b"]", data) is not None


def _lines(cells: Sequence[pa.Array]) -> memoryview:
    """Return lines; what is missing is an empty cell."""
    import pyarrow.compute as pc  # noqa: PLC0415 (as above)

    nothing = {"null_handling": "replace", "null_replacement": ""}
    last = pc.binary_join_element_wise(cells[-1], "", "\n", **nothing)
    lines = pc.binary_join_element_wise(*cells[:-1], last, ",", **nothing)
    if not len(lines):
        return memoryview(b"")
    # The texts of an array lie end to end.
    return memoryview(lines.buffers()[2])
