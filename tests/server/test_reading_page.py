"""The readers' page as it is sent: the same for everybody, and nothing from anywhere else."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from reading_lab import MOUNT
from streaming import serving

from wsi_lab.server.lab_routes import LAB_ROUTES
from wsi_lab.server.reading_page import READING_PAGE_ROUTES, assets
from wsi_lab.server.site import site_of
from wsi_lab.service.lab import Lab, LabSettings


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("lab") / "home"
    with Lab.open(LabSettings(home, workers=1)) as lab:
        lab.studies.create(lab.people.owner(), "Secret study")
        with serving(site_of(lab), LAB_ROUTES, mount=MOUNT) as served:
            yield f"{served}read/"


def test_page_is_the_same_whether_there_is_such_a_study_or_not(url: str) -> None:
    there, nowhere = httpx.get(f"{url}1"), httpx.get(f"{url}999")
    assert there.status_code == nowhere.status_code == 200
    assert there.content == nowhere.content
    assert there.headers["content-type"] == "text/html; charset=utf-8"
    assert "Secret" not in there.text


def test_page_lets_nothing_run_that_is_not_its_own(url: str) -> None:
    answer = httpx.get(f"{url}1")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=|https?:", answer.text)


def test_what_the_page_asks_for_is_there_and_kept_for_a_year(url: str) -> None:
    page = httpx.get(f"{url}1").text
    asked = re.findall(r'(?:href|src)="(assets/[^"]+)"', page)
    assert len(asked) == 3
    for address in asked:
        answer = httpx.get(url + address)
        assert answer.status_code == 200, address
        assert "immutable" in answer.headers["cache-control"]
        etag = {"If-None-Match": answer.headers["etag"]}
        assert httpx.get(url + address, headers=etag).status_code == 304


@pytest.mark.parametrize("path", ["x", "0", "-1", "assets/../read.html", "assets/main.mjs"])
def test_other_addresses_are_nothing(url: str, path: str) -> None:
    assert httpx.get(url + path).status_code == 404


def test_page_may_only_be_read(url: str) -> None:
    assert httpx.post(f"{url}1").status_code == 405
    for route in READING_PAGE_ROUTES:
        assert all(need.action is None for need in route.needs.values())


def test_script_is_one_module_that_imports_nothing_and_is_valid(tmp_path: Path) -> None:
    script = assets["reading.mjs"].decode()
    assert re.findall(r"^(?:import|export) .*", script, re.MULTILINE) == []
    # Before Leaflet, which tries a word of markup while it loads.
    assert script.index("createPolicy") < script.index("const L = ")
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node.js on this machine")
    file = tmp_path / "reading.mjs"
    file.write_text(script)
    subprocess.run([node, "--check", file], check=True, timeout=60)
