"""Readings over HTTP: by numbers, and without a word of what is behind them."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Any

import httpx
from read_study import BLIND, SECRET, Read, good

from wsi_lab.errors import Conflict, CutShort, NotFound, SlideMissing
from wsi_lab.model.people import Right
from wsi_lab.server.reading.handling import told


def test_reading_is_as_the_contract_says(read: Callable[..., Read], schema: Any) -> None:
    it = read(**BLIND)
    found = good(it.anna.get(it.url))
    schema("Reading", found)
    assert found["study"] == {
        "id": it.study.id,
        "name": it.study.name,
        "description": "Look closely.",
    }
    assert [each["name"] for each in found["items"]] == ["Slide 1", "Slide 2", "Slide 3"]
    assert found["settings"] == {
        "hides_names": True,
        "may_change": True,
        "may_jump": True,
        "shows_others": False,
        "is_timed": True,
        "scores_cases": False,
        "cores_at_once": False,
    }
    assert [each["options"] for each in found["questions"]] == [["1", "2", "3"], [], []]
    item = good(it.anna.get(f"{it.url}/items/2"))
    schema("ReadItem", item)
    (slide,) = item["slides"]
    assert (slide["number"], slide["width"], slide["tile_size"], slide["zooms"]) == (
        2,
        2220,
        240,
        5,
    )


def test_answer_is_given_repeated_changed_and_refused(
    read: Callable[..., Read], world: Any, schema: Any
) -> None:
    it = read(**BLIND)
    url = f"{it.url}/items/2/answers"
    question = it.questions["Grade"].id

    def put(answer: str, revision: int, **more: Any) -> httpx.Response:
        body = {"question_id": question, "answer": answer, "revision": revision, **more}
        return it.anna.put(url, json=body)

    first = good(put("2", 0))
    schema("ReadAnswer", first)
    assert (first["answer"], first["core"], first["revision"]) == ("2", None, 1)
    assert good(put("2", 0)) == first
    second = good(put("3", 1))
    assert second["revision"] == 2
    refused = put("1", 1)
    assert (refused.status_code, refused.json()["current"]) == (409, second)
    assert put("4", 2).status_code == 400
    assert put("1", 2, core={"row": 0, "column": 0}).status_code == 404
    assert it.anna.put(url, json={"question_id": question, "answer": "1"}).status_code == 400
    (row,) = world.lab.results.rows(world.owner, it.study.id)
    assert (row.slide_id, row.value) == (it.slide_ids[2], "3")
    assert good(it.anna.get(f"{it.url}/items/2"))["answers"] == [second]
    assert [each["answered"] for each in good(it.anna.get(it.url))["items"]] == [0, 1, 0]


def test_pixels_are_those_of_the_slide_behind_the_number(
    read: Callable[..., Read], boss: httpx.Client
) -> None:
    it = read(**BLIND)
    for number, slide_id in it.slide_ids.items():
        for rest in ("tiles/4/1/1.jpg", "tiles/4?tiles=1.1,2.1", "thumbnail?width=64&height=64"):
            mine = it.anna.get(f"{it.url}/slides/{number}/{rest}")
            theirs = boss.get(f"/v1/slides/{slide_id}/{rest}")
            assert mine.status_code == theirs.status_code == 200
            assert mine.content == theirs.content
            assert mine.headers["Content-Type"] == theirs.headers["Content-Type"]
    version = good(it.anna.get(f"{it.url}/items/1"))["slides"][0]["version"]
    kept = it.anna.get(f"{it.url}/slides/1/tiles/4/1/1.jpg?v={version}")
    assert kept.headers["Cache-Control"].startswith("private, max-age=86400")
    again = it.anna.get(
        f"{it.url}/slides/1/tiles/4/1/1.jpg", headers={"If-None-Match": kept.headers["ETag"]}
    )
    assert again.status_code == 304
    bundle = it.anna.get(f"{it.url}/slides/1/tiles/4?tiles=1.1").content
    assert struct.unpack("<2I", bundle[:8]) == (1, len(bundle) - 8)


def test_times_are_taken_and_told(
    read: Callable[..., Read], boss: httpx.Client, schema: Any
) -> None:
    it = read(**BLIND)
    for seconds in (3, 12.5, 12.5, 4):
        visit = {"key": "0a1b", "seconds": seconds}
        good(it.anna.put(f"{it.url}/items/3/time", json=visit), 204)
    url = f"/v1/studies/{it.study.id}"
    times = good(boss.get(f"{url}/reading-times"))
    schema("ReadingTimePage", times)
    (time,) = times["items"]
    assert (time["slide_id"], time["seconds"]) == (it.slide_ids[3], 12.5)
    readers = good(boss.get(f"{url}/readers"))
    schema("ReaderPage", readers)
    assert [(each["needed"], each["items"], each["seconds"]) for each in readers["items"]] == [
        (6, 3, 12.5)
    ]
    assert (
        it.anna.put(f"{it.url}/items/3/time", json={"key": "a", "seconds": -1}).status_code == 400
    )


def test_lists_of_readers_and_times_come_in_pages(
    read: Callable[..., Read], world: Any, boss: httpx.Client
) -> None:
    it = read(timecases="true")
    for key in "abc":
        good(it.anna.put(f"{it.url}/items/1/time", json={"key": key, "seconds": 1}), 204)
    for number in range(2):
        world.lab.people.add(world.owner, email := f"more{number}-{it.study.id}@lab")
        world.lab.studies.set_member(world.owner, it.study.id, email, [Right.SCORE])
    for name in ("readers", "reading-times"):
        url = f"/v1/studies/{it.study.id}/{name}"
        whole = good(boss.get(url))
        first = good(boss.get(f"{url}?limit=2"))
        rest = good(boss.get(f"{url}?limit=2&cursor={first['next_cursor']}"))
        assert len(whole["items"]) == 3
        assert first["items"] + rest["items"] == whole["items"]
        assert (whole["next_cursor"], rest["next_cursor"]) == (None, None)


def test_invitation_is_a_link_below_the_mount(
    read: Callable[..., Read], boss: httpx.Client, schema: Any
) -> None:
    it = read()
    body = {"email": f"cleo{it.study.id}@lab", "name": "Cleo", "expires_on": "2999-01-01T00:00:00Z"}
    made = good(boss.post(f"/v1/studies/{it.study.id}/invitations", json=body), 201)
    schema("Invitation", made)
    assert made["link"] == f"/read/{it.study.id}#{made['token']}"
    headers = {"Authorization": f"Bearer {made['token']}"}
    assert good(boss.get(it.url, headers=headers))["reader"] == body["email"]
    elsewhere = read()
    assert boss.get(elsewhere.url, headers=headers).status_code == 404
    assert boss.get(f"/v1/studies/{it.study.id}/readers", headers=headers).status_code == 403


def test_study_that_is_not_open_says_so_on_every_address(
    read: Callable[..., Read], world: Any
) -> None:
    it = read(**BLIND)
    layer = it.questions["Mitoses"].id
    good(it.anna.get(it.url))
    assert it.anna.get(f"{it.url}/slides/1/thumbnail").status_code == 200
    world.lab.studies.unpublish(world.owner, it.study.id)
    for address in (
        "",
        "/items/1",
        "/slides/1/tiles/0/0/0.jpg",
        "/slides/1/tiles/0?tiles=0.0",
        "/slides/1/thumbnail",
        "/slides/1/layers",
        "/slides/1/annotations/at?x=1&y=1",
        f"/slides/1/overlay/{layer}/0/0/0.png",
        f"/layers/{layer}/shapes?slide_id=1",
        "/annotations/1",
    ):
        refused = it.anna.get(f"{it.url}{address}")
        assert refused.status_code == 403, address
        assert refused.json()["detail"] == "This study is not open to readers yet."


def test_no_answer_to_a_blind_reader_tells_what_is_behind_the_numbers(
    read: Callable[..., Read], world: Any
) -> None:
    it = read(**BLIND)
    layer = it.questions["Mitoses"].id
    asks = [
        ("GET", ""),
        *(("GET", f"/items/{number}") for number in (1, 2, 3, 4)),
        ("GET", "/slides/1/layers"),
        ("GET", "/slides/1/thumbnail"),
        ("GET", "/slides/4/thumbnail"),
        ("GET", "/slides/1/tiles/9/0/0.jpg"),
        ("GET", "/slides/1/annotations/at?x=1&y=1"),
        ("GET", f"/layers/{layer}/shapes?slide_id=1"),
        ("GET", f"/layers/{it.questions['Grade'].id}/shapes?slide_id=1"),
        ("GET", "/annotations/999999"),
        ("GET", f"/slides/1/overlay/{layer}/0/0/0.png"),
        ("GET", "/slides/1/overlay/999999/0/0/0.png"),
    ]
    world.lab.results.import_table(
        world.owner,
        it.study.id,
        f"ImageID\tBy\tQuestion\tAnswer\n{it.slide_ids[1]}\t{SECRET}@lab\tGrade\t3\n",
    )
    ids = {each.id for each in it.slides} | {each.case_id for each in it.slides}
    for method, address in asks:
        answer = it.anna.request(method, f"{it.url}{address}")
        text = " ".join([*answer.headers.values(), *_texts(answer)])
        assert SECRET not in text, address
        assert str(world.slide_file.parent) not in text, address
        assert not [each for each in ids if str(each) in text], address
    # Through every other address the study is closed.
    for slide in it.slides:
        assert it.anna.get(f"/v1/slides/{slide.id}/thumbnail").status_code == 404


def _texts(answer: httpx.Response) -> list[str]:
    is_text = answer.headers["Content-Type"].startswith("application/")
    return [answer.text] if is_text else []


def test_sentences_that_may_name_ids_are_replaced() -> None:
    for error in (
        NotFound("There is no slide 7."),
        NotFound("There is no layer 3 in the study of this slide 7."),
        SlideMissing(f"The file {SECRET} is gone."),
        CutShort(f"{SECRET} ends early.", slide_id=7),
    ):
        said = told(error)
        assert type(said) is type(error)
        assert not re.search(rf"7|{SECRET}", said.message)
        assert not said.details
    kept = NotFound("There is no slide 7 in this reading.")
    assert told(kept).message == kept.message
    conflict = told(Conflict("It was changed.", current={"a": 1}, slide_id=7))
    assert dict(conflict.details) == {"current": {"a": 1}}
