"""How parameters come in and answers go out, whatever the method."""

from __future__ import annotations

import http.client
import logging
import socket
import threading
import time
import tracemalloc
from typing import Any
from urllib.parse import quote_plus, unquote_to_bytes, urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from lab_log import lab_log
from slidescore import APIClient
from waiting import wait_until

from wsi_lab.errors import Busy, Invalid
from wsi_lab.model.answer import ImportReport
from wsi_lab.server.site import MOST_BYTES_UNDER_WAY, Site
from wsi_lab.server.slidescore import method as methods
from wsi_lab.server.slidescore.params import Params, read_params, unescaped

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("verb", ["GET", "POST"])
@pytest.mark.parametrize("way", ["params", "data", "multipart", "file"])
def test_parameters_come_from_query_and_any_form(
    door: Any, world: Any, verb: str, way: str
) -> None:
    given = {"studyid": str(world.study.id)}
    how: dict[str, Any] = {
        "params": {"params": given},
        "data": {"data": given},
        "multipart": {"files": {name: (None, value) for name, value in given.items()}},
        "file": {"files": {name: ("study.txt", value) for name, value in given.items()}},
    }[way]
    answer = door.send(verb, "/Api/Images", **how)
    assert answer.status_code == 200, answer.text
    assert world.slide.id in [each["id"] for each in answer.json()]
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("method", ["images", "IMAGES", "iMaGeS"])
@pytest.mark.parametrize("name", ["studyid", "studyId", "STUDYID", "StudyID"])
def test_names_are_read_in_any_case(door: Any, world: Any, method: str, name: str) -> None:
    images = door.get(method, **{name: world.study.id}).json()
    assert world.slide.id in [each["id"] for each in images]


def test_same_parameter_twice_must_say_the_same(door: Any, world: Any) -> None:
    study = world.study.id
    both = {"params": {"studyId": study}}
    assert door.send("GET", "/Api/Images", data={"studyid": study}, **both).status_code == 200
    answer = door.send("GET", "/Api/Images", data={"studyid": study + 1}, **both)
    assert answer.status_code == 400
    assert "given twice" in answer.json()["error"]


def test_number_with_decimals_is_rounded(door: Any, world: Any) -> None:
    images = door.get("Images", studyid=f"{world.study.id}.2").json()
    assert {each["studyID"] for each in images} == {world.study.id}


@pytest.mark.parametrize("text", ["", "x", "1;2", "0x1", "nan", "inf", "1e400", "9" * 40, "١"])
def test_what_is_no_number_is_refused(door: Any, text: str) -> None:
    answer = door.get("Images", studyid=text)
    assert answer.status_code == 400, answer.text
    assert "studyid" in answer.json()["log"].lower()


def test_missing_parameter_is_named(door: Any) -> None:
    answer = door.get("Images")
    assert answer.status_code == 400
    assert "'studyId' is missing" in answer.json()["error"]


def test_body_that_is_no_form_is_refused(door: Any) -> None:
    for kind, body in {
        "application/json": b"{}",
        "multipart/form-data": b"--",
        "multipart/form-data; boundary=x": b"--y\r\n",
        "application/x-www-form-urlencoded": b"studyid=%ff",
    }.items():
        answer = door.send("POST", "/Api/Images", data=body, headers={"Content-Type": kind})
        assert answer.status_code == 400, kind
        assert answer.json()["success"] is False


def test_reading_answers_both_and_changing_only_post(door: Any, world: Any) -> None:
    slide = world.new_slide()
    assert door.post("Studies").status_code == 200
    answer = door.send("GET", "/Api/UpdateSlideName", data={"imageId": slide.id, "newName": "x"})
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST, OPTIONS"
    assert world.lab.slides.get(world.owner, slide.id).name == slide.name
    for verb in ("PUT", "DELETE", "PATCH"):
        assert door.send(verb, "/Api/Studies").status_code == 405


def test_token_may_have_its_expiry_behind_it(door: Any, world: Any) -> None:
    text = f"{world.tokens['viewer']}#expires:2027-01-01T00:00:00Z"
    studies = APIClient(door.base, text).get_studies()
    assert world.study.id in [each["id"] for each in studies]


def test_nobody_is_led_elsewhere_or_asked_for_a_form_token(door: Any) -> None:
    for verb in ("GET", "POST"):
        for who in ("anonymous", "expired", "revoked"):
            answer = door.send(verb, "/Api/Studies", who)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert "Set-Cookie" not in answer.headers
            assert set(answer.json()) == {"success", "error", "log"}


def test_unknown_method_is_told_in_the_words_of_the_door(door: Any) -> None:
    for path in ("/Api/Nothing", "/Api/", "/Api", "/Admin/Nothing", "/api/Studies"):
        answer = door.send("GET", path)
        assert answer.status_code == 404, path
        if not path.startswith("/api"):
            assert answer.json()["success"] is False


def test_bytes_of_success_are_exact(door: Any, world: Any) -> None:
    slide = world.new_slide()
    same = {"imageId": slide.id, "studyId": world.study.id}
    assert door.post("SetSlideDescription", description="<b>x</b>", **same).content == b"{}"
    deleted = door.post("DeleteSlide", **same)
    assert (deleted.status_code, deleted.content) == (200, b"")


def test_large_table_is_received_in_pieces_and_read_off_the_loop(
    door: Any, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = "\n" + "\n".join(f'{n}\tslide\ta+b@lab\tGröße\t[{{"x": {n}}}]' for n in range(600_000))
    taken: list[tuple[str, str]] = []
    read_in: list[str] = []
    looks: list[int] = []

    def read(query: str, body: bytes, headers: Any) -> Params:
        if len(body) > len(table):
            read_in.append(threading.current_thread().name)
        return read_params(query, body, headers)

    def import_table(_actor: Any, _study: int, text: str) -> ImportReport:
        taken.append((text, threading.current_thread().name))
        # Others are answered meanwhile, however long it takes: two, of whom one may have asked
        # before.
        before = len(looks)
        wait_until(lambda: len(looks) >= before + 2)
        return ImportReport(600_000, 0, ("All of it.",))

    monkeypatch.setattr(methods, "read_params", read)
    monkeypatch.setattr(world.lab.results, "import_table", import_table, raising=False)
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            looks.append(door.get("Studies").status_code)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        answer = door.post("UploadResults", studyid=world.study.id, results=table)
    finally:
        done.set()
        looking.join()
    log = "Answers: 600000 stored, 0 unchanged.\nAll of it."
    assert answer.json() == {"success": True, "log": log}
    assert [text == table for text, _ in taken] == [True]
    assert ["wsi-lab-transfers" in each for each in (*read_in, taken[0][1])] == [True, True]
    assert set(looks) == {200}


def test_first_line_that_is_empty_arrives(door: Any, world: Any, monkeypatch: Any) -> None:
    taken: list[str] = []

    def import_table(_actor: Any, _study: int, text: str) -> Any:
        taken.append(text)
        return ImportReport(0, 0)

    monkeypatch.setattr(world.lab.results, "import_table", import_table, raising=False)
    assert door.sdk().upload_results(world.study.id, []) is True
    door.post("UploadResults", studyid=world.study.id, results="\n a \t\n ")
    assert taken == ["\n", "\n a \t\n "]


@pytest.mark.parametrize("who", ["anonymous", "viewer"])
def test_large_body_of_somebody_who_may_not_is_answered_still(
    door: Any, world: Any, who: str
) -> None:
    answer = door.post("UploadResults", who, studyid=world.study.id, results="x" * (24 << 20))
    assert answer.status_code == 401


def test_body_that_is_too_large_is_refused(door: Any) -> None:
    answer = door.post("Studies", x="x" * (1 << 20))
    assert answer.status_code == 400
    assert answer.json()["log"].startswith("The body of this request may have at most")


def test_large_bodies_wait_for_room() -> None:
    site = Site(None)
    almost_all = MOST_BYTES_UNDER_WAY - 10
    with site.room_for(almost_all), site.room_for(10), pytest.raises(Busy), site.room_for(1):
        pass
    with site.room_for(2 * MOST_BYTES_UNDER_WAY):
        pass
    site.close()


def test_client_that_leaves_while_it_sends_is_not_waited_for(door: Any) -> None:
    where = urlsplit(door.base)
    head = (
        f"POST {where.path}/Api/UploadResults HTTP/1.1\r\nHost: lab\r\n"
        f"Authorization: {door.headers('site_admin')['Authorization']}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000000\r\n\r\nresults="
    )
    with socket.create_connection(("127.0.0.1", where.port or 80), timeout=10) as client:
        client.sendall(head.encode())
        wait_until(lambda: door.site.in_flight == 1)
    wait_until(lambda: door.site.in_flight == 0)


def test_head_is_get_without_a_body(door: Any) -> None:
    answer = door.send("HEAD", "/Api/Studies")
    assert (answer.status_code, answer.content) == (200, b"")


def test_log_holds_no_token_and_no_body(
    door: Any, world: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = "CANARY-0123456789"

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("boom")

    with caplog.at_level(logging.DEBUG):
        for path in (
            "/Api/Studies",
            "/Api/UpdateSlideName",
            "/Admin/GiveupToken",
            f"/Api/{canary}",
        ):
            for who in ("site_admin", f"wsi_{canary}"):
                door.send("POST", path, who, data={"newName": canary, "token": f"wsi_{canary}"})
                door.send("GET", path, who, params={"token": canary, canary: "1"})
        monkeypatch.setattr(world.lab.studies, "list", fail)
        assert door.get("Studies", x=canary).status_code == 500
        ours = lab_log(caplog, "500 GET ", logger="wsi_lab")
    assert len(ours) > 10
    assert not [line for line in ours if "CANARY" in line or "wsi_" in line.replace("wsi_lab", "")]
    assert not [line for line in ours if str(world.tokens["site_admin"]) in line]


def test_swagger_needs_no_token(door: Any) -> None:
    page = requests.get(f"{door.base}/swagger", timeout=30)
    assert page.status_code == 200
    said = requests.get(f"{door.base}/swagger/v1/swagger.json", timeout=30).json()
    assert {"openapi", "info", "paths"} <= set(said)
    assert set(said["paths"]["/Api/Studies"]) == {"get", "head", "post"}


@given(st.binary(max_size=300))
def test_escapes_are_read_as_python_reads_them(value: bytes) -> None:
    assert unescaped(value) == unquote_to_bytes(value.replace(b"+", b" "))


@given(st.lists(st.sampled_from([b"%", b"%4", b"%41", b"%zZ", b"+", b"%25", b"a", "é".encode()])))
def test_long_values_are_read_as_short_ones(parts: list[bytes]) -> None:
    unit = b"".join(parts)
    value = unit * (1 + (70 << 10) // max(len(unit), 1)) if unit else b""
    assert unescaped(value) == unquote_to_bytes(value.replace(b"+", b" "))


def test_pieces_of_very_long_values_cut_no_escape_in_two() -> None:
    for shift in range(4):
        value = b"x" * shift + b"%41%42" * 1_500_000
        assert unescaped(value) == unquote_to_bytes(value)


def test_long_values_that_are_no_escapes_take_neither_time_nor_memory() -> None:
    value = b"%" * (4 << 20)
    tracemalloc.start()
    try:
        # What this process takes, not how long it waits for others.
        began = time.process_time()
        assert unescaped(value) == value
        took = time.process_time() - began
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert took < 1
    assert most < 12 * len(value)


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=40), max_size=6))
def test_forms_come_back_as_they_were(sent: dict[str, str]) -> None:
    names = {name.lower() for name in sent}
    if len(names) < len(sent):
        return
    form = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in sent.items())
    params = read_params("", form.encode(), FORM)
    assert {name: params.text(name) for name in sent} == sent


def test_too_many_parameters_are_refused() -> None:
    with pytest.raises(Invalid):
        read_params("", "&".join(f"a{n}=1" for n in range(1000)).encode(), FORM)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-05-04T10:00:00Z", "2026-05-04T10:00:00+00:00"),
        ("2026-05-04T10:00:00+02:00", "2026-05-04T08:00:00+00:00"),
        ("2026-05-04T10:00:00 02:00", "2026-05-04T08:00:00+00:00"),
        ("2026-05-04T10:00:00.1234567Z", "2026-05-04T10:00:00.123456+00:00"),
        ("2026-05-04", "2026-05-04T00:00:00+00:00"),
    ],
)
def test_times_are_read_in_every_spelling(text: str, utc: str) -> None:
    assert Params([("since", text)]).moment("since").isoformat() == utc


@pytest.mark.parametrize("text", ["", "yesterday", "0001-01-01T00:00:00+14:00", "12"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        Params([("since", text)]).moment("since")


def test_flags_are_read_in_every_spelling() -> None:
    for text, value in {"True": True, "true": True, "1": True, "False": False, "": False}.items():
        assert Params([("a", text)]).flag("a") is value
    assert Params([]).flag("a", default=True) is True
    with pytest.raises(Invalid):
        Params([("a", "maybe")]).flag("a")


def test_connection_lives_on_after_a_refusal(door: Any) -> None:
    where = urlsplit(door.base)
    connection = http.client.HTTPConnection("127.0.0.1", where.port or 80, timeout=10)
    try:
        for _ in range(3):
            connection.request("POST", f"{where.path}/Api/Studies", b"a=1", dict(FORM))
            answer = connection.getresponse()
            assert answer.status == 401
            answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("method", "verb", "lane"),
    [
        ("GetScreenshot", "screenshots.picture", "previews"),
        ("SessionEvents", "sessions.events", "transfers"),
        ("Sessions", "sessions.list", "transfers"),
    ],
)
def test_what_takes_long_holds_up_neither_tiles_nor_lists(
    root_door: Any, world: Any, monkeypatch: pytest.MonkeyPatch, method: str, verb: str, lane: str
) -> None:
    threads: list[str] = []

    def note(*_: Any, **__: Any) -> bytes:
        threads.append(threading.current_thread().name)
        return b""

    noun, _, name = verb.partition(".")
    monkeypatch.setattr(getattr(world.lab, noun), name, note)
    params = {"studyId": world.study.id, "imageId": world.slide.id, "sessionId": 1, "level": 1}
    assert root_door.get(method, **params).status_code == 200
    assert [lane in each for each in threads] == [True]
