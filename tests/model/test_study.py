from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsi_lab.errors import Invalid
from wsi_lab.model.study import (
    LONGEST_DESCRIPTION,
    LONGEST_NAME,
    MOST_TAGS,
    checked_description,
    checked_name,
    checked_tags,
    checked_text,
)


@pytest.mark.parametrize(
    "name", ["HTT pilot", "ü'\";--", "مرحبا\u200f", "<b>", "../x", "a" * LONGEST_NAME]
)
def test_hostile_name_is_a_name(name: str) -> None:
    assert checked_name(f" {name}\t", "study") == name
    assert checked_text(name, "stain") == name


@pytest.mark.parametrize(
    "name",
    ["a\nb", "a\rb", "a\0b", "a\x7fb", "a\u2028b", "a\u202eb", "a\u2066b", "\ud800", "a" * 201],
)
def test_control_characters_and_long_names_are_refused(name: str) -> None:
    with pytest.raises(Invalid, match="study"):
        checked_name(name, "study")
    with pytest.raises(Invalid, match="stain"):
        checked_text(name, "stain")


def test_empty_text_is_no_name() -> None:
    assert checked_text(" \t", "stain") == ""
    for name in (" ", "\u200b", "\ufeff \u200f"):
        with pytest.raises(Invalid, match="needs a name"):
            checked_name(name, "study")


def test_description_may_have_lines() -> None:
    assert checked_description(" two\n\tlines ", "study") == " two\n\tlines "
    for text in ("\0", "\ud800", "x" * (LONGEST_DESCRIPTION + 1)):
        with pytest.raises(Invalid):
            checked_description(text, "study")


@given(st.lists(st.sampled_from(["HE", " HE", "tumour", "", " ", "ü"])))
def test_tags_are_sorted_and_there_once(tags: list[str]) -> None:
    checked = checked_tags(tags)
    assert list(checked) == sorted({tag.strip() for tag in tags if tag.strip()})


def test_too_many_tags_are_refused() -> None:
    assert len(checked_tags(map(str, range(MOST_TAGS)))) == MOST_TAGS
    with pytest.raises(Invalid):
        checked_tags(map(str, range(MOST_TAGS + 1)))
