"""Who asks inside Jupyter: its cookie, its token, the lab's own tokens; never a redirect."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

TILE = "v1/slides/1/tiles/4/1/1.jpg"


def _refused(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert "Location" not in answer.headers


@pytest.mark.parametrize("path", ["v1/me", TILE, "v1/studies"])
def test_unknown_people_are_refused_and_not_redirected(jupyter: Any, path: str) -> None:
    with jupyter.client() as client:
        answer = client.get(path)
        _refused(answer, 401, "not_identified")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_root_and_contract_are_open(jupyter: Any) -> None:
    with jupyter.client() as client:
        assert client.get("v1/").json()["api"] == 1
        assert client.get("v1/openapi.yaml").status_code == 200


def test_cookie_identifies_the_owner_of_the_home(jupyter: Any) -> None:
    with jupyter.browser() as browser:
        user = browser.get("v1/me").json()["user"]
        assert (user["email"], user["is_admin"]) == ("ada@localhost", True)
        tile = browser.get(TILE)
        assert tile.headers["Content-Type"] == "image/jpeg"
        assert tile.headers["X-Content-Type-Options"] == "nosniff"
        assert tile.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_token_of_jupyter_identifies_the_owner_too(jupyter: Any) -> None:
    for headers in (
        {"Authorization": f"token {jupyter.token}"},
        {"Authorization": f"Bearer {jupyter.token}"},
    ):
        with jupyter.client(**headers) as client:
            assert client.get("v1/me").json()["user"]["email"] == "ada@localhost"
            assert client.post("v1/studies", json={"name": ""}).status_code == 400


def test_parameters_of_jupyter_are_not_ours(jupyter: Any) -> None:
    with jupyter.browser() as browser:
        assert browser.get("v1/me", params={"1732550000000": ""}).status_code == 200
        assert browser.get("v1/studies", params={"_xsrf": "x", "limit": 5}).status_code == 200
        assert browser.get("v1/studies", params={"xsrf": "x"}).status_code == 400


def test_change_by_cookie_needs_the_xsrf_token(jupyter: Any) -> None:
    with jupyter.browser() as browser:
        body = {"name": "by cookie"}
        _refused(browser.post("v1/studies", json=body), 403, "not_allowed")
        wrong = {"X-XSRFToken": "2|0123|0123|0123"}
        _refused(browser.post("v1/studies", json=body, headers=wrong), 403, "not_allowed")
        assert not browser.get("v1/studies", params={"name": "by cookie"}).json()["items"]
        right = {"X-XSRFToken": browser.cookies["_xsrf"]}
        made = browser.post("v1/studies", json=body, headers=right)
        assert made.status_code == 201
        assert browser.get(f"{jupyter.url[: -len(jupyter.base_url)]}{made.headers['Location']}")
        path = f"v1/studies/{made.json()['id']}"
        tagged = {"If-Match": made.headers["ETag"]}
        _refused(browser.delete(path, headers=tagged), 403, "not_allowed")
        assert browser.delete(path, headers=tagged | right).status_code == 204


def test_page_that_is_not_jupyters_gets_the_xsrf_token_by_reading(jupyter: Any) -> None:
    with jupyter.browser() as browser:
        browser.cookies.delete("_xsrf")
        assert browser.get("v1/studies").status_code == 200
        headers = {"X-XSRFToken": browser.cookies["_xsrf"]}
        made = browser.post("v1/studies", json={"name": "from elsewhere"}, headers=headers)
        assert made.status_code == 201
    with jupyter.owner() as program:
        program.get("v1/studies")
        assert "_xsrf" not in program.cookies


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_pages_of_other_sites_may_not_ask_by_cookie(jupyter: Any, site: str) -> None:
    headers = {"Sec-Fetch-Site": site}
    with jupyter.browser() as browser:
        for path in ("v1/me", TILE, "v1/slides/1/associated/label"):
            _refused(browser.get(path, headers=headers), 403, "not_allowed")
        with_token = headers | {"X-XSRFToken": browser.cookies["_xsrf"]}
        answer = browser.post("v1/studies", json={"name": "x"}, headers=with_token)
        _refused(answer, 403, "not_allowed")
        for own in ("same-origin", "none"):
            assert browser.get(TILE, headers={"Sec-Fetch-Site": own}).status_code == 200


def test_page_of_another_origin_may_not_ask_by_cookie_even_in_an_old_browser(jupyter: Any) -> None:
    own = f"http://127.0.0.1:{jupyter.port}"
    foreign = ("https://evil.example", "null", own.replace("127.0.0.1", "localhost"), f"{own}0")
    token = {"Authorization": f"token {jupyter.token}"}
    with jupyter.browser() as browser:
        for path in ("v1/me", TILE, "v1/slides/1/associated/label"):
            for origin in foreign:
                _refused(browser.get(path, headers={"Origin": origin}), 403, "not_allowed")
        assert browser.get(TILE, headers={"Origin": own}).status_code == 200
    with jupyter.client(**token) as client:
        for origin in foreign:
            assert client.get(TILE, headers={"Origin": origin}).status_code == 200


def test_other_origins_are_told_nothing(jupyter: Any) -> None:
    with jupyter.browser() as browser:
        origin = {"Origin": "https://evil.example"}
        with_token = origin | {"Authorization": f"token {jupyter.token}"}
        for headers in (origin, with_token):
            for answer in (browser.get("v1/me", headers=headers), browser.options("v1/me")):
                assert not any(name.lower().startswith("access-control") for name in answer.headers)
        write = origin | {"X-XSRFToken": browser.cookies["_xsrf"]}
        answer = browser.post("v1/studies", json={"name": "x"}, headers=write)
        _refused(answer, 403, "not_allowed")


def test_lab_token_needs_neither_cookie_nor_xsrf(jupyter: Any) -> None:
    with jupyter.owner() as owner:
        body = {"name": "t", "capabilities": ["all"]}
        made = owner.post("v1/tokens", json=body).json()
    with jupyter.client(Authorization=f"Bearer {made['token']}") as client:
        assert client.get("v1/me").json()["user"]["email"] == "ada@localhost"
        assert client.get(TILE, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200
        assert client.post("v1/studies", json={"name": "by token"}).status_code == 201
        assert client.delete(f"v1/tokens/{made['id']}").status_code == 204
        _refused(client.get("v1/me"), 401, "not_identified")
    with jupyter.browser() as browser:
        # Whoever sends a token means it, whatever cookies come along.
        wrong = {"Authorization": f"Bearer {made['token']}"}
        _refused(browser.get("v1/me", headers=wrong), 401, "not_identified")


def test_lab_token_opens_nothing_else_of_jupyter(jupyter: Any) -> None:
    with jupyter.owner() as owner:
        body = {"name": "t", "capabilities": ["all"]}
        token = owner.post("v1/tokens", json=body).json()["token"]
    with jupyter.client(Authorization=f"Bearer {token}") as client:
        assert client.get(f"{jupyter.url}api/contents").status_code == 403


def test_stranger_with_a_lab_token_is_who_they_are(jupyter: Any) -> None:
    with jupyter.owner() as owner:
        owner.post("v1/users", json={"email": "stranger@lab"})
        body = {"name": "t", "capabilities": ["all"], "email": "stranger@lab"}
        token = owner.post("v1/tokens", json=body).json()["token"]
    with jupyter.client(Authorization=f"Bearer {token}") as client:
        assert client.get("v1/me").json()["user"]["email"] == "stranger@lab"
        _refused(client.get(TILE), 404, "not_found")


def test_unknown_address_below_the_lab_is_ours_to_refuse(jupyter: Any) -> None:
    with jupyter.client() as client:
        for path in ("", "nothing", "v1/nothing", "v1/slides/1/tiles/", "../wsi-lab/x"):
            _refused(client.get(path), 404, "not_found")
        assert client.get(f"{jupyter.url}api/status").status_code == 403
        assert client.get(f"{jupyter.url}login").status_code == 200


def test_other_names_of_the_machine_are_refused(jupyter: Any) -> None:
    with jupyter.client(Authorization=f"token {jupyter.token}", Host="evil.example") as client:
        _refused(client.get("v1/me"), 403, "not_allowed")


def test_authorizer_of_jupyter_is_asked(start: Any) -> None:
    config = """
from jupyter_server.auth import Authorizer

class ReadOnly(Authorizer):
    def is_authorized(self, handler, user, action, resource):
        return resource == "wsi-lab" and action == "read"

c.ServerApp.authorizer_class = ReadOnly
"""
    with start(config=config) as jupyter, jupyter.owner() as client:
        assert client.get("v1/me").status_code == 200
        _refused(client.post("v1/studies", json={"name": "x"}), 403, "not_allowed")


def test_closed_jupyter_is_no_different(start: Any) -> None:
    with start("--ServerApp.allow_unauthenticated_access=False") as jupyter:
        with jupyter.client() as client:
            _refused(client.get("v1/me"), 401, "not_identified")
            assert client.get("v1/").status_code == 200
        with jupyter.owner() as client:
            body = {"name": "t", "capabilities": ["all"]}
            token = client.post("v1/tokens", json=body).json()["token"]
        with jupyter.client(Authorization=f"Bearer {token}") as client:
            assert client.get("v1/me").status_code == 200


def test_looking_at_slides_is_activity(jupyter: Any) -> None:
    with jupyter.browser() as browser, jupyter.owner() as watcher:

        def last_activity() -> str:
            answer: str = watcher.get(f"{jupyter.url}api/status").json()["last_activity"]
            return answer

        before = last_activity()
        assert browser.get(TILE).status_code == 200
        assert last_activity() > before
