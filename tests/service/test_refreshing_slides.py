"""Adding slides again brings them up to date, where that is asked for."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wsi_lab.errors import Invalid
from wsi_lab.model.people import Actor
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.lab import Lab
from wsi_lab.service.slides import NewSlide

Make = Callable[..., Actor]


def _again(lab: Lab, actor: Actor, slide: Slide, *others: NewSlide, **said: Any) -> list[Slide]:
    new = [NewSlide(slide.source, name=slide.name, **said), *others]
    return lab.slides.add_many(actor, slide.study_id, new, update=True)


def test_slide_gets_what_is_said_of_it_and_keeps_the_rest(
    lab: Lab, owner: Actor, slide: Slide
) -> None:
    before = lab.slides.change(
        owner, slide.id, revision=slide.revision, stain="HE", block="A", tags=["old"], mpp_x=0.5
    )
    (after,) = _again(lab, owner, before, stain="PAS", number="3", mpp_y=0.25)
    assert (after.id, after.revision) == (before.id, before.revision + 1)
    assert (after.stain, after.block, after.number) == ("PAS", "A", "3")
    assert (after.tags, after.case_id) == (("old",), before.case_id)
    assert (after.stated_mpp_x, after.stated_mpp_y) == (0.5, 0.25)
    assert lab.slides.get(owner, slide.id) == after
    # What is the same already is no change.
    assert _again(lab, owner, after, stain="PAS") == [after]


def test_new_slides_are_added_beside_those_that_are_there(
    lab: Lab, owner: Actor, slide: Slide
) -> None:
    known, added = _again(lab, owner, slide, NewSlide(slide.source, name="new"), stain="PAS")
    assert (known.id, known.stain) == (slide.id, "PAS")
    assert (added.name, added.revision) == ("new", 1)


def test_name_of_the_file_is_the_name_where_none_is_said(
    lab: Lab, owner: Actor, slide: Slide
) -> None:
    new = [NewSlide(slide.source, stain="PAS")]
    (after,) = lab.slides.add_many(owner, slide.study_id, new, update=True)
    assert (after.id, after.stain) == (slide.id, "PAS")


def test_case_is_another_one_or_has_another_public_name(
    lab: Lab, owner: Actor, slide: Slide, entries: Callable[[], list[Any]]
) -> None:
    assert slide.case_id is not None
    _again(lab, owner, slide, case="Müller", case_public="C-1")
    assert lab.cases.get(owner, slide.case_id).public_name == "C-1"
    assert (entries()[-1].verb, entries()[-1].kind) == ("change", "case")
    (after,) = _again(lab, owner, slide, case="Meier")
    assert after.case_id != slide.case_id
    # The one before is still there.
    assert lab.cases.get(owner, slide.case_id).name == "Müller"


def test_two_public_names_for_a_case_are_one_too_many(lab: Lab, owner: Actor, slide: Slide) -> None:
    other = NewSlide(slide.source, name="b", case="Müller", case_public="C-2")
    with pytest.raises(Invalid, match="in public") as refused:
        _again(lab, owner, slide, other, case="Müller", case_public="C-1")
    assert refused.value.details["rows"] == [1]
    assert lab.cases.get(owner, slide.case_id or 0).public_name == "C1"


def test_slide_that_is_named_twice_is_refused_and_nothing_is_changed(
    lab: Lab, owner: Actor, slide: Slide
) -> None:
    again = NewSlide(slide.source, name=slide.name, stain="HE")
    with pytest.raises(Invalid, match="named twice"):
        _again(lab, owner, slide, again, stain="PAS")
    assert lab.slides.get(owner, slide.id) == slide


def test_another_file_is_for_those_who_may_know_paths(
    lab: Lab, owner: Actor, slide: Slide, study: Study, slide_folder: Path, as_user: Make
) -> None:
    editor = as_user("editor@lab", rights="edit private", study=study)
    path = shutil.copy(slide.source, slide_folder / "moved.svs")
    new = [NewSlide(path, name=slide.name, stain="PAS")]
    with pytest.raises(Invalid, match="site administrator"):
        lab.slides.add_many(editor, study.id, new, update=True)
    (same,) = _again(lab, editor, slide, stain="HE")
    assert (same.id, same.stain) == (slide.id, "HE")
    (moved,) = lab.slides.add_many(owner, study.id, new, update=True)
    assert (moved.id, moved.source, moved.stain) == (slide.id, str(path), "PAS")


def test_case_cannot_be_guessed_by_who_may_not_see_private_names(
    lab: Lab, slide: Slide, study: Study, as_user: Make
) -> None:
    editor = as_user("editor@lab", rights="edit", study=study)
    (same,) = _again(lab, editor, slide, stain="HE")
    assert same.stain == "HE"
    with pytest.raises(Invalid, match="private"):
        _again(lab, editor, slide, case="Müller")


def test_without_being_asked_nothing_is_brought_up_to_date(
    lab: Lab, owner: Actor, slide: Slide
) -> None:
    new = [NewSlide(slide.source, name=slide.name, stain="PAS")]
    with pytest.raises(Invalid, match="already"):
        lab.slides.add_many(owner, slide.study_id, new)
    assert lab.slides.get(owner, slide.id) == slide
