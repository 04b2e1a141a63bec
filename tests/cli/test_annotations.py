"""``wsi-lab annotations``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.fixture
def study(run: Run, slides: Path) -> str:
    """A study with a slide."""
    run("study", "create", "pilot")
    assert run("study", "add-slides", "pilot", slides / "a.svs").code == 0
    return "pilot"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with a rectangle that QuPath calls a tumour."""
    ring = [[10, 10], [30, 10], [30, 40], [10, 40], [10, 10]]
    feature = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"objectType": "annotation", "classification": {"name": "tumour"}},
    }
    path = tmp_path / "some shapes.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return path


def test_annotations_come_in_are_listed_and_go_out(
    run: Run, study: str, file: Path, tmp_path: Path
) -> None:
    words = ("annotations", "import", study, file, "--slide", "a", "--layer", "areas")
    report = run(*words, "--json").json
    assert (report["format"], report["shape_count"], report["drawn_count"]) == ("qupath", 1, 1)
    assert report["labels"] == [{"name": "tumour", "count": 1, "is_new": True}]
    (layer,) = run("annotations", "layers", study, "--json").json
    assert (layer["name"], layer["labels"], layer["shapes"]) == ("areas", ["tumour"], 1)
    out = tmp_path / "out.wkt"
    words = ("annotations", "export", study, out, "--slide", "1", "--layer", "areas")
    written = run(*words, "--json").json
    assert written["shape_count"] == 1
    assert any("labels" in each for each in written["notices"])
    assert out.read_text().startswith("POLYGON")
    assert sorted(each.name for each in tmp_path.iterdir() if "part" in each.name) == []


def test_dry_run_only_reports(run: Run, study: str, file: Path) -> None:
    run("annotations", "import", study, file, "--slide", "a", "--layer", "areas", "--bulk")
    words = ("annotations", "import", study, file, "--slide", "a", "--layer", "areas")
    said = run(*words, "--by-hand", "--dry-run")
    assert said.code == 0
    assert "Nothing was stored" in said.out
    (layer,) = run("annotations", "layers", study, "--json").json
    assert layer["shapes"] == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--slide", "nobody", "--layer", "areas"), "no slide 'nobody'"),
        (("--slide", "a", "--layer", "areas", "--dry-run"), "no layer 'areas'"),
        (("--slide", "a", "--layer", "areas", "--format", "docx"), "no format"),
        (("--slide", "a", "--layer", "areas", "--format", "asap"), "XML"),
    ],
)
def test_what_is_wrong_is_a_sentence(
    run: Run, study: str, file: Path, words: tuple[str, ...], sentence: str
) -> None:
    ended = run("annotations", "import", study, file, *words)
    assert ended.code == 1
    assert sentence in ended.err
    assert run("annotations", "layers", study, "--json").json == []


def test_options_are_named(run: Run, study: str, file: Path, tmp_path: Path) -> None:
    run("annotations", "import", study, file, "--slide", "a", "--layer", "areas")
    words = ("annotations", "export", study, tmp_path / "m.png", "--slide", "a", "--layer", "areas")
    assert run(*words, "--option", "downsample=8").code == 0
    assert run(*words, "--option", "downsample").code == 2
    assert run(*words, "--format", "geojson", "--option", "surprise=1").code == 1
    unknown = run("annotations", "export", study, "x.docx", "--slide", "a", "--layer", "areas")
    assert "name the format" in unknown.err
