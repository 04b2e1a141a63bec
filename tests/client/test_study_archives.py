"""Whole studies out of a lab and into it, by way of the client and real HTTP."""

from __future__ import annotations

import zipfile

import pytest

from wsi_lab.client.question_kinds import Choice, Shapes
from wsi_lab.demo import STUDY
from wsi_lab.errors import Conflict, Invalid


@pytest.fixture
def names(request, real_lab):
    """Two names, whose studies are gone in the end."""
    names = [f"{letter} of {request.node.name}" for letter in "ab"]
    yield names
    for name in names:
        if name in real_lab.studies:
            real_lab.studies[name].remove()


def test_study_comes_back_as_it_was(real_lab, names, demo_slide, tmp_path):
    first, second = names
    study = real_lab.create_study(
        first,
        slides=[demo_slide],
        questions=[Choice("Grade", [1, 2]), Shapes("Tumour")],
        readers=["anna@example.org"],
        settings={"shuffle": True},
        publish=True,
        description="d",
    )
    path = tmp_path / "study.zip"
    told = []
    assert study.export(path, progress=lambda part, _: told.append(part)) == ()
    assert told[-1] == 1.0
    loaded = real_lab.load_study(path, name=second, progress=lambda part, _: told.append(part))
    assert loaded.name == second
    assert (loaded.settings, loaded.description) == (study.settings, study.description)
    assert loaded.published_on == study.published_on
    assert [(each.name, each.kind) for each in loaded.questions.values()] == [
        (each.name, each.kind) for each in study.questions.values()
    ]
    assert list(loaded.slides) == list(study.slides)
    assert {each.email: each.rights for each in loaded.members} == {
        each.email: each.rights for each in study.members
    }
    with pytest.raises(Conflict):
        real_lab.load_study(path, progress=False)


def test_slides_come_along_if_they_are_wanted(real_lab, names, tmp_path, demo_slide):
    path = tmp_path / "demo.zip"
    real_lab.studies[STUDY].export(path, with_slides=True, progress=False)
    with zipfile.ZipFile(path) as archive:
        slides = [each for each in archive.namelist() if each.startswith("slides/")]
        assert demo_slide.read_bytes() in [archive.read(each) for each in slides]
    loaded = real_lab.load_study(path, name=names[0], progress=False)
    assert list(loaded.slides) == list(real_lab.studies[STUDY].slides)


def test_slides_are_linked_from_a_folder(real_lab, names, tmp_path, demo_slide):
    first, second = names
    study = real_lab.create_study(first, slides=[demo_slide])
    path = tmp_path / "study.zip"
    study.export(path, progress=False)
    (tmp_path / "empty").mkdir()
    with pytest.raises(Invalid, match="1 of 1 slides") as refused:
        real_lab.load_study(path, name=second, slides=tmp_path / "empty", progress=False)
    assert refused.value.problems == (
        "CMU-1-Small-Region: There is no file of that name in the folder.",
    )
    assert second not in real_lab.studies
    loaded = real_lab.load_study(path, name=second, slides=demo_slide.parent, progress=False)
    assert loaded.slide_count == 1


def test_what_is_no_archive_is_told(real_lab, tmp_path):
    (tmp_path / "x.zip").write_bytes(b"PK" * 100)
    with pytest.raises(Invalid, match="ZIP"):
        real_lab.load_study(tmp_path / "x.zip", progress=False)
    with pytest.raises(Invalid, match=r"no file 'gone\.zip'"):
        real_lab.load_study(tmp_path / "gone.zip", progress=False)


def test_refused_export_leaves_the_file_that_was_there(real_lab, names, tmp_path):
    study = real_lab.create_study(names[0])
    study.remove()
    (tmp_path / "study.zip").write_text("mine")
    with pytest.raises(Exception, match="no study"):
        study.export(tmp_path / "study.zip", progress=False)
    assert [each.name for each in tmp_path.iterdir()] == ["study.zip"]
    assert (tmp_path / "study.zip").read_text() == "mine"
