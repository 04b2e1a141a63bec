from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from wsi_lab.errors import (
    Conflict,
    Invalid,
    NotAllowed,
    NotFound,
    SlideMissing,
    TooLarge,
    UnsupportedSlide,
)
from wsi_lab.model.people import Actor
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.lab import Lab, LabSettings
from wsi_lab.service.slides import NewSlide


def test_slide_is_added_with_what_its_file_says(
    lab: Lab, owner: Actor, study: Study, slide_file: Path, clock
) -> None:
    slide = lab.slides.add(
        owner,
        study.id,
        slide_file,
        block=" A1 ",
        section="2",
        number="3",
        stain="H&E",
        tags=["tumour", "HE", "HE"],
        mpp_x=0.25,
    )
    assert (slide.name, slide.source) == ("CMU-1", os.path.realpath(slide_file))
    assert (slide.width, slide.height, slide.objective_power) == (2220, 2967, 20.0)
    assert (slide.file_mpp_x, slide.mpp_x, slide.mpp_y) == (0.499, 0.25, 0.499)
    assert (slide.block, slide.section, slide.number) == ("A1", "2", "3")
    assert slide.tags == ("HE", "tumour")
    assert slide.added_on == clock.time
    assert lab.slides.get(owner, slide.id) == slide
    assert lab.slides.properties(owner, slide.id).mpp_x == 0.25


def test_path_may_be_relative_to_a_slide_folder(
    lab: Lab, owner: Actor, study: Study, slide_file: Path
) -> None:
    slide = lab.slides.add(owner, study.id, slide_file.name)
    assert slide.source == os.path.realpath(slide_file)


def test_case_is_made_once_and_shared(
    lab: Lab, owner: Actor, study: Study, slide: Slide, slide_file: Path
) -> None:
    second = lab.slides.add(owner, study.id, slide_file, name="second", case="Müller")
    third = lab.slides.add(owner, study.id, slide_file, name="3", case="Müller", case_public="C1")
    assert slide.case_id == second.case_id == third.case_id
    assert lab.slides.case_names(owner, [slide, second]) == {slide.case_id: "C1"}
    assert len(lab.cases.list(owner, study.id).items) == 1
    with pytest.raises(Conflict, match="'C1' in public"):
        lab.slides.add(owner, study.id, slide_file, name="4", case="Müller", case_public="C2")
    with pytest.raises(Invalid):
        lab.slides.add(owner, study.id, slide_file, name="5", case_public="C3")


def test_editor_cannot_learn_whose_case_a_public_name_stands_for(
    lab: Lab, study: Study, slide: Slide, slide_file: Path, as_user: Callable[..., Actor]
) -> None:
    editor = as_user("e@lab", rights="edit", study=study)
    with pytest.raises(NotAllowed, match="'private'"):
        lab.slides.add(editor, study.id, slide_file, name="x", case="Müller")
    new = lab.slides.add_many(
        editor,
        study.id,
        [NewSlide(slide_file, name="x", case="Meier"), NewSlide(slide_file, "y", case="Meier")],
    )
    assert new[0].case_id == new[1].case_id != slide.case_id


def test_path_of_a_slide_is_for_site_administrators(
    lab: Lab, study: Study, slide: Slide, as_user: Callable[..., Actor]
) -> None:
    member = as_user("m@lab", rights="admin edit private api", study=study)
    pathless = as_user("a@lab", is_admin=True, capabilities=["pixels", "upload"])
    allowed = as_user("a@lab", capabilities=["paths"])
    for actor in (member, pathless):
        assert lab.slides.get(actor, slide.id).source == ""
        assert lab.slides.list(actor, study.id).items[0].source == ""
        assert lab.tiles.shown(as_user("p@lab", rights="view", study=study), slide.id)
    assert lab.slides.get(allowed, slide.id).source == slide.source


def test_name_that_is_taken_is_a_conflict(
    lab: Lab, owner: Actor, study: Study, slide: Slide, slide_file: Path
) -> None:
    with pytest.raises(Conflict, match="CMU-1"):
        lab.slides.add(owner, study.id, slide_file)
    other = lab.slides.add(owner, study.id, slide_file, name="other")
    with pytest.raises(Conflict):
        lab.slides.change(owner, other.id, revision=1, name="CMU-1")


def test_file_that_is_no_slide_is_refused_and_leaves_nothing(
    lab: Lab, owner: Actor, study: Study, slide_folder: Path
) -> None:
    (slide_folder / "note.svs").write_text("no slide")
    with pytest.raises(UnsupportedSlide):
        lab.slides.add(owner, study.id, "note.svs", case="X")
    assert lab.slides.list(owner, study.id).items == ()
    assert lab.cases.list(owner, study.id).items == ()


def test_file_that_is_not_there_is_missing(lab: Lab, owner: Actor, study: Study) -> None:
    with pytest.raises(SlideMissing) as refused:
        lab.slides.add(owner, study.id, "nothing.svs")
    assert "/" not in refused.value.message


@pytest.mark.parametrize("kind", ["../", "link", "absolute", "nested link", "folder itself"])
@pytest.mark.parametrize("exists", [True, False])
def test_file_outside_the_slide_folders_is_refused_whether_it_exists_or_not(
    lab: Lab,
    owner: Actor,
    study: Study,
    slide_folder: Path,
    demo_slide: Path,
    kind: str,
    exists: bool,
) -> None:
    outside = slide_folder.parent / (slide_folder.name + "-private")
    outside.mkdir()
    if exists:
        shutil.copy(demo_slide, outside / "x.svs")
    (slide_folder / "link.svs").symlink_to(outside / "x.svs")
    (slide_folder / "nested").symlink_to(outside)
    path = {
        "../": f"../{outside.name}/x.svs",
        "link": "link.svs",
        "absolute": str(outside / "x.svs"),
        "nested link": "nested/x.svs",
        "folder itself": ".",
    }[kind]
    with pytest.raises(NotAllowed) as refused:
        lab.slides.add(owner, study.id, path)
    assert str(slide_folder.parent) not in refused.value.message


@pytest.mark.parametrize("path", ["", "a\0b", "\udcff.svs"])
def test_what_is_no_path_is_refused(lab: Lab, owner: Actor, study: Study, path: str) -> None:
    with pytest.raises(Invalid):
        lab.slides.add(owner, study.id, path)


def test_without_slide_folders_only_administrators_add_files(
    tmp_path: Path, slide_file: Path
) -> None:
    with Lab.open(LabSettings(tmp_path / "open home")) as lab:
        owner = lab.people.owner(name="owner")
        study = lab.studies.create(owner, "s")
        assert lab.slides.add(owner, study.id, slide_file).name == "CMU-1"
        with pytest.raises(Invalid, match="full path"):
            lab.slides.add(owner, study.id, "CMU-1.svs")
        lab.people.add(owner, "e@lab")
        lab.studies.set_member(owner, study.id, "e@lab", ["edit"])
        _, text = lab.people.create_token(owner, name="t", email="e@lab", capabilities=["all"])
        with pytest.raises(NotAllowed, match="no folder"):
            lab.slides.add(lab.people.actor_for_token(text, door="t"), study.id, slide_file)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "a\nb"},
        {"block": "a\tb"},
        {"stain": "x" * 201},
        {"tags": ["a\nb"]},
        {"tags": [str(number) for number in range(101)]},
        {"mpp_x": 0.0},
        {"mpp_x": 1e-320},
        {"mpp_y": 264.6},
        {"mpp_x": float("nan")},
    ],
)
def test_what_is_no_text_or_number_is_refused(
    lab: Lab, owner: Actor, study: Study, slide: Slide, slide_file: Path, wrong: dict
) -> None:
    with pytest.raises(Invalid):
        lab.slides.add(owner, study.id, slide_file, **{"name": "x", **wrong})
    with pytest.raises(Invalid):
        lab.slides.change(owner, slide.id, revision=1, **wrong)


def test_many_are_added_in_their_order(
    lab: Lab, owner: Actor, study: Study, slide_file: Path
) -> None:
    seen: list[int] = []
    slides = lab.slides.add_many(
        owner,
        study.id,
        [NewSlide(slide_file, name=f"s{number}", case="c") for number in range(9)],
        progress=seen.append,
    )
    assert [slide.name for slide in slides] == [f"s{number}" for number in range(9)]
    assert seen == list(range(1, 10))
    assert len({slide.case_id for slide in slides}) == 1


def test_one_bad_row_keeps_all_others_out_and_every_bad_row_is_named(
    lab: Lab,
    owner: Actor,
    study: Study,
    slide: Slide,
    slide_file: Path,
    slide_folder: Path,
    entries,
) -> None:
    (slide_folder / "note.svs").write_text("no slide")
    before = len(entries())
    rows = [
        NewSlide(slide_file, name="good", case="new"),
        NewSlide("nothing.svs"),
        NewSlide(slide_file, name="good"),
        NewSlide("note.svs"),
        NewSlide(slide_file),
        NewSlide(slide_file, name="x", mpp_x=-1),
        NewSlide("../outside.svs"),
    ]
    with pytest.raises(Invalid) as refused:
        lab.slides.add_many(owner, study.id, rows)
    assert refused.value.details["rows"] == [1, 2, 3, 4, 5, 6]
    names = [problem.partition(":")[0] for problem in refused.value.problems]
    assert names == [
        "nothing.svs",
        "CMU-1.svs",
        "note.svs",
        "CMU-1.svs",
        "CMU-1.svs",
        "outside.svs",
    ]
    assert lab.slides.list(owner, study.id).items == (slide,)
    assert len(lab.cases.list(owner, study.id).items) == 1
    assert len(entries()) == before


def test_too_many_at_once_are_refused(lab: Lab, owner: Actor, study: Study) -> None:
    with pytest.raises(TooLarge):
        lab.slides.add_many(owner, study.id, [NewSlide("x")] * 10_001)


def test_slide_is_changed(lab: Lab, owner: Actor, study: Study, slide: Slide) -> None:
    case = lab.cases.create(owner, study.id, "other")
    changed = lab.slides.change(
        owner,
        slide.id,
        revision=1,
        name="new",
        case_id=case.id,
        block="b",
        section="s",
        number="n",
        stain="st",
        tags=["t"],
        mpp_x=0.5,
        mpp_y=0.6,
    )
    assert (changed.revision, changed.case_id, changed.tags) == (2, case.id, ("t",))
    assert (changed.mpp_x, changed.mpp_y) == (0.5, 0.6)
    assert lab.slides.get(owner, slide.id) == changed
    freed = lab.slides.change(owner, slide.id, revision=2, mpp_x=None, mpp_y=None, case_id=None)
    assert (freed.mpp_x, freed.case_id, freed.block) == (0.499, None, "b")
    assert lab.slides.change(owner, slide.id, revision=3) == freed


def test_stale_revision_is_refused(lab: Lab, owner: Actor, slide: Slide) -> None:
    lab.slides.change(owner, slide.id, revision=1, stain="HE")
    with pytest.raises(Conflict) as refused:
        lab.slides.change(owner, slide.id, revision=1, stain="PAS")
    assert refused.value.details["current"] == 2
    with pytest.raises(Conflict):
        lab.slides.remove(owner, slide.id, revision=1)


def test_slide_joins_only_cases_of_its_own_study(lab: Lab, owner: Actor, slide: Slide) -> None:
    other = lab.studies.create(owner, "other")
    foreign = lab.cases.create(owner, other.id, "x")
    for case_id in (foreign.id, 99, 0, 1 << 70):
        with pytest.raises(NotFound):
            lab.slides.change(owner, slide.id, revision=1, case_id=case_id)


def test_removed_slide_is_gone_and_its_file_is_not(
    lab: Lab, owner: Actor, study: Study, slide: Slide, slide_file: Path
) -> None:
    lab.tiles.tile(owner, slide.id, "map", 0, 0, 0)
    lab.slides.remove(owner, slide.id, revision=1)
    assert slide_file.exists()
    with pytest.raises(NotFound):
        lab.slides.get(owner, slide.id)
    assert lab.tiles.tile_at_once(owner, slide.id, "map", 0, 0, 0) is None
    assert lab.slides.add(owner, study.id, slide_file).id > slide.id


def test_slides_are_listed_by_case_and_name(
    lab: Lab, owner: Actor, study: Study, slide: Slide, slide_file: Path
) -> None:
    other = lab.slides.add(owner, study.id, slide_file, name="other")
    assert lab.slides.list(owner, study.id).items == (slide, other)
    assert lab.slides.list(owner, study.id, case_id=slide.case_id).items == (slide,)
    assert lab.slides.list(owner, study.id, case_id=1 << 70).items == ()
    assert lab.slides.list(owner, study.id, name="other").items == (other,)
    page = lab.slides.list(owner, study.id, limit=1)
    assert lab.slides.list(owner, study.id, limit=1, cursor=page.next_cursor).items == (other,)


def test_case_names_of_foreign_studies_are_left_out(
    lab: Lab, owner: Actor, slide: Slide, as_user: Callable[..., Actor]
) -> None:
    assert lab.slides.case_names(as_user("x@lab"), [slide]) == {}
    assert lab.slides.case_names(owner, []) == {}


def test_token_limited_to_folders_adds_no_file_of_the_server(
    lab: Lab, study: Study, slide_file: Path, as_user: Callable[..., Actor]
) -> None:
    limited = as_user("a@lab", is_admin=True, capabilities=["upload"], folders=["inbox"])
    with pytest.raises(NotAllowed, match="folders"):
        lab.slides.add(limited, study.id, slide_file)
    free = as_user("a@lab", capabilities=["upload"])
    assert lab.slides.add(free, study.id, slide_file).name == "CMU-1"
