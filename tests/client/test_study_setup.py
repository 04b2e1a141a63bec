"""Reader studies that are set up in a cell, against the lab itself in another process."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest

from wsi_lab.client.question_kinds import KINDS, Choice, PercentageOnly, Shapes
from wsi_lab.client.study_setup import cases_of, slides_below, slides_of
from wsi_lab.errors import Conflict, Invalid


@pytest.fixture
def folder(tmp_path, demo_slide):
    """A folder with three slides, and with what is none."""
    folder = tmp_path / "slides ü"
    (folder / "sub").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    for name in ("b.svs", "a.svs", "sub/c.svs"):
        shutil.copy(demo_slide, folder / name)
    shutil.copy(demo_slide, folder / ".hidden" / "d.svs")
    (folder / "notes.txt").write_text("nothing")
    return folder


@pytest.fixture
def name(request, real_lab):
    name = f"set up for {request.node.name}"
    yield name
    if name in real_lab.studies:
        real_lab.studies[name].remove()


def test_whole_study_is_set_up_in_one_call(real_lab, name, folder):
    study = real_lab.create_study(
        name,
        slides=folder,
        cases={"H-1": "A", "H-2": ""},
        questions=[PercentageOnly("TIL %"), Choice("Grade", [1, 2, 3]), Shapes("Tumour")],
        readers=["anna@example.org", "ben@example.org"],
        settings={"hide_names": True, "shuffle": True, "stainings": ["HE"]},
        publish=True,
        description="d",
    )
    assert (study.slide_count, study.description) == (3, "d")
    assert study.published_on is not None
    assert list(study.slides) == ["a", "b", "c"]
    assert [each.private_name for each in study.cases.values()] == ["H-1", "H-2"]
    assert [each.kind for each in study.questions.values()] == [
        *("PercentageOnly", "DropDown", "AnnoShapes"),
    ]
    assert {each.email: each.rights for each in study.members} == {
        "anna@example.org": {"view", "score"},
        "ben@example.org": {"view", "score"},
    }
    assert study.blinding == {"hide_names": True, "hide_other_scores": True, "shuffle": True}
    assert study.settings["stainings"] == "HE"
    with pytest.raises(Conflict):
        real_lab.create_study(name, slides=folder)


def test_all_twenty_kinds_are_asked_and_asked_again_elsewhere(real_lab, name):
    asked = [
        make(f"Q {kind}", ["a", "b"]) if kind.has_options else make(f"Q {kind}")
        for kind, make in KINDS.items()
    ]
    study = real_lab.create_study(name, questions=asked)
    assert [each.kind for each in study.questions.values()] == [str(each) for each in KINDS]
    copy = real_lab.create_study(f"{name} again", questions=study.questions)
    try:
        assert [(each.name, each.kind, each.configuration) for each in copy.questions.values()] == [
            (each.name, each.kind, each.configuration) for each in study.questions.values()
        ]
        found = copy.questions.ask_all("Other\tReal\nQ Real\tInteger\n")
        assert [each.name for each in found[:2]] == ["Other", "Q Real"]
        assert len(found) == 21
    finally:
        real_lab.studies[copy.id].remove()


def test_slides_come_from_a_frame_and_from_a_table(real_lab, name, folder):
    frame = pd.DataFrame(
        {
            "path": [folder / "a.svs", folder / "sub" / "c.svs"],
            "case": ["H-1", None],
            "case_public": ["A", None],
            "section": [2, None],
            "tags": [["tumour", "HE"], None],
            "mpp": [0.25, None],
        }
    )
    study = real_lab.create_study(name, slides=frame)
    a, c = study.slides.values()
    assert (a.case, a.section, a.tags, a.mpp) == ("A", "2", ("HE", "tumour"), 0.25)
    assert (c.case, c.section, c.tags, c.mpp) == (None, "", (), 0.499)
    study.remove()
    table = folder / "table.csv"
    table.write_text("path;case\na.svs;H-1\nsub/c.svs;\n")
    again = real_lab.create_study(name, slides=table)
    assert [each.case is None for each in again.slides.values()] == [False, True]


def test_nothing_is_made_when_a_later_step_fails(real_lab, name, folder):
    (folder / "b.svs").write_text("no slide")
    users = {each.email for each in real_lab.users}
    with pytest.raises(Invalid, match="No study was made: 1 of 3 slides") as refused:
        real_lab.create_study(name, slides=folder, readers=["cora@example.org"])
    assert [each.partition(":")[0] for each in refused.value.problems] == ["b.svs"]
    with pytest.raises(Invalid, match="somebody@somewhere"):
        real_lab.create_study(name, slides=[folder / "a.svs"], readers=["cora"])
    with pytest.raises(Invalid, match="'fly' is not a right"):
        real_lab.create_study(name, readers=["cora@example.org"], rights="fly")
    assert name not in real_lab.studies
    assert {each.email for each in real_lab.users} == users


def test_readers_are_let_in_and_kept_out_whatever_else_changed(real_lab, name):
    study = real_lab.create_study(name)
    study.change(description="meanwhile")
    published = study.publish()
    assert published.published_on is not None
    assert published.description == "meanwhile"
    assert study.publish().published_on == published.published_on
    assert study.unpublish().published_on is None


def test_blinding_changes_word_by_word_and_keeps_its_seed(real_lab, name):
    study = real_lab.create_study(name, settings={"organ": "breast"})
    assert study.blinding == {"hide_names": False, "hide_other_scores": True, "shuffle": False}
    shuffled = study.blind(shuffle=True)
    seed = shuffled.settings["shuffleseed"]
    named = shuffled.blind(hide_names=True, hide_other_scores=False)
    assert named.blinding == {"hide_names": True, "hide_other_scores": False, "shuffle": True}
    assert (named.settings["shuffleseed"], named.settings["organ"]) == (seed, "breast")
    assert named.blind(seed=42).settings["shuffleseed"] == "42"


def test_folder_gives_its_slides_and_nothing_else(folder):
    assert [each.name for each in slides_below(folder)] == ["a.svs", "b.svs", "c.svs"]
    (folder / "sub" / "d.mrxs").write_text("")
    (folder / "sub" / "d").mkdir()
    (folder / "sub" / "d" / "Data0000.dat").write_text("")
    (folder / "sub" / "d" / "x.jpg").write_text("")
    for number in range(3):
        (folder / "sub" / f"{number}.dcm").write_text("")
    assert [each.name for each in slides_below(folder / "sub")] == ["0.dcm", "c.svs", "d.mrxs"]


def test_what_is_not_there_is_told_before_anything_is_asked(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(Invalid, match="has no slides"):
        slides_of(tmp_path / "empty")
    with pytest.raises(Invalid, match="no folder, slide or table 'gone'"):
        slides_of(tmp_path / "gone")
    with pytest.raises(Invalid, match="no column 'path'"):
        slides_of(pd.DataFrame({"file": ["a"]}))
    with pytest.raises(Invalid, match="1 bad row") as refused:
        slides_of(pd.DataFrame({"path": ["a.svs", "b.svs"], "mpp": ["0.5", "many"]}))
    assert refused.value.problems == ("row 1: 'many' in the column 'mpp' is not a number",)


def test_addresses_and_files_of_the_lab_are_left_as_they_are(tmp_path):
    assert slides_of("s3://slides/a.svs") == [{"path": "s3://slides/a.svs"}]
    assert slides_of(["gs://x/b.svs", "there/c.svs"]) == [
        *({"path": "gs://x/b.svs"}, {"path": "there/c.svs"}),
    ]


def test_cases_come_from_names_pairs_and_tables():
    pairs = [{"name": "H-1", "public_name": "A"}, {"name": "H-2", "public_name": ""}]
    frame = pd.DataFrame({"case": ["H-1", "H-2"], "case_public": ["A", None]})
    assert cases_of({"H-1": "A", "H-2": ""}) == cases_of(frame) == pairs
    assert cases_of(["H-1"]) == cases_of("H-1") == [{"name": "H-1", "public_name": ""}]
    with pytest.raises(Invalid, match="column 'case'"):
        cases_of(pd.DataFrame({"name": ["a"]}))
