from __future__ import annotations

import json

import httpx
import pytest

from wsi_lab.client import UnknownKey

QUESTION = {
    "study_id": 1,
    "kind": "DropDown",
    "configuration": "1;2",
    "options": ["1", "2"],
    "colour": None,
    "revision": 1,
}
MAP = {"id": 3, "study_id": 1, "name": "tma", "text": "A1", "row_count": 1, "column_count": 1}


@pytest.fixture
def study(server, lab):
    server.add_study("a")
    return lab.studies["a"]


@pytest.fixture
def questions(server, study):
    found = [
        QUESTION | {"id": 1, "name": "Grade", "position": 2},
        QUESTION | {"id": 2, "name": "Tumour", "position": 1},
    ]
    server.instead = lambda _: httpx.Response(200, json={"items": found, "next_cursor": None})
    return study.questions


def test_questions_are_in_the_order_they_are_asked(questions):
    assert list(questions) == ["Tumour", "Grade"]
    assert questions.to_frame().index.tolist() == [2, 1]
    assert questions["Grade"].options == ("1", "2")
    with pytest.raises(UnknownKey, match="did you mean 'Grade'"):
        questions["Grad"]


def test_question_is_added_changed_and_removed(server, study):
    made = QUESTION | {"id": 1, "name": "Grade", "position": 0}
    server.instead = lambda _: httpx.Response(201, json=made)
    question = study.questions.add("Grade", "DropDown", "1;2")
    assert json.loads(server.requests[-1].content) == {
        "name": "Grade",
        "kind": "DropDown",
        "configuration": "1;2",
        "position": None,
    }
    question.change(configuration="1;2;3")
    assert json.loads(server.requests[-1].content) == {"configuration": "1;2;3"}
    assert server.requests[-1].headers["If-Match"] == '"r1"'
    server.instead = lambda _: httpx.Response(204)
    question.remove()
    assert server.requests[-1].method == "DELETE"


def test_question_of_another_study_is_not_found_here(server, study):
    elsewhere = QUESTION | {"id": 1, "name": "Grade", "position": 0, "study_id": 2}
    server.instead = lambda _: httpx.Response(200, json=elsewhere)
    assert 1 not in study.questions


def test_map_tells_its_cores(server, study):
    core = {"row": 0, "column": 0, "sample": "A1", "is_control": True}
    whole = MAP | {"revision": 1, "cores": [core]}
    server.instead = lambda _: httpx.Response(201, json=whole)
    made = study.tma_maps.create("tma", "A1")
    assert made.to_frame().to_dict("records") == [core]


def test_configuration_files_come_by_name_and_go_in_by_a_verb(server, study):
    server.instead = lambda request: (
        httpx.Response(200, json={"files": {"study.a.scores": "Grade\tInteger\n"}})
        if request.method == "GET"
        else httpx.Response(200, json={"study_id": 1, "log": ["Made one question."]})
    )
    assert study.config_files() == {"study.a.scores": "Grade\tInteger\n"}
    assert study.import_config() == ("Made one question.",)
