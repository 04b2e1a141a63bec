"""Changes: how they are answered, what is all or nothing, what is in the way."""

from __future__ import annotations

from typing import Any

import pytest

CHANGES = [
    ("project", "api/project.json", lambda world: {"name": world.name()}),
    ("ontology", "api/ontology.json", lambda world: {"name": world.name()}),
    ("term", "api/term.json", lambda world: {"name": world.name(), "ontology": world.ontology.id}),
    (
        "annotation",
        "api/annotation.json",
        lambda world: {"location": "POINT (1 2)", "image": world.slide.id},
    ),
    ("tag", "api/tag.json", lambda world: {"name": world.name()}),
    (
        "imageinstance",
        "api/imageinstance.json",
        lambda world: {"baseImage": world.image.image_id, "project": world.new_study().id},
    ),
]


@pytest.mark.parametrize(("key", "path", "body"), CHANGES, ids=[each[0] for each in CHANGES])
def test_changes_are_answered_under_the_name_of_the_thing(
    door: Any, world: Any, key: str, path: str, body: Any
) -> None:
    made = door.change("POST", path, body(world))
    number = made[key]["id"]
    # All that clients were told comes back, together with what they made of it themselves.
    again = {**made[key], "class_": made[key]["class"], "filenames": ["a"], "nothing": None}
    for said in (
        made,
        door.change("PUT", f"api/{key}/{number}.json", again),
        door.change("DELETE", f"api/{key}/{number}.json"),
    ):
        assert set(said) == {key, "message", "callback", "printMessage", "command"}
        assert said[key]["id"] == number
        assert isinstance(said["message"], str)
        assert said["callback"]["method"].startswith("be.cytomine.")
        assert isinstance(said["printMessage"], bool)
        assert isinstance(said["command"], int)
    assert door.refused(404, "GET", f"api/{key}/{number}.json")
    assert door.refused(404, "DELETE", f"api/{key}/{number}.json")
    if key != "tag":
        assert door.refused(404, "PUT", f"api/{key}/{number}.json", body=again)


@pytest.mark.parametrize(
    ("path", "item"),
    [
        ("api/annotation.json", lambda world: {"location": "POINT (1 2)", "image": world.slide.id}),
        ("api/term.json", lambda world: {"name": world.name(), "ontology": world.ontology.id}),
        ("api/tag.json", lambda world: {"name": world.name()}),
        (
            "api/domain/project/{study}/property.json",
            lambda world: {"key": world.name(), "value": 1},
        ),
    ],
)
def test_arrays_are_stored_as_a_whole_or_not_at_all(
    door: Any, world: Any, path: str, item: Any
) -> None:
    path = path.format(study=world.study.id)
    listing = path if "annotation" not in path else f"{path}?image={world.slide.id}"
    before = door.get(listing)["size"]
    for count in (0, 1, 20):
        said = door.change("POST", path, [item(world) for _ in range(count)])
        assert set(said) == {"data", "status"}
        assert said["status"] == 200
        assert isinstance(said["data"]["message"], str)
    assert door.get(listing)["size"] == before + 21
    items = [item(world) for _ in range(5)]
    items[3] = dict.fromkeys(items[3], None)
    assert door.refused(400, "POST", path, body=items)
    assert door.get(listing)["size"] == before + 21


def test_terms_that_cannot_all_be_added_are_not_added(door: Any, world: Any) -> None:
    path = f"api/ontology/{world.ontology.id}/term.json"
    before = door.get(path)["size"]
    new = [{"name": world.name(), "ontology": world.ontology.id} for _ in range(3)]
    assert door.refused(409, "POST", "api/term.json", body=[*new, {**new[0], "name": "tumour"}])
    assert door.get(path)["size"] == before
    tags = [{"name": world.name("tag")}, {"name": world.name("tag")}]
    assert door.refused(409, "POST", "api/tag.json", body=[*tags, tags[0]])
    names = {each["name"] for each in door.get("api/tag.json")["collection"]}
    assert not names & {each["name"] for each in tags}


def test_what_there_is_already_is_a_conflict(door: Any, world: Any) -> None:
    number = world.draw("POINT (3 4)", world.tumour)
    taken = world.new_study()
    for path, body in (
        ("api/project.json", {"name": world.study.name}),
        ("api/ontology.json", {"name": world.ontology.name}),
        ("api/term.json", {"name": "tumour", "ontology": world.ontology.id}),
        (f"api/annotation/{number}/term/{world.tumour.id}.json", {}),
        (
            "api/imageinstance.json",
            {"baseImage": world.image.image_id, "project": world.study.id},
        ),
    ):
        assert door.refused(409, "POST", path, body=body), path
    path, body = f"api/project/{taken.id}.json", {"name": world.study.name}
    assert door.refused(409, "PUT", path, body=body)
    assert door.refused(409, "PUT", f"api/term/{world.stroma.id}.json", body={"name": "tumour"})


def test_what_is_in_use_stays(door: Any, world: Any) -> None:
    world.draw("POINT (3 4)", world.stroma)
    for path in (f"api/ontology/{world.ontology.id}.json", f"api/term/{world.stroma.id}.json"):
        assert door.refused(400, "DELETE", path)
        assert door.get(path)


def test_numbers_may_come_as_text(door: Any, world: Any) -> None:
    term = {"name": world.name(), "ontology": str(world.ontology.id)}
    assert door.change("POST", "api/term.json", term)["term"]["ontology"] == world.ontology.id
    body = {
        "location": "POINT (1 2)",
        "image": str(world.slide.id),
        "term": [str(world.tumour.id), f"{world.stroma.id}"],
    }
    made = door.change("POST", "api/annotation.json", body)["annotation"]
    assert made["term"] == [world.tumour.id, world.stroma.id]
    for terms in (
        {"terms": f"{world.tumour.id},{world.stroma.id}"},
        {"term": world.tumour.id},
        {"term": f"{world.tumour.id}_{world.stroma.id}"},
    ):
        body = {"location": "POINT (1 2)", "image": world.slide.id, **terms}
        made = door.change("POST", "api/annotation.json", body)["annotation"]
        assert made["term"][0] == world.tumour.id
    named = door.change("POST", "api/tag.json", {"name": 2026 + world.made * 10**6})["tag"]
    assert named["name"].isdecimal()
