"""The lab's own folder of slides and configuration files."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from wsi_lab.errors import Conflict, Invalid, SlideMissing, StorageFull, TooLarge
from wsi_lab.service.uploading import files as module
from wsi_lab.service.uploading.files import Files, incoming, put


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "slides"
    (root / "HTT" / "mirax").mkdir(parents=True)
    (root / "HTT" / "1.svs").write_bytes(b"slide")
    (root / "study.HTT.scores").write_bytes("Grade ä;Integer\n".encode("utf-8-sig"))
    return root


@pytest.fixture
def files(root: Path) -> Files:
    return Files(root)


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    path = tmp_path / "0123"
    path.write_bytes(b"new")
    return path


def test_files_are_listed_and_found(files: Files, root: Path) -> None:
    assert files.listing() == ["study.HTT.scores"]
    assert files.listing("./HTT/") == ["1.svs"]
    assert files.listing("none") == files.listing("HTT/1.svs") == []
    assert files.resolve("HTT", "1.svs") == root / "HTT" / "1.svs"
    assert files.has_folder("HTT/mirax")
    assert not files.has_folder("HTT/1.svs")


def test_path_below_the_folder_is_told_of_files_in_it_only(files: Files, root: Path) -> None:
    assert files.inside(root / "HTT" / "1.svs") == "HTT/1.svs"
    assert files.inside("/elsewhere/1.svs") is None
    assert files.inside(f"{root}2/1.svs") is None


def test_text_is_read_as_it_lies_there_byte_order_mark_and_all(files: Files) -> None:
    assert files.text("study.HTT.scores") == "\ufeffGrade ä;Integer\n"
    assert files.text("study.HTT.emails") is None
    assert files.text("HTT") is None


def test_text_that_is_none_or_too_much_is_refused(
    files: Files, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "study.HTT.emails").write_bytes(b"\xff\xfe")
    with pytest.raises(Invalid, match=r"UTF-8"):
        files.text("study.HTT.emails")
    monkeypatch.setattr(module, "LARGEST_TEXT", 3)
    with pytest.raises(TooLarge):
        files.text("study.HTT.scores")


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("..", "a"),
        ("a/../..", "a"),
        ("/etc", "passwd"),
        ("\\\\host", "a"),
        ("a/b/c", "a"),
        ("", ".."),
        ("", "a/b"),
        ("", "a\\b"),
        ("", ".hidden"),
        (".hidden", "a"),
        ("", "a\0b"),
        ("", "a\nb"),
        ("", "name \u202egpj.svs"),
        ("", "C:a"),
        ("", "x" * 201),
        ("", "half \ud800"),
        ("", ""),
        ("", " a "),
    ],
)
def test_hostile_names_are_refused(files: Files, sent: Path, folder: str, name: str) -> None:
    with pytest.raises(Invalid):
        files.place(sent, folder, name)
    with pytest.raises(Invalid):
        files.resolve(folder, name)


def test_links_lead_nowhere_outside(files: Files, root: Path, tmp_path: Path, sent: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (root / "link").symlink_to(tmp_path)
    (root / "study.link.emails").symlink_to(tmp_path / "secret.txt")
    assert files.listing() == ["study.HTT.scores"]
    assert files.listing("link") == []
    for ask in (
        lambda: files.text("study.link.emails"),
        lambda: files.resolve("link", "secret.txt"),
        lambda: files.place(sent, "link", "secret.txt"),
        lambda: files.place(sent, "", "study.link.emails"),
    ):
        with pytest.raises(Invalid):
            ask()
    assert (tmp_path / "secret.txt").read_text() == "secret"


def test_disk_that_knows_no_capital_letters_mixes_up_nothing(
    files: Files, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Such a disk finds what is asked for, and lists it as it was named first.
    (root / "htt").mkdir()
    (root / "htt" / "1.svs").write_bytes(b"slide")
    (root / "study.htt.map").write_text("A1")
    monkeypatch.setattr(files, "names", lambda: ["HTT", "study.HTT.map"])
    assert files.listing("htt") == []
    assert not files.has_folder("htt")
    for folder, name in (("htt", "1.svs"), ("", "study.htt.map")):
        with pytest.raises(Invalid, match="capital letters"):
            files.resolve(folder, name)
    assert files.resolve("HTT", "1.svs").is_file()


def test_missing_file_is_missing(files: Files) -> None:
    with pytest.raises(SlideMissing):
        files.resolve("HTT", "2.svs")


def test_file_is_placed_in_new_folders_and_over_old_ones(
    files: Files, root: Path, sent: Path
) -> None:
    assert files.place(sent, "new/folder", "1.svs") == root / "new" / "folder" / "1.svs"
    assert (root / "new" / "folder" / "1.svs").read_bytes() == b"new"
    with (root / "HTT" / "1.svs").open("rb") as reading:
        files.place(sent, "HTT", "1.svs")
        assert reading.read() == b"slide"
    assert (root / "HTT" / "1.svs").read_bytes() == b"new"


def test_placing_twice_is_placing_once(files: Files, root: Path, sent: Path) -> None:
    target = files.place(sent, "HTT", "2.svs")
    # What a process leaves that is killed on the way.
    os.link(sent, incoming(sent, target))
    assert files.place(sent, "HTT", "2.svs").read_bytes() == b"new"
    assert sorted(path.name for path in (root / "HTT").iterdir()) == ["1.svs", "2.svs", "mirax"]


def test_what_is_in_the_way_is_said(files: Files, sent: Path) -> None:
    with pytest.raises(Conflict):
        files.place(sent, "HTT", "mirax")
    with pytest.raises(Conflict):
        files.place(sent, "HTT/1.svs", "a")


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM])
def test_file_of_another_disk_is_copied(
    files: Files, sent: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def no_link(*_: object) -> None:
        raise OSError(number, "not here")

    monkeypatch.setattr(os, "link", no_link)
    assert files.place(sent, "HTT", "1.svs").read_bytes() == b"new"
    assert sent.exists()


def test_full_disk_leaves_the_old_file(
    files: Files, root: Path, sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "link", full)
    with pytest.raises(StorageFull):
        files.place(sent, "HTT", "1.svs")
    assert (root / "HTT" / "1.svs").read_bytes() == b"slide"
    with pytest.raises(StorageFull):
        files.require_space(1 << 60)
    files.require_space(0)


def test_put_keeps_the_file_where_it_came_from(tmp_path: Path, sent: Path) -> None:
    put(sent, tmp_path / "there")
    assert sent.read_bytes() == (tmp_path / "there").read_bytes() == b"new"
