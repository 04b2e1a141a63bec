"""Slides that are sent: into projects, into none, and what is refused."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from cytomine_forms import EVERY, check
from waiting import wait_until

DOMAIN = "be.cytomine.domain."


def storage(door: Any, who: str) -> int:
    (found,) = door.get("api/storage.json", who)["collection"]
    check(found, {**EVERY, "name": str, "user": int})
    assert found["user"] == door.world.ids[who]
    assert door.get(f"api/storage/{found['id']}.json", who) == found
    return int(found["id"])


def send(
    door: Any, who: str, name: str, data: bytes, *, signed: bool = True, **query: Any
) -> requests.Response:
    """Send a file as the released client does."""
    form = requests.Request("POST", f"{door.base}/upload", files={"files[]": (name, data)})
    prepared = form.prepare()
    kind = prepared.headers["Content-Type"]
    keys = door.world.keys[who]
    headers = keys.signed("POST", content_type=kind) if signed else keys.plain()
    return door.send(
        "POST",
        "upload",
        params=query,
        headers={**headers, "Content-Type": kind},
        data=prepared.body,
    )


def left(world: Any) -> list[str]:
    """Return the files that are under way, and those of images."""
    home = world.lab.settings.home
    return sorted(
        str(each.relative_to(home))
        for folder in ("uploads", "slides")
        for each in (home / folder).rglob("*")
        if each.is_file()
    )


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "two headers"])
def test_slide_is_sent_into_a_project(door: Any, world: Any, signed: bool) -> None:
    study, name = world.new_study(), f"{world.name('sent')}.svs"
    data, own = world.slide_file.read_bytes(), storage(door, "editor")
    answer = send(
        door,
        "editor",
        name,
        data,
        signed=signed,
        storage=own,
        idStorage=own,
        projects=study.id,
        idProject=study.id,
        keys="stain,batch",
        values="HE,7",
        sync="True",
    )
    assert answer.status_code == 200, answer.text
    (said,) = answer.json()
    assert (said["status"], said["name"], said["size"]) == (200, name, len(data))
    uploaded = said["uploadedFile"]
    check(
        uploaded,
        {
            **EVERY,
            **dict.fromkeys(("originalFilename", "filename", "ext", "contentType"), str),
            **dict.fromkeys(("size", "storage", "user", "status"), int),
            "projects": list,
        },
    )
    assert uploaded["originalFilename"] == name
    assert (uploaded["size"], uploaded["status"], uploaded["ext"]) == (len(data), 100, "svs")
    assert (uploaded["storage"], uploaded["user"]) == (own, world.ids["editor"])
    assert uploaded["projects"] == [study.id]
    (made,) = said["images"]
    (instance,) = made["imageInstances"]
    assert made["image"]["class"] == f"{DOMAIN}image.AbstractImage"
    assert (instance["baseImage"], instance["project"]) == (made["image"]["id"], study.id)
    assert door.get(f"api/imageinstance/{instance['id']}.json", "editor") == instance
    path = f"api/domain/abstractimage/{made['image']['id']}/property.json"
    found = {each["key"]: each["value"] for each in door.get(path, "editor")["collection"]}
    assert found == {"stain": "HE", "batch": "7"}
    back = door.ask("GET", f"api/abstractimage/{made['image']['id']}/download", "editor")
    assert back.content == data


def test_slide_is_sent_into_no_project_and_is_its_senders(door: Any, world: Any) -> None:
    data = world.slide_file.read_bytes()
    answer = send(door, "editor", f"{world.name('sent')}.svs", data)
    assert answer.status_code == 200, answer.text
    (said,) = answer.json()
    (made,) = said["images"]
    assert (made["imageInstances"], said["uploadedFile"]["projects"]) == ([], [])
    path = f"api/abstractimage/{made['image']['id']}.json"
    assert door.get(path, "editor") == made["image"]
    for other in ("study_admin", "stranger"):
        assert door.refused(403, "GET", path, other)
    study = world.new_study()
    body = {"baseImage": made["image"]["id"], "project": study.id}
    assert door.change("POST", "api/imageinstance.json", body, "editor")
    assert door.get(path, "viewer")["id"] == made["image"]["id"]
    assert door.refused(400, "DELETE", path, "editor")


def test_large_file_goes_to_the_disk_while_it_comes(door: Any, world: Any) -> None:
    # Larger than what a server holds of a body, and than what a piece of it is.
    before = left(world)
    answer = send(door, "site_admin", "large.svs", b"\x00" * (24 << 20))
    assert answer.status_code == 400
    assert answer.json()["success"] is False
    assert left(world) == before


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("no.svs", b"this is no slide" * 100),
        ("empty.svs", b""),
        ("", b"x"),
        (".hidden.svs", b"x"),
        ("..", b"x"),
        ("a" * 300 + ".svs", b"x"),
        ("a\u202e.svs", b"x"),
        ("a;b:c.svs", b"x"),
    ],
)
def test_what_is_no_slide_is_refused_and_gone(
    door: Any, world: Any, name: str, data: bytes
) -> None:
    before = left(world)
    answer = send(door, "editor", name, data, projects=world.study.id)
    assert answer.status_code == 400, answer.text
    assert answer.json()["success"] is False
    assert left(world) == before


def test_who_may_not_send_is_refused_and_nothing_is_left(door: Any, world: Any) -> None:
    before, data = left(world), world.slide_file.read_bytes()
    other = world.lab.studies.create(world.owner, world.name())
    own = storage(door, "editor")
    for who, status, query in (
        ("anonymous", 401, {}),
        ("stranger", 403, {}),
        ("viewer", 403, {}),
        ("member", 403, {"projects": world.study.id}),
        ("editor", 403, {"projects": other.id}),
        ("editor", 404, {"projects": 10**9}),
        ("member", 403, {"storage": own}),
        ("editor", 403, {"storage": own, "idStorage": 10**9}),
        ("editor", 400, {"keys": "a,b", "values": "1"}),
        ("editor", 400, {"projects": "x"}),
    ):
        name = f"{world.name('sent')}.svs"
        if who == "anonymous":
            answer = door.send("POST", "upload", files={"files[]": (name, data)})
        else:
            answer = send(door, who, name, data, **query)
        assert answer.status_code == status, (who, query, answer.text)
        assert answer.json()["success"] is False
    assert left(world) == before


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"--x--\r\n"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"--x--\r\n"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n',
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a"; filename="a.svs"\r\n\r\nbroken',
        ),
    ],
    ids=["json", "no boundary", "nothing", "no part", "no file", "no end"],
)
def test_body_without_a_whole_file_is_refused(
    door: Any, world: Any, kind: str, body: bytes
) -> None:
    before = left(world)
    headers = {**world.keys["editor"].plain(), "Content-Type": kind}
    answer = door.send("POST", "upload", headers=headers, data=body)
    assert answer.status_code == 400
    assert answer.json()["success"] is False
    wait_until(lambda: left(world) == before)


def test_whoever_hangs_up_leaves_nothing(door: Any, world: Any) -> None:
    before = left(world)
    place, keys = urlsplit(door.base), world.keys["editor"].plain()
    head = b'--x\r\nContent-Disposition: form-data; name="f"; filename="gone.svs"\r\n\r\n'
    with socket.create_connection((place.hostname, place.port), timeout=10) as client:
        lines = "".join(f"{name}: {value}\r\n" for name, value in keys.items())
        client.sendall(
            f"POST {place.path}/upload HTTP/1.1\r\nHost: lab\r\n{lines}"
            "Content-Type: multipart/form-data; boundary=x\r\n"
            f"Content-Length: {100 << 20}\r\n\r\n".encode()
        )
        client.sendall(head + b"\x00" * (3 << 20))
        wait_until(lambda: left(world) != before)
    wait_until(lambda: left(world) == before)
    wait_until(lambda: door.site.in_flight == 0)


def test_attached_file_that_is_too_large_is_refused_before_it_is_sent(
    door: Any, world: Any
) -> None:
    place, keys = urlsplit(door.base), world.keys["editor"].plain()
    query = f"domainClassName=project&domainIdent={world.study.id}"
    with socket.create_connection((place.hostname, place.port), timeout=10) as client:
        lines = "".join(f"{name}: {value}\r\n" for name, value in keys.items())
        client.sendall(
            f"POST {place.path}/api/attachedfile.json?{query} HTTP/1.1\r\nHost: lab\r\n{lines}"
            "Content-Type: multipart/form-data; boundary=x\r\n"
            f"Content-Length: {1 << 30}\r\n\r\n".encode()
        )
        answer = client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"domainClassName": "project"},
        {"domainIdent": 1},
        {"domainClassName": "project", "domainIdent": "1,2"},
        {"domainClassName": "term", "domainIdent": 1},
    ],
)
def test_attached_file_must_go_with_something(door: Any, world: Any, query: dict[str, Any]) -> None:
    answer = door.send(
        "POST",
        "api/attachedfile.json",
        headers=world.keys["editor"].plain(),
        params=query,
        files={"files[]": ("a.txt", b"a")},
    )
    assert answer.status_code in {400, 404}
    assert answer.json()["success"] is False
