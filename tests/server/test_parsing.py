"""What a request says becomes typed values, or a list of everything that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsi_lab.errors import Invalid, NotFound
from wsi_lab.server import parsing
from wsi_lab.server.api import forms
from wsi_lab.server.failures import RevisionMissing


def _said(parse: Callable[[], object]) -> str:
    try:
        parse()
    except Invalid as refused:
        return refused.message
    return ""


def test_all_problems_of_a_body_are_listed() -> None:
    body = b'{"name": 7, "tags": ["ok", 1], "mpp_x": -1, "colour": "red"}'
    with pytest.raises(Invalid) as refused:
        parsing.from_json(forms.NewSlideForm, body)
    assert [problem.partition(":")[0] for problem in refused.value.problems] == [
        "name",
        "tags[1]",
        "mpp_x",
        "colour",
    ]


def test_all_problems_of_a_query_are_listed() -> None:
    query = {"limit": [b"0"], "cursor": [b"a", b"b"], "name": [b"\xff"], "color": [b""]}
    with pytest.raises(Invalid) as refused:
        parsing.from_query(forms.StudiesQuery, query)
    assert len(refused.value.problems) == 4


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b'{"name": "a"}{}',
        b"\xff\xfe",
        b'{"name": NaN}',
        b'{"name": 1e999}',
        b'{"name": "\\ud800"}',
        b"[" * 100_000,
        b'{"name":' * 100_000,
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        parsing.from_json(forms.NewStudy, body)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_form_or_refused(body: bytes) -> None:
    assert _said(lambda: parsing.from_json(forms.NewStudy, body)).isprintable()


@given(st.dictionaries(st.text(max_size=60), st.lists(st.binary(max_size=20), min_size=1)))
def test_any_query_is_a_form_or_refused(arguments: dict[str, list[bytes]]) -> None:
    assert _said(lambda: parsing.from_query(forms.RegionQuery, arguments)).isprintable()


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e10", "", " 1", "1_0", "0x1", "٣"])
def test_numbers_are_finite_and_plain(number: str) -> None:
    query = {name: [b"1"] for name in ("y", "width", "height")} | {"x": [number.encode()]}
    with pytest.raises(Invalid):
        parsing.from_query(forms.RegionQuery, query)


@pytest.mark.parametrize(
    "text", ["0", "-1", "1.0", "abc", "", "9" * 19, "9" * 400, "٣", "1 ", "+1"]
)
def test_what_is_no_id_is_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        parsing.whole_id(text, "study")


def test_largest_id_is_one() -> None:
    assert parsing.whole_id(str(parsing.LARGEST_ID), "study") == parsing.LARGEST_ID


def test_all_wrong_numbers_of_an_address_are_listed() -> None:
    with pytest.raises(Invalid) as refused:
        parsing.whole_numbers(z="1", x="-1", y="two")
    assert [problem[0] for problem in refused.value.problems] == ["x", "y"]


def test_change_without_revision_is_refused() -> None:
    with pytest.raises(RevisionMissing):
        parsing.revision_of({})


@pytest.mark.parametrize("header", ["*", "3", '"3"', 'W/"r3"', '"r3", "r4"', '"r-1"', '"r٣"', ""])
def test_what_is_no_revision_is_refused(header: str) -> None:
    with pytest.raises(Invalid):
        parsing.revision_of({"If-Match": header})


def test_names_that_cannot_be_shown_are_not_shown() -> None:
    with pytest.raises(Invalid) as refused:
        parsing.from_query(forms.NoQuery, {"\x1b[31m": [b"1"], "n" * 500: [b"1"]})
    assert "\x1b" not in refused.value.message
    assert len(refused.value.message) < 200


def test_problem_says_where_and_what() -> None:
    class Form(msgspec.Struct):
        tags: list[str]

    with pytest.raises(Invalid, match=re.escape("tags[1]: must be text, got a whole number")):
        parsing.from_json(Form, b'{"tags": ["a", 1]}')


def test_only_what_was_given_is_changed() -> None:
    change = parsing.from_json(forms.SlideChange, b'{"case_id": null, "stain": ""}')
    assert forms.given(change) == {"case_id": None, "stain": ""}


def test_cursor_that_no_page_gave_is_refused() -> None:
    with pytest.raises(Invalid):
        forms.cut([1, 2], forms.PageQuery(cursor="x"), int)
