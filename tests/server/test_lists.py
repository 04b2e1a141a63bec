"""Lists come in pages, and can be asked for one thing by its name."""

from __future__ import annotations

from typing import Any

import httpx
import pytest


def _all(http: httpx.Client, path: str, limit: int) -> list[Any]:
    found: list[Any] = []
    cursor: str | None = None
    for _ in range(100):
        params = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        page = http.get(path, params=params).json()
        assert len(page["items"]) <= limit
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found
    raise AssertionError("The pages do not end.")


@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_pages_together_are_the_list(world: Any, boss: httpx.Client, limit: int) -> None:
    study = world.new_study()
    for _ in range(3):
        world.new_case(study)
        world.new_slide(study)
    for path, key in (
        (f"/v1/studies/{study.id}/cases", "id"),
        (f"/v1/studies/{study.id}/slides", "id"),
        (f"/v1/studies/{study.id}/members", "user_id"),
        ("/v1/studies", "id"),
        ("/v1/users", "id"),
        ("/v1/tokens", "id"),
    ):
        found = _all(boss, path, limit)
        ids = [item[key] for item in found]
        assert ids == sorted(set(ids))
        assert len(ids) >= 1
        assert found == boss.get(path, params={"limit": 1000}).json()["items"]


def test_study_is_found_by_its_name(world: Any, boss: httpx.Client, http: httpx.Client) -> None:
    found = boss.get("/v1/studies", params={"name": world.study.name}).json()
    assert [item["id"] for item in found["items"]] == [world.study.id]
    assert found["next_cursor"] is None
    for name, headers in (
        ("no such study", world.headers("site_admin")),
        (world.study.name, world.headers("stranger")),
    ):
        answer = http.get("/v1/studies", params={"name": name}, headers=headers)
        assert answer.json() == {"items": [], "next_cursor": None}


def test_slides_are_found_by_name_and_case(world: Any, boss: httpx.Client) -> None:
    path = f"/v1/studies/{world.study.id}/slides"
    by_name = boss.get(path, params={"name": world.slide.name}).json()["items"]
    by_case = boss.get(path, params={"case_id": world.case.id}).json()["items"]
    assert [item["id"] for item in by_name] == [world.slide.id]
    assert world.slide.id in [item["id"] for item in by_case]
    assert {item["case"] for item in [*by_name, *by_case]} == {"A-17"}
    other = world.new_case()
    assert boss.get(path, params={"case_id": other.id}).json()["items"] == []


def test_study_tells_what_the_asker_may(world: Any, http: httpx.Client) -> None:
    path = f"/v1/studies/{world.study.id}"
    rights = {
        person: http.get(path, headers=world.headers(person)).json()["rights"]
        for person in ("viewer", "editor", "site_admin")
    }
    assert rights["viewer"] == ["view"]
    assert rights["editor"] == ["edit", "view"]
    assert len(rights["site_admin"]) == 7


def test_publishing_and_withdrawing_a_study(world: Any, boss: httpx.Client) -> None:
    path = f"/v1/studies/{world.new_study().id}"
    assert boss.get(path).json()["published_on"] is None
    published = boss.patch(
        path, json={"published": True}, headers={"If-Match": boss.get(path).headers["ETag"]}
    )
    assert published.json()["published_on"].endswith("Z")
    withdrawn = boss.patch(
        path, json={"published": False}, headers={"If-Match": published.headers["ETag"]}
    )
    assert withdrawn.json()["published_on"] is None


def test_member_is_set_and_removed(world: Any, boss: httpx.Client) -> None:
    study = world.lab.studies.create(world.owner, world.name())
    path = f"/v1/studies/{study.id}/members"
    assert boss.put(f"{path}/stranger%40lab", json={"rights": ["read"]}).json()["rights"] == [
        "view"
    ]
    assert [item["email"] for item in boss.get(path).json()["items"]] == ["stranger@lab"]
    assert boss.delete(f"{path}/stranger%40lab").status_code == 204
    assert boss.get(path).json()["items"] == []
    assert boss.delete(f"{path}/stranger%40lab").status_code == 404


def test_token_works_until_it_is_revoked(
    world: Any, boss: httpx.Client, http: httpx.Client
) -> None:
    made = boss.post(
        "/v1/tokens", json={"name": "n", "capabilities": ["pixels"], "email": "viewer@lab"}
    )
    token = made.json()
    headers = {"Authorization": f"Bearer {token['token']}"}
    assert http.get("/v1/me", headers=headers).json()["user"]["email"] == "viewer@lab"
    assert "token" not in boss.get("/v1/tokens").json()["items"][0]
    assert boss.delete(made.headers["Location"]).status_code == 204
    assert http.get("/v1/me", headers=headers).status_code == 401


def test_change_of_nothing_else(world: Any, boss: httpx.Client) -> None:
    slide = world.new_slide()
    path = f"/v1/slides/{slide.id}"
    first = boss.get(path)
    changed = boss.patch(
        path,
        json={"stain": "H&E", "mpp_x": 0.25, "case_id": world.case.id},
        headers={"If-Match": first.headers["ETag"]},
    ).json()
    expected = first.json() | {
        "stain": "H&E",
        "mpp_x": 0.25,
        "case_id": world.case.id,
        "case": "A-17",
        "revision": first.json()["revision"] + 1,
    }
    assert changed == expected
