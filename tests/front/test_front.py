"""What the scripts of pages and widgets share."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from wsi_lab.front import Constant, joined, shared


@pytest.fixture(scope="module")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("no Node.js on this machine")
    return found


def test_parts_become_one_module_that_imports_nothing(tmp_path: Path) -> None:
    (tmp_path / "one.mjs").write_text("export const one = 1;\n")
    (tmp_path / "two.mjs").write_text(
        'import {\n  one,\n} from "../deep/one.mjs";\n\nexport default one + 1;\n'
    )
    script = joined([tmp_path / "one.mjs", tmp_path / "two.mjs"])
    assert re.findall(r"^(?:import|export).*", script, re.MULTILINE) == ["export default one + 1;"]
    assert script.startswith("const one = 1;")


def test_script_for_other_module_systems_becomes_a_constant_whose_names_are_its_own(
    node: str, tmp_path: Path
) -> None:
    umd = """(function (global, factory) {
  typeof exports === 'object' && typeof module !== 'undefined' ? factory(exports) :
  (global.two = factory({}));
})(this, function (exports) { exports.two = 2; });
var one = "its own";
//# sourceMappingURL=umd.js.map"""
    (tmp_path / "umd.js").write_text(umd)
    (tmp_path / "one.mjs").write_text(
        "const one = 1;\nconsole.log(one, library.two, Object.keys(library));\n"
    )
    script = joined([Constant("library", tmp_path / "umd.js"), tmp_path / "one.mjs"])
    (tmp_path / "joined.mjs").write_text(script)
    done = subprocess.run(
        [node, tmp_path / "joined.mjs"], check=True, capture_output=True, timeout=60
    )
    assert done.stdout.decode().strip() == "1 2 [ 'two' ]"
    assert "sourceMappingURL" not in script


def test_shared_parts_hold_to_their_own_tests(node: str, repository: Path) -> None:
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
    assert int(re.findall(r"^# pass (\d+)", done.stdout, re.MULTILINE)[0]) > 150
