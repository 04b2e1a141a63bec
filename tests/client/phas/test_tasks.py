from __future__ import annotations

import io
import json
import math

import numpy as np
import pytest
from PIL import Image

from wsi_lab.client.phas import (
    AnnotationTask,
    DLTrainingTask,
    Labelset,
    SamplingROITask,
    Task,
    WrongMode,
)
from wsi_lab.errors import DamagedSlide, Invalid, WsiLabError

MANIFEST = (
    "id,block_id,section,slide,stain,slide_name,slide_ext,project,specimen,block_name,"
    "specimen_private,specimen_public,task_id,specimen_display,n_paths,n_markers,n_annot\n"
    "7,7,3,2,NISSL,one,svs,HTT pilot,1,A1,Ada,,5,Ada,2,0,2\n"
    "9,7,3,3,NISSL,two,svs,HTT pilot,1,A1,,,5,Anon 0001,0,0,0\n"
)
LIST = "GET /api/task/5/slide_detailed_manifest.csv"
TRIANGLE = {"type": "polygon", "data": [[1, 2], [30, 4], [5, 60.5]]}


@pytest.fixture
def task(phas, client):
    phas.answer(LIST, MANIFEST.encode())
    return Task(client, 5)


def test_task_knows_its_project_and_detail(task):
    assert (task.task_id, task.project, task.detail["mode"]) == (5, "HTT pilot", "annot")
    assert str(task).splitlines()[0] == "Task 5: Draw"
    assert repr(task) == "<Task 5 of project 'HTT pilot'>"


def test_ids_may_be_numbers_of_numpy(phas, client):
    assert Task(client, np.int64(5)).task_id == 5
    assert phas.asked[-1].path == "/api/task/5/info"


@pytest.mark.parametrize(
    ("kind", "number"), [(AnnotationTask, 5), (DLTrainingTask, 6), (SamplingROITask, 7)]
)
def test_class_of_a_task_wants_its_mode_and_no_other(phas, client, kind, number):
    assert kind(client, number).task_id == number
    with pytest.raises(WrongMode, match="task 8 is of mode 'browse'") as refused:
        kind(client, 8)
    assert isinstance(refused.value, ValueError)
    assert [each.path for each in phas.asked] == [
        f"/api/task/{number}/info",
        "/api/task/8/info",
    ]


def test_task_without_a_description_lists_its_slides(phas, task):
    assert "desc" not in task.detail
    assert task.slide_manifest()["id"] == {0: 7, 1: 9}


def test_manifest_is_columns_with_nan_for_blanks(task):
    manifest = task.slide_manifest()
    assert list(manifest) == MANIFEST.splitlines()[0].split(",")
    assert manifest["specimen_private"][0] == "Ada"
    assert math.isnan(manifest["specimen_private"][1])
    assert (manifest["section"], manifest["n_annot"]) == ({0: 3, 1: 3}, {0: 2, 1: 0})


def test_manifest_without_rows_has_its_columns(phas, task):
    phas.answer(LIST, MANIFEST.splitlines()[0].encode() + b"\n")
    assert task.slide_manifest()["slide_name"] == {}


def test_only_what_is_asked_for_is_sent(phas, task):
    task.slide_manifest()
    assert phas.asked[-1].query == {}
    task.slide_manifest(
        specimen="A%",
        block="_1",
        section=3,
        slide=2,
        stain="H&E",
        min_paths=0,
        min_markers=1,
        min_sroi=2,
        tags_any=["a", "b c"],
        tags_all=("d",),
        tags_none=[],
    )
    assert phas.asked[-1].query == {
        "specimen": ["A%"],
        "block": ["_1"],
        "section": ["3"],
        "slide": ["2"],
        "stain": ["H&E"],
        "min_paths": ["0"],
        "min_markers": ["1"],
        "min_sroi": ["2"],
        "tags_any": ["a", "b c"],
        "tags_all": ["d"],
    }


def test_single_tag_is_not_taken_for_its_letters(phas, task):
    task.slide_manifest(tags_none="bad")
    assert phas.asked[-1].query == {"tags_none": ["bad"]}


def test_conditions_are_in_the_order_of_the_released_client(phas, task):
    task.slide_manifest("a", "b", 1, 2, "c", 3, 4, 5, ["d"], ["e"], ["f"])
    assert "".join(values[0] for values in phas.asked[-1].query.values()) == "ab12c345def"


@pytest.mark.parametrize("body", [b"", b"<!doctype html><p>Sign in, please</p>", b"\xff\xfe\n"])
def test_what_is_no_manifest_is_said(phas, task, body):
    phas.answer(LIST, body)
    with pytest.raises(WsiLabError, match="does not speak PHAS"):
        task.slide_manifest()


def test_label_set_is_read_once(phas, task):
    phas.answer("GET /api/task/5/labelset", {"name": "Tissue", "id": 4})
    labels = [{"id": 1, "name": "grey", "color": "#808080", "n_samples": 0}]
    phas.answer("GET /dltrain/api/HTT pilot/labelset/4/labels", labels)
    assert task.labelset is task.labelset
    assert isinstance(task.labelset, Labelset)
    assert (task.labelset.labelset_id, task.labelset.project) == (4, "HTT pilot")
    assert task.labelset.label_listing() == labels
    assert sum(each.path == "/api/task/5/labelset" for each in phas.asked) == 1


def test_task_may_have_no_label_set(phas, task):
    phas.answer("GET /api/task/5/labelset", {"name": None, "id": None})
    assert task.labelset is None


def test_training_samples_and_their_pictures(phas, client):
    task = DLTrainingTask(client, 6)
    samples = [{"id": 3, "x0": 0.5, "label": 1, "have_patch": 1}]
    phas.answer("GET /task/6/slide/7/dltrain/samples", samples)
    picture = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(4, 4, 4), "RGBA")
    phas.answer("GET /dltrain/api/sample/3/image.png", png(picture))
    assert task.slide_training_samples(7) == samples
    assert task.get_sample_image(3).tobytes() == picture.tobytes()


@pytest.mark.parametrize("cut", [0, 20, 60])
def test_picture_that_is_cut_short_is_said(phas, client, cut):
    picture = Image.effect_noise((50, 50), 90)
    phas.answer("GET /dltrain/api/sample/3/image.png", png(picture)[:cut])
    with pytest.raises(DamagedSlide, match="not a picture"):
        DLTrainingTask(client, 6).get_sample_image(3)


def test_sampling_rois(phas, client, tmp_path):
    task = SamplingROITask(client, 7)
    rows = [{"id": 12, "label": 1, "json": json.dumps(TRIANGLE)}]
    phas.answer("GET /task/7/slide/raw/raw/7/sampling_roi/get", rows)
    phas.answer("POST /task/7/slide/raw/raw/7/dltrain/sampling_roi/create", {"id": 12})
    phas.answer("POST /task/7/slide/7/dltrain/sampling_roi/delete_all", b"success")
    for size in (1000, 64):
        path = f"GET /task/7/slide/7/sampling_roi/make_image_{size}.nii.gz"
        phas.answer(path, f"nifti {size}".encode())
    assert task.create_sampling_roi(7, np.int64(1), TRIANGLE) == 12
    assert phas.asked[-1].json == {"label_id": 1, "geometry": TRIANGLE}
    assert task.slide_sampling_rois(7) == rows
    assert task.delete_sampling_rois_on_slide(7) is True
    assert task.slide_sampling_roi_nifti_image(7) == b"nifti 1000"
    assert task.slide_sampling_roi_nifti_image(7, tmp_path / "a.nii.gz", 64) is None
    assert (tmp_path / "a.nii.gz").read_bytes() == b"nifti 64"


def test_deletion_that_is_not_confirmed_is_none(phas, client):
    phas.answer("POST /task/7/slide/7/dltrain/sampling_roi/delete_all", b"not now")
    assert SamplingROITask(client, 7).delete_sampling_rois_on_slide(7) is False


def test_file_that_cannot_be_written_is_said_without_its_folder(phas, client, tmp_path):
    phas.answer("GET /task/7/slide/7/sampling_roi/make_image_1000.nii.gz", b"x")
    with pytest.raises(Invalid, match=r"'a\.nii\.gz' cannot be written") as refused:
        SamplingROITask(client, 7).slide_sampling_roi_nifti_image(7, tmp_path / "no/a.nii.gz")
    assert str(tmp_path) not in str(refused.value)


def png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "png")
    return buffer.getvalue()
