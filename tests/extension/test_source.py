"""The slides of a source inside Jupyter: for whom Jupyter knows, and for signed addresses."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.object_server import ObjectServer
from wsi_lab.model.signing import Signer

SECRET = "source-CANARY-secret"
TILE = "tiles/sub%2Fa%20b.svs/0/0/0.jpg"
GUARDED = (TILE, "slides", "slides/sub%2Fa%20b.svs", "view/sub%2Fa%20b.svs")


@pytest.fixture(scope="module")
def slides(tmp_path_factory: pytest.TempPathFactory, demo_slide: Path) -> Path:
    folder = tmp_path_factory.mktemp("source ü")
    (folder / "sub").mkdir()
    shutil.copy(demo_slide, folder / "sub" / "a b.svs")
    return folder


@pytest.fixture(scope="module")
def jupyter(start: Any, slides: Path) -> Iterator[Any]:
    options = (f"--WsiLab.source={slides}", f"--WsiLab.source_secret={SECRET}")
    with start(*options, "--ServerApp.log_level=DEBUG") as server:
        yield server


def signed(path: str) -> str:
    expiry = int(time.time()) + 60
    return f"{path}?exp={expiry}&sig={Signer(SECRET).signature('/' + path, [], expiry)}"


def test_nobody_sees_slides_without_being_known(jupyter: Any) -> None:
    with jupyter.client() as client:
        assert client.get("health").json()["status"] == "healthy"
        for path in GUARDED:
            answer = client.get(path)
            assert answer.status_code == 401, path
            assert answer.headers["content-type"] == "application/json"
            assert "error" in answer.json()
            assert client.get(path, headers={"Authorization": "Bearer wsi_no"}).status_code == 401


def test_owner_of_the_server_sees_them(jupyter: Any) -> None:
    with jupyter.owner() as client:
        assert client.get("slides").json()["slides"] == ["sub/a b.svs"]
        for path in GUARDED:
            answer = client.get(path)
            assert answer.status_code == 200, path
            assert "public" not in answer.headers.get("cache-control", "")
        assert client.get("v1/me").status_code == 200


def test_page_brings_its_own_token_and_that_is_good_for_tiles_alone(jupyter: Any) -> None:
    with jupyter.browser() as browser:
        page = browser.get("view/sub%2Fa%20b.svs")
        assert page.status_code == 200
    found = re.search(r"vt=[0-9a-f]{64}(?:&|\\u0026|&amp;)exp=\d+", page.text)
    assert found is not None
    token = found.group().replace("\\u0026", "&").replace("&amp;", "&")
    with jupyter.client() as client:
        assert client.get(f"{TILE}?{token}").status_code == 200
        for path in GUARDED[1:]:
            assert client.get(f"{path}?{token}").status_code == 401


def test_signature_is_of_what_follows_the_mount(jupyter: Any) -> None:
    with jupyter.client() as client:
        for path in GUARDED[:3]:
            assert client.get(signed(path)).status_code == 200, path
        assert client.get(signed(TILE)[:-1] + "x").status_code in {400, 401}
        assert client.get(signed("slides"), headers={"Origin": "https://evil"}).headers.get(
            "access-control-allow-origin"
        ) in {None, ""}


def test_members_of_studies_see_no_source(jupyter: Any) -> None:
    with jupyter.owner() as client:
        client.post("v1/users", json={"email": "reader@lab"})
        body = {"email": "reader@lab", "name": "t", "capabilities": ["all"]}
        token = client.post("v1/tokens", json=body).json()["token"]
    with jupyter.client(Authorization=f"Bearer {token}") as client:
        for path in GUARDED:
            assert client.get(path).status_code == 403, path


def test_page_of_another_site_shows_nothing_in_the_owners_name(jupyter: Any) -> None:
    with jupyter.browser() as browser:
        for site in ("cross-site", "same-site"):
            answer = browser.get(TILE, headers={"Sec-Fetch-Site": site})
            assert answer.status_code == 403


def test_jupyters_own_addresses_stay_its_own(jupyter: Any) -> None:
    with jupyter.client() as client:
        for path in ("view/x", "tiles/x/0/0/0.jpg"):
            answer = client.get(f"{jupyter.url}{path}")
            assert "error" not in answer.text or answer.status_code in {302, 403, 404}
            assert answer.headers.get("content-type") != "application/json"


def test_secret_reaches_no_log(jupyter: Any) -> None:
    address = signed(TILE)
    with jupyter.client() as client:
        client.get(address)
        client.get(address + "0")
    assert "CANARY" not in jupyter.log
    assert address.rpartition("=")[2] not in jupyter.log


def test_public_source_in_a_bucket_is_for_everybody(start: Any, slides: Path) -> None:
    with ObjectServer(slides) as objects:
        options = (
            "--WsiLab.source=s3://slides/sub",
            f"--WsiLab.source_endpoint={objects.url}",
            "--WsiLab.source_anonymous=True",
            "--WsiLab.source_public=True",
        )
        with start(*options) as jupyter, jupyter.client() as client:
            assert client.get("slides").json()["slides"] == ["a b.svs"]
            tile = client.get("tiles/a%20b.svs/0/0/0.jpg")
            assert tile.status_code == 200
            assert tile.headers["access-control-allow-origin"] == "*"
            assert client.get("view/a%20b.svs").status_code == 200
            assert client.get("v1/me").status_code == 401


def test_without_a_source_its_addresses_are_nowhere(start: Any) -> None:
    with start() as jupyter, jupyter.owner() as client:
        for path in ("health", "slides", TILE):
            assert client.get(path).status_code == 404
