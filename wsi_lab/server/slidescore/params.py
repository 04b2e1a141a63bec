"""Parameters of a request: from its query and its form alike, by names in any case."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

import numpy as np

from wsi_lab.errors import Invalid
from wsi_lab.server.parsing import LARGEST_ID, form_parts, real_in

MOST_PARAMETERS = 200
_MULTIPART = "multipart/form-data"
_FORM = "application/x-www-form-urlencoded"
_TRUE, _FALSE = frozenset({"true", "1", "yes", "on"}), frozenset({"false", "0", "no", "off", ""})
_PIECE = 1 << 20
_ESCAPE = re.compile(rb"%[0-9a-fA-F]{2}")
_SHORT = 64 << 10

_DIGITS = np.full(256, 255, np.uint8)
for _value, _digit in enumerate(b"0123456789abcdef"):
    _DIGITS[_digit] = _DIGITS[ord(chr(_digit).upper())] = _value


class Params:
    """Parameters by their names, whatever the case; values are exactly as they were sent.

    Raises
    ------
    Invalid
        One is given twice with different values, or there are too many.

    Examples
    --------
    >>> params = Params([("studyId", "7"), ("x", "10.5"), ("folder", "")])
    >>> params.number("STUDYID"), params.number("x"), params.text("folder"), params.text("y")
    (7, 10, '', None)
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            earlier = self._values.setdefault(name.lower(), value)
            if earlier != value:
                raise Invalid(f"'{_shown(name)}' is given twice, with different values.")
            if len(self._values) > MOST_PARAMETERS:
                raise Invalid(f"A request may have at most {MOST_PARAMETERS} parameters.")

    def text(self, name: str) -> str | None:
        """Return a text, `None` when it is not given. An empty one is one."""
        return self._values.get(name.lower())

    def required(self, name: str) -> str:
        """Return a text that must be there.

        Raises
        ------
        Invalid
            It is not.
        """
        value = self.text(name)
        if value is None:
            raise Invalid(f"The parameter '{name}' is missing.")
        return value

    def number(self, name: str) -> int | None:
        """Return a whole number; one with decimals is rounded. Empty is not given.

        Raises
        ------
        Invalid
            It is no number, or no machine could hold it.
        """
        value = self.real(name)
        if value is None:
            return None
        text = (self.text(name) or "").strip()
        # Ids have more digits than a float can tell apart.
        whole = int(text) if text.lstrip("+-").isdecimal() else round(value)
        if abs(whole) > LARGEST_ID:
            raise Invalid(f"'{name}' is larger than any number of the lab.")
        return whole

    def required_number(self, name: str) -> int:
        """Return a whole number that must be there; see `number`."""
        self.required(name)
        number = self.number(name)
        if number is None:
            raise Invalid(f"'{name}' must be a whole number.")
        return number

    def real(self, name: str) -> float | None:
        """Return a finite number. Empty is not given.

        Raises
        ------
        Invalid
            It is none.
        """
        text = self.text(name)
        if text is None or not text.strip():
            return None
        number = real_in(text)
        if number is None:
            raise Invalid(f"'{name}' must be a number.")
        return number

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return whether something is wanted: ``True``, ``true``, ``1`` and their opposites.

        Raises
        ------
        Invalid
            It is neither.
        """
        text = self.text(name)
        if text is None:
            return default
        word = text.strip().lower()
        if word not in _TRUE | _FALSE:
            raise Invalid(f"'{name}' must be true or false.")
        return word in _TRUE

    def moment(self, name: str) -> datetime:
        """Return a point in time (ISO 8601); without a zone it is in UTC.

        Raises
        ------
        Invalid
            It is missing or none.

        Examples
        --------
        >>> Params([("since", "2026-05-04T10:00:00 02:00")]).moment("since").isoformat()
        '2026-05-04T08:00:00+00:00'
        """
        text = self.required(name).strip()
        # Where a client forgot to escape it, the plus of the zone has become a blank.
        text = re.sub(r"(T[0-9:.]+) ([0-9]{2}:?[0-9]{2})$", r"\1+\2", text)
        # .NET writes seven decimals.
        text = re.sub(r"(\.[0-9]{6})[0-9]+", r"\1", text)
        try:
            moment = datetime.fromisoformat(text)
            zoned = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
            return zoned.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise Invalid(f"'{name}' must be a time such as 2026-05-04T10:00:00+02:00.") from error


def read_params(query: str, body: bytes, headers: Mapping[str, str]) -> Params:
    r"""Return the parameters of a request. May take a while for a large body.

    Raises
    ------
    Invalid
        The body is no form, or a parameter is not UTF-8.

    Examples
    --------
    >>> headers = {"Content-Type": "application/x-www-form-urlencoded"}
    >>> read_params("studyid=1", b"results=%0A1%09a+b", headers).text("results")
    '\n1\ta b'
    """
    pairs = list(_pairs(query.encode()))
    if body:
        pairs += _body_pairs(body, headers)
    return Params((_text(name, name), _text(value, name)) for name, value in pairs)


def _body_pairs(body: bytes, headers: Mapping[str, str]) -> Iterable[tuple[bytes, bytes]]:
    content_type = headers.get("Content-Type", _FORM)
    kind = content_type.partition(";")[0].strip().lower()
    if kind == _FORM:
        return _pairs(body)
    if kind == _MULTIPART:
        return _parts(content_type, body)
    raise Invalid(f"The body of this request must be a form ({_FORM} or {_MULTIPART}).")


def _pairs(form: bytes) -> Iterator[tuple[bytes, bytes]]:
    for part in form.split(b"&", MOST_PARAMETERS + 1):
        if part:
            name, _, value = part.partition(b"=")
            yield unescaped(name), unescaped(value)


def _parts(content_type: str, body: bytes) -> Iterator[tuple[bytes, bytes]]:
    arguments, files = form_parts(content_type, body)
    for name, values in arguments.items():
        yield from ((name.encode(), value) for value in values)
    # A form of a page sends long texts as files.
    for name, sent in files.items():
        yield from ((name.encode(), file.body) for file in sent)


def unescaped(value: bytes) -> bytes:
    r"""Return a value of a form as it was before it was escaped.

    Tables of results have many millions of escapes, and python's own ways take a second and a
    gigabyte for those of a few tens of megabytes.

    Examples
    --------
    >>> unescaped(b"a%09b+c%2B%zz%4")
    b'a\tb c+%zz%4'
    """
    if len(value) <= _SHORT:
        return _unescaped_piece(value) if b"%" in value else value.replace(b"+", b" ")
    pieces, start = [], 0
    while start < len(value):
        end = start + _PIECE
        # No escape is cut in two, and none begins within another.
        for begun in (1, 2):
            if _ESCAPE.match(value, end - begun):
                end += 3 - begun
                break
        pieces.append(_unescaped_piece(value[start:end]))
        start = end
    return b"".join(pieces)


def _unescaped_piece(piece: bytes) -> bytes:
    sent = np.frombuffer(piece, np.uint8).copy()
    sent[sent == ord("+")] = ord(" ")
    at = np.flatnonzero(sent[:-2] == ord("%")) if len(sent) > 2 else np.empty(0, np.intp)
    high, low = _DIGITS[sent[at + 1]], _DIGITS[sent[at + 2]]
    is_escape = (high < 16) & (low < 16)
    at = at[is_escape]
    sent[at] = high[is_escape] * 16 + low[is_escape]
    stays = np.ones(len(sent), np.bool_)
    stays[at + 1] = stays[at + 2] = False
    return sent[stays].tobytes()


def _text(value: bytes, name: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        what = _shown(name.decode("utf-8", "replace"))
        raise Invalid(f"The parameter '{what}' is not UTF-8.") from error


def _shown(name: str) -> str:
    return name if name.isprintable() and len(name) <= 40 else "a name that cannot be shown"
