"""When the disk is full, what was acknowledged stays, and nothing is stored by halves."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from wsi_lab.errors import StorageFull
from wsi_lab.model.people import Actor
from wsi_lab.service.lab import Lab, LabSettings
from wsi_lab.store.connection import Connection


def fill(lab: Lab, owner: Actor) -> list[str]:
    """Make studies until nothing more can be stored; return the names of those that were."""
    stored = []
    for number in range(20_000):
        name = f"study {number}"
        try:
            lab.studies.create(owner, name, "x" * 10_000)
        except StorageFull:
            return stored
        stored.append(name)
    pytest.fail("the disk never was full")


def names(lab: Lab) -> list[str]:
    def query(connection: Connection) -> list[str]:
        return [name for (name,) in connection.execute("SELECT name FROM studies ORDER BY id")]

    return lab._database.read(query)


def entries(lab: Lab) -> int:
    def query(connection: Connection) -> int:
        return connection.execute("SELECT count(*) FROM audit WHERE kind = 'study'").fetchone()[0]

    return lab._database.read(query)


def set_most_pages(lab: Lab, most: int) -> None:
    def change(connection: Connection) -> None:
        connection.execute(f"PRAGMA max_page_count={most}")

    lab._database.write(change)


def test_full_file_stores_nothing_and_works_again_when_there_is_space(
    tmp_path: Path, integrity
) -> None:
    with Lab.open(LabSettings(tmp_path / "home")) as lab:
        owner = lab.people.owner(name="owner")
        set_most_pages(lab, 120)
        stored = fill(lab, owner)
        assert stored
        assert names(lab) == stored
        assert entries(lab) == len(stored)
        set_most_pages(lab, 1000)
        lab.studies.create(owner, "after", "x" * 10_000)
        assert names(lab) == [*stored, "after"]
    assert integrity(tmp_path / "home" / "lab.sqlite3") == "ok"


def test_all_of_a_group_are_told_when_the_disk_is_full(tmp_path: Path) -> None:
    with Lab.open(LabSettings(tmp_path / "home")) as lab:
        set_most_pages(lab, 120)

        def large(connection: Connection) -> None:
            connection.execute(
                "INSERT INTO secrets (name, value) VALUES (hex(randomblob(9)), zeroblob(100000))"
            )

        futures = [lab._database.submit(large) for _ in range(40)]
        errors = [future.exception() for future in futures]
        stored = lab._database.read(
            lambda connection: connection.execute("SELECT count(*) FROM secrets").fetchone()[0]
        )
        assert errors.count(None) == stored
        assert {type(error) for error in errors if error} == {StorageFull}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own with 2 MiB, where this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small disk needs the rights of root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_full_disk_loses_nothing_and_works_again_when_there_is_space(
    small_disk: Path, integrity
) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(600_000))
    with Lab.open(LabSettings(small_disk / "home")) as lab:
        owner = lab.people.owner(name="owner")
        stored = fill(lab, owner)
        assert names(lab) == stored
        assert entries(lab) == len(stored)
        with pytest.raises(StorageFull):
            lab.backup(small_disk / "copy")
        assert {path.name for path in small_disk.iterdir()} == {"ballast", "home"}
        ballast.unlink()
        lab.studies.create(owner, "after")
        assert names(lab) == [*stored, "after"]
    with Lab.open(LabSettings(small_disk / "home")) as lab:
        assert names(lab) == [*stored, "after"]
    assert integrity(small_disk / "home" / "lab.sqlite3") == "ok"
