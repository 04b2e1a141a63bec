"""From what a request says to typed values, once, at the door; every problem is listed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec.structs import FieldInfo, fields
from tornado.httputil import HTTPFile, HTTPHeaders, parse_body_arguments

from wsi_lab.errors import Invalid, NotFound
from wsi_lab.server.failures import RevisionMissing

F = TypeVar("F", bound=msgspec.Struct)

LARGEST_ID = 2**63 - 1
_REAL = re.compile(r"[+-]?(?:[0-9]{1,19}(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_JSON_TYPE = re.compile(r"application/(json|[a-z0-9.+-]+\+json)\s*(;.*)?", re.IGNORECASE)
_REVISION = re.compile(r'"r([0-9]{1,18})"')


def is_json(content_type: str | None) -> bool:
    """Return whether a body says it is JSON, or says nothing.

    Examples
    --------
    >>> is_json("application/json; charset=utf-8"), is_json("text/plain"), is_json(None)
    (True, False, True)
    """
    return content_type is None or _JSON_TYPE.fullmatch(content_type) is not None


def from_json(form: type[F], body: bytes) -> F:
    """Return a JSON object as a form.

    Raises
    ------
    Invalid
        It is no JSON object, or breaks the form; `problems` names every field that does.

    Examples
    --------
    >>> class New(msgspec.Struct):
    ...     name: str
    ...     size: int = 1
    >>> from_json(New, b'{"name": "a"}').size
    1
    >>> from_json(New, b'{"size": "big"}')  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    wsi_lab.errors.Invalid: This request has 2 problems: name: is missing; size: must be ...
    """
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("The body of this request must be a JSON object; this is no JSON.") from error
    if not isinstance(given, dict):
        raise Invalid("The body of this request must be a JSON object.")
    return _from_mapping(form, given, strict=True)


def from_json_at_once(form: type[F], body: bytes) -> F:
    """Return a JSON object as a form, making nothing of it but what the form has.

    For large bodies, whose parts are `msgspec.Raw` in the form. Only the first problem is named.

    Raises
    ------
    Invalid
        It is no JSON object, or breaks the form.

    Examples
    --------
    >>> class New(msgspec.Struct, forbid_unknown_fields=True):
    ...     sizes: list[int]
    >>> from_json_at_once(New, b'{"sizes": [1, "b"]}')
    Traceback (most recent call last):
    wsi_lab.errors.Invalid: This request has a problem: sizes[1]: must be a whole number, got text.
    """
    try:
        return msgspec.json.decode(body, type=form)
    except msgspec.ValidationError as error:
        raise _refusal([_first_problem(str(error))]) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("The body of this request must be a JSON object; this is no JSON.") from error


def from_query(
    form: type[F],
    arguments: Mapping[str, list[bytes]],
    *,
    not_ours: Callable[[str], bool] = lambda _name: False,
) -> F:
    """Return the parameters of a query as a form.

    Parameters
    ----------
    arguments
        As tornado has them: every name with all its values.
    not_ours
        Says which names are the host's own and not looked at.

    Raises
    ------
    Invalid
        A parameter is unknown, given twice, or breaks the form; all of these are listed.

    Examples
    --------
    >>> class Page(msgspec.Struct):
    ...     limit: int = 100
    >>> from_query(Page, {"limit": [b"5"]}).limit
    5
    """
    given: dict[str, Any] = {}
    problems = []
    for name, values in arguments.items():
        if not_ours(name):
            continue
        if len(values) > 1:
            problems.append(f"{_shown(name)}: is given {len(values)} times")
        try:
            given[name] = values[-1].decode()
        except UnicodeDecodeError:
            problems.append(f"{_shown(name)}: is not UTF-8")
    return _from_mapping(form, given, strict=False, problems=problems)


def from_said(form: type[F], said: Mapping[str, Any]) -> F:
    """Return an object as a form; numbers may be texts, and what is not known is passed over.

    For dialects whose clients send back what they were told. Nothing (`None`) is as good as a
    field that is not there.

    Raises
    ------
    Invalid
        It breaks the form; `problems` names every field that does.

    Examples
    --------
    >>> class New(msgspec.Struct):
    ...     size: int
    >>> from_said(New, {"size": "5", "colour": "red"}).size
    5
    """
    known = _fields(form)
    given = {name: value for name, value in said.items() if name in known and value is not None}
    return _from_mapping(form, given, strict=False)


def whole_id(text: str, what: str) -> int:
    """Return an id from an address.

    Raises
    ------
    NotFound
        It is no id; in the words that an id gets that nothing has.
    """
    number = id_in(text)
    if number is None:
        raise NotFound(f"There is no such {what}.")
    return number


def id_in(text: str) -> int | None:
    """Return the id that a text is; `None` for one that is none.

    Examples
    --------
    >>> id_in("7"), id_in("0"), id_in("7.0"), id_in("9" * 30)
    (7, None, None, None)
    """
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
    return number if 0 < number <= LARGEST_ID else None


def real_in(text: str) -> float | None:
    """Return the finite number that a text is; `None` for one that is none.

    Examples
    --------
    >>> real_in(" -1.5e3 "), real_in("nan"), real_in("1e999"), real_in("1_0")
    (-1500.0, None, None, None)
    """
    number = float(text) if _REAL.fullmatch(text.strip()) else math.nan
    return number if math.isfinite(number) else None


def form_parts(
    content_type: str, body: bytes
) -> tuple[dict[str, list[bytes]], dict[str, list[HTTPFile]]]:
    """Return the fields and the files of a form, each with all that has its name.

    Raises
    ------
    Invalid
        It is damaged.
    """
    arguments: dict[str, list[bytes]] = {}
    files: dict[str, list[HTTPFile]] = {}
    try:
        parse_body_arguments(content_type, body, arguments, files, HTTPHeaders())
    except Exception as error:
        # tornado raises a kind of error that depends on what is wrong, and on its version.
        raise Invalid("The form in the body of this request is damaged.") from error
    return arguments, files


def whole_numbers(**texts: str) -> list[int]:
    """Return numbers from an address, in the order given.

    Raises
    ------
    Invalid
        One is not a whole number from 0 on; all of these are listed.

    Examples
    --------
    >>> whole_numbers(x="3", y="0")
    [3, 0]
    """
    if all(text.isascii() and text.isdigit() and len(text) < 10 for text in texts.values()):
        return [int(text) for text in texts.values()]
    wrong = [
        f"{name}: expected a whole number from 0 to 999999999"
        for name, text in texts.items()
        if not (text.isascii() and text.isdigit() and len(text) < 10)
    ]
    raise _refusal(wrong)


def revision_of(headers: Mapping[str, str]) -> int:
    """Return the revision that a change was made from, as its If-Match header says.

    Raises
    ------
    RevisionMissing
        There is no such header.
    Invalid
        It is not the ETag of a revision.

    Examples
    --------
    >>> revision_of({"If-Match": '"r3"'})
    3
    """
    header = headers.get("If-Match")
    if header is None:
        raise RevisionMissing(
            "A change must say which revision it was made from: send the ETag of what you read "
            "in an If-Match header."
        )
    match = _REVISION.fullmatch(header.strip())
    if match is None:
        raise Invalid('The If-Match header must be the ETag of one revision, such as "r3".')
    return int(match.group(1))


def _from_mapping(
    form: type[F], given: Mapping[str, Any], *, strict: bool, problems: Iterable[str] = ()
) -> F:
    known = _fields(form)
    found = list(problems)
    values: dict[str, Any] = {}
    for name, field in known.items():
        if name not in given:
            if field.required:
                found.append(f"{name}: is missing")
            continue
        try:
            values[field.name] = msgspec.convert(given[name], field.type, strict=strict)
        except msgspec.ValidationError as error:
            found.append(_problem(name, str(error)))
    found += [f"{_shown(name)}: is not known here" for name in given if name not in known]
    if found:
        raise _refusal(found)
    return form(**values)


@cache
def _fields(form: type[msgspec.Struct]) -> Mapping[str, FieldInfo]:
    return {field.encode_name: field for field in fields(form)}


# What msgspec says of types, in the words of whoever wrote the request.
_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "nothing",
}
_BOUNDS = {">=": "of at least", "<=": "of at most", ">": "above", "<": "below"}
_EXPECTED = re.compile(
    r"Expected `(?P<types>[a-z |]+)`(?: of length (?P<length>[<>]=?))?(?: (?P<bound>[<>]=?))?"
)


def _problem(name: str, message: str) -> str:
    # msgspec says: Expected `str`, got `int` - at `$[1]`
    what, _, where = message.partition(" - at `$")
    what = _EXPECTED.sub(_in_words, what)
    what = re.sub(r"`([a-z]+)`", lambda found: _WORDS.get(found[1], found[1]), what)
    return f"{name}{where.rstrip('`')}: {what[:1].lower()}{what[1:]}"


_FIELD = re.compile(r"Object (?P<what>missing required|contains unknown) field `(?P<name>.*)`")


def _first_problem(message: str) -> str:
    what, _, where = message.partition(" - at `$")
    path = where.rstrip("`").lstrip(".")
    field = _FIELD.fullmatch(what)
    if field is not None:
        name = f"{path}.{_shown(field['name'])}".lstrip(".")
        return (
            f"{name}: is {'missing' if field['what'] == 'missing required' else 'not known here'}"
        )
    if not path:
        raise Invalid("The body of this request must be a JSON object.")
    return _problem(path, what)


def _in_words(found: re.Match[str]) -> str:
    types = " or ".join(_WORDS.get(each, each) for each in found["types"].split(" | "))
    if found["length"]:
        return f"must be {types} with a length {_BOUNDS[found['length']]}"
    return f"must be {types}" + (f" {_BOUNDS[found['bound']]}" if found["bound"] else "")


def _refusal(problems: list[str]) -> Invalid:
    count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
    return Invalid(f"This request has {count}: {'; '.join(problems)}.", problems=problems)


def _shown(name: str) -> str:
    return name if name.isprintable() and len(name) <= 40 else "a name that cannot be shown"
