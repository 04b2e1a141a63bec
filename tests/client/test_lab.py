from __future__ import annotations

import json
from datetime import UTC, datetime

import httpx
import pytest

from wsi_lab.client import UnknownKey
from wsi_lab.errors import NotFound, NotIdentified, WsiLabError


def test_study_is_found_by_name_and_by_id(server, lab):
    server.add_study("htt-pilot")
    by_name = lab.studies["htt-pilot"]
    assert by_name == lab.studies[1]
    assert by_name.created_on == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert by_name.rights == {"view", "edit"}


def test_unknown_name_says_what_was_perhaps_meant(server, lab):
    server.add_study("htt-pilot")
    server.add_study("Nottingham")
    with pytest.raises(UnknownKey, match="did you mean 'Nottingham'"):
        lab.studies["notingham"]


def test_unknown_name_is_not_found_and_a_key_error(lab):
    assert lab.studies.get("x") is None
    assert "x" not in lab.studies
    assert 7 not in lab.studies
    with pytest.raises(KeyError):
        lab.studies["x"]
    with pytest.raises(NotFound, match="there are no studies yet"):
        lab.studies["x"]


def test_unknown_name_among_few_says_which_there_are(server, lab):
    server.add_study("pilot")
    server.add_study("htt")
    with pytest.raises(UnknownKey, match="known here: 'pilot', 'htt'"):
        lab.studies["zzzzzzz"]


def test_unknown_id_is_said_plainly(lab):
    with pytest.raises(UnknownKey) as caught:
        lab.studies[99]
    assert str(caught.value) == "There is no study with the id 99."
    assert caught.value.request == "GET v1/studies/99"


def test_key_of_another_type_is_a_type_error(lab):
    with pytest.raises(TypeError, match="name"):
        lab.studies[1.5]


def test_two_of_one_name_are_not_guessed_between(server, lab):
    server.add_study("a")
    server.add_slide("twin")
    server.add_slide("twin")
    with pytest.raises(UnknownKey, match="1, 2"):
        lab.studies["a"].slides["twin"]


def test_collection_behaves_as_a_mapping(server, lab):
    assert not lab.studies
    for name in ("a", "b", "c"):
        server.add_study(name)
    assert lab.studies
    assert len(lab.studies) == 3
    assert list(lab.studies) == ["a", "b", "c"]
    server.requests.clear()
    assert [study.id for study in lab.studies.values()] == [1, 2, 3]
    assert [(name, study.id) for name, study in lab.studies.items()] == [
        ("a", 1),
        ("b", 2),
        ("c", 3),
    ]
    assert len(server.requests) == 2


def test_created_study_is_returned(server, lab):
    assert lab.studies.create("new").id == 1
    assert json.loads(server.requests[-1].content) == {"name": "new", "description": ""}


def test_objects_cannot_be_changed_in_place(server, lab):
    server.add_study("a")
    study = lab.studies["a"]
    with pytest.raises(AttributeError):
        study.name = "b"


def test_change_is_sent_with_the_revision_it_was_read_at(server, lab):
    server.add_study("a", revision=4)
    study = lab.studies["a"]
    changed = server.studies[1] | {"name": "b", "revision": 5}
    server.instead = lambda _: httpx.Response(200, json=changed)
    assert study.change(name="b").revision == 5
    request = server.requests[-1]
    assert (request.method, request.headers["If-Match"]) == ("PATCH", '"r4"')
    assert json.loads(request.content) == {"name": "b"}


def test_member_with_strange_email_stays_in_one_segment(server, lab):
    server.add_study("a")
    study = lab.studies["a"]
    member = {"email": "a/b@lab", "rights": ["view"]}
    server.instead = lambda _: httpx.Response(200, json=member)
    assert study.set_member("a/b@lab", ["view"]).rights == {"view"}
    assert server.requests[-1].url.raw_path == b"/lab/v1/studies/1/members/a%2Fb%40lab"


def test_token_is_shown_once_and_never_in_a_repr(server, lab):
    made = {
        "id": 3,
        "user_id": 1,
        "name": "ci",
        "capabilities": ["pixels"],
        "created_on": "2026-11-01T10:00:00Z",
        "expires_on": None,
        "token": "wsi_abc",
    }
    server.instead = lambda _: httpx.Response(201, json=made)
    token = lab.tokens.create("ci", capabilities=["pixels"])
    assert token.token == "wsi_abc"
    assert "wsi_abc" not in repr(token)


def test_token_that_may_nothing_can_be_asked_for(server, lab):
    made = {"id": 3, "name": "x", "capabilities": [], "created_on": "2026-11-01T10:00:00Z"}
    server.instead = lambda _: httpx.Response(201, json=made)
    lab.tokens.create("x", capabilities=())
    assert json.loads(server.requests[-1].content) == {"name": "x", "capabilities": []}


def test_lab_knows_who_you_are(lab):
    assert lab.me.email == "a@lab"
    assert lab.version == "0.1.0"


def test_check_refuses_another_version_of_the_api(server, lab):
    server.instead = lambda _: httpx.Response(200, json={"version": "9", "api": 2})
    with pytest.raises(WsiLabError, match="version 2 of the API"):
        lab.check()


def test_check_refuses_a_token_that_is_not_good(server, lab, refuse):
    server.instead = lambda request: (
        refuse(401, "not_identified", "Who?") if request.url.path.endswith("/me") else None
    )
    with pytest.raises(NotIdentified):
        lab.check()


def test_answer_that_lacks_a_field_is_a_sentence(server, lab):
    server.instead = lambda _: httpx.Response(200, json={"items": [{"id": 1}]})
    with pytest.raises(WsiLabError, match="different versions"):
        list(lab.studies)


def test_names_from_the_lab_are_escaped_in_tables(server, lab):
    hostile = "<img src=x onerror=alert(1)>"
    server.add_study(hostile, description="a & b")
    server.add_slide(hostile, stain="<script>", case=hostile)
    study = lab.studies[1]
    for html in (
        lab._repr_html_(),
        lab.studies._repr_html_(),
        study._repr_html_(),
        study.slides._repr_html_(),
    ):
        assert "<img" not in html
        assert "<script" not in html
        assert "&lt;img" in html


def test_table_of_a_lab_that_does_not_answer_is_its_sentence(server, lab, refuse):
    server.instead = lambda _: refuse(401, "not_identified", "Who <b>are</b> you?")
    assert "Who &lt;b&gt;are&lt;/b&gt; you?" in lab.studies._repr_html_()


def test_long_table_is_cut(server, lab):
    for number in range(60):
        server.add_study(f"study {number}")
    html = lab.studies._repr_html_()
    assert html.count("<tr>") == 26
    assert "and more" in html
