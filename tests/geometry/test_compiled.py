from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

import wsi_lab
from wsi_lab.geometry.compiled import compiled, part, warm


@part
def _more(number):
    return number + 1


@compiled("i8[] !i8[]")
def _raised(numbers, raised):
    for place in range(len(numbers)):
        raised[place] = _more(numbers[place])


def test_a_kernel_takes_what_may_be_written_and_what_may_not():
    fixed, raised = np.arange(3), np.zeros(3, np.int64)
    fixed.setflags(write=False)
    _raised(fixed, raised)
    _raised(raised, raised)
    assert raised.tolist() == [2, 3, 4]


def test_a_kernel_is_another_when_its_part_is(monkeypatch):
    before = _raised.written()
    monkeypatch.setattr(_more, "python", lambda number: number + 2)
    assert _raised.written() != before


def _python(code: str, folder: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=own | more,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_numba_is_imported_by_whoever_needs_it_first():
    modules = "columns, packing, raster, png, counts, hit, colour_maps, vector_tiles, masks"
    done = _python(
        "import sys\n"
        f"from wsi_lab.geometry import {modules}, geojson_scan\n"
        "heavy = {'numba', 'llvmlite', 'shapely', 'pandas', 'imagecodecs'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_a_package_that_cannot_be_written_to_compiles_into_the_users_folder(tmp_path: Path):
    package = tmp_path / "site"
    ignored = shutil.ignore_patterns("__pycache__", "front", "demo")
    shutil.copytree(Path(wsi_lab.__file__).parent, package / "wsi_lab", ignore=ignored)
    # Not even the superuser writes into a folder whose place a file has taken.
    (package / "wsi_lab" / "geometry" / "__pycache__").write_text("")
    done = _python(
        "from wsi_lab.geometry.columns import ShapeColumns\n"
        "import wsi_lab; print(wsi_lab.__file__)\n"
        "print(ShapeColumns.empty().boxes().shape)",
        tmp_path,
        PYTHONPATH=str(package),
        PYTHONDONTWRITEBYTECODE="1",
        XDG_CACHE_HOME=str(tmp_path / "cache"),
        HOME=str(tmp_path),
    )
    assert done.stderr == ""
    assert done.stdout.split("\n")[:2] == [str(package / "wsi_lab" / "__init__.py"), "(0, 4)"]
    assert list(tmp_path.rglob("*.nbi"))


def test_warming_compiles_all_kernels_in_the_background():
    thread = warm()
    thread.join(110)
    assert not thread.is_alive()


def test_linear_algebra_that_no_kernel_uses_is_not_loaded() -> None:
    code = (
        "import sys, numpy; from wsi_lab.geometry import wkb, compiled; "
        "compiled._KERNELS[0].native(); print('scipy.linalg' in sys.modules); "
        "import numba; print(numba.njit(lambda a: numpy.dot(a, a))(numpy.ones(3)))"
    )
    told = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert told.split() == ["False", "3.0"]
