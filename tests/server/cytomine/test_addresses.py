"""Which address leads where: slashes, methods, what there is not, and other doors' trees."""

from __future__ import annotations

from typing import Any

import pytest

from wsi_lab.server.cytomine.door import CYTOMINE_DOOR
from wsi_lab.server.cytomine.routes import CYTOMINE_ROUTES
from wsi_lab.server.lab_routes import LAB_ROUTES

OPERATIONS = [
    (method, route)
    for route in CYTOMINE_ROUTES
    for method in route.needs
    if method not in {"HEAD", "OPTIONS"}
]
OPEN = {"server/ping", "server/ping.json"}


def _example(path: str) -> str:
    return path.replace("{", "1").replace("}", "1")


def test_all_but_ping_ask_who_it_is() -> None:
    for route in CYTOMINE_ROUTES:
        is_open = {need.action is None for need in route.needs.values()}
        assert is_open == {route.path in OPEN}, route.path


def test_all_addresses_are_in_the_trees_of_the_door() -> None:
    for route in CYTOMINE_ROUTES:
        assert route.path.partition("/")[0] in CYTOMINE_DOOR.trees
        assert route.door is CYTOMINE_DOOR


def test_addresses_of_other_doors_are_not_ours() -> None:
    ours = {route.path for route in CYTOMINE_ROUTES}
    for route in LAB_ROUTES:
        if route.path not in ours:
            example = _example(route.path)
            assert not any(each.pattern.fullmatch(example) for each in CYTOMINE_ROUTES), example
    for route in CYTOMINE_ROUTES:
        example = _example(route.path)
        fitting = [each for each in LAB_ROUTES if each.pattern.fullmatch(example)]
        # Of two that fit the first is meant: what has a name of its own comes before ids.
        assert fitting[0] is route, example


@pytest.mark.parametrize(
    ("path", "others"),
    [
        ("api/user/current.json", "api/user/1.json"),
        ("api/annotation/included.json", "api/annotation/1.json"),
    ],
)
def test_word_in_the_place_of_an_id_is_a_word(path: str, others: str) -> None:
    first = next(each for each in CYTOMINE_ROUTES if each.pattern.fullmatch(path))
    assert "{" not in first.path
    assert "{" in next(each for each in CYTOMINE_ROUTES if each.pattern.fullmatch(others)).path


@pytest.mark.parametrize("slashes", [2, 3, 30])
@pytest.mark.parametrize(
    "path", ["api/project.json", "api/currentuser.json?max=0", "server/ping", "api/nothing.json"]
)
def test_more_slashes_are_as_good_as_one(
    everywhere: Any, world: Any, path: str, slashes: int
) -> None:
    headers = world.keys["viewer"].plain()
    one = everywhere.send("GET", path, headers=headers)
    more = everywhere.send("GET", "/" * (slashes - 1) + path, headers=headers)
    assert (more.status_code, more.content) == (one.status_code, one.content)
    assert not more.history


def test_guide_s_steps_by_curl_have_two_slashes(everywhere: Any, world: Any) -> None:
    # HOST is written with a slash at its end there.
    host, keys = f"{everywhere.base}/", world.keys["member"]
    assert everywhere.base + "/" == host
    for address, found in (
        ("/api/currentuser.json", lambda said: said["email"] == "member@lab"),
        (
            "/api/project.json",
            lambda said: world.study.name in {each["name"] for each in said["collection"]},
        ),
    ):
        answer = everywhere.send("GET", address, headers=keys.plain())
        assert answer.status_code == 200
        assert found(answer.json())


@pytest.mark.parametrize("path", ["v1/me", "Api/Studies", "files/x", "view/x", "dzi/x"])
def test_slashes_before_addresses_of_other_doors_are_not_passed_over(door: Any, path: str) -> None:
    assert door.send("GET", f"/{path}").status_code == 404


def test_slashes_inside_of_an_address_are_not_passed_over(door: Any, world: Any) -> None:
    headers = world.keys["viewer"].plain()
    for path in ("api//project.json", "api/project.json/", f"api/project//{world.study.id}.json"):
        assert door.send("GET", path, headers=headers).status_code == 404


@pytest.mark.parametrize(
    "path", ["api", "api/", "api/nothing", "api/nothing.json", "api/term/1/2/3.json", "upload/x"]
)
def test_what_there_is_not_is_said_in_the_words_of_the_door(door: Any, path: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE"):
        answer = door.send(method, path)
        assert answer.status_code == 404
        said = answer.json()["errors"]
        assert isinstance(said["message"] if method == "GET" else said, str)


def test_task_s_tree_is_still_another_door_s(door: Any, world: Any) -> None:
    for path in ("api/projects", f"api/project/{world.study.id}/tasks", "api/task/1/info"):
        answer = door.ask("GET", path)
        assert answer.status_code == 401
        assert answer.json()["status"] == "failed"


@pytest.mark.parametrize("route", CYTOMINE_ROUTES, ids=lambda route: route.path)
def test_other_methods_are_told_which_there_are(door: Any, route: Any) -> None:
    path = _example(route.path)
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - set(route.needs):
        answer = door.send(method, path)
        assert answer.status_code == 405, method
        assert answer.headers["Allow"] == route.allow
    options = door.send("OPTIONS", path, headers={"Origin": "https://elsewhere.example"})
    assert (options.status_code, options.content) == (200, b"")
    assert options.headers["Allow"] == route.allow
    assert not any(name.lower().startswith("access-control") for name in options.headers)


@pytest.mark.parametrize(
    "path",
    [
        *("server/ping", "api/currentuser.json", "api/project.json", "api/term.json"),
        *("api/imageinstance/{slide}.json", "api/annotation.json?image={slide}"),
        "api/imageinstance/{slide}/window-0-0-64-48.png",
        "api/imageinstance/{slide}/download",
    ],
)
def test_head_is_get_without_a_body(door: Any, world: Any, path: str) -> None:
    path = path.format(slide=world.slide.id)
    got, head = door.ask("GET", path), door.ask("HEAD", path)
    assert got.status_code == head.status_code == 200
    assert not head.content
    for name in ("Content-Type", "Content-Length"):
        assert head.headers[name] == got.headers[name]
