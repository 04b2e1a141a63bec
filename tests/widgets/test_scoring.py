"""The scoring app as Python has it; `tests/browser/test_reading_notebook.py` looks at it."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import traitlets

from wsi_lab.client import Connection, Study
from wsi_lab.connecting import connect
from wsi_lab.errors import SourceUnavailable, WsiLabError
from wsi_lab.widgets import ScoringWidget

BASE = "/a%40b/wsi-lab/"
STUDY: dict[str, Any] = {
    "id": 7,
    "name": "Grading",
    "description": "",
    "created_on": datetime(2026, 11, 1, tzinfo=UTC),
    "published_on": None,
    "slide_count": 3,
    "rights": frozenset({"view", "score"}),
    "revision": 1,
    "friendly_name": "",
    "folder": "",
    "settings": {},
    "answered_on": None,
}


def study_of(**options: Any) -> Study:
    transport = httpx.MockTransport(lambda _: httpx.Response(500))
    connection = Connection("http://lab/", transport=transport, **options)
    return Study(connection=connection, **STUDY)


def test_browser_is_told_where_the_study_is_and_nothing_of_how_the_kernel_asks() -> None:
    widget = ScoringWidget(study_of(browser_url=BASE), height="500px", item=2)
    state = widget.get_state()
    assert (state["study_id"], state["base_url"], state["height"]) == (7, BASE, "500px")
    assert (state["item"], state["answered"], state["saving"]) == (2, 0, "")
    assert "token" not in str({name: state[name] for name in state if not name.startswith("_")})
    assert repr(widget) == "<ScoringWidget of 'Grading'>"


def test_items_are_numbers_from_one() -> None:
    widget = ScoringWidget(study_of(browser_url=BASE))
    widget.item = 3
    with pytest.raises(traitlets.TraitError):
        widget.item = -1


def test_lab_that_the_browser_cannot_reach_is_said_with_a_way_out() -> None:
    with pytest.raises(SourceUnavailable, match="invite"):
        ScoringWidget(study_of())


def test_client_alone_draws_nothing() -> None:
    with pytest.raises(WsiLabError, match="connect"):
        study_of(browser_url=BASE).score()


def test_connected_study_is_scored_by_the_widget() -> None:
    environment = {
        "WSI_LAB_URL": "http://lab/",
        "WSI_LAB_TOKEN": "wsi_t",
        "WSI_LAB_BASE_URL": "/a%40b/",
    }
    known = {"version": "0", "api": 1, "user": {}}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=known))
    lab = connect(environment=environment, transport=transport)
    widget = Study(connection=lab._connection, **STUDY).score(height="640px")
    assert isinstance(widget, ScoringWidget)
    assert (widget.base_url, widget.height) == (BASE, "640px")
    lab.close()


def test_script_is_one_module_that_imports_nothing_and_is_valid(tmp_path: Path) -> None:
    script = ScoringWidget._esm
    assert re.findall(r"^(?:import|export) .*", script, re.MULTILINE) == ["export default {"]
    # It would speak for the whole page.
    assert "createPolicy" not in script
    assert ".wsr" in ScoringWidget._css
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node.js on this machine")
    file = tmp_path / "scoring.mjs"
    file.write_text(script)
    subprocess.run([node, "--check", file], check=True, timeout=60)
