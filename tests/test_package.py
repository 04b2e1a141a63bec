from __future__ import annotations

import subprocess
import sys

import pytest

import wsi_lab

HEAVY = ("httpx", "numpy", "pandas", "PIL", "ipyleaflet", "anywidget", "tornado", "large_image")


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_import_takes_less_than_a_tenth_of_a_second():
    code = (
        # What it takes of a processor, whoever else wants one.
        "import time; start = time.process_time(); import wsi_lab; "
        "print(time.process_time() - start)"
    )
    assert min(float(run(code)) for _ in range(3)) < 0.1


def test_import_loads_nothing_heavy():
    loaded = run("import sys, wsi_lab; print(*sys.modules)").split()
    assert not set(HEAVY) & set(loaded)


def test_client_is_imported_without_what_only_some_use():
    loaded = run("import sys, wsi_lab.connecting; print(*sys.modules)").split()
    assert not set(HEAVY) & set(loaded)


@pytest.mark.parametrize("name", wsi_lab.__all__)
def test_public_names_are_there(name):
    assert getattr(wsi_lab, name) is not None


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'conect'"):
        _ = wsi_lab.conect
