"""Label sets, tasks and keys over HTTP: what they are made of and how they look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

Check = Callable[[str, Any], None]

LABELS = [
    {"name": "tumour", "colour": "#FF0000", "description": "malignant"},
    {"name": "stroma"},
]
DOCUMENT = {
    "desc": "Where tau is",
    "mode": "dltrain",
    "restrict-access": False,
    "stains": ["tau"],
    "specimens": ["Jane Doe"],
    "tags": {"not": ["bad"]},
    "dltrain": {"labelset": "tissue", "min-size": 20, "max-size": 200},
}


@pytest.fixture
def study(world: Any, boss: httpx.Client) -> Iterator[str]:
    """The address of a study with the label set ``tissue``."""
    address = f"/v1/studies/{world.new_study().id}"
    made = boss.post(f"{address}/label-sets", json={"name": "tissue", "labels": LABELS})
    assert made.status_code == 201
    return address


def as_viewer(world: Any) -> dict[str, str]:
    headers: dict[str, str] = world.headers("viewer")
    return headers


def test_label_set_is_made_and_told(study: str, boss: httpx.Client, schema: Check) -> None:
    made = boss.post(
        f"{study}/label-sets", json={"name": "b", "description": "d", "labels": LABELS}
    )
    schema("LabelSet", made.json())
    tumour = made.json()["labels"][0]
    assert (tumour["colour"], tumour["description"]) == ("#ff0000", "malignant")
    assert boss.get(made.headers["Location"]).json() == made.json()
    page = boss.get(f"{study}/label-sets", params={"limit": 1}).json()
    schema("LabelSetPage", page)
    after = boss.get(f"{study}/label-sets", params={"cursor": page["next_cursor"]}).json()
    assert [each["name"] for each in page["items"] + after["items"]] == ["tissue", "b"]
    again = boss.post(f"{study}/label-sets", json={"name": "b"})
    assert (again.status_code, again.json()["code"]) == (409, "conflict")


def test_labels_are_added_changed_and_removed(
    study: str, boss: httpx.Client, schema: Check
) -> None:
    label_set = boss.get(f"{study}/label-sets").json()["items"][0]
    address = f"/v1/label-sets/{label_set['id']}"
    added = boss.post(f"{address}/labels", json={"name": "fat", "description": "yellow"})
    assert added.status_code == 201
    schema("Label", added.json())
    label = f"/v1/labels/{added.json()['id']}"
    changed = boss.patch(label, json={"colour": "#0000FF", "name": "adipose"})
    assert changed.json() == {**added.json(), "colour": "#0000ff", "name": "adipose"}
    assert boss.patch(label, json={"name": "tumour"}).status_code == 409
    assert boss.patch(label, json={"colour": "blue"}).status_code == 400
    names = [each["name"] for each in boss.get(address).json()["labels"]]
    assert names == ["tumour", "stroma", "adipose"]
    assert boss.delete(label).status_code == 204
    assert boss.delete(label).status_code == 404


def test_labels_of_a_layer_keep_what_is_left_out(world: Any, boss: httpx.Client) -> None:
    study = f"/v1/studies/{world.new_study().id}"
    layer = boss.post(f"{study}/layers", json={"name": "nuclei", "labels": LABELS}).json()
    assert layer["labels"][0]["description"] == "malignant"
    tumour, stroma = layer["labels"]
    given = [
        {"id": stroma["id"], "name": "stroma", "description": "in between"},
        {"id": tumour["id"], "name": "cancer"},
        {"name": "fat"},
    ]
    headers = {"If-Match": f'"r{layer["revision"]}"'}
    after = boss.put(f"/v1/layers/{layer['id']}/labels", json={"labels": given}, headers=headers)
    assert [each["description"] for each in after.json()["labels"]] == [
        *("in between", "malignant", ""),
    ]
    assert after.json()["labels"][1]["colour"] == "#ff0000"
    headers = {"If-Match": after.headers["ETag"]}
    named = [{"name": "cancer", "description": "all of it"}, {"name": "stroma"}]
    after = boss.put(f"/v1/layers/{layer['id']}/labels", json={"labels": named}, headers=headers)
    assert [(each["id"], each["description"]) for each in after.json()["labels"]] == [
        (tumour["id"], "all of it"),
        (stroma["id"], "in between"),
    ]


def test_task_is_made_of_phas_file_and_told(
    world: Any, study: str, boss: httpx.Client, schema: Check
) -> None:
    made = boss.post(f"{study}/tasks", json={"name": "Training", **DOCUMENT})
    assert made.status_code == 201
    task = made.json()
    schema("Task", task)
    assert (task["name"], task["mode"], task["description"]) == (
        *("Training", "dltrain", "Where tau is"),
    )
    assert (task["smallest_box"], task["largest_box"], task["patch_size"]) == (20, 200, 512)
    assert task["label_set"] == "tissue"
    assert task["selection"] == {
        "stains": ["tau"],
        "cases": ["Jane Doe"],
        "tags_any": None,
        "tags_all": None,
        "tags_not": ["bad"],
    }
    assert boss.get(made.headers["Location"]).json() == task
    page = boss.get(f"{study}/tasks").json()
    schema("TaskPage", page)
    assert page["items"] == [{**task, "counts": {"cases": 0, "blocks": 0, "slides": 0}}]
    assert boss.get(f"/v1/layers/{task['id']}").json()["name"] == "Training"


def test_private_names_of_cases_are_not_told_to_who_may_not_see_them(
    world: Any, study: str, boss: httpx.Client, http: httpx.Client, schema: Check
) -> None:
    made = boss.post(f"{study}/tasks", json={"name": "Training", **DOCUMENT}).json()
    addresses = (f"/v1/tasks/{made['id']}", f"{study}/tasks")
    for address in addresses:
        seen = http.get(address, headers=as_viewer(world))
        assert seen.status_code == 200
        assert "Jane" not in seen.text
        assert "tau" in seen.text
    schema("TaskPage", seen.json())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "name"),
        ({"name": "t", "mode": "annot", "restrict-access": False}, "2"),
        ({"name": "task", "mode": "fax", "restrict-access": False}, "mode"),
        ({"name": "task", "mode": "annot"}, "restrict-access"),
        ({"name": "task", "mode": "sampling", "restrict-access": True}, "label"),
        (
            {
                "name": "task",
                "mode": "sampling",
                "restrict-access": True,
                "sampling": {"labelset": "none"},
            },
            "none",
        ),
    ],
)
def test_task_that_makes_no_sense_is_refused(
    study: str, boss: httpx.Client, schema: Check, body: Any, words: str
) -> None:
    refused = boss.post(f"{study}/tasks", json=body)
    assert refused.status_code == 400
    schema("Problem", refused.json())
    assert words in refused.json()["detail"]
    assert boss.get(f"{study}/tasks").json()["items"] == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'"\xff"', b"[" * 100_000])
def test_task_that_is_no_json_object_is_refused(
    study: str, boss: httpx.Client, body: bytes
) -> None:
    headers = {"Content-Type": "application/json"}
    assert boss.post(f"{study}/tasks", content=body, headers=headers).status_code == 400
    headers = {"Content-Type": "text/plain"}
    assert boss.post(f"{study}/tasks", content=b"{}", headers=headers).status_code == 415


def test_restricted_task_is_for_its_members(
    world: Any, study: str, boss: httpx.Client, http: httpx.Client, schema: Check
) -> None:
    made = boss.post(
        f"{study}/tasks", json={"name": "few", "mode": "annot", "restrict-access": True}
    ).json()
    task = f"/v1/tasks/{made['id']}"
    assert http.get(task, headers=as_viewer(world)).status_code == 404
    assert http.get(f"{study}/tasks", headers=as_viewer(world)).json()["items"] == []
    member = f"{task}/members/viewer@lab"
    put = boss.put(member, json={"access": "write"})
    schema("TaskMember", put.json())
    page = boss.get(f"{task}/members").json()
    schema("TaskMemberPage", page)
    assert page["items"] == [put.json()]
    seen = http.get(task, headers=as_viewer(world))
    # Nobody may more in a task than in its study.
    assert (seen.status_code, seen.json()["access"]) == (200, "read")
    assert boss.put(member, json={"access": "none"}).status_code == 400
    assert boss.put(f"{task}/members/x@lab", json={"access": "read"}).status_code == 404
    assert boss.delete(member).status_code == 204
    assert http.get(task, headers=as_viewer(world)).status_code == 404


def test_keys_are_made_listed_and_revoked(
    world: Any, boss: httpx.Client, http: httpx.Client, schema: Check
) -> None:
    phas = boss.post("/v1/keys", json={"purpose": "phas", "email": "editor@lab", "name": "laptop"})
    pair = boss.post("/v1/keys", json={"purpose": "cytomine", "email": "editor@lab"})
    for made in (phas, pair):
        assert made.status_code == 201
        schema("MadeKey", made.json())
    actor = world.lab.keys.actor_of_phas_key(phas.json()["api_key"], door="phas")
    assert actor.user.email == "editor@lab"
    _, private = world.lab.keys.actor_of_cytomine_key(pair.json()["public_key"], door="c")
    assert private == pair.json()["private_key"]
    page = boss.get("/v1/keys", params={"email": "editor@lab"}).json()
    schema("KeyPage", page)
    assert [each["purpose"] for each in page["items"]] == ["phas", "cytomine"]
    own = http.get("/v1/keys", headers=world.headers("editor")).json()["items"]
    assert own == page["items"]
    tokens = http.get("/v1/tokens", headers=world.headers("editor")).json()
    schema("TokenPage", tokens)
    assert [each["purpose"] for each in tokens["items"]] == ["bearer", "phas", "cytomine"]
    assert boss.delete(phas.headers["Location"]).status_code == 204
    assert boss.delete(phas.headers["Location"]).status_code == 404
    assert boss.delete(f"/v1/keys/{tokens['items'][0]['id']}").status_code == 404
    assert boss.delete(pair.headers["Location"]).status_code == 204


def test_key_is_no_bearer_token(world: Any, boss: httpx.Client, http: httpx.Client) -> None:
    key = boss.post("/v1/keys", json={"purpose": "phas"}).json()
    for text in (key["api_key"], f"wsi_{key['api_key']}"):
        answer = http.get("/v1/me", headers={"Authorization": f"Bearer {text}"})
        assert answer.status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"purpose": "bearer"},
        {"purpose": "phas", "expires_on": "2001-01-01T00:00:00Z"},
        {"purpose": "phas", "expires_on": "2999-01-01T00:00:00"},
        {"purpose": "phas", "capabilities": ["all"]},
    ],
)
def test_key_that_makes_no_sense_is_refused(
    boss: httpx.Client, schema: Check, body: dict[str, Any]
) -> None:
    refused = boss.post("/v1/keys", json=body)
    assert refused.status_code == 400
    schema("Problem", refused.json())
