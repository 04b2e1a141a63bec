"""Properties, tags, descriptions and attached files, on every kind of thing."""

from __future__ import annotations

from typing import Any

import pytest
from cytomine_forms import DOMAIN, EVERY, LINK, PROPERTY, check

from wsi_lab.model.remark import ThingKind
from wsi_lab.server.cytomine.things import CLASS_OF, hidden_as, kind_of


@pytest.mark.parametrize("kind", ["project", "imageinstance", "abstractimage", "annotation"])
def test_remarks(door: Any, world: Any, kind: str) -> None:
    number = {
        "project": world.study.id,
        "imageinstance": world.slide.id,
        "abstractimage": world.image.image_id,
        "annotation": world.draw("POINT (1 2)"),
    }[kind]
    word = {
        "project": "project.Project",
        "imageinstance": "image.ImageInstance",
        "abstractimage": "image.AbstractImage",
        "annotation": "ontology.UserAnnotation",
    }[kind]
    thing = {"domainIdent": number, "domainClassName": DOMAIN + word}
    for base in (f"api/domain/{DOMAIN}{word}/{number}", f"api/domain/{kind}/{number}"):
        key = world.name("key")
        made = door.change("POST", f"{base}/property.json", {"key": key, "value": 0.5})["property"]
        check(made, PROPERTY)
        assert made.items() >= {"key": key, "value": "0.5", **thing}.items()
        address = f"{base}/property/{made['id']}.json"
        assert door.get(address) == made == door.get(f"{base}/key/{key}/property.json")
        assert made in door.get(f"{base}/property.json")["collection"]
        changed = door.change("PUT", address, {**made, "value": True})["property"]
        assert (changed["id"], changed["value"]) == (made["id"], "true")
        assert door.change("DELETE", address)["property"]["key"] == key
        assert door.refused(404, "GET", address)

        tag = door.change("POST", "api/tag.json", {"name": world.name("tag")})["tag"]
        check(tag, {**EVERY, "name": str})
        answer = door.change("POST", f"{base}/tag_domain_association.json", {"tag": tag["id"]})
        link = answer["tag_domain_association"]
        check(link, LINK)
        assert link.items() >= {"tag": tag["id"], "tagName": tag["name"], **thing}.items()
        assert link in door.get(f"{base}/tag_domain_association.json")["collection"]
        assert door.get(f"api/tag_domain_association/{link['id']}.json") == link
        door.change("DELETE", f"api/tag_domain_association/{link['id']}.json")
        assert door.refused(404, "GET", f"api/tag_domain_association/{link['id']}.json")

        data = "<p>What <b>is</b> seen</p><script>alert(1)</script>"
        made = door.change("POST", f"{base}/description.json", {"data": data})["description"]
        assert made.items() >= {"data": "<p>What <b>is</b> seen</p>", **thing}.items()
        assert door.refused(409, "POST", f"{base}/description.json", body={"data": "x"})
        door.change("PUT", f"{base}/description.json", {"data": "<i>x</i>"})
        assert door.get(f"{base}/description.json")["data"] == "<i>x</i>"
        door.change("DELETE", f"{base}/description.json")
        assert door.refused(404, "GET", f"{base}/description.json")
        assert door.refused(404, "PUT", f"{base}/description.json", body={"data": "x"})


def test_case_of_an_image_is_a_property_that_nobody_changes(door: Any, world: Any) -> None:
    base = f"api/domain/imageinstance/{world.slide.id}"
    for person, name in (("viewer", "A-17"), ("study_admin", "Jane Doe")):
        assert door.get(f"{base}/key/case/property.json", person)["value"] == name
    case = door.get(f"{base}/key/case/property.json")
    path = f"{base}/property/{case['id']}.json"
    assert door.refused(400, "PUT", path, body={"value": "B"})
    assert door.refused(400, "DELETE", path)
    assert door.refused(400, "POST", f"{base}/property.json", body={"key": "case", "value": "B"})


def test_files_are_attached(door: Any, world: Any) -> None:
    keys = world.keys["editor"]
    query = {"domainClassName": DOMAIN + "project.Project", "domainIdent": world.study.id}
    answer = door.send(
        "POST",
        "api/attachedfile.json",
        headers=keys.plain(),
        params=query,
        files={"files[]": ("/home/somebody/report ü.txt", b"What was found.")},
    )
    assert answer.status_code == 200, answer.text
    made = answer.json()
    check(made, {**EVERY, "filename": str, "domainIdent": int, "domainClassName": str})
    assert made["filename"] == "report ü.txt"
    assert made["url"] == f"{door.base}/api/attachedfile/{made['id']}/download"
    assert door.get(f"api/attachedfile/{made['id']}.json", "viewer") == made
    listed = door.get(f"api/domain/project/{world.study.id}/attachedfile.json", "viewer")
    assert made in listed["collection"]
    file = door.ask("GET", f"api/attachedfile/{made['id']}/download", "viewer")
    assert file.content == b"What was found."
    assert file.headers["Content-Type"] == "application/octet-stream"
    assert "attachment" in file.headers["Content-Disposition"]
    assert door.refused(403, "GET", f"api/attachedfile/{made['id']}.json", "stranger")
    assert door.change("DELETE", f"api/attachedfile/{made['id']}.json", who="editor")
    assert door.refused(404, "GET", f"api/attachedfile/{made['id']}/download")


def test_kinds_of_things_are_the_ones_that_the_service_knows() -> None:
    for kind in ThingKind:
        assert kind_of(CLASS_OF[kind]) is kind_of(kind.value) is kind
        assert hidden_as(kind)
