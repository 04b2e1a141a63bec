"""Every step of the ATrISys guide, with nothing changed but host, keys and ids."""

from __future__ import annotations

import json
import subprocess
from io import BytesIO
from urllib.parse import urlsplit

import numpy as np
import pytest
import requests
import shapely
from cytomine import Cytomine
from cytomine.models import (
    Annotation,
    AnnotationCollection,
    ImageInstance,
    ImageInstanceCollection,
    Ontology,
    Project,
    TermCollection,
)
from cytomine_client import inside, pixels_of, y_up
from PIL import Image, ImageDraw

WIDTH, HEIGHT = 2220, 2967
SHAPES = {
    "tumour": "POLYGON ((300 400, 300 1200, 900.5 1400, 1100 500, 300 400))",
    "stroma": "POLYGON ((1200 2000, 2000 2000, 2000 2800, 1200 2800, 1200 2000), "
    "(1500 2300, 1700 2300, 1700 2500, 1500 2500, 1500 2300))",
}


@pytest.fixture(params=["with a slash", "without a slash"])
def host(request, lab):
    """HOST, as somebody writes it."""
    return lab.host if request.param == "with a slash" else lab.host.rstrip("/")


@pytest.fixture
def keys(lab):
    return lab.cytomine_keys()


@pytest.fixture
def annotated(given):
    """The project's image with two areas on it, one of them with a hole."""
    for name, text in SHAPES.items():
        term = given.tumour if name == "tumour" else given.stroma
        assert Annotation(text, given.image.id, [term.id]).save()
    return given


@pytest.fixture
def session(host, keys, watched):
    """What follows the guide's `with` block: the client is closed by then."""
    public, private = keys
    with Cytomine(host=host, public_key=public, private_key=private) as cytomine:
        assert cytomine.current_user.username
    yield cytomine
    cytomine._session.close()


def curl(host, path, *headers):
    """Return status, headers and body of what curl is answered; it follows no redirect."""
    options = [part for header in headers for part in ("-H", header)]
    command = ["curl", "-s", "-i", *options, f"{host}/{path}"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    head, _, body = answer.stdout.partition("\n\n")
    if "\r\n\r\n" in answer.stdout:
        head, _, body = answer.stdout.partition("\r\n\r\n")
    return int(head.split()[1]), head.lower(), body


def x_auth(public, private):
    return f"X-Auth-Token: {public}", f"X-Auth-Secret: {private}"


def test_connection_is_tested_by_curl(lab, host, keys):
    status, _, body = curl(host, "api/currentuser.json", *x_auth(*keys))
    assert status == 200
    me = lab.ask("GET", "me")["user"]
    user = json.loads(body)
    assert {name: user[name] for name in ("id", "username", "email")} == {
        "id": me["id"],
        "username": me["email"],
        "email": me["email"],
    }


def test_projects_are_listed_by_curl(host, keys, given):
    status, _, body = curl(host, "api/project.json", *x_auth(*keys))
    assert status == 200
    found = {each["id"]: each["name"] for each in json.loads(body)["collection"]}
    assert found[given.project.id] == given.project.name


@pytest.mark.parametrize("path", ["api/currentuser.json", "api/project.json"])
def test_curl_with_wrong_or_missing_keys_is_nobody(lab, host, keys, path):
    public, private = keys
    other, _ = lab.cytomine_keys(lab.new_person("other"))
    both = x_auth(public, private)
    for headers in ((), both[:1], both[1:], x_auth(public, "wrong"), x_auth(other, private)):
        status, head, body = curl(host, path, *headers)
        assert status == 401, headers
        assert "location:" not in head
        assert isinstance(json.loads(body)["errors"]["message"], str)


def test_project_terms_and_images(given, session):
    project = Project().fetch(given.project.id)
    assert project.name == given.project.name
    assert project.created
    assert project.numberOfImages == 1
    ontology = Ontology().fetch(project.ontology)
    terms = TermCollection().fetch_with_filter("ontology", ontology.id)
    assert {t.id: t.name for t in terms} == {
        given.tumour.id: "tumour",
        given.stroma.id: "stroma",
    }
    images = ImageInstanceCollection().fetch_with_filter("project", project.id)
    seen = [(image.id, image.width, image.height) for image in images]
    assert seen == [(given.image.id, WIDTH, HEIGHT)]
    assert all(image.filename for image in images)


def test_annotations_become_geojson_and_a_mask(annotated, session, tmp_path, lab):
    terms = TermCollection().fetch_with_filter("ontology", annotated.ontology.id)
    names = {t.id: t.name for t in terms}
    annotations = AnnotationCollection()
    annotations.showWKT = True
    annotations.showTerm = True
    annotations.image = annotated.image.id
    annotations.fetch()
    features = [
        {
            "type": "Feature",
            "geometry": shapely.geometry.mapping(shapely.from_wkt(a.location)),
            "properties": {"classification": names[a.term[0]]},
        }
        for a in annotations
    ]
    file = tmp_path / "annotations.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    read = shapely.from_geojson(file.read_text())
    assert {each.wkt for each in read.geoms} == {
        shapely.from_wkt(each).wkt for each in SHAPES.values()
    }

    class_name_to_id = {"tumour": 1, "stroma": 2}
    mask = Image.new("L", (WIDTH, HEIGHT), 0)
    draw = ImageDraw.Draw(mask)
    for a in annotations:
        geometry = shapely.from_wkt(a.location)
        draw.polygon(geometry.exterior.coords, fill=class_name_to_id[names[a.term[0]]])
        for hole in geometry.interiors:
            draw.polygon(hole.coords, fill=0)
    # That is the protocol: y runs upwards, so that the guide's own mask is upside down.
    flipped = np.asarray(mask)[::-1]
    for name, text in SHAPES.items():
        expected = inside(y_up(shapely.from_wkt(text), HEIGHT), 0, 0, WIDTH, HEIGHT)
        drawn = flipped == class_name_to_id[name]
        assert (drawn & expected).sum() / (drawn | expected).sum() > 0.98
    image = ImageInstance().fetch(annotated.image.id)
    assert image.window(0, 0, WIDTH, HEIGHT, dest_pattern=str(tmp_path / "mask.png"), mask=True)
    with Image.open(tmp_path / "mask.png") as picture:
        told = np.asarray(picture.convert("L")) > 0
    assert ((flipped > 0) != told).mean() < 0.005


def test_whole_slide_is_downloaded_by_the_bare_session(given, host, session, demo_slide):
    image = given.image
    address = f"{host}/api/imageinstance/{image.id}/window-{image.width}-{image.height}-0-0"
    response = session._session.get(f"{address}.jpg?zoom=0")
    assert response.status_code == 200
    assert response.headers["content-type"] == "image/jpeg"
    assert "authorization" not in response.request.headers
    expected = pixels_of(demo_slide, 0, 0, WIDTH, HEIGHT).astype(int)
    with Image.open(BytesIO(response.content)) as picture:
        assert picture.size == (WIDTH, HEIGHT)
        difference = np.abs(np.asarray(picture).astype(int) - expected)
    assert difference.mean() < 3
    exact = session._session.get(f"{address}.png?zoom=0")
    with Image.open(BytesIO(exact.content)) as picture:
        np.testing.assert_array_equal(np.asarray(picture), expected)


def test_slide_of_another_study_is_refused_to_the_bare_session(lab, given, host, watched):
    public, private = lab.cytomine_keys(lab.new_person("stranger"))
    with Cytomine(host, public, private) as cytomine:
        assert cytomine.current_user
    address = f"{host}/api/imageinstance/{given.image.id}/window-20-20-0-0.jpg?zoom=0"
    assert cytomine._session.get(address).status_code == 403
    cytomine._session.close()


def test_cookie_opens_pixels_alone(given, host, session):
    bare = session._session
    (cookie,) = bare.cookies
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.path.rstrip("/") == urlsplit(host).path.rstrip("/")
    for method, path in (
        ("GET", "api/project.json"),
        ("GET", "api/user/current.json"),
        ("POST", "api/project.json"),
        ("DELETE", f"api/project/{given.project.id}.json"),
        ("PUT", f"api/project/{given.project.id}.json"),
    ):
        answer = bare.request(method, f"{host}/{path}", json={}, allow_redirects=False)
        assert answer.status_code == 401, path
    window = f"{host}/api/imageinstance/{given.image.id}/window-20-20-0-0.jpg"
    assert bare.get(window).status_code == 200
    wrong = {"X-Auth-Token": "wrong", "X-Auth-Secret": "wrong"}
    assert bare.get(window, headers=wrong).status_code == 401
    assert requests.get(window, timeout=30, allow_redirects=False).status_code == 401
