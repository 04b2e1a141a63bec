"""Questions, answers, tables and annotations of a study over HTTP."""

from __future__ import annotations

import csv
import io
from typing import Any

import httpx
import pyarrow as pa
import pytest

from wsi_lab.server.api.answers import LARGEST_IN_MEMORY, PIECE_BYTES

ARROW = {"Accept": "application/vnd.apache.arrow.stream"}
TSV = {"Content-Type": "text/tab-separated-values"}


@pytest.fixture
def study(world: Any) -> Any:
    """A study with the usual members and one slide."""
    study = world.new_study()
    world.new_slide(study)
    return study


def _slide(boss: httpx.Client, study: Any) -> int:
    items = boss.get(f"/v1/studies/{study.id}/slides").json()["items"]
    number: int = items[0]["id"]
    return number


def _ask(boss: httpx.Client, study: Any, name: str, kind: str = "FreeText") -> dict[str, Any]:
    answer = boss.post(f"/v1/studies/{study.id}/questions", json={"name": name, "kind": kind})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def _table(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def test_question_is_changed_in_part_and_removed(study: Any, boss: httpx.Client) -> None:
    made = _ask(boss, study, "Grade", "dropdown")
    assert made["kind"] == "DropDown"
    path = f"/v1/questions/{made['id']}"
    changed = boss.patch(path, json={"configuration": "1;2;3"}, headers={"If-Match": '"r1"'})
    assert changed.json() == made | {
        "configuration": "1;2;3",
        "options": ["1", "2", "3"],
        "revision": 2,
    }
    stale = boss.patch(path, json={"name": "x"}, headers={"If-Match": '"r1"'})
    assert (stale.status_code, stale.json()["current"]) == (409, 2)
    assert boss.delete(path, headers={"If-Match": '"r2"'}).status_code == 204
    assert boss.get(path).status_code == 404


def test_kind_that_is_none_is_told_which_there_are(study: Any, boss: httpx.Client) -> None:
    answer = boss.post(f"/v1/studies/{study.id}/questions", json={"name": "x", "kind": "magic"})
    assert answer.status_code == 400
    assert "AnnoShapes" in answer.json()["detail"]


def test_answer_is_given_replaced_and_remembered(study: Any, boss: httpx.Client) -> None:
    _ask(boss, study, "Why")
    path = f"/v1/studies/{study.id}/answers"
    body = {"question": "Why", "slide_id": _slide(boss, study)}
    first = boss.post(path, json={**body, "answer": "so", "revision": 0})
    assert first.status_code == 201, first.text
    second = boss.post(path, json={**body, "answer": "because", "revision": 1}).json()
    assert (second["id"], second["revision"]) == (first.json()["id"], 2)
    assert second["author"] == "boss@lab"
    stale = boss.post(path, json={**body, "answer": "no", "revision": 1})
    assert (stale.status_code, stale.json()["current"]) == (409, 2)
    history = boss.get(f"/v1/answers/{second['id']}/history").json()["items"]
    assert [(each["answer"], each["revision"]) for each in history] == [("so", 1), ("because", 2)]
    assert boss.get(f"/v1/studies/{study.id}").json()["answered_on"] == second["answered_on"]


def test_answer_that_the_question_cannot_have_is_refused(study: Any, boss: httpx.Client) -> None:
    _ask(boss, study, "How much", "PercentageOnly")
    slide_id = _slide(boss, study)
    path = f"/v1/studies/{study.id}/answers"
    for body in (
        {"question": "How much", "answer": "lots", "slide_id": slide_id},
        {"question": "How much", "answer": "10"},
        {"question": "How much", "answer": "10", "slide_id": slide_id, "core": {"row": -1}},
    ):
        answer = boss.post(path, json=body)
        assert answer.status_code == 400, answer.text
        assert answer.json()["code"] == "invalid"
    missing = boss.post(path, json={"question": "Who", "answer": "I", "slide_id": slide_id})
    assert missing.status_code == 404


def test_results_go_in_as_a_table_and_come_out_in_three_shapes(
    study: Any, boss: httpx.Client
) -> None:
    _ask(boss, study, "Why")
    slide_id = _slide(boss, study)
    header = "ImageID\tImage Name\tBy\tTMA Row\tTMA Col\tTMA Sample\tQuestion\tAnswer"
    lines = [f"{slide_id}\tn\t{who}@lab\t0\t1\tA2\tWhy\t{who}, " for who in "abc"]
    results = f"/v1/studies/{study.id}/results"
    report = boss.post(results, content="\n".join([header, *lines]), headers=TSV).json()
    assert (report["stored"], report["unchanged"]) == (3, 0)
    path = f"/v1/studies/{study.id}/answers"
    as_json = boss.get(path)
    assert as_json.headers["Content-Type"] == "application/json"
    assert as_json.headers["Vary"] == "Accept"
    items = as_json.json()["items"]
    assert [each["core"] for each in items] == [{"row": 0, "column": 1, "sample": "A2"}] * 3
    rows = _table(boss.get(path, headers={"Accept": "text/csv"}))
    assert [row["answer"] for row in rows] == [each["answer"] for each in items]
    assert {row["revision"] for row in rows} == {"1"}
    table = boss.get(path, headers={"Accept": "text/tab-separated-values"})
    again = boss.post(results, content=table.content, headers=TSV).json()
    assert (again["stored"], again["unchanged"]) == (0, 3)


def test_answers_are_an_arrow_stream(study: Any, boss: httpx.Client) -> None:
    _ask(boss, study, "Why")
    slide_id = _slide(boss, study)
    lines = [f"{slide_id}\tn\t{who}@lab\tWhy\t{who}, 'ü'" for who in "abc"]
    boss.post(f"/v1/studies/{study.id}/results", content="\n" + "\n".join(lines), headers=TSV)
    answer = boss.get(f"/v1/studies/{study.id}/answers", headers=ARROW)
    assert answer.headers["Content-Type"] == ARROW["Accept"]
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    table = pa.ipc.open_stream(answer.content).read_all()
    assert table["answer"].to_pylist() == ["a, 'ü'", "b, 'ü'", "c, 'ü'"]
    assert table["reader"].to_pylist() == ["a@lab", "b@lab", "c@lab"]
    assert table.schema.field("answered_on").type == pa.timestamp("us", "UTC")
    empty = boss.get(f"/v1/studies/{study.id}/answers?author=d@lab", headers=ARROW)
    assert pa.ipc.open_stream(empty.content).read_all().schema.names == table.schema.names
    head = boss.head(f"/v1/studies/{study.id}/answers", headers=ARROW)
    assert head.headers["Content-Length"] == answer.headers["Content-Length"]


@pytest.mark.parametrize("media_type", ["text/csv", TSV["Content-Type"], ARROW["Accept"]])
def test_table_is_sent_only_where_it_has_changed(
    study: Any, boss: httpx.Client, media_type: str
) -> None:
    _ask(boss, study, "Why")
    path = f"/v1/studies/{study.id}/answers"
    body = {"question": "Why", "slide_id": _slide(boss, study)}
    boss.post(path, json={**body, "answer": "so"})
    first = boss.get(path, headers={"Accept": media_type})
    known = {"Accept": media_type, "If-None-Match": first.headers["ETag"]}
    again = boss.get(path, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert boss.get(path, params={"complete": True}, headers=known).status_code == 200
    boss.post(path, json={**body, "answer": "because"})
    after = boss.get(path, headers=known)
    assert after.status_code == 200
    assert b"because" in after.content
    assert after.headers["ETag"] != first.headers["ETag"]


def test_table_larger_than_memory_is_meant_for_is_sent_whole(
    study: Any, boss: httpx.Client
) -> None:
    _ask(boss, study, "Why")
    slide_id = _slide(boss, study)
    value = "so " * 40_000
    lines = [f"{slide_id}\tn\tr{who}@lab\tWhy\t{value}" for who in range(300)]
    boss.post(f"/v1/studies/{study.id}/results", content="\n" + "\n".join(lines), headers=TSV)
    rows = _table(boss.get(f"/v1/studies/{study.id}/answers", headers={"Accept": "text/csv"}))
    assert len(rows) * len(value) > LARGEST_IN_MEMORY
    assert {row["answer"] for row in rows} == {value}
    assert len(rows) == 300


def test_answers_are_as_they_were_and_of_complete_readers_only(
    study: Any, boss: httpx.Client
) -> None:
    _ask(boss, study, "Grade", "Integer")
    _ask(boss, study, "Stage", "Integer")
    path = f"/v1/studies/{study.id}/answers"
    body = {"slide_id": _slide(boss, study)}
    given = boss.post(path, json={**body, "question": "Grade", "answer": "1"}).json()
    then = given["answered_on"]
    boss.post(path, json={**body, "question": "Grade", "answer": "2"})

    def found(**params: Any) -> list[str]:
        items = boss.get(path, params=params).json()["items"]
        rows = _table(boss.get(path, params=params, headers={"Accept": "text/csv"}))
        assert [row["answer"] for row in rows] == [each["answer"] for each in items]
        return [each["answer"] for each in items]

    assert (found(), found(as_of=then), found(as_of="2020-01-01T00:00:00")) == (["2"], ["1"], [])
    assert found(complete=True) == []
    boss.post(path, json={**body, "question": "Stage", "answer": "3"})
    assert found(complete=True) == ["2", "3"]
    assert found(complete=True, as_of=then) == []
    for moment in ("yesterday", "0001-01-01T00:00:00+14:00"):
        answer = boss.get(path, params={"as_of": moment})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
        assert "as_of" in answer.text


def test_table_with_a_bad_line_stores_nothing_and_names_it(study: Any, boss: httpx.Client) -> None:
    _ask(boss, study, "Why")
    slide_id = _slide(boss, study)
    text = (
        f"\n{slide_id}\tn\ta@lab\tWhy\t1\n{slide_id}\tn\ta@lab\tWho\t1\n99999\tn\ta@lab\tWhy\t1\n"
    )
    answer = boss.post(f"/v1/studies/{study.id}/results", content=text, headers=TSV)
    assert answer.status_code == 400
    problems = answer.json()["problems"]
    assert [problem.partition(":")[0] for problem in problems] == ["Line 3", "Line 4"]
    assert boss.get(f"/v1/studies/{study.id}/answers").json()["items"] == []


def test_answers_are_filtered_and_come_in_pages(study: Any, boss: httpx.Client) -> None:
    for name in ("Why", "How"):
        _ask(boss, study, name)
    slide_id = _slide(boss, study)
    lines = [f"{slide_id}\tn\t{who}@lab\t{what}\t1" for who in "abc" for what in ("Why", "How")]
    boss.post(f"/v1/studies/{study.id}/results", content="\n" + "\n".join(lines), headers=TSV)
    path = f"/v1/studies/{study.id}/answers"
    found: list[Any] = []
    cursor = None
    while cursor is not None or not found:
        params = {"limit": 4} | ({"cursor": cursor} if cursor else {})
        page = boss.get(path, params=params).json()
        found += page["items"]
        cursor = page["next_cursor"]
    assert len({each["id"] for each in found}) == len(found) == 6
    for params, count in (
        ({"question": "Why"}, 3),
        ({"author": "A@lab"}, 2),
        ({"question": "Why", "author": "a@lab", "slide_id": slide_id}, 1),
        ({"slide_id": slide_id + 1000}, 0),
        ({"case_id": 1000}, 0),
        ({"mine": "true"}, 0),
    ):
        assert len(boss.get(path, params=params).json()["items"]) == count, params
        rows = _table(boss.get(path, params=params, headers={"Accept": "text/csv"}))
        assert len(rows) == count, params


def test_reader_sees_own_answers_only(world: Any, study: Any, boss: httpx.Client) -> None:
    _ask(boss, study, "Why")
    world.lab.studies.set_member(world.owner, study.id, "viewer@lab", ["view", "score"])
    reader = {"headers": world.headers("viewer")}
    path = f"/v1/studies/{study.id}/answers"
    body = {"question": "Why", "slide_id": _slide(boss, study)}
    of_boss = boss.post(path, json={**body, "answer": "1"}).json()
    own = boss.post(path, json={**body, "answer": "2"}, **reader).json()
    assert own["author"] == "viewer@lab"
    assert boss.get(path, **reader).status_code == 403
    mine = boss.get(path, params={"mine": True}, **reader).json()["items"]
    assert [each["id"] for each in mine] == [own["id"]]
    assert boss.get(f"/v1/answers/{own['id']}", **reader).status_code == 200
    assert boss.get(f"/v1/answers/{of_boss['id']}", **reader).status_code == 403


def test_shapes_are_geojson_in_pixels(study: Any, boss: httpx.Client, schema: Any) -> None:
    _ask(boss, study, "Tumour", "AnnoShapes")
    slide_id = _slide(boss, study)
    square = '[{"type":"rect","corner":{"x":10,"y":20},"size":{"x":30,"y":40}}]'
    body = {"question": "Tumour", "slide_id": slide_id, "answer": square}
    given = boss.post(f"/v1/studies/{study.id}/answers", json=body)
    assert given.status_code == 201, given.text
    assert given.json()["answer"] == square
    answer = boss.get(f"/v1/studies/{study.id}/annotations", params={"question": "Tumour"})
    assert answer.headers["Content-Type"] == "application/geo+json"
    schema("FeatureCollection", answer.json())
    (feature,) = answer.json()["features"]
    assert feature["properties"]["answer_id"] == given.json()["id"]
    corners = {tuple(each) for each in feature["geometry"]["coordinates"][0]}
    assert corners == {(10, 20), (40, 20), (40, 60), (10, 60)}


def test_long_table_is_sent_in_pieces(study: Any, boss: httpx.Client) -> None:
    _ask(boss, study, "Why")
    slide_id = _slide(boss, study)
    lines = [f"{slide_id}\tn\tr{n}@lab\tWhy\t{'x' * 900}" for n in range(3000)]
    boss.post(f"/v1/studies/{study.id}/results", content="\n" + "\n".join(lines), headers=TSV)
    path, csv_please = f"/v1/studies/{study.id}/answers", {"Accept": "text/csv"}
    whole = boss.get(path, headers=csv_please)
    assert len(whole.content) > 2 * PIECE_BYTES
    assert len(_table(whole)) == 3000
    head = boss.head(path, headers=csv_please)
    assert int(head.headers["Content-Length"]) == len(whole.content)
    assert not head.content


def test_study_slide_and_case_tell_and_take_what_is_new(
    world: Any, study: Any, boss: httpx.Client
) -> None:
    path = f"/v1/studies/{study.id}"
    change = {
        "friendly_name": "HTT, second round",
        "folder": "2026",
        "settings": {"HideSlideNames": "true"},
    }
    changed = boss.patch(path, json=change, headers={"If-Match": boss.get(path).headers["ETag"]})
    assert changed.status_code == 200, changed.text
    assert changed.json()["settings"] == {"hideslidenames": "true"}
    assert changed.json()["friendly_name"] == "HTT, second round"
    slide = f"/v1/slides/{_slide(boss, study)}"
    described = boss.patch(
        slide,
        json={"description": "<b>big</b><script>x</script>", "rotation": 90},
        headers={"If-Match": boss.get(slide).headers["ETag"]},
    ).json()
    assert (described["description"], described["rotation"]) == ("<b>big</b>", 90)
    case = f"/v1/cases/{world.new_case(study).id}"
    about = boss.patch(case, json={"description": "<i>old</i>"}, headers={"If-Match": '"r1"'})
    assert about.json()["description"] == "<i>old</i>"


def test_map_is_made_and_given_to_a_slide(study: Any, boss: httpx.Client) -> None:
    path = f"/v1/studies/{study.id}/tma-maps"
    made = boss.post(path, json={"name": "tma", "text": "A1\tA2\nB1\n"}).json()
    assert [core["sample"] for core in made["cores"]] == ["A1", "A2", "B1"]
    slide = f"/v1/slides/{_slide(boss, study)}"
    assert boss.put(f"{slide}/tma-map", json={"name": "tma"}).json()["tma_map_id"] == made["id"]
    assert boss.get(slide).json()["tma_map_id"] == made["id"]
    assert boss.put(f"{slide}/tma-map", json={"name": None}).json()["tma_map_id"] is None
    assert boss.put(f"{slide}/tma-map", json={"name": "none"}).status_code == 404


def test_configuration_files_say_what_the_study_is(study: Any, boss: httpx.Client) -> None:
    _ask(boss, study, "Why")
    files = boss.get(f"/v1/studies/{study.id}/config-files").json()["files"]
    scores = next(text for name, text in files.items() if name.endswith(".scores"))
    assert scores.startswith("Why\tFreeText")


def test_slide_is_added_by_exactly_one_of_path_and_upload(study: Any, boss: httpx.Client) -> None:
    path = f"/v1/studies/{study.id}/slides"
    for body in ({}, {"path": "a", "uploaded": "b"}, {"uploaded": "b", "stain": "H&E"}):
        answer = boss.post(path, json=body)
        assert answer.status_code == 400, answer.text
        assert len(answer.json()["problems"]) == 1
