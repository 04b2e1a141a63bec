"""JSON that strangers sent: finite numbers, and no deeper than anybody needs."""

from __future__ import annotations

import re
from typing import Any, TypeVar, cast

import msgspec

from wsi_lab.errors import Invalid
from wsi_lab.formats.safe.text import check_size, encoded, quoted
from wsi_lab.model.answer import LONGEST_VALUE

DEEPEST_JSON = 64
LONGEST_INTEGER = 300
"""Digits; a longer one is no finite number any more as soon as it is calculated with."""

_STRING = re.compile(rb'"[^"\\]*+(?:\\.?[^"\\]*+)*+(?:"|\Z)', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_NOT_BRACKETS_OR_QUOTES = bytes(set(_NOT_BRACKETS) - set(b'"'))
_STEPS = bytes(((code in b"[{") - (code in b"]}")) % 256 for code in range(256))
"""What each byte does to the depth, as signed bytes."""
_PIECE = 1 << 20
_DIGITS_TO_ZERO = bytes.maketrans(b"123456789", b"000000000")
_BREAKS_TO_BLANKS = str.maketrans("\r\n\t", "   ")
_WHERE = re.compile(r" - at `(?P<path>[^`]*)`$")

_Said = TypeVar("_Said")

_json = msgspec.json.Decoder()
_json_items = msgspec.json.Decoder(list[msgspec.Raw])


def read_json(data: str | bytes, *, most_bytes: int, deepest: int = DEEPEST_JSON) -> Any:
    """Return what a JSON text says. All its numbers are finite.

    Parameters
    ----------
    most_bytes
        The largest text, in UTF-8.
    deepest
        How far arrays and objects may lie in each other.

    Raises
    ------
    Invalid
        It is no JSON, is larger or deeper, or holds a number that is not finite.

    Examples
    --------
    >>> read_json('{"x": [1, 2.5]}', most_bytes=100)
    {'x': [1, 2.5]}
    """
    return _decoded(_json, _checked_json(data, most_bytes, deepest))


def json_objects(
    text: str | bytes, *, most_bytes: int = LONGEST_VALUE, deepest: int = DEEPEST_JSON
) -> list[str]:
    """Return each object of a JSON array as its own text, on one line and otherwise unchanged.

    Raises
    ------
    Invalid
        As `read_json`; or it is no array, or one of objects only.

    Examples
    --------
    >>> json_objects('[{"x": 1.50}, {"y": 2e0}]')
    ['{"x": 1.50}', '{"y": 2e0}']
    """
    data = _checked_json(text, most_bytes, deepest)
    if data.lstrip(b" \t\r\n")[:1] != b"[":
        _decoded(_json, data)
        raise Invalid("An annotation is a JSON array of objects, even when it has only one.")
    items = _decoded(_json_items, data)
    found = []
    for number, item in enumerate(items, start=1):
        raw = bytes(item)
        # An item is checked by itself, and what it said is let go: a million shapes as
        # dictionaries would take ten times the memory of their text.
        if not isinstance(_decoded(_json, raw), dict):
            raise Invalid(f"Item {number} of the JSON array is no object.")
        # Inside its strings JSON has breaks only as escapes: those that are left lie between.
        found.append(raw.decode().translate(_BREAKS_TO_BLANKS).strip())
    return found


def json_by(decoder: msgspec.json.Decoder[_Said], data: bytes, *, most_bytes: int) -> _Said:
    """As `read_json`, by a decoder of one's own: for what would be too much as objects of Python.

    Examples
    --------
    >>> decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
    >>> bytes(json_by(decoder, b'{"x": [1, 2.50]}', most_bytes=100)["x"])
    b'[1, 2.50]'
    """
    return cast("_Said", _decoded(decoder, _checked_json(data, most_bytes, DEEPEST_JSON)))


def _checked_json(data: str | bytes, most_bytes: int, deepest: int) -> bytes:
    data = encoded(data, "JSON").removeprefix(b"\xef\xbb\xbf")
    check_size(len(data), most_bytes, "JSON")
    if data.count(b"[") + data.count(b"{") > deepest and _depth(data) > deepest:
        raise Invalid(f"The JSON is nested more than {deepest} levels deep.")
    longest = b"0" * (LONGEST_INTEGER + 1)
    if longest in data.translate(_DIGITS_TO_ZERO) and _has_long_integer(data):
        raise Invalid(f"The JSON holds an integer of more than {LONGEST_INTEGER} digits.")
    return data


def _depth(data: bytes) -> int:
    import numpy as np  # noqa: PLC0415 (whoever opens a lab needs none of it)

    steps_of = np.frombuffer(_STEPS, np.int8)
    if b"\\" not in data:
        # Without escapes every quote begins or ends a string, and most strings are empty now.
        data = data.translate(None, _NOT_BRACKETS_OR_QUOTES).replace(b'""', b"")
    brackets = _STRING.sub(b"", data).translate(None, _NOT_BRACKETS)
    depth = deepest = 0
    for begin in range(0, len(brackets), _PIECE):
        steps = steps_of[np.frombuffer(brackets[begin : begin + _PIECE], np.uint8)]
        depths = depth + np.cumsum(steps, dtype=np.int64)
        depth, deepest = int(depths[-1]), max(deepest, int(depths.max()))
    return deepest


def _has_long_integer(data: bytes) -> bool:
    # Whole numbers, and what follows their first dot or exponent: only a run as a whole is linear.
    numbers = re.finditer(rb"-?([0-9]++)[0-9.eE+-]*+", _STRING.sub(b"", data))
    return any(len(number[1]) > LONGEST_INTEGER for number in numbers)


def _decoded(decoder: msgspec.json.Decoder[Any], data: bytes) -> Any:
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        where = _WHERE.search(str(error))
        raise Invalid(
            "The JSON holds a number that is not finite"
            + (f", at {quoted(where['path'])}." if where else ".")
        ) from None
    except msgspec.DecodeError as error:
        cause = str(error).removeprefix("JSON is malformed: ").replace("Input data was", "it is")
        raise Invalid(f"This is no JSON: {cause}.") from None
    except UnicodeDecodeError:
        raise Invalid("The JSON is not UTF-8 text.") from None
    except RecursionError:
        raise Invalid("The JSON is nested too deep.") from None
