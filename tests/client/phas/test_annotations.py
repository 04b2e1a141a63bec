from __future__ import annotations

import datetime as dt
import json
import logging

import pytest
from phas_server import Asked, Reply

from wsi_lab.client.phas import AnnotationTask
from wsi_lab.errors import Invalid, WsiLabError

HEADER = "id,slide_name\n"
LIST = "GET /api/task/5/slide_detailed_manifest.csv"
TIMESTAMP = "GET /api/task/5/slide/7/annot/timestamp"
DRAWING = [
    [
        "Layer",
        {
            "applyMatrix": True,
            "children": [
                ["Path", {"segments": [[1, 2], [[3.00001, 4], [0.1, 0], [-0.1, 0]]]}],
                ["Path", {"closed": True}],
                ["PointText", {"matrix": [1, 0, 0, 1, 5, 6], "content": "Übergang α"}],
            ],
        },
    ]
]


@pytest.fixture
def task(phas, client):
    return AnnotationTask(client, 5)


@pytest.fixture
def kept(phas):
    """Annotations that the server keeps, by slide."""
    texts: dict[int, bytes] = {}

    def answer(asked: Asked) -> Reply:
        parts = asked.path.split("/")
        if parts[-2] != "annot" or parts[1:7] != ["task", "5", "slide", "raw", "raw", parts[6]]:
            return Reply(b"", 404)
        if parts[-1] == "get":
            return Reply(texts.get(int(parts[6]), b" \n"))
        texts[int(parts[6])] = asked.body
        return Reply({"success": True})

    phas.otherwise = answer
    return texts


@pytest.mark.parametrize("drawing", [DRAWING, [], {}, [["Layer", {"children": []}]]])
def test_annotation_comes_back_as_it_was_sent(task, kept, drawing):
    assert task.get_slide_annot_json(7) is None
    assert task.set_slide_annot_json(7, drawing) is True
    assert task.get_slide_annot_json(7) == drawing
    assert json.loads(kept[7]) == drawing


def test_annotation_is_sent_as_json(phas, task, kept):
    task.set_slide_annot_json(7, DRAWING)
    assert phas.asked[-1].headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("data", [{1, 2}, [float("nan")], object()])
def test_what_is_no_json_is_not_sent(phas, task, kept, data):
    with pytest.raises(Invalid, match="cannot be sent"):
        task.set_slide_annot_json(7, data)
    assert not kept


def test_annotation_that_the_server_did_not_take_is_false(phas, task):
    phas.answer("POST /task/5/slide/raw/raw/7/annot/set", {"success": False})
    assert task.set_slide_annot_json(7, DRAWING) is False


def test_page_is_no_annotation(phas, task):
    phas.answer("GET /task/5/slide/raw/raw/7/annot/get", b"<html>")
    with pytest.raises(WsiLabError, match="does not speak PHAS"):
        task.get_slide_annot_json(7)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (1_700_000_000.25, "2023-11-14T22:13:20.250000Z"),
        (1_700_000_000, "2023-11-14T22:13:20Z"),
        ("2026-11-01T10:00:00.5+00:00", "2026-11-01T10:00:00.5+00:00"),
        (None, None),
    ],
)
def test_times_are_text_whatever_the_server_sends(phas, task, sent, expected):
    phas.answer(TIMESTAMP, {"timestamp": sent})
    time = task.get_slide_annot_timestamp(7)
    assert time == expected
    assert time is None or dt.datetime.fromisoformat(time).utcoffset() == dt.timedelta(0)


@pytest.mark.parametrize("sent", ["soon", [], 1e300, {}])
def test_what_is_no_time_is_said(phas, task, sent):
    phas.answer(TIMESTAMP, {"timestamp": sent})
    with pytest.raises(WsiLabError, match="no time"):
        task.get_slide_annot_timestamp(7)


def test_drawing_is_asked_for_as_svg(phas, task, tmp_path):
    phas.answer("POST /api/task/5/slide_7_annot.svg", b"<svg/>")
    phas.answer("POST /api/task/5/slide_7_annot_500.svg", b"<svg>small</svg>")
    assert task.get_slide_annot_svg(7) == b"<svg/>"
    assert phas.asked[-1].form == {
        "stroke_width": "480",
        "strip_width": "0",
        "font_size": "2000px",
        "font_color": "black",
    }
    path = tmp_path / "a.svg"
    assert task.get_slide_annot_svg(7, 500, 10, 20, "30pt", "#ff0000", str(path)) is None
    assert path.read_bytes() == b"<svg>small</svg>"
    assert list(phas.asked[-1].form.values()) == ["10", "20", "30pt", "#ff0000"]
    assert task.get_slide_annot_svg(7, downsample=-1) == b"<svg/>"


def test_export_leaves_out_slides_without_an_annotation(phas, task, kept, tmp_path):
    phas.answer(LIST, (HEADER + "7,one\n8,two\n9,three\n").encode())
    task.set_slide_annot_json(7, DRAWING)
    task.set_slide_annot_json(9, [])
    path = tmp_path / "annotations.json"
    assert task.export_task_annots(path) == 2
    assert json.loads(path.read_text()) == [
        {"slide_name": "one", "slide_id": 7, "annot": DRAWING},
        {"slide_name": "three", "slide_id": 9, "annot": []},
    ]


def test_hidden_names_are_null_in_the_file_and_no_nan(phas, task, kept, tmp_path):
    phas.answer(LIST, (HEADER + "7,\n").encode())
    task.set_slide_annot_json(7, DRAWING)
    path = tmp_path / "annotations.json"
    assert task.export_task_annots(path) == 1
    assert "NaN" not in path.read_text()
    assert json.loads(path.read_text())[0]["slide_name"] is None
    assert task.import_task_annots(path) == 0


def test_import_finds_slides_by_name_and_logs_what_it_leaves_out(
    phas, task, kept, tmp_path, caplog, capsys
):
    phas.answer(LIST, (HEADER + "7,one\n8,two\n").encode())
    path = tmp_path / "annotations.json"
    names = ["two", "three", None, float("nan")]
    records = [{"slide_name": name, "slide_id": 1, "annot": DRAWING} for name in names]
    path.write_text(json.dumps(records))
    with caplog.at_level(logging.WARNING):
        assert task.import_task_annots(path) == 1
    assert list(kept) == [8]
    assert "'three'" in caplog.text
    assert len(caplog.records) == 3
    assert capsys.readouterr().out == ""


def test_names_of_digits_are_found_in_files_of_the_released_client(phas, task, kept, tmp_path):
    phas.answer(LIST, (HEADER + "7,007\n8,8\n9,08\n10,10\n").encode())
    path = tmp_path / "annotations.json"
    path.write_text(
        json.dumps([{"slide_name": name, "annot": []} for name in (7, 8, "08", 10.0, "9")])
    )
    assert task.import_task_annots(path) == 4
    assert list(kept) == [7, 8, 9, 10]


def test_number_that_two_names_have_is_left_out(phas, task, kept, tmp_path):
    phas.answer(LIST, (HEADER + "7,007\n8,07\n").encode())
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps([{"slide_name": 7, "annot": []}]))
    assert task.import_task_annots(path) == 0
    assert not kept


def test_name_that_reads_as_a_blank_is_a_name(phas, task, kept, tmp_path):
    phas.answer(LIST, (HEADER + "7,NA\n8,two\n").encode())
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps([{"slide_name": "NA", "annot": []}]))
    assert task.import_task_annots(path) == 1
    assert list(kept) == [7]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"{}", "no file of annotations"),
        (b'[{"slide_name": "one"}]', "no file of annotations"),
        (b'[{"annot": []}]', "no file of annotations"),
        (b"[5]", "no file of annotations"),
        (None, "can be read here"),
    ],
)
def test_file_that_is_none_is_refused_before_anything_is_sent(
    phas, task, tmp_path, content, sentence
):
    path = tmp_path / "annotations.json"
    if content is not None:
        path.write_bytes(content)
    asked = len(phas.asked)
    with pytest.raises(Invalid, match=sentence):
        task.import_task_annots(path)
    assert len(phas.asked) == asked
