"""What is answered, key by key, as the contract has it."""

from __future__ import annotations

from typing import Any

import pytest
from cytomine_forms import (
    ABSTRACT,
    ANNOTATION,
    CURRENT_USER,
    DOMAIN,
    EVERY,
    INSTANCE,
    ONTOLOGY,
    PROJECT,
    SLICE,
    TERM,
    USER,
    check,
)

from wsi_lab.server.cytomine.annotation_objects import scaled


def test_current_user(door: Any, world: Any) -> None:
    for person in ("viewer", "site_admin"):
        for path in ("api/currentuser.json", "api/user/current.json"):
            said = door.get(path, person)
            check(said, CURRENT_USER)
            assert said["id"] == world.ids[person]
            assert said["username"] == said["email"] == f"{person}@lab"
            assert said["publicKey"] == world.keys[person].public
            assert said["admin"] is said["adminByNow"] is (person == "site_admin")
            assert said["guest"] is False
            assert world.keys[person].private not in str(said)


def test_users_and_roles(door: Any, world: Any) -> None:
    found = door.get("api/user.json", "viewer")["collection"]
    assert {each["username"] for each in found} >= {"viewer@lab", "member@lab", "editor@lab"}
    assert "stranger@lab" not in {each["username"] for each in found}
    for each in found:
        check(each, USER)
        assert "publicKey" not in each
    own = door.get("api/user.json", "viewer", publicKey=world.keys["viewer"].public)
    assert [each["id"] for each in own["collection"]] == [world.ids["viewer"]]
    assert door.get("api/user.json", "viewer", publicKey="nonsense")["collection"] == []
    roles = door.get(f"api/user/{world.ids['viewer']}/role.json", "viewer")["collection"]
    assert [each["authority"] for each in roles] == ["ROLE_USER"]
    boss = door.get(f"api/user/{world.ids['site_admin']}/role.json")["collection"]
    assert {each["authority"] for each in boss} == {"ROLE_USER", "ROLE_ADMIN"}
    assert {each["authority"] for each in door.get("api/role.json")["collection"]} == {
        "ROLE_USER",
        "ROLE_ADMIN",
    }


def test_keys_are_told_to_their_owner(door: Any, world: Any) -> None:
    own = world.keys["viewer"]
    pair = {"publicKey": own.public, "privateKey": own.private}
    assert door.get(f"api/userkey/{own.public}/keys.json", "viewer") == pair
    assert door.get(f"api/user/{world.ids['viewer']}/keys.json", "viewer") == pair
    assert door.refused(403, "GET", f"api/userkey/{own.public}/keys.json")


def test_members_and_managers(door: Any, world: Any) -> None:
    study = world.new_study()
    base = f"api/project/{study.id}"

    def told(what: str) -> set[int]:
        return {each["id"] for each in door.get(f"{base}/{what}.json")["collection"]}

    ids = {name: world.ids[name] for name in ("viewer", "member", "editor", "study_admin")}
    maker = world.owner.user.id
    assert told("user") == {*ids.values(), maker}
    assert told("admin") == {ids["editor"], ids["study_admin"], maker}
    person = world.new_person()
    number = world.ids[person]
    for path, users, admins in (
        (f"POST {base}/user/{number}.json", True, False),
        (f"POST {base}/user/{number}/admin.json", True, True),
        (f"DELETE {base}/user/{number}/admin.json", True, False),
        (f"DELETE {base}/user/{number}.json", False, False),
    ):
        method, address = path.split(" ")
        assert door.change(method, address) == {"data": {"message": "OK"}}
        assert (number in told("user")) is users
        assert (number in told("admin")) is admins
    assert door.refused(404, "DELETE", f"{base}/user/{number}.json")
    assert door.refused(404, "DELETE", f"{base}/user/{number}/admin.json")
    assert door.refused(404, "POST", f"{base}/user/{10**9}.json")


def test_member_keeps_the_rights_they_have(door: Any, world: Any) -> None:
    study = world.new_study()
    door.change("POST", f"api/project/{study.id}/user/{world.ids['study_admin']}.json")
    members = world.lab.studies.members(world.owner, study.id)
    held = next(each.rights for each in members if each.email == "study_admin@lab")
    assert {"private", "admin", "results"} <= held


def test_project(door: Any, world: Any) -> None:
    said = door.get(f"api/project/{world.study.id}.json", "viewer")
    check(said, PROJECT)
    assert said["name"] == "HTT pilot"
    images = door.get(f"api/project/{world.study.id}/imageinstance.json", "viewer")
    assert (said["ontology"], said["numberOfImages"]) == (world.ontology.id, images["size"])
    assert said["areImagesDownloadable"] is False
    admins = door.get(f"api/project/{world.study.id}.json", "study_admin")
    assert admins["areImagesDownloadable"] is True
    listed = door.get("api/project.json", "viewer")["collection"]
    assert said in listed
    for each in listed:
        check(each, PROJECT)
    of_ontology = door.get(f"api/ontology/{world.ontology.id}/project.json", "viewer")
    assert of_ontology["collection"] == [said]
    of_user = door.get(f"api/user/{world.ids['viewer']}/project.json", "viewer")["collection"]
    assert said in of_user
    assert door.get(f"api/user/{world.ids['stranger']}/project.json")["collection"] == []


def test_ontology_tells_its_terms_as_a_tree(door: Any, world: Any) -> None:
    check(door.get(f"api/ontology/{world.ontology.id}.json", "viewer"), ONTOLOGY)
    made = door.change("POST", "api/ontology.json", {"name": world.name()})["ontology"]
    check(made, ONTOLOGY)
    ids = [
        door.change("POST", "api/term.json", {"name": name, "ontology": made["id"]})["term"]["id"]
        for name in ("tissue", "tumour", "stroma")
    ]
    for each in ids[1:]:
        body = {"term1": ids[0], "term2": each}
        relation = door.change("POST", "api/relation/parent/term.json", body)["relationterm"]
        assert (relation["term1"], relation["term2"]) == (ids[0], each)
    (root,) = door.get(f"api/ontology/{made['id']}.json")["children"]
    assert (root["name"], root["isFolder"]) == ("tissue", True)
    assert {each["name"] for each in root["children"]} == {"tumour", "stroma"}
    listed = {each["id"]: each for each in door.get("api/ontology.json")["collection"]}
    assert listed[made["id"]]["children"] == [root]
    body = {"term1": ids[0], "term2": ids[1]}
    assert door.refused(409, "POST", "api/relation/parent/term.json", body=body)
    turned = {"term1": ids[1], "term2": ids[0]}
    assert door.refused(400, "POST", "api/relation/parent/term.json", body=turned)


def test_term(door: Any, world: Any) -> None:
    said = door.get(f"api/term/{world.tumour.id}.json", "viewer")
    check(said, TERM)
    assert (said["name"], said["ontology"], said["color"]) == (
        "tumour",
        world.ontology.id,
        "#ff0000",
    )
    of_project = door.get(f"api/project/{world.study.id}/term.json", "viewer")["collection"]
    assert of_project == door.get(f"api/ontology/{world.ontology.id}/term.json")["collection"]
    assert said in of_project
    assert said in door.get("api/term.json", "viewer")["collection"]
    assert door.get("api/term.json", "stranger")["collection"] == []


def test_images(door: Any, world: Any) -> None:
    slide = world.slide.id
    said = door.get(f"api/imageinstance/{slide}.json", "study_admin")
    check(said, INSTANCE)
    assert (said["width"], said["height"], said["zoom"]) == (2220, 2967, 4)
    assert said["filename"] == said["originalFilename"] == world.slide_file.name
    assert said["instanceFilename"] == world.slide.name
    assert said["physicalSizeX"] == pytest.approx(0.499)
    for name in ("thumb", "preview"):
        assert said[name].startswith(f"{door.base}/api/imageinstance/{slide}/{name}.png")
    listed = door.get(f"api/project/{world.study.id}/imageinstance.json", "study_admin")
    assert said in listed["collection"]
    one = door.get(f"api/imageinstance/{slide}/sliceinstance/reference.json", "viewer")
    check(one, SLICE)
    assert (one["id"], one["image"], one["baseSlice"]) == (slide, slide, world.image.image_id)
    (only,) = door.get(f"api/imageinstance/{slide}/sliceinstance.json", "viewer")["collection"]
    assert only == one == door.get(f"api/sliceinstance/{slide}.json", "viewer")
    abstract = door.get(f"api/abstractimage/{world.image.image_id}.json", "study_admin")
    check(abstract, {**ABSTRACT, "uploadedFile": int, "dimensions": str})
    assert not {"project", "baseImage", "instanceFilename", "numberOfAnnotations"} & set(abstract)
    assert abstract in door.get("api/abstractimage.json", "study_admin")["collection"]
    for text in (str(said), str(abstract)):
        assert str(world.slide_file.parent) not in text


def test_names_of_files_are_hidden_from_who_may_not_know_them(door: Any, world: Any) -> None:
    slide = world.new_slide()
    said = door.get(f"api/imageinstance/{slide.id}.json", "viewer")
    assert world.slide_file.name not in str(said)
    assert said["filename"] == f"{slide.name}.svs"


def test_annotation(door: Any, world: Any) -> None:
    text = "POLYGON ((0 0, 0 20, 20 20, 0 0))"
    body = {"location": text, "image": world.slide.id, "term": [world.tumour.id]}
    made = door.change("POST", "api/annotation.json", body, "member")["annotation"]
    check(made, ANNOTATION)
    assert made["class"] == f"{DOMAIN}ontology.UserAnnotation"
    assert made["location"] == text
    assert made["user"] == world.ids["member"]
    assert (made["term"], made["slice"]) == ([world.tumour.id], world.slide.id)
    assert made["area"] == pytest.approx(200 * 0.499**2)
    assert (made["areaUnit"], made["perimeterUnit"]) == ("micron²", "mm")
    assert made["perimeter"] == pytest.approx((40 + 800**0.5) * 0.499 / 1000)
    assert made["centroid"] == {
        "x": pytest.approx(20 / 3),
        "y": pytest.approx(40 / 3),
    }
    number = made["id"]
    assert made["cropURL"] == f"{door.base}/api/userannotation/{number}/crop.png"
    for noun in ("annotation", "userannotation"):
        assert door.get(f"api/{noun}/{number}.json", "member") == made
    relation = door.get(f"api/annotation/{number}/term/{world.tumour.id}.json", "member")
    check(relation, {**EVERY, "userannotation": int, "term": int, "user": int})
    assert (relation["userannotation"], relation["user"]) == (number, world.ids["member"])
    listed = door.get(f"api/annotation/{number}/term.json", "member")["collection"]
    assert listed == [relation]


def test_without_a_scale_annotations_are_measured_in_pixels() -> None:
    assert scaled(10.4, 6.6, None) == {
        "area": 10,
        "areaUnit": "pixels²",
        "perimeter": 7,
        "perimeterUnit": "pixels",
    }
