from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from lab_folder import LabFolder, config_of, ids_of, whole_study

from wsi_lab.errors import Invalid, NotAllowed, NotFound, TooLarge
from wsi_lab.model.people import Actor, Right
from wsi_lab.model.question import QuestionKind
from wsi_lab.model.study import Study
from wsi_lab.service.configuring.configuration import question_of_line
from wsi_lab.service.lab import Lab


@pytest.fixture
def folder(lab: Lab, demo_slide: Path) -> LabFolder:
    return LabFolder(lab, demo_slide)


@pytest.fixture
def whole(lab: Lab, owner: Actor, folder: LabFolder) -> Study:
    return whole_study(lab, owner, folder)


def test_files_make_a_whole_study(lab: Lab, owner: Actor, whole: Study) -> None:
    config = config_of(lab, owner, whole)
    assert (config.study.friendly_name, config.study.folder) == ("HTT pilot", "breast/2026")
    assert config.study.settings == {"stainings": "HE, CD3"}
    rights = {member.email: member.rights for member in config.members}
    assert rights["reader@lab"] == {Right.VIEW, Right.SCORE}
    assert rights["boss@lab"] == set(Right) - {Right.API}
    assert [(q.position, q.name, q.kind) for q in config.questions] == [
        (0, "Grade", QuestionKind.DROP_DOWN),
        (1, "Tumour", QuestionKind.ANNO_SHAPES),
        (2, "Remarks", QuestionKind.FREE_TEXT),
    ]
    assert config.questions[0].options == ("1", "2", "3")
    slides = {slide.name: slide for slide in config.slides}
    assert set(slides) == {"a", "second", "B 12"}
    assert [config.paths[slides[name].id] for name in ("a", "second", "B 12")] == [
        "images/HTT/a.svs",
        "images/HTT/b.svs",
        "images/old/c.svs",
    ]
    assert (slides["B 12"].rotation, slides["a"].rotation) == (90, 0)
    assert slides["a"].width == 2220
    assert slides["a"].file_size == Path(slides["a"].source).stat().st_size
    maps = {each.name: each.id for each in config.maps}
    assert set(maps) == {"map1", "tma.map"}
    assert slides["a"].tma_map_id == maps["map1"]
    assert slides["B 12"].tma_map_id == maps["tma.map"]
    assert slides["second"].tma_map_id is None
    cores = lab.tma_maps.cores(owner, maps["map1"])
    assert [(c.row, c.column, c.sample, c.is_control) for c in cores] == [
        (0, 0, "A1", False),
        (0, 1, "K", True),
        (1, 1, "B2", False),
    ]


def test_importing_again_changes_nothing(
    lab: Lab, owner: Actor, whole: Study, entries: Callable[[], list]
) -> None:
    before = ids_of(config_of(lab, owner, whole))
    count = len(entries())
    again = lab.configuration.reimport(owner, "HTT")
    assert again.log == ("Nothing had changed.",)
    assert ids_of(config_of(lab, owner, whole)) == before
    assert len(entries()) == count


def test_ids_are_kept_and_nothing_is_removed(
    lab: Lab, owner: Actor, whole: Study, folder: LabFolder
) -> None:
    before = config_of(lab, owner, whole)
    folder.texts(
        emails="reader@lab;cangetresults\nnew@lab\n",
        images="b.svs;;180;third\n",
        scores="New;Integer\nTumour;AnnoShapes;#00ff00\n",
        config="organ: breast\n",
    )
    folder.named({"HTT/more.images": ""})
    lab.configuration.reimport(owner, "HTT")
    after = config_of(lab, owner, whole)
    old = {slide.id: slide for slide in before.slides}
    new = {slide.id: slide for slide in after.slides}
    assert set(new) == set(old)
    renamed = next(slide for slide in after.slides if slide.name == "third")
    assert (old[renamed.id].name, renamed.rotation) == ("second", 180)
    questions = {each.name: each.id for each in before.questions}
    assert [each.name for each in after.questions] == ["New", "Tumour", "Grade", "Remarks"]
    assert {e.name: e.id for e in after.questions if e.name != "New"} == questions
    assert next(e for e in after.questions if e.name == "Tumour").colour == "#00ff00"
    rights = {member.email: member.rights for member in after.members}
    assert rights["reader@lab"] == {Right.VIEW, Right.SCORE, Right.RESULTS}
    assert {"new@lab", "boss@lab"} <= set(rights)
    assert after.study.settings == {"stainings": "HE, CD3", "organ": "breast"}
    assert after.study.friendly_name == "HTT pilot"
    assert {each.id for each in after.maps} == {each.id for each in before.maps}


def test_slides_may_exchange_their_names(
    lab: Lab, owner: Actor, whole: Study, folder: LabFolder
) -> None:
    before = {s.name: s.id for s in config_of(lab, owner, whole).slides}
    folder.texts(images="a.svs;;second\nb.svs;;a\n../old/c.svs\n")
    folder.named({"HTT/more.images": ""})
    lab.configuration.reimport(owner, "HTT")
    after = {s.name: s.id for s in config_of(lab, owner, whole).slides}
    assert after == {"second": before["a"], "a": before["second"], "B 12": before["B 12"]}


def test_every_bad_line_is_named_and_nothing_is_stored(
    lab: Lab, owner: Actor, folder: LabFolder, entries: Callable[[], list]
) -> None:
    folder.slide("HTT/good.svs")
    folder.named({"HTT/bad.svs": "no slide at all", "HTT/x.images": "../../etc/passwd\n"})
    folder.texts(
        emails="nobody\na@lab;fly\n",
        images="missing.svs\ngood.svs;45.map;0;x\n",
        map="\n",
        config="weather: fine\n",
        scores="Grade\nSize;Huge\n",
    )
    count = len(entries())
    with pytest.raises(Invalid, match="Nothing was imported") as refused:
        lab.configuration.reimport(owner, "HTT")
    log = refused.value.problems
    for start in (
        "study.HTT.emails: Line 1: ",
        "study.HTT.emails: Line 2: ",
        "study.HTT.images: Line 1: ",
        "study.HTT.map: ",
        "study.HTT.config: Line 1: ",
        "study.HTT.scores: Line 1: ",
        "study.HTT.scores: Line 2: ",
        "HTT/x.images: Line 1: ",
        "HTT/bad.svs: ",
    ):
        assert [line for line in log if line.startswith(start)], (start, log)
    assert not lab.studies.list(owner).items
    assert len(entries()) == count


def test_what_only_the_database_can_tell_is_named_too(
    lab: Lab, owner: Actor, folder: LabFolder
) -> None:
    folder.slide("HTT/a.svs")
    folder.slide("HTT/b.svs")
    folder.texts(images="a.svs;no.map;0;x\nb.svs;other.map;0;y\n")
    with pytest.raises(Invalid) as refused:
        lab.configuration.reimport(owner, "HTT")
    assert refused.value.problems == (
        "study.HTT.images: Line 1: There is no TMA map 'no.map'.",
        "study.HTT.images: Line 2: There is no TMA map 'other.map'.",
    )
    assert not lab.studies.list(owner).items


def test_slides_that_cannot_be_shown_can_be_left_out(
    lab: Lab, owner: Actor, folder: LabFolder
) -> None:
    folder.slide("HTT/good.svs")
    folder.named({"HTT/bad.svs": "no slide", "study.HTT.images": "gone.svs\n"})
    made = lab.configuration.reimport(owner, "HTT", ignore_image_errors=True)
    config = lab.configuration.config(owner, made.study_id)
    assert [slide.name for slide in config.slides] == ["good"]
    left_out = [line for line in made.log if "left out" in line]
    assert [line.partition(":")[0] for line in left_out] == ["study.HTT.images", "HTT/bad.svs"]


def test_name_without_study_and_files_is_refused(lab: Lab, owner: Actor) -> None:
    with pytest.raises(NotFound, match="no files"):
        lab.configuration.reimport(owner, "HTT")
    with pytest.raises(Invalid, match="letters"):
        lab.configuration.reimport(owner, "../HTT")


def test_files_with_equal_stems_keep_their_endings(
    lab: Lab, owner: Actor, folder: LabFolder
) -> None:
    folder.slide("HTT/a.svs")
    folder.slide("HTT/a.tif")
    made = lab.configuration.reimport(owner, "HTT")
    names = [slide.name for slide in lab.configuration.config(owner, made.study_id).slides]
    assert names == ["a", "a.tif"]


def test_replaced_file_is_described_anew(
    lab: Lab, owner: Actor, whole: Study, shared_data: Path
) -> None:
    (slide,) = [s for s in config_of(lab, owner, whole).slides if s.name == "a"]
    shutil.copy(shared_data / "slides" / "slidescore-test-image.tiff", slide.source)
    lab.configuration.reimport(owner, "HTT")
    after = lab.slides.get(owner, slide.id)
    assert after.file_size == Path(slide.source).stat().st_size != slide.file_size
    assert after.width != slide.width


# Who may


def test_only_those_who_may_bring_in_studies_do(
    lab: Lab, whole: Study, as_user: Callable[..., Actor]
) -> None:
    for rights in ("edit score private", "view"):
        with pytest.raises(NotAllowed):
            lab.configuration.reimport(
                as_user(f"{rights[:4]}@lab", rights=rights, study=whole), "HTT"
            )
    admin = as_user("study-admin@lab", rights="admin edit", study=whole)
    limited = as_user("study-admin@lab", capabilities=["config", "scores"])
    with pytest.raises(NotAllowed, match="'reimport'"):
        lab.configuration.reimport(limited, "HTT")
    with pytest.raises(NotAllowed) as of_new:
        lab.configuration.reimport(admin, "Other")
    with pytest.raises(NotAllowed) as of_hidden:
        lab.configuration.reimport(as_user("stranger@lab"), "HTT")
    assert of_new.value.message == of_hidden.value.message


def test_study_administrator_brings_in_no_users_and_no_foreign_files(
    lab: Lab, whole: Study, folder: LabFolder, as_user: Callable[..., Actor], owner: Actor
) -> None:
    admin = as_user("study-admin@lab", rights="admin", study=whole)
    folder.texts(emails="unknown@lab\nother@lab\n", images="../old/c.svs\n/etc/hostname\n")
    with pytest.raises(Invalid) as refused:
        lab.configuration.reimport(admin, "HTT")
    assert [line.partition(": ")[2][:6] for line in refused.value.problems] == ["Line 1", "Line 2"]
    folder.texts(images="", map1="A1\n")
    with pytest.raises(Invalid) as refused:
        lab.configuration.reimport(admin, "HTT")
    assert [
        word in line
        for word, line in zip(("unknown", "other"), refused.value.problems, strict=True)
    ] == [True, True]
    folder.texts(emails="reader@lab;canedit\n")
    lab.configuration.reimport(admin, "HTT")
    rights = {m.email: m.rights for m in config_of(lab, owner, whole).members}
    assert Right.EDIT in rights["reader@lab"]


def test_files_of_another_study_need_its_private_right(
    lab: Lab, owner: Actor, whole: Study, folder: LabFolder, as_user: Callable[..., Actor]
) -> None:
    folder.slide("Other/x.svs")
    other = lab.studies.create(owner, "Other")
    admin = as_user("study-admin@lab", rights="admin", study=whole)
    lab.studies.set_member(owner, other.id, "study-admin@lab", ["edit"])
    folder.texts(emails="", images="../Other/x.svs\n")
    with pytest.raises(Invalid, match="'private'"):
        lab.configuration.reimport(admin, "HTT")
    lab.studies.set_member(owner, other.id, "study-admin@lab", ["edit", "private"])
    lab.configuration.reimport(admin, "HTT")
    assert "x" in {slide.name for slide in config_of(lab, owner, whole).slides}


def test_slides_from_outside_the_folder_are_named_to_who_imports_them(
    lab: Lab, owner: Actor, folder: LabFolder
) -> None:
    folder.slide("Other/secret.svs")
    folder.slide("New/own.svs")
    (lab.files.root / "New" / "more.images").write_text("../Other/secret.svs\n")
    line = "New from outside the study's folder: Other/secret.svs."
    assert line in lab.configuration.reimport(owner, "New").log
    assert lab.configuration.reimport(owner, "New").log == ("Nothing had changed.",)


# From a folder of this machine


def test_folder_becomes_a_study(lab: Lab, owner: Actor, demo_slide: Path, tmp_path: Path) -> None:
    folder = tmp_path / "my-study"
    (folder / "sub").mkdir(parents=True)
    shutil.copy(demo_slide, folder / "a.svs")
    shutil.copy(demo_slide, folder / "sub" / "b.svs")
    (folder / "list.images").write_text("../sub/b.svs;90\n")
    (folder / ".hidden").write_text("x")
    made = lab.configuration.import_folder(owner, folder)
    config = lab.configuration.config(owner, made.study_id)
    assert config.study.name == "my-study"
    assert {s.name: s.rotation for s in config.slides} == {"a": 0, "b": 90}
    assert set(config.paths.values()) == {"images/my-study/a.svs", "images/sub/b.svs"}
    # What is changed here later is not changed in the lab.
    (folder / "a.svs").write_bytes(b"")
    assert (lab.files.root / "my-study" / "a.svs").read_bytes() == demo_slide.read_bytes()
    assert not list(lab.files.root.glob(".*"))


def test_folder_of_several_studies_needs_a_name(
    lab: Lab, owner: Actor, tmp_path: Path, as_user: Callable[..., Actor]
) -> None:
    folder = tmp_path / "both"
    folder.mkdir()
    for name in ("one", "two"):
        (folder / f"study.{name}.scores").write_text("Grade;Integer\n")
    with pytest.raises(Invalid, match="one, two"):
        lab.configuration.import_folder(owner, folder)
    made = lab.configuration.import_folder(owner, folder, name="two")
    assert lab.studies.get(owner, made.study_id).name == "two"
    with pytest.raises(NotFound):
        lab.configuration.import_folder(owner, folder / "gone")
    with pytest.raises(NotAllowed):
        lab.configuration.import_folder(as_user("someone@lab"), folder, name="two")


def test_folder_that_is_too_deep_is_refused(lab: Lab, owner: Actor, tmp_path: Path) -> None:
    deep = tmp_path / "s" / "1" / "2" / "3"
    deep.mkdir(parents=True)
    (deep / "x.svs").write_text("x")
    with pytest.raises(Invalid, match="2 deep"):
        lab.configuration.import_folder(owner, tmp_path / "s")


def test_question_of_a_line() -> None:
    assert question_of_line("Grade;DropDown;1;2").configuration == "1;2"


def test_folder_with_pipes_and_broken_links_is_refused(
    lab: Lab, owner: Actor, tmp_path: Path
) -> None:
    folder = tmp_path / "incoming"
    folder.mkdir()
    (folder / "a.svs").symlink_to(tmp_path / "nothing")
    os.mkfifo(folder / "b.svs")
    with pytest.raises(Invalid) as refused:
        lab.configuration.import_folder(owner, folder)
    assert [line.partition(":")[0] for line in refused.value.problems] == ["a.svs", "b.svs"]


def test_more_slides_than_a_study_may_name_are_refused_before_they_are_compared(
    lab: Lab, owner: Actor
) -> None:
    text = "".join(f"{number}.svs\n" for number in range(60_000))
    (lab.files.root / "study.HTT.images").write_text(text)
    with pytest.raises(TooLarge, match="at most 10,000"):
        lab.configuration.reimport(owner, "HTT")
