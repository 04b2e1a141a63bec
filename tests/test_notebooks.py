"""The notebooks run from top to bottom against a real server, and are kept without outputs."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

# Whichever test comes first runs a notebook.
pytestmark = pytest.mark.timeout(400)

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def environment(demo_server: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a Jupyter server tells its kernels, of a lab that is served."""
    folder = tmp_path_factory.mktemp("notebooks")
    return os.environ | {
        "WSI_LAB_URL": demo_server.url,
        "WSI_LAB_TOKEN": demo_server.token,
        "WSI_LAB_BASE_URL": "/a%40b/",
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
    }


@pytest.fixture(scope="module")
def executed(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a notebook as it is after all its cells have run; each is run once."""

    @cache
    def run(path: Path) -> Any:
        notebook = read(path)
        folder = str(tmp_path_factory.mktemp(path.stem))
        NotebookClient(notebook, timeout=180, resources={"metadata": {"path": folder}}).execute(
            env=environment
        )
        return notebook

    return run


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def outputs_of(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_kept_without_outputs(path):
    notebook = read(path)
    nbformat.validate(notebook)
    assert outputs_of(notebook) == []
    assert all(cell.get("execution_count") is None for cell in notebook.cells)
    assert "widgets" not in notebook.metadata


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_from_top_to_bottom(path, executed):
    outputs = outputs_of(executed(path))
    assert all(output.output_type != "error" for output in outputs)
    assert all(output.get("name") != "stderr" for output in outputs)


def test_tour_shows_tables_pictures_and_viewers(executed):
    (path,) = (path for path in NOTEBOOKS if path.stem == "tour")
    shown = [output["data"] for output in outputs_of(executed(path)) if "data" in output]
    kinds = [kind for data in shown for kind in data]
    assert kinds.count("text/html") >= 2
    assert kinds.count("image/png") >= 4
    assert kinds.count("application/vnd.jupyter.widget-view+json") == 2
    text = "".join(data.get("text/plain", "") for data in shown)
    assert "((300, 400, 3), dtype('uint8')" in text
    assert "% of the slide is tissue" in text


@pytest.fixture
def agreement(executed):
    """What the notebook about agreement shows, output by output."""
    (path,) = (path for path in NOTEBOOKS if path.stem == "agreement")
    return [output["data"] for output in outputs_of(executed(path)) if "data" in output]


def rows_of(shown: list[Any], column: str) -> dict[str, list[float]]:
    """Return the numbers in the rows of the table that has such a column."""
    texts = [data["text/plain"].splitlines() for data in shown]
    (lines,) = (found for found in texts if column in found[0])
    rows = (re.split(r" {2,}", line) for line in lines[1:])
    return {name: [*map(float, numbers)] for name, *numbers in rows}


def test_graders_agree_as_far_as_is_known_of_them(agreement, shared_data):
    expected = json.loads((shared_data / "scores" / "expected.json").read_text())["values"]
    tables = {
        "Tubules": "tubulus",
        "Pleomorphism": "pleomorphism",
        "Mitoses": "mitosis",
        "Grade": "nottingham",
    }
    shown = rows_of(agreement, "all nine agree")
    assert list(shown) == list(tables)
    for question, name in tables.items():
        known = expected[f"../nottingham/{name}.csv"]["computed"]
        assert shown[question] == [
            round(value, 3)
            for value in (
                known["complete_agreement_share"],
                known["fleiss_kappa_cases_without_missing"],
                known["krippendorff_alpha_ordinal"],
                known["icc_cases_without_missing"]["ICC(A,1)"]["icc"],
            )
        ]


def test_pilot_has_the_readings_that_its_papers_count(agreement):
    texts = [data["text/plain"] for data in agreement]
    assert "(7898, 7373, 29)" in texts
    assert "570" in texts


def test_readers_of_the_pilot_differ_more_where_there_is_more(agreement):
    shown = rows_of(agreement, "published")
    assert list(shown) == ["up to 10", "over 10, up to 40", "over 40"]
    estimates, published = ([row[place] for row in shown.values()] for place in (0, 3))
    assert estimates == sorted(estimates)
    assert published == [4.46, 14.25, 26.25]


def test_agreement_is_shown_in_pictures_and_said_in_a_sentence(agreement):
    assert sum("image/png" in data for data in agreement) == 7
    (said,) = (data["text/markdown"] for data in agreement if "text/markdown" in data)
    assert "Krippendorff's alpha (ordinal) was 0.68 (95% CI" in said
    assert "Cserni" in said
