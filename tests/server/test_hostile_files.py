"""Files that break decoders, through the door that everybody uses."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from wsi_lab.model.source import Source
from wsi_lab.service.lab import Lab, LabSettings

LONGEST_ANSWER_SECONDS = 5.0
PIXELS = (
    "properties",
    "thumbnail",
    "region?x=0&y=0&width=64&height=64",
    "tiles/0/0/0.jpg",
    "tiles/0?tiles=0.0",
    "deepzoom.dzi",
    "deepzoom_files/0/0_0.jpg",
    "associated",
    "associated/label",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that slides may come from."""
    folder = tmp_path / "slides"
    folder.mkdir()
    return folder


@pytest.fixture
def client(tmp_path: Path, folder: Path, serve_lab: Any) -> Iterator[httpx.Client]:
    """A client of a site administrator, whose study has the id 1."""
    settings = LabSettings(tmp_path / "home", slide_roots=(Source.at(str(folder)),), workers=1)
    with Lab.open(settings) as lab, serve_lab(lab) as server:
        owner = lab.people.owner()
        lab.studies.create(owner, "hostile")
        _, token = lab.people.create_token(owner, name="tests", capabilities=["all"])
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=server.url, headers=headers, timeout=30) as client:
            yield client


def _check_refusal(answer: httpx.Response, folder: Path, what: str) -> None:
    assert 400 <= answer.status_code < 500, (what, answer.status_code)
    assert answer.elapsed.total_seconds() < LONGEST_ANSWER_SECONDS, what
    problem = answer.json()
    assert problem["code"] in {"damaged_slide", "cut_short", "unsupported_slide"}, what
    assert len(problem["detail"]) > 10
    assert "Traceback" not in answer.text
    assert str(folder.parent) not in answer.text


def test_every_corrupt_file_is_refused_as_a_slide(
    shared_data: Path, folder: Path, client: httpx.Client
) -> None:
    files = sorted((shared_data / "corrupt").iterdir())
    assert files
    for file in files:
        shutil.copyfile(file, folder / file.name)
        answer = client.post("/v1/studies/1/slides", json={"path": file.name})
        _check_refusal(answer, folder, file.name)
    assert client.get("/v1/studies/1/slides").json()["items"] == []


def test_slide_that_becomes_a_corrupt_file_is_refused_on_every_address_of_its_pixels(
    shared_data: Path, folder: Path, client: httpx.Client, demo_slide: Path
) -> None:
    place = folder / "slide.svs"
    shutil.copyfile(demo_slide, place)
    answer = client.post("/v1/studies/1/slides", json={"path": place.name})
    address = f"/v1/slides/{answer.json()['id']}"
    for file in sorted((shared_data / "corrupt").iterdir()):
        new = folder / "new"
        shutil.copyfile(file, new)
        new.replace(place)
        started = time.monotonic()
        for path in PIXELS:
            _check_refusal(client.get(f"{address}/{path}"), folder, f"{file.name}: {path}")
        assert time.monotonic() - started < len(PIXELS) * LONGEST_ANSWER_SECONDS
    shutil.copyfile(demo_slide, new)
    new.replace(place)
    for path in PIXELS:
        assert client.get(f"{address}/{path}").status_code == 200
