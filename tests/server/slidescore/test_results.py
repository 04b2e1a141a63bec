"""Answers in and out through the released client, as JSON and as a table."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from slidescore import SlideScoreErrorException, SlideScoreResult

SHAPES = [
    {"type": "polygon", "points": [{"x": 1, "y": 2.50}, {"x": 3, "y": 4}], "odd key": [None, 1e3]},
    {"type": "brush", "positivePolygons": [[{"x": 1, "y": 1}]], "negativePolygons": []},
]


@pytest.fixture
def asked(door: Any, world: Any) -> Any:
    """A new study with a slide and questions."""
    study = world.new_study()
    slide = world.new_slide(study)
    sdk = door.sdk()
    for line in ("Grade\tDropDown\t1;2;3", "Tumour\tAnnoShapes\t#e6194b", "Note\tFreeText"):
        sdk.add_question(study.id, line)
    return SimpleNamespace(study=study, slide=slide, sdk=sdk)


def row(asked: Any, question: str, answer: str, **more: Any) -> SlideScoreResult:
    """Return a row as users of the client make them."""
    result = SlideScoreResult()
    result.image_id, result.image_name = asked.slide.id, asked.slide.name
    result.case_name = None
    result.user, result.question, result.answer = "reader@lab", question, answer
    for name, value in more.items():
        setattr(result, name, value)
    return result


def test_rows_come_back_equal(door: Any, asked: Any) -> None:
    rows = [
        row(asked, "Grade", "2"),
        row(asked, "Tumour", json.dumps(SHAPES)),
        row(asked, "Note", "ü + % & \\", user="model-7@lab"),
        row(asked, "Note", "core", tma_row=0, tma_col=3, tma_sample_id="S 9"),
    ]
    assert asked.sdk.upload_results(asked.study.id, rows) is True
    found = asked.sdk.get_results(asked.study.id)
    assert sorted(each.toRow() for each in found if each.question != "Tumour") == sorted(
        each.toRow() for each in rows if each.question != "Tumour"
    )
    drawn = next(each for each in found if each.question == "Tumour")
    assert json.loads(drawn.answer) == SHAPES
    assert len({each.id for each in found}) == 4


def test_keys_that_mean_nothing_are_left_out(door: Any, asked: Any) -> None:
    asked.sdk.upload_results(asked.study.id, [row(asked, "Grade", "1")])
    (found,) = door.get("Scores", studyid=asked.study.id).json()
    assert set(found) == {
        *("id", "imageID", "imageName", "user", "question", "answer", "lastModifiedOn")
    }


def test_uploading_again_replaces(asked: Any) -> None:
    asked.sdk.upload_results(asked.study.id, [row(asked, "Grade", "1")])
    first = asked.sdk.get_results(asked.study.id)
    asked.sdk.upload_results(asked.study.id, [row(asked, "Grade", "1")])
    asked.sdk.upload_results(asked.study.id, [row(asked, "Grade", "3")])
    second = asked.sdk.get_results(asked.study.id)
    assert [(each.id, each.answer) for each in second] == [(first[0].id, "3")]


def test_one_wrong_row_stores_nothing_and_every_wrong_line_is_named(asked: Any) -> None:
    rows = [
        row(asked, "Grade", "1"),
        row(asked, "Nonsense", "1"),
        row(asked, "Note", "x", image_id=10**8),
    ]
    with pytest.raises(SlideScoreErrorException) as caught:
        asked.sdk.upload_results(asked.study.id, rows)
    assert "Line 3" in str(caught.value)
    assert "Line 4" in str(caught.value)
    assert asked.sdk.get_results(asked.study.id) == []


def test_filters_narrow(asked: Any) -> None:
    rows = [row(asked, "Grade", "1"), row(asked, "Note", "x", user="other@lab")]
    asked.sdk.upload_results(asked.study.id, rows)

    def questions(**filters: Any) -> list[str]:
        return sorted(each.question for each in asked.sdk.get_results(asked.study.id, **filters))

    assert questions() == ["Grade", "Note"]
    assert questions(question="Grade") == ["Grade"]
    assert questions(email="other@lab") == ["Note"]
    assert questions(imageid=asked.slide.id) == ["Grade", "Note"]
    assert questions(imageid=10**8) == questions(question="Nonsense") == []


@pytest.mark.parametrize("accept", ["*/*", "text/plain", "text/tab-separated-values", ""])
def test_table_goes_to_whoever_does_not_accept_json(door: Any, asked: Any, accept: str) -> None:
    asked.sdk.upload_results(asked.study.id, [row(asked, "Grade", "2")])
    answer = door.send(
        "GET", "/Api/Scores", params={"studyid": asked.study.id}, headers={"Accept": accept}
    )
    assert answer.headers["Content-Type"] == "text/tab-separated-values; charset=utf-8"
    header, line = answer.text.rstrip("\n").split("\n")
    assert header == "ImageID\tImage Name\tBy\tQuestion\tAnswer\tlastModifiedOn"
    assert line.split("\t")[:5] == [
        *(str(asked.slide.id), asked.slide.name, "reader@lab", "Grade", "2")
    ]


def test_table_that_was_downloaded_can_be_uploaded(door: Any, asked: Any) -> None:
    rows = [row(asked, "Grade", "2"), row(asked, "Tumour", json.dumps(SHAPES))]
    asked.sdk.upload_results(asked.study.id, rows)
    before = door.get("Scores", studyid=asked.study.id).json()
    table = door.send(
        "GET", "/Api/Scores", params={"studyid": asked.study.id}, headers={"Accept": "*/*"}
    ).text
    answer = door.post("UploadResults", studyid=asked.study.id, results=table)
    assert answer.json()["success"] is True, answer.text
    assert door.get("Scores", studyid=asked.study.id).json() == before


def test_studies_that_were_answered_lately_are_named(door: Any, asked: Any, world: Any) -> None:
    since = world.clock().isoformat()

    def updated() -> list[int]:
        said = door.send("GET", "/Api/GetStudiesUpdated", params={"since": since}).json()
        assert said["success"] is True
        assert said["studyIDs"] == said["StudyIDs"]
        found: list[int] = said["studyIDs"]
        return found

    assert asked.study.id not in updated()
    asked.sdk.upload_results(asked.study.id, [row(asked, "Grade", "1")])
    assert asked.study.id in updated()
    assert door.get("GetStudiesUpdated", since="yesterday").json()["success"] is False


def test_rows_of_many_megabytes_come_and_go(door: Any, asked: Any) -> None:
    outline = ",".join(f'{{"x":{n},"y":{n}.5}}' for n in range(40_000))
    shape = f'[{{"type":"polygon","points":[{outline}]}}]'
    rows = [row(asked, "Tumour", shape, user=f"model-{n}@lab") for n in range(8)]
    assert asked.sdk.upload_results(asked.study.id, rows) is True
    assert {each.answer for each in asked.sdk.get_results(asked.study.id)} == {shape}


def test_log_tells_how_many_answers_were_stored(door: Any, asked: Any) -> None:
    def log(*cells: str) -> str:
        lines = "".join(f"{asked.slide.id}\ta\tme@lab\t{cell}\n" for cell in cells)
        said = door.post("UploadResults", studyid=asked.study.id, results=f"\n{lines}").json()
        assert said["success"] is True
        return str(said["log"])

    assert log("Grade\t1", "Note\tx") == "Answers: 2 stored, 0 unchanged."
    assert log("Grade\t1", "Note\ty") == "Answers: 1 stored, 1 unchanged."
    assert log() == "Answers: 0 stored, 0 unchanged."


def test_answer_in_the_place_of_the_header_is_left_out_and_the_log_says_so(
    door: Any, asked: Any
) -> None:
    lines = "".join(f"{asked.slide.id}\ta\tme@lab\tNote\t{value}\n" for value in "ab")
    said = door.post("UploadResults", studyid=asked.study.id, results=lines).json()
    assert said["success"] is True
    assert "Line 1: left out" in said["log"]
    (found,) = door.get("Scores", studyid=asked.study.id).json()
    assert found["answer"] == "b"
    for header in ("", "#header", "ImageID\tName\tBy\tQuestion\tAnswer"):
        said = door.post("UploadResults", studyid=asked.study.id, results=f"{header}\n{lines}")
        assert "Line 1" not in said.json()["log"]


def test_wrong_drawing_is_told_with_its_line_and_its_question(asked: Any) -> None:
    with pytest.raises(SlideScoreErrorException, match="Line 2: Answer to 'Tumour': "):
        asked.sdk.upload_results(asked.study.id, [row(asked, "Tumour", "None")])
