from __future__ import annotations

import csv
import io
import json
import time

import httpx
import pandas as pd
import pytest

from wsi_lab.client.scores import results_table
from wsi_lab.errors import Conflict, Invalid, WsiLabError

HEADER = (
    "answer_id,slide_id,slide,case,core_row,core_column,core_sample,reader,question,kind,answer,"
    "answered_on,revision"
)
ANSWER = {
    "id": 5,
    "study_id": 1,
    "question_id": 2,
    "slide_id": 7,
    "case_id": None,
    "core": {"row": 0, "column": 3, "sample": "A4"},
    "author": "a@lab",
    "answer": "2",
    "answered_on": "2026-11-25T12:00:00Z",
    "answered_by": 1,
    "door": "v1",
    "file_uuid": None,
    "revision": 2,
}


@pytest.fixture
def study(server, lab):
    server.add_study("a")
    return lab.studies["a"]


@pytest.fixture
def table(server):
    """Return a function that lets the lab answer with a table."""

    def answer(*lines):
        text = "\n".join([HEADER, *lines, ""])
        server.instead = lambda _: httpx.Response(200, text=text)

    return answer


def test_scores_are_a_tidy_table(server, study, table):
    table(
        "5,7,CMU-1,A-17,0,3,A4,a@lab,Grade,DropDown,2,2026-11-25T12:00:00Z,2",
        '6,,,B-2,,,,a@lab,Why,FreeText,"NA, ""none""",2026-11-25T12:00:00.123456Z,1',
        "7,7,CMU-1,,,,,b@lab,Why,FreeText,,2026-11-25T12:00:00Z,1",
    )
    found = study.scores(question="Grade", reader="a@lab", slide=7)
    assert found["answer"].tolist() == ["2", 'NA, "none"', ""]
    assert found["case"].isna().tolist() == [False, False, True]
    assert found["core_row"].isna().tolist() == [False, True, True]
    assert (found["slide_id"].dtype, found["revision"].dtype) == ("Int64", "int64")
    assert str(found["answered_on"].dtype) == "datetime64[us, UTC]"
    assert found["answered_on"][1] == pd.Timestamp("2026-11-25T12:00:00.123456Z")
    request = server.requests[-1]
    assert request.headers["Accept"] == "text/csv"
    assert dict(request.url.params) == {"question": "Grade", "author": "a@lab", "slide_id": "7"}


def test_empty_table_has_the_same_columns_and_types(study, table):
    table()
    empty = study.scores()
    table("5,7,CMU-1,A-17,0,3,A4,a@lab,Grade,DropDown,2,2026-11-25T12:00:00Z,2")
    assert empty.dtypes.to_dict() == study.scores().dtypes.to_dict()


def test_own_answers_are_asked_for_by_a_word(server, study, table):
    table()
    study.scores(mine=True)
    assert server.requests[-1].url.params["mine"] == "true"


def test_something_else_than_a_table_is_said_to_be(server, study):
    server.instead = lambda _: httpx.Response(200, text="<html>")
    with pytest.raises(WsiLabError, match="table of answers"):
        study.scores()


def test_three_hundred_thousand_answers_take_a_few_seconds(study, table):
    line = "{},7,CMU-1,A-17,0,3,A4,a@lab,Grade,Percentage,2,2026-11-25T12:00:00Z,2"
    table(*(line.format(number) for number in range(1, 300_001)))
    began = time.process_time()
    assert len(study.scores()) == 300_000
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    ("given", "sent"),
    [("2", "2"), (2, "2"), (12.0, "12"), (0.5, "0.5"), (True, "true"), ([{"x": 1}], '[{"x":1}]')],
)
def test_answer_is_sent_as_text(server, study, given, sent):
    server.instead = lambda _: httpx.Response(201, json=ANSWER)
    answer = study.submit("Grade", given, slide=7, core=(0, 3, "A4"), revision=1)
    assert json.loads(server.requests[-1].content) == {
        "question": "Grade",
        "answer": sent,
        "slide_id": 7,
        "case_id": None,
        "core": {"row": 0, "column": 3, "sample": "A4"},
        "revision": 1,
    }
    assert (answer.id, answer.revision, answer.core.sample) == (5, 2, "A4")


def test_answer_that_was_changed_meanwhile_is_a_conflict(server, study, refuse):
    server.instead = lambda _: refuse(409, "conflict", "It was changed.", current=4)
    with pytest.raises(Conflict) as caught:
        study.submit("Grade", "2", slide=7, revision=3)
    assert caught.value.details["current"] == 4


def test_history_is_read_in_its_order(server, study):
    server.instead = lambda request: (
        httpx.Response(
            200, json={"items": [{**ANSWER, "revision": 1}, ANSWER], "next_cursor": None}
        )
        if request.method == "GET"
        else httpx.Response(201, json=ANSWER)
    )
    answer = study.submit("Grade", "2", slide=7)
    assert [each.revision for each in answer.history()] == [1, 2]


@pytest.mark.parametrize("core", [(1,), (1, 2, "x", 4), "12"])
def test_core_that_is_none_is_refused(study, core):
    with pytest.raises(Invalid, match="core"):
        study.submit("Grade", "2", slide=7, core=core)


def test_scores_can_be_brought_in_again(server, study, table):
    table(
        "5,7,CMU-1,A-17,0,3,A4,a@lab,Grade,DropDown,2,2026-11-25T12:00:00Z,2",
        "6,,,B-2,,,,a@lab,Why,FreeText,,2026-11-25T12:00:00Z,1",
    )
    scores = study.scores()
    report = {"stored": 0, "unchanged": 2, "log": []}
    server.instead = lambda _: httpx.Response(200, json=report)
    assert study.import_results(scores).unchanged == 2
    request = server.requests[-1]
    assert request.headers["Content-Type"].startswith("text/tab-separated-values")
    rows = list(csv.reader(io.StringIO(request.content.decode()), delimiter="\t"))
    assert rows == [
        [
            *("CaseName", "ImageID", "Image Name", "By", "TMA Row", "TMA Col", "TMA Sample"),
            *("Question", "Answer"),
        ],
        ["A-17", "7", "CMU-1", "a@lab", "0", "3", "A4", "Grade", "2"],
        ["B-2", "", "", "a@lab", "", "", "", "Why", ""],
    ]


def test_text_of_results_is_sent_as_it_is(server, study):
    server.instead = lambda _: httpx.Response(200, json={"stored": 1, "unchanged": 0, "log": []})
    assert study.import_results("\n7\tn\ta@lab\tGrade\t2\n").stored == 1
    assert server.requests[-1].content == b"\n7\tn\ta@lab\tGrade\t2\n"


def test_frame_that_cannot_be_a_table_is_refused():
    frame = pd.DataFrame({"slide_id": [1], "reader": ["a"], "question": ["q"], "answer": ["1\t2"]})
    with pytest.raises(Invalid, match="tab"):
        results_table(frame)
    with pytest.raises(Invalid, match="'reader' and 'answer'"):
        results_table(frame[["slide_id", "question"]])
    with pytest.raises(Invalid, match="slide_id"):
        results_table(frame[["reader", "question", "answer"]])


def test_whole_numbers_survive_a_gap_in_their_column():
    frame = pd.DataFrame(
        {"slide_id": [1, 2], "reader": ["a", "a"], "question": ["q", "q"], "answer": [3.0, None]}
    )
    assert results_table(frame).splitlines()[1:] == ["1\ta\tq\t3", "2\ta\tq\t"]
