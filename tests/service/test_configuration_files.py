from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from lab_folder import LabFolder, config_of, content_of, ids_of, whole_study

from wsi_lab.errors import NotAllowed, NotFound
from wsi_lab.model.people import Actor
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.configuring.configuration import StudyConfig
from wsi_lab.service.lab import Lab


@pytest.fixture
def folder(lab: Lab, demo_slide: Path) -> LabFolder:
    return LabFolder(lab, demo_slide)


@pytest.fixture
def whole(lab: Lab, owner: Actor, folder: LabFolder) -> Study:
    return whole_study(lab, owner, folder)


def _imported_as(lab: Lab, owner: Actor, folder: LabFolder, study: Study, name: str) -> StudyConfig:
    texts = lab.configuration.files(owner, study.id)
    start = f"study.{study.name}."
    assert all(each.startswith(start) for each in texts)
    folder.named({f"study.{name}.{each[len(start) :]}": text for each, text in texts.items()})
    return lab.configuration.config(owner, lab.configuration.reimport(owner, name).study_id)


def test_files_of_a_study_make_an_equal_one(
    lab: Lab, owner: Actor, whole: Study, folder: LabFolder
) -> None:
    copy = _imported_as(lab, owner, folder, whole, "copy-2026.1")
    assert content_of(copy) == content_of(config_of(lab, owner, whole))
    assert copy.study.id != whole.id


def test_files_of_a_study_change_nothing_in_itself(
    lab: Lab, owner: Actor, whole: Study, folder: LabFolder
) -> None:
    before = ids_of(config_of(lab, owner, whole))
    folder.named(lab.configuration.files(owner, whole.id))
    lab.configuration.reimport(owner, "HTT")
    assert ids_of(config_of(lab, owner, whole)) == before


@pytest.mark.parametrize(
    "slide_name",
    ["90", "a.map", "x;y", "\u200fä", "../b.svs", "name;a.map;90;z", '"', "=1+1", "a\u00a0b"],
)
def test_slides_of_any_name_come_back(
    lab: Lab, owner: Actor, whole: Study, folder: LabFolder, slide_name: str
) -> None:
    slide = config_of(lab, owner, whole).slides[1]
    lab.slides.rename(owner, slide.id, slide_name)
    copy = _imported_as(lab, owner, folder, whole, "copy")
    assert content_of(copy) == content_of(config_of(lab, owner, whole))


@pytest.mark.parametrize("file_name", ["a;b.svs", "90.svs", "ü é.svs", "#1.svs", "x.map.tif"])
def test_slides_of_any_file_come_back(
    lab: Lab, owner: Actor, folder: LabFolder, file_name: str
) -> None:
    folder.slide(f"HTT/{file_name}")
    made = lab.configuration.reimport(owner, "HTT")
    study = lab.studies.get(owner, made.study_id)
    copy = _imported_as(lab, owner, folder, study, "copy")
    assert content_of(copy) == content_of(config_of(lab, owner, study))
    assert copy.slides[0].source.endswith(f"/HTT/{file_name}")


@pytest.mark.parametrize("question", ["a;b", "x\ufeffy", "study.x", "'; DROP", "Grade;Integer"])
def test_questions_of_any_name_come_back(
    lab: Lab, owner: Actor, whole: Study, folder: LabFolder, question: str
) -> None:
    folder.texts(scores=f"{question}\tDropDown\t;;1;; 2\t3;\n")
    lab.configuration.reimport(owner, "HTT")
    assert question in {each.name for each in config_of(lab, owner, whole).questions}
    copy = _imported_as(lab, owner, folder, whole, "copy")
    assert content_of(copy) == content_of(config_of(lab, owner, whole))


def test_two_slides_of_one_file_come_back(
    lab: Lab, owner: Actor, whole: Study, folder: LabFolder
) -> None:
    folder.texts(images="a.svs;;first\na.svs;;90;turned\n../old/c.svs\n")
    lab.configuration.reimport(owner, "HTT")
    config = config_of(lab, owner, whole)
    assert {"first", "turned"} <= {slide.name for slide in config.slides}
    before = ids_of(config)
    lab.configuration.reimport(owner, "HTT")
    assert ids_of(config_of(lab, owner, whole)) == before
    copy = _imported_as(lab, owner, folder, whole, "copy")
    assert content_of(copy) == content_of(config)


def test_slide_that_lost_its_map_comes_back_without_one(
    lab: Lab, owner: Actor, whole: Study, folder: LabFolder
) -> None:
    (slide,) = [s for s in config_of(lab, owner, whole).slides if s.name == "a"]
    lab.tma_maps.assign(owner, whole.id, slide.id, "")
    copy = _imported_as(lab, owner, folder, whole, "copy")
    assert [s.tma_map_id for s in copy.slides if s.name == "a"] == [None]
    assert content_of(copy)["slides"] == content_of(config_of(lab, owner, whole))["slides"]


def test_slides_from_elsewhere_come_back_for_those_who_may_know_where(
    lab: Lab,
    owner: Actor,
    study: Study,
    slide: Slide,
    folder: LabFolder,
    as_user: Callable[..., Actor],
) -> None:
    copy = _imported_as(lab, owner, folder, study, "copy")
    assert content_of(copy) == content_of(config_of(lab, owner, study))
    assert copy.paths == {copy.slides[0].id: slide.source}
    editor = as_user("e@lab", rights="edit", study=study)
    assert lab.configuration.config(editor, study.id).paths == {}
    texts = lab.configuration.files(editor, study.id)
    assert texts[f"study.{study.name}.images"] == ""
    assert str(Path(slide.source).parent) not in str(texts)


def test_configuration_is_for_editors(
    lab: Lab, whole: Study, as_user: Callable[..., Actor]
) -> None:
    with pytest.raises(NotAllowed):
        lab.configuration.files(as_user("reader@lab"), whole.id)
    with pytest.raises(NotFound):
        lab.configuration.config(as_user("stranger@lab"), whole.id)


def test_map_that_forces_replaces_what_a_slide_has(
    lab: Lab, owner: Actor, whole: Study, folder: LabFolder
) -> None:
    for force, expected in (("", "map1"), ("force: true\n", "map2")):
        folder.texts(map2=f"tmas: A.SVS\n{force}\nZ1\n")
        lab.configuration.reimport(owner, "HTT")
        config = config_of(lab, owner, whole)
        maps = {each.id: each.name for each in config.maps}
        (slide,) = [s for s in config.slides if s.name == "a"]
        assert maps[slide.tma_map_id or 0] == expected
