"""What the scripts of pages and widgets share."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from wsi_lab.front import joined, shared


def test_parts_become_one_module_that_imports_nothing(tmp_path: Path) -> None:
    (tmp_path / "one.mjs").write_text("export const one = 1;\n")
    (tmp_path / "two.mjs").write_text(
        'import {\n  one,\n} from "../deep/one.mjs";\n\nexport default one + 1;\n'
    )
    script = joined([tmp_path / "one.mjs", tmp_path / "two.mjs"])
    assert re.findall(r"^(?:import|export).*", script, re.MULTILINE) == ["export default one + 1;"]
    assert script.startswith("const one = 1;")


def test_shared_parts_hold_to_their_own_tests(repository: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node.js on this machine")
    assert shared("readouts").is_file()
    done = subprocess.run(
        [node, "--test", "--test-reporter=tap", "tests/front/"],
        check=False,
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, re.findall(r"^not ok .*", done.stdout, re.MULTILINE)
    assert int(re.findall(r"^# pass (\d+)", done.stdout, re.MULTILINE)[0]) > 66
