"""The OpenAPI file says what the routes do, and the answers are as it says."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from wsi_lab.errors import WsiLabError, error_class
from wsi_lab.server.failures import STATUS_OF
from wsi_lab.server.routes import V1_ROUTES

OPERATIONS = {
    (method.lower(), f"/{route.path}")
    for route in V1_ROUTES
    for method in route.needs
    if method != "HEAD"
}


def _resolved(contract: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        target: Any = contract
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def _operations(contract: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method, path): {
            **operation,
            "parameters": [
                _resolved(contract, each)
                for each in [*item.get("parameters", ()), *operation.get("parameters", ())]
            ],
        }
        for path, item in contract["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }


def test_contract_and_routes_name_the_same_operations(contract: dict[str, Any]) -> None:
    assert set(_operations(contract)) == OPERATIONS


def test_path_parameters_are_those_of_the_address(contract: dict[str, Any]) -> None:
    for (_, path), operation in _operations(contract).items():
        stated = [each["name"] for each in operation["parameters"] if each["in"] == "path"]
        assert stated == re.findall(r"\{(\w+)\}", path)


def test_operation_ids_are_unique(contract: dict[str, Any]) -> None:
    ids = [operation["operationId"] for operation in _operations(contract).values()]
    assert len(set(ids)) == len(ids)


def test_every_reference_leads_somewhere(contract: dict[str, Any]) -> None:
    def walk(node: Any) -> None:
        if isinstance(node, dict):
            _resolved(contract, node)
            for each in node.values():
                walk(each)
        elif isinstance(node, list):
            for each in node:
                walk(each)

    walk(contract)


def test_every_component_is_used(contract: dict[str, Any], repository: Any) -> None:
    text = (repository / "wsi_lab" / "server" / "openapi.yaml").read_text()
    for kind, components in contract["components"].items():
        if kind != "securitySchemes":
            unused = [name for name in components if f'"#/components/{kind}/{name}"' not in text]
            assert not unused, kind


def test_every_code_of_an_error_is_in_the_contract(contract: dict[str, Any]) -> None:
    stated = set(contract["components"]["schemas"]["Problem"]["properties"]["code"]["enum"])
    assert stated == {kind.code for kind in STATUS_OF}


def test_every_error_of_the_lab_has_a_status() -> None:
    def kinds(kind: type[WsiLabError]) -> set[type[WsiLabError]]:
        return {kind}.union(*(kinds(each) for each in kind.__subclasses__()))

    ours = {kind for kind in kinds(WsiLabError) if kind.__module__ == "wsi_lab.errors"}
    assert ours <= set(STATUS_OF)


def test_statuses_that_an_operation_must_state(contract: dict[str, Any]) -> None:
    for (method, path), operation in _operations(contract).items():
        stated = set(operation["responses"])
        must = {"400", "default"}
        if operation.get("security") != []:
            must |= {"401", "403"}
        if "{" in path:
            must |= {"404"}
        if "requestBody" in operation:
            must |= {"413", "415"}
        if any(each["name"] == "If-Match" for each in operation["parameters"]):
            must |= {"409", "428"}
        if any(each["name"] == "If-None-Match" for each in operation["parameters"]):
            must |= {"304"}
        assert must <= stated, (method, path)


def test_changes_of_what_has_revisions_need_one(contract: dict[str, Any]) -> None:
    with_revision = {
        (method, path)
        for (method, path), operation in _operations(contract).items()
        if any(each["name"] == "If-Match" for each in operation["parameters"])
    }
    assert with_revision == {
        (method, f"/v1/{noun}")
        for method in ("patch", "delete")
        for noun in (
            "studies/{study_id}",
            "cases/{case_id}",
            "slides/{slide_id}",
            "questions/{question_id}",
            "layers/{layer_id}",
            "annotations/{annotation_id}",
            "studies/{study_id}/reading/annotations/{annotation_id}",
        )
    } | {("put", "/v1/layers/{layer_id}/labels")}


def test_codes_lead_back_to_their_classes() -> None:
    for kind in STATUS_OF:
        assert error_class(kind.code) is kind


ANSWERS = {
    "Root": "v1/",
    "Me": "v1/me",
    "UserPage": "v1/users",
    "TokenPage": "v1/tokens?everybody=true",
    "StudyPage": "v1/studies",
    "Study": "v1/studies/{world.study.id}",
    "MemberPage": "v1/studies/{world.study.id}/members",
    "CasePage": "v1/studies/{world.study.id}/cases",
    "Case": "v1/cases/{world.case.id}",
    "SlidePage": "v1/studies/{world.study.id}/slides",
    "Slide": "v1/slides/{world.slide.id}",
    "Properties": "v1/slides/{world.slide.id}/properties",
    "NamePage": "v1/slides/{world.slide.id}/associated",
    "QuestionPage": "v1/studies/{world.study.id}/questions",
    "Question": "v1/questions/{world.question.id}",
    "Answer": "v1/answers/{world.answer.id}",
    "AnswerPage": "v1/answers/{world.answer.id}/history",
    "ResultPage": "v1/studies/{world.study.id}/answers",
    "TmaMapPage": "v1/studies/{world.study.id}/tma-maps",
    "WholeTmaMap": "v1/tma-maps/{world.tma_map.id}",
    "SlideCores": "v1/slides/{world.array.id}/cores",
    "ConfigFiles": "v1/studies/{world.study.id}/config-files",
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answer_is_as_the_contract_says(
    world: Any, boss: httpx.Client, schema: Any, name: str
) -> None:
    answer = boss.get("/" + ANSWERS[name].format(world=world))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    schema(name, answer.json())


def test_what_is_made_is_as_the_contract_says(world: Any, boss: httpx.Client, schema: Any) -> None:
    study = f"/v1/studies/{world.new_study().id}"
    made = {
        "User": ("/v1/users", {"email": "new.user@lab", "name": "Ü", "is_admin": False}),
        "MadeToken": (
            "/v1/tokens",
            {"name": "t", "capabilities": ["pixels"], "expires_on": "2999-01-01T00:00:00Z"},
        ),
        "Study": ("/v1/studies", {"name": world.name(), "description": "many\nlines"}),
        "Case": (f"{study}/cases", {"name": world.name(), "public_name": "A"}),
        "Slide": (f"{study}/slides", {"path": str(world.slide_file), "tags": ["b", "a"]}),
        "Question": (f"{study}/questions", {"name": "Grade", "kind": "dropdown"}),
        "WholeTmaMap": (f"{study}/tma-maps", {"name": "tma.map", "text": "A1\tA2\n"}),
        "Answer": (
            f"/v1/studies/{world.study.id}/answers",
            {"question": world.question.name, "answer": "x", "slide_id": world.slide.id},
        ),
    }
    for name, (path, body) in made.items():
        answer = boss.post(path, json=body)
        assert answer.status_code == 201, answer.text
        schema(name, answer.json())
        if "Location" in answer.headers and name != "MadeToken":
            assert boss.get(answer.headers["Location"]).json() == answer.json()


def test_contract_is_served_and_cached(http: httpx.Client, repository: Any) -> None:
    answer = http.get("/v1/openapi.yaml")
    assert answer.content == (repository / "wsi_lab" / "server" / "openapi.yaml").read_bytes()
    again = http.get("/v1/openapi.yaml", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    assert not again.content
