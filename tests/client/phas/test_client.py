from __future__ import annotations

import json
import subprocess
import sys

import pytest
from phas_server import KEY, FakePhas, Reply, serving

from wsi_lab.client.phas import Client, Task, UnusableKey
from wsi_lab.client.phas.connection import Connection
from wsi_lab.errors import (
    Busy,
    Conflict,
    Invalid,
    NotAllowed,
    NotFound,
    NotIdentified,
    SourceTimeout,
    SourceUnavailable,
    TooLarge,
    WsiLabError,
)

PROJECTS = "GET /api/projects"
ROW = {"id": "htt", "admin": 0, "disp_name": "HTT", "desc": "", "nslides": 1}


@pytest.mark.parametrize("prefix", ["", "/phas", "/user/a b/wsi-lab"])
@pytest.mark.parametrize("end", ["", "/", "/?token=x", "#top"])
def test_address_may_have_a_path_and_a_slash_at_its_end(key_file, prefix, end):
    with serving(FakePhas(prefix)) as phas:
        phas.answer(PROJECTS, [ROW])
        with Client(phas.url.replace(" ", "%20") + end, key_file) as client:
            assert client.project_listing() == [ROW]
        assert phas.asked[0].query == {}


def test_escaped_slash_in_a_path_is_kept(key_file):
    with serving(FakePhas("/a/b")) as phas:
        phas.answer(PROJECTS, [])
        with Client(phas.url.replace("a/b", "a%2Fb"), str(key_file)) as client:
            assert client.project_listing() == []
            assert client.url.endswith("/a%2Fb/")


@pytest.mark.parametrize("url", ["phas.example.org", "ftp://a", "http://", "http://a\n", 5])
def test_address_that_is_none_is_refused_with_a_sentence(key_file, url):
    with pytest.raises(Invalid, match="address of a server"):
        Client(url, key_file)


def test_key_file_is_found_through_the_environment(phas, key_file, monkeypatch):
    monkeypatch.setenv("PHAS_AUTH_KEY", str(key_file))
    Client(phas.url).close()
    assert phas.sessions == 1


def test_nothing_is_printed(phas, key_file, capfd):
    phas.answer(PROJECTS, [ROW])
    with Client(phas.url, key_file) as client:
        client.project_listing()
    assert capfd.readouterr() == ("", "")


def test_missing_key_is_said_before_anything_is_asked(phas, monkeypatch):
    monkeypatch.delenv("PHAS_AUTH_KEY", raising=False)
    with pytest.raises(UnusableKey, match="PHAS_AUTH_KEY") as refused:
        Client(phas.url)
    assert isinstance(refused.value, ValueError)


@pytest.mark.parametrize("content", ["", "[]", '"x"', "{}", '{"api_key": 5}', '{"api_key": ""}'])
def test_file_without_a_key_is_none(phas, tmp_path, content):
    path = tmp_path / "key.json"
    path.write_text(content)
    with pytest.raises(UnusableKey, match=r"'key\.json' is no key file"):
        Client(phas.url, path)


def test_key_file_that_is_not_there_is_said_without_its_folder(phas, tmp_path):
    with pytest.raises(UnusableKey) as refused:
        Client(phas.url, tmp_path / "nowhere.json")
    assert str(tmp_path) not in str(refused.value)


def test_wrong_key_is_a_failed_login(phas, tmp_path):
    path = tmp_path / "key.json"
    path.write_text(json.dumps({"api_key": "wrong"}))
    with pytest.raises(NotIdentified, match="does not take this API key") as refused:
        Client(phas.url, path)
    assert refused.value.request == "POST auth/api/login"
    assert "wrong" not in repr(refused.value).split(":", 1)[0]


def test_key_travels_once_and_in_a_form(phas, key_file):
    phas.answer(PROJECTS, [])
    with Client(phas.url, key_file) as client:
        client.project_listing()
        client.project_listing()
    assert phas.sessions == 1
    assert all(KEY not in f"{each}" for each in phas.asked)


def test_server_that_signs_nobody_in_does_not_speak_phas(phas, key_file, monkeypatch):
    monkeypatch.setattr(phas, "new_session", dict)
    with pytest.raises(WsiLabError, match="does not speak PHAS"):
        Client(phas.url, key_file)


def test_cookies_are_taken_from_posts_and_not_from_gets(phas, client):
    phas.answer(PROJECTS, [], Set_Cookie="session=stolen; Path=/")
    client.project_listing()
    assert client.project_listing() == []
    phas.answers["POST /auth/api/set_anonymize/1"] = lambda _: Reply(
        {"anonymize": True}, 200, phas.new_session()
    )
    client.anonymize = True
    assert client.project_listing() == []
    assert [each.headers["Cookie"] for each in phas.asked] == [
        *["session=s1"] * 3,
        "session=s2",
    ]


def test_session_that_ended_is_said_and_no_page_taken_for_an_answer(phas, client):
    phas.answer(PROJECTS, [])
    phas.new_session()
    with pytest.raises(NotIdentified, match="session has ended") as refused:
        client.project_listing()
    assert refused.value.request == "GET api/projects"
    assert len(phas.asked) == 1


def test_redirects_are_not_followed(phas, client):
    with serving(FakePhas()) as other:
        phas.answer(PROJECTS, b"", 307, Location=f"{other.url}/api/projects")
        with pytest.raises(WsiLabError, match="leads to another one"):
            client.project_listing()
        assert not other.asked


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Invalid),
        (401, NotIdentified),
        (403, NotAllowed),
        (404, NotFound),
        (409, Conflict),
        (413, TooLarge),
        (500, WsiLabError),
        (502, SourceUnavailable),
        (503, Busy),
        (504, SourceTimeout),
    ],
)
def test_refusal_is_an_error_of_the_lab_with_a_sentence(phas, client, status, kind):
    phas.answer(PROJECTS, b"<h1>Oh</h1>", status)
    with pytest.raises(WsiLabError) as refused:
        client.project_listing()
    assert type(refused.value) is kind
    assert refused.value.message.endswith(".")
    assert "token" not in refused.value.message


def test_what_a_lab_says_is_passed_on(phas, client):
    body = {"code": "conflict", "detail": "It was changed.", "current": 3}
    phas.answer(PROJECTS, body, 403)
    with pytest.raises(Conflict, match="It was changed") as refused:
        client.project_listing()
    assert refused.value.details == {"current": 3}


def test_sentence_of_a_lab_is_passed_on_with_the_class_of_its_status(phas, client):
    phas.answer(PROJECTS, {"status": "failed", "error": "There is no level 9."}, 404)
    with pytest.raises(NotFound, match=r"^There is no level 9\.$") as refused:
        client.project_listing()
    assert refused.value.request == "GET api/projects"


def test_busy_server_is_asked_again(phas, key_file):
    waits: list[float] = []
    connection = Connection(phas.url, sleep=waits.append)
    connection.post_form("auth/api/login", {"api_key": KEY})
    replies = iter([Reply(b"", 503, {"Retry-After": "2"}), Reply(b"[]")])
    phas.answers[PROJECTS] = lambda _: next(replies)
    assert connection.get_json("api/projects") == []
    assert waits == [2]
    phas.answer(PROJECTS, b"", 503, Retry_After="1")
    with pytest.raises(Busy):
        connection.get_json("api/projects")
    assert waits == [2, 1, 1, 1]
    connection.close()


def test_posts_are_sent_once(phas, client):
    phas.answer("POST /auth/api/set_anonymize/0", b"", 503, Retry_After="1")
    with pytest.raises(Busy):
        client.anonymize = False
    assert len(phas.asked) == 1


def test_answer_that_does_not_end_is_not_read(phas, client):
    phas.answer("GET /x", b"x" * 3_000_000)
    with pytest.raises(TooLarge, match="more than 1 MiB"):
        client.connection.ask("GET", "x", most=1 << 20)
    assert len(client.connection.get("x")) == 3_000_000


def test_nobody_there_is_said(key_file):
    with serving(FakePhas()) as gone:
        url = gone.url
    with pytest.raises(SourceUnavailable, match="does not answer"):
        Client(url, key_file)


def test_closed_client_says_so(phas, client):
    client.close()
    with pytest.raises(SourceUnavailable, match="was closed"):
        client.project_listing()


def test_listings_are_rows(phas, client):
    tasks = [{"id": 5, "name": "Draw", "desc": None, "mode": "annot"}]
    phas.answer("GET /api/project/HTT pilot/tasks", tasks)
    assert client.task_listing("HTT pilot") == tasks


@pytest.mark.parametrize("body", [b"<html>", b"", {"a": 1}, [1], b"[" * 100_000])
def test_answer_that_is_no_listing_is_said(phas, client, body):
    phas.answer(PROJECTS, body)
    with pytest.raises(WsiLabError, match="does not speak PHAS"):
        client.project_listing()


@pytest.mark.parametrize("project", ["", ".", "..", "a/b", "../../api"])
def test_project_that_would_be_another_path_is_refused(phas, client, project):
    with pytest.raises(Invalid, match="without slashes"):
        client.task_listing(project)
    assert not phas.asked


def test_anonymity_and_private_access(phas, client):
    phas.answer("GET /auth/api/anonymize", {"anonymize": True})
    phas.answer("POST /auth/api/set_anonymize/1", {"anonymize": True})
    phas.answer("GET /auth/api/project/htt/private_access", {"private_access": True})
    client.anonymize = 1
    assert client.anonymize is True
    assert client.get_project_private_access("htt") is True
    assert phas.asked[0].body == b""
    phas.answer("GET /auth/api/anonymize", {})
    phas.answer("GET /auth/api/project/htt/private_access", {})
    assert client.anonymize is False
    assert client.get_project_private_access("htt") is False


@pytest.mark.parametrize("number", ["5/../6", 5.5, None])
def test_id_that_is_no_number_is_refused(phas, client, number):
    with pytest.raises(Invalid, match="whole numbers"):
        Task(client, number)
    assert not phas.asked


def test_client_needs_no_web_server_and_loads_nothing_heavy():
    code = "import sys, wsi_lab.client.phas; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"httpx", "numpy", "pandas", "PIL", "tornado", "flask", "requests", "nibabel"}
    assert not heavy & set(done.stdout.split())
