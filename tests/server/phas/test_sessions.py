"""Signing in with a key, the cookie of a session, and what ends it."""

from __future__ import annotations

from datetime import timedelta
from email.utils import parsedate_to_datetime
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest

from wsi_lab.server.phas.door import COOKIE

LOGIN = "/auth/api/login"
WRONG = "3f0c3b55-2e3b-4f4c-9b29-0a4b0c7e8d11"


def _cookie(answer: httpx.Response) -> Any:
    (header,) = answer.headers.get_list("Set-Cookie")
    (morsel,) = SimpleCookie(header).values()
    return morsel


def test_key_signs_in_wherever_the_lab_is(phas_anywhere: Any, phas_world: Any) -> None:
    client = phas_anywhere.client()
    answer = client.post(LOGIN, data={"api_key": phas_world.keys["reader"]})
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    morsel = _cookie(answer)
    assert morsel.key == COOKIE.name
    assert morsel["path"] == phas_anywhere.mount
    assert morsel["httponly"]
    assert morsel["samesite"] == "Strict"
    assert not morsel["secure"]
    left = parsedate_to_datetime(morsel["expires"]) - phas_world.clock()
    assert timedelta(days=30) < left <= timedelta(days=31)
    assert [each["id"] for each in client.get("/api/projects").json()] == ["HTT pilot"]


def test_cookie_stays_on_https_where_it_came_by_it(phas: Any, phas_world: Any) -> None:
    client = phas.client()
    form = {"api_key": phas_world.keys["reader"]}
    answer = client.post(LOGIN, data=form, headers={"X-Forwarded-Proto": "https"})
    assert _cookie(answer)["secure"]


@pytest.mark.parametrize("form", [{}, {"key": "x"}, {"API_KEY": "x"}])
def test_login_without_the_field_is_refused(phas: Any, say: Any, form: dict[str, str]) -> None:
    answer = phas.client().post(LOGIN, data=form)
    assert "api_key" in say(answer, 400)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("key", [WRONG, "", "wsi_" + "x" * 43, "\x00", "ü", "x" * 60_000])
def test_wrong_key_is_refused_without_a_session(phas: Any, say: Any, key: str) -> None:
    answer = phas.client().post(LOGIN, data={"api_key": key})
    say(answer, 401)
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["WWW-Authenticate"].startswith("PHAS ")


def test_token_of_the_lab_is_no_key(phas: Any, phas_world: Any, say: Any) -> None:
    _, text = phas_world.lab.people.create_token(
        phas_world.owner, name="a token", capabilities=["all"]
    )
    say(phas.client().post(LOGIN, data={"api_key": text}), 401)
    say(phas.client().get("/api/projects", headers={"Authorization": f"Bearer {text}"}), 401)
    say(phas.client().get("/api/projects", params={"token": text}), 401)


def test_key_opens_no_other_door(phas: Any, phas_world: Any) -> None:
    for headers in (
        {"Authorization": f"Bearer {phas_world.keys['site_admin']}"},
        {"Cookie": f"{COOKIE.name}={phas.of('site_admin').cookies[COOKIE.name]}"},
    ):
        assert phas.client().get("/v1/me", headers=headers).status_code == 401


def test_key_that_is_revoked_ends_its_sessions(phas: Any, phas_world: Any, say: Any) -> None:
    made = phas_world.lab.keys.create(phas_world.owner, "phas", email="reader@lab")
    client, other = phas.signed_in(made.text), phas.of("reader")
    assert client.get("/api/projects").status_code == 200
    phas_world.lab.keys.revoke(phas_world.owner, made.token.id)
    say(client.get("/api/projects"), 401)
    say(client.post(LOGIN, data={"api_key": made.text}), 401)
    assert other.get("/api/projects").status_code == 200


def test_nobody_has_nothing_hidden_and_nothing_private(phas: Any) -> None:
    answer = phas.of("anonymous").get("/auth/api/anonymize")
    assert answer.json() == {"anonymize": False}
    assert phas.of("anonymous").get("/auth/api/project/HTT pilot/private_access").json() == {
        "private_access": False
    }


@pytest.mark.parametrize("spoil", [str.lower, str.upper, lambda text: text[:-1], lambda _: "x"])
def test_cookie_that_the_lab_has_not_made_opens_nothing(phas: Any, say: Any, spoil: Any) -> None:
    text = phas.of("site_admin").cookies[COOKIE.name]
    headers = {"Cookie": f"{COOKIE.name}={spoil(text)}"}
    say(phas.client().get("/api/projects", headers=headers), 401)


def test_leave_to_see_something_else_is_no_session(phas: Any, phas_world: Any, say: Any) -> None:
    grants, owner = phas_world.lab.grants, phas_world.owner
    for text in (
        grants.link(owner, phas_world.slide.id).text,
        grants.study_page(owner, phas_world.study.id).text,
        grants.tiles(owner, phas_world.slide.id).url_part,
    ):
        say(phas.client().get("/api/projects", headers={"Cookie": f"{COOKIE.name}={text}"}), 401)


def test_cookies_of_other_labs_on_the_same_machine_do_no_harm(phas: Any) -> None:
    text = phas.of("reader").cookies[COOKIE.name]
    headers = {
        "Cookie": f"a=b; {COOKIE.name}=other; x{COOKIE.name}=y; {COOKIE.name}={text}; session=z"
    }
    assert phas.client().get("/api/projects", headers=headers).status_code == 200


def test_session_hides_private_names_until_it_is_told_otherwise(phas: Any, phas_world: Any) -> None:
    client = phas.signed_in(phas_world.keys["private_reader"])
    task = phas_world.tasks["draw"].id
    path = f"/api/task/{task}/slide/{phas_world.slide.id}/info"
    assert client.get("/auth/api/anonymize").json() == {"anonymize": False}
    answer = client.post("/auth/api/set_anonymize/1")
    assert answer.json() == {"anonymize": True}
    assert _cookie(answer)["httponly"]
    assert client.get("/auth/api/anonymize").json() == {"anonymize": True}
    assert client.get(path).json()["specimen_private"] is None
    assert client.post("/auth/api/set_anonymize/0").json() == {"anonymize": False}
    assert client.get(path).json()["specimen_private"] == "Jane Doe"
    client.post("/auth/api/set_anonymize/1")
    # The right is another thing than the wish.
    access = client.get("/auth/api/project/HTT pilot/private_access")
    assert access.json() == {"private_access": True}
    client.post(LOGIN, data={"api_key": phas_world.keys["private_reader"]})
    assert client.get("/auth/api/anonymize").json() == {"anonymize": False}


@pytest.mark.parametrize("flag", ["2", "-1", "true", "%00"])
def test_flag_is_0_or_1(phas: Any, say: Any, flag: str) -> None:
    say(phas.of("reader").post(f"/auth/api/set_anonymize/{flag}"), 400)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_new_key_works_beside_the_old_ones(phas: Any, phas_world: Any, method: str) -> None:
    key = phas.of("reader").request(method, "/auth/api/generate_key").json()["api_key"]
    for each in (key, phas_world.keys["reader"]):
        assert phas.signed_in(each).get("/api/projects").status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_page_of_another_site_asks_nothing_in_anybodys_name(
    phas: Any, phas_world: Any, say: Any, site: str
) -> None:
    client, headers = phas.of("site_admin"), {"Sec-Fetch-Site": site}
    task, slide = phas_world.tasks["regions"].id, phas_world.slide.id
    region = phas_world.new_region()
    for path in (
        f"/task/{task}/slide/{slide}/dltrain/sampling_roi/delete_all",
        "/auth/api/generate_key",
        "/api/projects",
        "/auth/api/anonymize",
    ):
        say(client.get(path, headers=headers), 403)
    say(client.post("/auth/api/set_anonymize/1", headers=headers), 403)
    form = {"api_key": phas_world.keys["reader"]}
    say(phas.client().post(LOGIN, data=form, headers=headers), 403)
    there = phas_world.lab.regions.list(phas_world.owner, task, slide)
    assert region in {each.id for each in there}
    assert client.get("/api/projects", headers={"Sec-Fetch-Site": "none"}).status_code == 200


@pytest.mark.parametrize("project", ["HTT pilot", "nothing", "1", "999", "%2F", "%C3%A9"])
def test_private_access_is_the_right_and_no_more(phas: Any, project: str) -> None:
    path = f"/auth/api/project/{project}/private_access"
    known = project in {"HTT pilot", "1"}
    assert phas.of("private_reader").get(path).json() == {"private_access": known}
    assert phas.of("reader").get(path).json() == {"private_access": False}
    assert phas.of("site_admin").get(path).json() == {"private_access": known}
