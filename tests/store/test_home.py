from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from wsi_lab.errors import HomeUnusable
from wsi_lab.store.home import file_system_type, prepare_home, refuse_network_file_system

MOUNTS = """\
sysfs /sys sysfs rw 0 0
/dev/vda / ext4 rw,relatime 0 0
server:/export /mnt/share nfs4 rw 0 0
tmpfs /mnt/share/local tmpfs rw 0 0
//nas/x /mnt/with\\040blank cifs rw 0 0
/dev/vdb /mnt/twice ext4 rw 0 0
server:/b /mnt/twice nfs rw 0 0
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    table = tmp_path / "mounts"
    table.write_text(MOUNTS)
    return table


def test_new_home_is_for_its_owner_only(tmp_path: Path) -> None:
    home = prepare_home(tmp_path / "deep" / "home")
    for folder in (home.folder, home.slides, home.cache):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_home_that_is_there_already_keeps_its_mode(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o750)
    folder.chmod(0o750)
    prepare_home(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750


def test_home_that_is_a_file_is_refused_without_its_path(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("not a folder")
    with pytest.raises(HomeUnusable) as refused:
        prepare_home(tmp_path / "home")
    assert str(tmp_path) not in str(refused.value)
    assert "--home" in str(refused.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_home_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    prepare_home(folder)
    folder.chmod(0o500)
    try:
        with pytest.raises(HomeUnusable):
            prepare_home(folder)
    finally:
        folder.chmod(0o700)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/somebody/lab", "ext4"),
        ("/mnt/share/lab.sqlite3", "nfs4"),
        ("/mnt/share", "nfs4"),
        ("/mnt/shared-but-not-it/lab", "ext4"),
        ("/mnt/share/local/lab", "tmpfs"),
        ("/mnt/with blank/lab", "cifs"),
        ("/mnt/twice/lab", "nfs"),
    ],
)
def test_file_system_is_the_one_of_the_deepest_mount(mounts: Path, path: str, kind: str) -> None:
    assert file_system_type(Path(path), mounts) == kind


def test_nothing_is_known_where_the_system_has_no_table_of_mounts(tmp_path: Path) -> None:
    assert file_system_type(Path("/home"), tmp_path / "missing") is None
    refuse_network_file_system(Path("/home"), mounts=tmp_path / "missing")


def test_network_file_system_is_refused_with_advice(
    mounts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WSI_LAB_NETWORK_HOME", raising=False)
    with pytest.raises(HomeUnusable, match="WSI_LAB_NETWORK_HOME=1"):
        refuse_network_file_system(Path("/mnt/share/lab"), mounts=mounts)
    refuse_network_file_system(Path("/mnt/share/local/lab"), mounts=mounts)


def test_network_file_system_is_accepted_when_somebody_says_so(
    mounts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_network_file_system(Path("/mnt/share/lab"), accepted=True, mounts=mounts)
    monkeypatch.setenv("WSI_LAB_NETWORK_HOME", "1")
    refuse_network_file_system(Path("/mnt/share/lab"), mounts=mounts)
    monkeypatch.setenv("WSI_LAB_NETWORK_HOME", "0")
    with pytest.raises(HomeUnusable):
        refuse_network_file_system(Path("/mnt/share/lab"), mounts=mounts)
