"""The notebooks run from top to bottom against a real server, and are kept without outputs."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

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
        NotebookClient(notebook, timeout=60, resources={"metadata": {"path": folder}}).execute(
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
