"""What a user gets who installs the wheel, and nothing beside it."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from email.parser import BytesParser
from email.policy import default
from pathlib import Path, PurePosixPath

import pytest

import wsi_lab

LARGEST_WHEEL_BYTES = 7 << 20
NOT_FOR_USERS = {"tests", "bench", "node_modules", ".venv", "__pycache__", ".git"}


def built(repository: Path, target: str, folder: Path) -> Path:
    pytest.importorskip("hatchling", reason="hatchling, which builds the packages, is missing")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)],
        cwd=repository,
        check=True,
        capture_output=True,
        timeout=60,
    )
    (package,) = folder.iterdir()
    return package


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(repository, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_wheel_holds_every_file_of_the_package(repository: Path, names: set[str]) -> None:
    package = repository / "wsi_lab"
    files = {
        file.relative_to(repository).as_posix()
        for file in package.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert {
        "wsi_lab/server/openapi.yaml",
        "wsi_lab/widgets/front/companion.mjs",
        "wsi_lab/demo/CMU-1-Small-Region.svs",
    } <= files
    assert files <= names


def test_wheel_brings_the_tour_and_switches_the_extension_on(names: set[str]) -> None:
    data = f"wsi_lab-{wsi_lab.__version__}.data/data/etc/jupyter"
    assert "wsi_lab/demo/notebooks/tour.ipynb" in names
    assert "wsi_lab/demo/notebooks/annotations.ipynb" in names
    assert "wsi_lab/demo/notebooks/agreement.ipynb" in names
    assert "wsi_lab/demo/notebooks/readers.ipynb" in names
    assert "wsi_lab/demo/scores/LICENSE.txt" in names
    assert "wsi_lab/demo/nuclei/LICENSE.txt" in names
    assert f"{data}/jupyter_server_config.d/wsi_lab.json" in names


def test_wheel_holds_nothing_that_users_have_no_use_for(wheel: Path, names: set[str]) -> None:
    assert not [name for name in names if NOT_FOR_USERS & set(PurePosixPath(name).parts)]
    assert {PurePosixPath(name).parts[0].split("-")[0] for name in names} == {"wsi_lab"}
    assert wheel.stat().st_size < LARGEST_WHEEL_BYTES


def test_wheel_says_its_licence_and_its_command(wheel: Path) -> None:
    about = f"wsi_lab-{wsi_lab.__version__}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        metadata = BytesParser(policy=default).parsebytes(archive.read(f"{about}/METADATA"))
        commands = archive.read(f"{about}/entry_points.txt").decode()
        assert b"MIT" in archive.read(f"{about}/licenses/LICENSE")
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Version"] == wsi_lab.__version__
    assert "wsi-lab = wsi_lab.__main__:program" in commands


def test_the_same_wheel_comes_out_of_the_source_package(
    repository: Path, names: set[str], tmp_path: Path
) -> None:
    source = built(repository, "sdist", tmp_path / "sdist")
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, filter="data")
    unpacked = tmp_path / f"wsi_lab-{wsi_lab.__version__}"
    again = built(unpacked, "wheel", tmp_path / "again")
    with zipfile.ZipFile(again) as archive:
        assert set(archive.namelist()) == names
