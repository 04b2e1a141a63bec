from __future__ import annotations

import csv
import io
import json
import time
from datetime import UTC, datetime, timedelta

import httpx
import pandas as pd
import pyarrow as pa
import pytest

from wsi_lab.client.score_frames import COLUMNS, ScoresFrame
from wsi_lab.client.scores import results_table
from wsi_lab.errors import Conflict, Invalid, NotAllowed, WsiLabError
from wsi_lab.formats.score_tables import schema

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


NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
GRADE = {
    "case": "A-17",
    "slide": "CMU-1",
    "slide_id": 7,
    "core_row": 0,
    "core_column": 3,
    "core_sample": "A4",
    "reader": "a@lab",
    "question": "Grade",
    "kind": "DropDown",
    "answer": "2",
    "answered_on": NOON,
    "answer_id": 5,
    "revision": 2,
}
NOWHERE = dict.fromkeys(("case", "slide", "slide_id", "core_row", "core_column", "core_sample"))
WHY = GRADE | NOWHERE | {"case": "B-2", "question": "Why", "kind": "FreeText", "answer_id": 6}


@pytest.fixture
def table(server):
    """Return a function that lets the lab answer with a table."""

    def answer(*rows, tag=None):
        to = io.BytesIO()
        with pa.ipc.new_stream(to, schema()) as stream:
            for row in rows:
                stream.write_batch(pa.RecordBatch.from_pylist([row], schema()))

        def reply(request):
            if tag is not None and request.headers.get("If-None-Match") == tag:
                return httpx.Response(304, headers={"ETag": tag})
            headers = {} if tag is None else {"ETag": tag}
            return httpx.Response(200, content=to.getvalue(), headers=headers)

        server.instead = reply

    return answer


def test_scores_are_a_tidy_table(server, study, table):
    table(
        GRADE,
        WHY | {"answer": 'NA, "none"', "answered_on": NOON + timedelta(microseconds=123456)},
        GRADE | NOWHERE | {"slide": "CMU-1", "slide_id": 7, "reader": "b@lab", "answer": ""},
    )
    found = study.scores(question="Grade", reader="a@lab", slide=7)
    assert found["answer"].tolist() == ["2", 'NA, "none"', ""]
    assert found["reader"].tolist() == ["a@lab", "a@lab", "b@lab"]
    assert found["case"].isna().tolist() == [False, False, True]
    assert found["core_row"].isna().tolist() == [False, True, True]
    assert found.dtypes.astype(str).to_dict() == COLUMNS
    assert found["answered_on"][1] == pd.Timestamp("2026-11-25T12:00:00.123456Z")
    request = server.requests[-1]
    assert request.headers["Accept"] == "application/vnd.apache.arrow.stream"
    assert dict(request.url.params) == {"question": "Grade", "author": "a@lab", "slide_id": "7"}


def test_empty_table_has_the_same_columns_and_types(study, table):
    table()
    empty = study.scores()
    table(GRADE)
    assert empty.dtypes.to_dict() == study.scores().dtypes.to_dict()


@pytest.mark.parametrize(
    ("wanted", "asked"),
    [
        ({"mine": True}, {"mine": "true"}),
        ({"complete": True}, {"complete": "true"}),
        ({"as_of": "2026-07-01"}, {"as_of": "2026-07-01T00:00:00+00:00"}),
        ({"as_of": "2026-07-01T12:00+02:00"}, {"as_of": "2026-07-01T12:00:00+02:00"}),
        ({"as_of": NOON}, {"as_of": "2026-11-25T12:00:00+00:00"}),
    ],
)
def test_what_is_wanted_is_asked_for(server, study, table, wanted, asked):
    table()
    study.scores(**wanted)
    assert dict(server.requests[-1].url.params) == asked


def test_moment_that_is_none_is_refused(study):
    with pytest.raises(Invalid, match="yesterday"):
        study.scores(as_of="yesterday")


@pytest.mark.parametrize("body", [b"<html>", b"", b"answer_id,slide_id\n"])
def test_something_else_than_a_table_is_said_to_be(server, study, body):
    server.instead = lambda _: httpx.Response(200, content=body)
    with pytest.raises(WsiLabError, match="table of answers"):
        study.scores()


def test_table_without_a_column_is_said_to_be(server, study):
    to = io.BytesIO()
    with pa.ipc.new_stream(to, pa.schema([("answer", pa.string())])):
        pass
    server.instead = lambda _: httpx.Response(200, content=to.getvalue())
    with pytest.raises(WsiLabError, match="different versions"):
        study.scores()


def test_unchanged_table_is_not_sent_again(server, study, table):
    table(GRADE, tag='"1"')
    first = study.scores()
    first["answer"] = "x"
    first.loc[0, "reader"] = "x"
    again = study.scores()
    assert server.requests[-1].headers["If-None-Match"] == '"1"'
    assert (again["answer"][0], again["reader"][0]) == ("2", "a@lab")
    assert isinstance(again, ScoresFrame)
    table(GRADE | {"answer": "3"}, tag='"2"')
    assert study.scores()["answer"].tolist() == ["3"]
    assert study.scores()["answer"].tolist() == ["3"]


def test_tables_of_other_answers_are_kept_apart(server, study, table):
    table(GRADE, tag='"1"')
    study.scores()
    study.scores(complete=True)
    assert "If-None-Match" not in server.requests[-1].headers


def test_three_hundred_thousand_answers_take_less_than_a_second(study, server):
    rows = pa.Table.from_pylist([GRADE] * 1000, schema())
    to = io.BytesIO()
    with pa.ipc.new_stream(to, schema()) as stream:
        for _ in range(300):
            stream.write_table(rows)
    server.instead = lambda _: httpx.Response(200, content=to.getvalue())
    study.scores()
    began = time.process_time()
    assert len(study.scores()) == 300_000
    assert time.process_time() - began < 1


@pytest.mark.parametrize("ending", ["parquet", "arrow", "feather"])
def test_exported_table_is_read_back_as_it_was(study, table, tmp_path, ending):
    table(GRADE, WHY)
    path = tmp_path / f"scores ü.{ending}"
    study.export_scores(path)
    read = pd.read_parquet if ending == "parquet" else pd.read_feather
    pd.testing.assert_frame_equal(read(path), pd.DataFrame(study.scores()))


@pytest.mark.parametrize(
    ("ending", "media_type"), [("csv", "text/csv"), ("TSV", "text/tab-separated-values")]
)
def test_exported_text_is_what_the_lab_writes(server, study, tmp_path, ending, media_type):
    server.instead = lambda _: httpx.Response(200, content=b"a,b\n")
    path = tmp_path / f"scores.{ending}"
    study.export_scores(path, complete=True, as_of=NOON)
    assert path.read_bytes() == b"a,b\n"
    request = server.requests[-1]
    assert request.headers["Accept"] == media_type
    assert set(request.url.params) == {"complete", "as_of"}


def test_failed_export_leaves_what_was_there(server, study, tmp_path, refuse):
    path = tmp_path / "scores.csv"
    path.write_text("before")
    server.instead = lambda _: refuse(403, "not_allowed", "No.")
    with pytest.raises(NotAllowed):
        study.export_scores(path)
    assert [each.name for each in tmp_path.iterdir()] == ["scores.csv"]
    assert path.read_text() == "before"
    with pytest.raises(Invalid, match="parquet"):
        study.export_scores(tmp_path / "scores.xlsx")


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
    table(GRADE, WHY | {"answer": ""})
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


def test_scores_of_a_lab_are_whole_wide_of_any_moment_and_of_complete_readers(real_lab, tmp_path):
    study = real_lab.studies.create("scores of any moment")
    study = study.change(settings={"scorecases": "true"})
    for name in ("Grade", "Stage"):
        study.questions.add(name, "Integer")
    for case in ("c1", "c2"):
        study.cases.create(case)
    asked = [(case, name) for case in ("c1", "c2") for name in ("Grade", "Stage")]
    rows = [(*each, reader, "1") for reader in "ab" for each in asked][:-1]
    columns = ["case", "question", "reader", "answer"]
    study.import_results(pd.DataFrame(rows, columns=columns))
    before = study.scores()
    study.import_results(pd.DataFrame([("c1", "Grade", "a", "3")], columns=columns))
    scores = study.scores()
    then = study.scores(as_of=before["answered_on"].max())
    complete = study.scores(complete=True)
    study.export_scores(tmp_path / "all.parquet")
    study.export_scores(tmp_path / "all.csv")
    study.export_scores(tmp_path / "all.tsv")
    again = study.import_results((tmp_path / "all.tsv").read_text())
    study.remove()
    pd.testing.assert_frame_equal(then, before)
    assert scores["revision"].tolist() == [2, 1, 1, 1, 1, 1, 1]
    assert complete["reader"].tolist() == ["a"] * 4
    wide = scores.wide("reader")
    assert wide.loc[("c1", "Grade")].tolist() == [3, 1]
    assert wide.loc[("c2", "Stage")].isna().tolist() == [False, True]
    pd.testing.assert_frame_equal(ScoresFrame(pd.read_parquet(tmp_path / "all.parquet")), scores)
    assert pd.read_csv(tmp_path / "all.csv")["answer_id"].tolist() == scores["answer_id"].tolist()
    assert (again.stored, again.unchanged) == (0, 7)
