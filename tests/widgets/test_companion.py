from __future__ import annotations

import re
import shutil
import subprocess
from importlib.resources import files

import pytest

from wsi_lab.front.scripts import MAP_PARTS
from wsi_lab.widgets.companion import Companion

SCRIPT = Companion._esm


@pytest.fixture(scope="module")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("no Node.js on this machine")
    return found


def test_parts_are_one_module_that_imports_nothing():
    assert re.findall(r"^import .*", SCRIPT, re.MULTILINE) == []
    assert re.findall(r"^export .*", SCRIPT, re.MULTILINE) == ["export default {"]


def test_every_part_is_in_the_script():
    for part in (*MAP_PARTS, files("wsi_lab.widgets") / "front" / "companion.mjs"):
        if part.name.endswith(".mjs"):
            last = part.read_text(encoding="utf-8").rstrip().splitlines()[-2:]
            assert "\n".join(last) in SCRIPT


def test_no_part_puts_text_in_as_markup():
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert forbidden not in SCRIPT


def test_script_and_style_go_to_the_browser_as_text():
    assert "function element" in SCRIPT
    assert ".wsl-map" in Companion._css


def test_script_is_valid(node, tmp_path):
    file = tmp_path / "companion.mjs"
    file.write_text(SCRIPT, encoding="utf-8")
    subprocess.run([node, "--check", file], check=True, timeout=60)
