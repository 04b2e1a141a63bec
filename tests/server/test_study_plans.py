"""Studies that are set up at once, and what readers get to know of them."""

from __future__ import annotations

from typing import Any

import httpx


def _plan(world: Any) -> dict[str, Any]:
    return {
        "name": world.name(),
        "settings": {"shufflecases": "true"},
        "cases": [{"name": "Müller", "public_name": "C1"}],
        "slides": [{"path": str(world.slide_file), "case": "Müller", "tags": ["x"]}],
        "questions": [{"name": "Grade", "kind": "dropdown", "configuration": "1;2"}],
        "members": [{"email": "viewer@lab", "rights": ["view", "score"]}],
        "published": True,
    }


def test_plan_becomes_a_study(world: Any, boss: httpx.Client, schema: Any) -> None:
    plan = _plan(world)
    answer = boss.post("/v1/study-plans", json=plan)
    assert answer.status_code == 201
    study = answer.json()
    schema("Study", study)
    assert answer.headers["Location"] == f"/v1/studies/{study['id']}"
    assert answer.headers["ETag"] == f'"r{study["revision"]}"'
    assert (study["name"], study["slide_count"]) == (plan["name"], 1)
    assert study["published_on"] is not None
    asked = boss.get(f"/v1/studies/{study['id']}/questions").json()["items"]
    assert [(each["name"], each["kind"]) for each in asked] == [("Grade", "DropDown")]


def test_every_problem_of_a_plan_is_named(world: Any, boss: httpx.Client, schema: Any) -> None:
    plan = {
        **_plan(world),
        "settings": {"colour": "red"},
        "questions": [{"name": "a", "kind": "Nothing"}],
        "members": [{"email": "nobody", "rights": ["fly"]}],
    }
    answer = boss.post("/v1/study-plans", json=plan)
    assert answer.status_code == 400
    schema("Problem", answer.json())
    assert len(answer.json()["problems"]) == 3
    assert boss.get("/v1/studies", params={"name": plan["name"]}).json()["items"] == []


def test_seed_is_in_no_answer_that_a_reader_gets(world: Any, boss: httpx.Client) -> None:
    study = boss.post("/v1/study-plans", json=_plan(world)).json()
    seed = study["settings"]["shuffleseed"]
    headers = world.headers("viewer")
    for path in (
        "/v1/studies?limit=1000",
        f"/v1/studies/{study['id']}",
        f"/v1/studies?name={study['name']}",
    ):
        answer = boss.get(path, headers=headers)
        assert answer.status_code == 200
        assert "shufflecases" in answer.text
        assert seed not in answer.text
        assert "shuffleseed" not in answer.text


def test_publication_needs_no_revision(world: Any, boss: httpx.Client, schema: Any) -> None:
    study = world.new_study()
    path = f"/v1/studies/{study.id}/publication"
    boss.patch(f"/v1/studies/{study.id}", json={"folder": "x"}, headers={"If-Match": '"r1"'})
    for published in (True, True, False):
        answer = boss.put(path, json={"published": published})
        assert answer.status_code == 200
        schema("Study", answer.json())
        assert (answer.json()["published_on"] is not None) == published


def test_questions_are_asked_in_one_go(world: Any, boss: httpx.Client, schema: Any) -> None:
    study = world.new_study()
    wanted = [
        {"name": "b", "kind": "Real"},
        {"name": "a", "kind": "DropDown", "configuration": "x"},
    ]
    answer = boss.put(f"/v1/studies/{study.id}/questions", json={"questions": wanted})
    assert answer.status_code == 200
    schema("AskedQuestions", answer.json())
    assert [each["name"] for each in answer.json()["questions"]] == ["b", "a"]
