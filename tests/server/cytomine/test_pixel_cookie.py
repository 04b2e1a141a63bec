"""The cookie with which scripts that send no keys get pictures and files, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.cookiejar import Cookie
from typing import Any

import pytest
import requests

COOKIE = "cytomine_pixels"


def _session(door: Any, world: Any, who: str) -> requests.Session:
    """Return a session that has asked for something with keys, and asks without them now."""
    session = requests.Session()
    headers = world.keys[who].signed("GET")
    answer = session.get(f"{door.base}/api/user/current.json", headers=headers, timeout=30)
    assert answer.status_code == 200
    return session


def _window(world: Any, slide: Any = None, ending: str = "jpg") -> str:
    return f"api/imageinstance/{(slide or world.slide).id}/window-10-20-30-40.{ending}"


def _cookie(session: requests.Session) -> Cookie:
    (cookie,) = session.cookies
    return cookie


@pytest.fixture
def bare(everywhere: Any, world: Any) -> Iterator[requests.Session]:
    """A session of somebody who may see everything in the study."""
    with _session(everywhere, world, "study_admin") as session:
        yield session


def test_cookie_comes_with_a_good_answer(everywhere: Any, world: Any) -> None:
    headers = world.keys["viewer"].plain()
    answer = everywhere.send("GET", "api/project.json", headers=headers)
    first, *rest = answer.headers["Set-Cookie"].split("; ")
    assert first.startswith(f"{COOKIE}=")
    attributes = {each.partition("=")[0].lower(): each.partition("=")[2] for each in rest}
    assert attributes["path"] == everywhere.mount
    assert attributes["samesite"] == "Strict"
    assert "httponly" in attributes
    # Over plain HTTP; and for no other host than the one that was asked.
    assert not {"secure", "domain"} & set(attributes)
    until = datetime.strptime(attributes["expires"], "%a, %d %b %Y %H:%M:%S GMT").replace(
        tzinfo=UTC
    )
    left = until - world.clock()
    assert timedelta(hours=11, minutes=59) < left <= timedelta(hours=12)


def test_cookie_is_secure_behind_tls(door: Any, world: Any) -> None:
    # The server itself speaks plain HTTP here; one in front of it says how it was asked.
    headers = {**world.keys["viewer"].plain(), "X-Forwarded-Proto": "https"}
    said = door.send("GET", f"api/imageinstance/{world.slide.id}.json", headers=headers).json()
    assert said["thumb"].startswith("https://127.0.0.1:")


def test_refused_keys_bring_no_cookie(door: Any, world: Any) -> None:
    headers = {**world.keys["viewer"].plain(), "X-Auth-Secret": "wrong"}
    assert "Set-Cookie" not in door.send("GET", _window(world), headers=headers).headers


def test_cookie_comes_also_with_a_refusal_of_what_was_asked(door: Any, world: Any) -> None:
    answer = door.ask("GET", f"api/project/{world.study.id}.json", "stranger")
    assert answer.status_code == 403
    assert COOKIE in answer.headers["Set-Cookie"]


def test_whoever_has_a_good_cookie_gets_no_other(everywhere: Any, world: Any) -> None:
    with _session(everywhere, world, "viewer") as session:
        before = _cookie(session).value
        headers = world.keys["viewer"].signed("GET")
        answer = session.get(f"{everywhere.base}/api/project.json", headers=headers, timeout=30)
        assert "Set-Cookie" not in answer.headers
        # A cookie of somebody else, or of nobody, is not as good.
        headers = world.keys["member"].signed("GET")
        answer = session.get(f"{everywhere.base}/api/project.json", headers=headers, timeout=30)
        assert answer.headers["Set-Cookie"].startswith(f"{COOKIE}=")
        assert _cookie(session).value != before
        session.cookies.set(COOKIE, "nonsense", path=everywhere.mount, domain="127.0.0.1")
        answer = session.get(f"{everywhere.base}/api/project.json", headers=headers, timeout=30)
        assert answer.headers["Set-Cookie"].startswith(f"{COOKIE}=")


@pytest.mark.parametrize("slash", ["", "/"], ids=["one slash", "two slashes"])
def test_cookie_opens_pictures_and_files(
    everywhere: Any, world: Any, bare: requests.Session, slash: str
) -> None:
    shape = world.draw("POLYGON ((10 10, 90 10, 90 90, 10 10))")
    slide, abstract = world.slide.id, world.image.image_id
    for path in (
        *(_window(world, ending=each) for each in ("jpg", "png", "tif", "webp")),
        f"api/imageinstance/{slide}/window-30-40-0-0.jpg?zoom=0",
        f"api/imageinstance/{slide}/thumb.png?maxSize=64",
        f"api/abstractimage/{abstract}/preview.jpg",
        f"api/userannotation/{shape}/crop.png",
        f"api/annotation/{shape}/mask.png",
        f"api/imageinstance/{slide}/download",
    ):
        answer = bare.get(f"{everywhere.base}/{slash}{path}", timeout=30)
        assert answer.status_code == 200, (path, answer.text)
        assert "Authorization" not in answer.request.headers
        assert "no-store" in answer.headers["Cache-Control"]
        head = bare.head(f"{everywhere.base}/{slash}{path}", timeout=30)
        assert head.status_code == 200


def test_cookie_opens_nothing_else(everywhere: Any, world: Any, bare: requests.Session) -> None:
    study, slide = world.study.id, world.slide.id
    for method, path in (
        ("GET", "api/project.json"),
        ("GET", "api/currentuser.json"),
        ("GET", f"api/annotation.json?image={slide}&x=.jpg"),
        ("GET", f"api/userkey/{world.keys['study_admin'].public}/keys.json"),
        ("GET", f"api/imageinstance/{slide}.json"),
        ("POST", f"api/domain/project/{study}/property.json"),
        ("PUT", f"api/project/{study}.json"),
        ("DELETE", f"api/project/{study}.json"),
        ("POST", "upload"),
    ):
        answer = bare.request(method, f"{everywhere.base}/{path}", json={}, timeout=30)
        assert answer.status_code == 401, path
    for method in ("POST", "PUT", "DELETE"):
        answer = bare.request(method, f"{everywhere.base}/{_window(world)}", timeout=30)
        assert answer.status_code in {401, 405}
    for path in ("v1/me", f"v1/slides/{slide}/thumbnail", f"Api/GetImageMetadata?imageId={slide}"):
        assert bare.get(f"{everywhere.base}/{path}", timeout=30).status_code == 401


def test_without_cookie_and_keys_there_are_no_pixels(door: Any, world: Any) -> None:
    assert door.send("GET", _window(world)).status_code == 401
    for text in ("", "x", "AAAA" * 20, "ü".encode().decode("latin-1")):
        answer = door.send("GET", _window(world), cookies={COOKIE: text})
        assert answer.status_code == 401


def test_keys_count_before_the_cookie_also_when_they_are_wrong(
    everywhere: Any, world: Any, bare: requests.Session
) -> None:
    address = f"{everywhere.base}/{_window(world)}"
    own = world.keys["study_admin"]
    for headers in (
        {"X-Auth-Token": own.public},
        {"X-Auth-Token": own.public, "X-Auth-Secret": "wrong"},
        own._replace(private="wrong").signed("GET"),
        {"Authorization": "Bearer wsi_nonsense"},
    ):
        assert bare.get(address, headers=headers, timeout=30).status_code == 401
    stranger = world.keys["stranger"].signed("GET")
    assert bare.get(address, headers=stranger, timeout=30).status_code == 403


def test_cookie_is_good_for_what_its_owner_may(everywhere: Any, world: Any) -> None:
    other = world.new_slide(world.lab.studies.create(world.owner, world.name()))
    with _session(everywhere, world, "viewer") as session:
        assert session.get(f"{everywhere.base}/{_window(world)}", timeout=30).status_code == 200
        hidden = session.get(f"{everywhere.base}/{_window(world, other)}", timeout=30)
        assert hidden.status_code == 403
        # Files show what is written on the slide.
        path = f"api/imageinstance/{world.slide.id}/download"
        assert session.get(f"{everywhere.base}/{path}", timeout=30).status_code == 403
    with _session(everywhere, world, "stranger") as session:
        assert session.get(f"{everywhere.base}/{_window(world)}", timeout=30).status_code == 403


def test_rights_that_were_taken_away_end_at_once(door: Any, world: Any) -> None:
    study = world.new_study()
    slide = world.new_slide(study)
    with _session(door, world, "viewer") as session:
        address = f"{door.base}/{_window(world, slide)}"
        assert session.get(address, timeout=30).status_code == 200
        world.lab.studies.remove_member(world.owner, study.id, "viewer@lab")
        assert session.get(address, timeout=30).status_code == 403


def test_cookie_ends_with_the_keys_it_was_given_for(door: Any, world: Any) -> None:
    person = world.new_person(["view"])
    with _session(door, world, person) as session:
        address = f"{door.base}/{_window(world)}"
        assert session.get(address, timeout=30).status_code == 200
        world.new_keys(person)
        assert session.get(address, timeout=30).status_code == 401


def test_cookie_ends_after_twelve_hours(door: Any, world: Any) -> None:
    with _session(door, world, "viewer") as session:
        value = _cookie(session).value
        # It stays ahead: to the lab, time never goes back.
        before = world.clock.ahead
        world.clock.ahead = before + timedelta(hours=11, minutes=59)
        answer = door.send("GET", _window(world), cookies={COOKIE: value})
        assert answer.status_code == 200
        world.clock.ahead = before + timedelta(hours=12, minutes=1)
        answer = door.send("GET", _window(world), cookies={COOKIE: value})
        assert answer.status_code == 401


def test_pages_of_other_sites_make_no_use_of_it(
    everywhere: Any, world: Any, bare: requests.Session
) -> None:
    address = f"{everywhere.base}/{_window(world)}"
    for site, status in (
        ("cross-site", 401),
        ("same-site", 401),
        ("same-origin", 200),
        ("none", 200),
    ):
        headers = {"Sec-Fetch-Site": site, "Origin": "https://elsewhere.example"}
        answer = bare.get(address, headers=headers, timeout=30)
        assert answer.status_code == status
        assert not any(name.lower().startswith("access-control") for name in answer.headers)
