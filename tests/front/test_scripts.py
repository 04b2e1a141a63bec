"""The lists of parts that viewers are made of."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from wsi_lab.front import Constant, front_file, joined
from wsi_lab.front.scripts import MAP_PARTS, NO_MARKUP, VIEW_PARTS, VIEW_SHEETS


def test_every_part_of_a_map_is_listed_once() -> None:
    names = [part.name for part in VIEW_PARTS if not isinstance(part, Constant)]
    assert len(names) == len(set(names))
    there = {part.name for part in front_file("map").iterdir() if part.name.endswith(".mjs")}
    drawing = {part.name for part in front_file("draw").iterdir()}
    assert there | drawing <= {*names, NO_MARKUP.name}


@pytest.mark.parametrize("parts", [MAP_PARTS, (NO_MARKUP, *VIEW_PARTS)])
def test_parts_are_one_valid_module_that_imports_nothing(parts: tuple, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node.js on this machine")
    script = joined(parts)
    assert re.findall(r"^(?:import|export)\b.*", script, re.MULTILINE) == []
    (tmp_path / "joined.mjs").write_text(script, encoding="utf-8")
    subprocess.run([node, "--check", tmp_path / "joined.mjs"], check=True, timeout=60)


def test_styles_ask_for_nothing_further() -> None:
    for sheet in VIEW_SHEETS:
        text = sheet.read_text(encoding="utf-8")
        assert "url(" not in text
        assert "@import" not in text
