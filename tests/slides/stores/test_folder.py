"""Keys of a local folder: in a bucket's order, and never a file from elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsi_lab.errors import SourceUnavailable
from wsi_lab.slides.stores import folder

NAMES = [
    "a.svs",
    "a/b.svs",
    "a/b/c.svs",
    "a-b.svs",
    "a0.svs",
    "ab/c.svs",
    "b c+%#?.svs",
    "ü/é.svs",
    "￮.svs",
    "😀/日本.svs",
    "z/deep/er/still/x.tif",
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of files, and beside it one that is nobody's business."""
    root = tmp_path / "slides"
    for name in NAMES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"II")
    (tmp_path / "slides-private").mkdir()
    (tmp_path / "slides-private" / "secret.svs").write_bytes(b"II")
    return root


def test_keys_come_as_a_bucket_would_list_them(root: Path) -> None:
    assert list(folder.keys(str(root))) == sorted(NAMES, key=str.encode)


def test_every_start_gives_the_rest_and_every_prefix_its_own(root: Path) -> None:
    ordered = sorted(NAMES, key=str.encode)
    for after in (*ordered, "a/", "a", "a/b", "a/b/", "zz", "\U0010ffff", "/", ".", "a.svs\0"):
        rest = [name for name in ordered if name.encode() > after.encode()]
        assert list(folder.keys(str(root), after=after)) == rest
        for prefix in ("", "a", "a/", "a/b", "ü", "z/deep/e", "nothing", "../", "/"):
            own = [name for name in rest if name.startswith(prefix)]
            assert list(folder.keys(str(root), prefix=prefix, after=after)) == own


def test_only_folders_that_matter_are_looked_into(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    scandir = os.scandir

    def look(folder: str | int):
        path = folder if isinstance(folder, str) else Path(f"/proc/self/fd/{folder}").readlink()
        looked.append(os.path.relpath(path, root))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", look)
    assert next(folder.keys(str(root), prefix="z/deep", after="z/a")) == "z/deep/er/still/x.tif"
    assert set(looked) == {".", "z", "z/deep", "z/deep/er", "z/deep/er/still"}


def test_what_is_listed_can_be_resolved_and_nothing_else_is_listed(
    root: Path, tmp_path: Path
) -> None:
    (root / ".hidden.svs").write_bytes(b"II")
    (root / ".folder").mkdir()
    (root / ".folder" / "x.svs").write_bytes(b"II")
    (root / "back\\slash.svs").write_bytes(b"II")
    (root / "C:drive.svs").write_bytes(b"II")
    (root / "outside.svs").symlink_to(tmp_path / "slides-private" / "secret.svs")
    (root / "outside").symlink_to(tmp_path / "slides-private")
    (root / "up").symlink_to("..")
    (root / "gone.svs").symlink_to("nowhere")
    (root / "round.svs").symlink_to("round.svs")
    os.mkfifo(root / "pipe.svs")
    (root / "\udcff\udcfe.svs").write_bytes(b"II")
    (root / "inside.svs").symlink_to("a/b.svs")
    (root / "w").symlink_to("z/deep")
    listed = list(folder.keys(str(root)))
    expected = [*NAMES, "inside.svs", "w/er/still/x.tif"]
    assert listed == sorted(expected, key=str.encode)
    for key in listed:
        found = folder.resolve(str(root), key)
        assert found is not None
        assert found.startswith(f"{root}/")
        assert found == os.path.realpath(found)
    for key in ("outside.svs", "outside/secret.svs", "up/slides-private/secret.svs", "gone.svs"):
        assert folder.resolve(str(root), key) is None
    for key in ("pipe.svs", "round.svs", ".hidden.svs", ".folder/x.svs", "back\\slash.svs"):
        assert folder.resolve(str(root), key) is None
    for key in ("C:drive.svs", "\udcff\udcfe.svs", "a", "a/", "w"):
        assert folder.resolve(str(root), key) is None


def test_links_in_circles_end(root: Path) -> None:
    (root / "a" / "again").symlink_to("..")
    (root / "z" / "self").symlink_to(".")
    (root / "a" / "other").symlink_to("../z")
    (root / "z" / "other").symlink_to("../a")
    listed = list(folder.keys(str(root)))
    assert set(NAMES) <= set(listed)
    assert len(listed) < 50


def test_the_folder_itself_may_be_a_link_or_end_with_a_slash(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    expected = sorted(NAMES, key=str.encode)
    for path in (f"{tmp_path}/link", f"{root}/", f"{root}/a/.."):
        assert list(folder.keys(path)) == expected
        assert folder.resolve(path, "a/b.svs") == f"{root}/a/b.svs"
    assert folder.resolve("/", f"{root}/a.svs"[1:]) == f"{root}/a.svs"


PARTS = ["..", ".", "", "a", "slides-private", "secret.svs", "...", "~", "C:", "%2e%2e", "\\..\\"]


@pytest.mark.parametrize(
    "key",
    [
        "../slides-private/secret.svs",
        "a/../../slides-private/secret.svs",
        "/etc/passwd",
        "//etc/passwd",
        "/",
        "",
        ".",
        "..",
        "a/./b.svs",
        "a//b.svs",
        "./a.svs",
        "a.svs/",
        "a.svs/.",
        "a.svs/..",
        "..\\slides-private\\secret.svs",
        "\\\\host\\share\\a.svs",
        "C:\\a.svs",
        "C:/a.svs",
        "c:a.svs",
        "a.svs\0",
        "\0",
        "a.svs\0.jpg",
        "\ud800",
        "%2e%2e/slides-private/secret.svs",
        "..%2fslides-private%2fsecret.svs",
        "~root/.bashrc",
        "x" * 300,
        "x/" * 3000,
        "a/b.svs/c",
    ],
)
def test_no_other_spelling_names_a_file(root: Path, key: str) -> None:
    assert folder.resolve(str(root), key) is None


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PARTS), max_size=8).map("/".join))
def test_no_way_of_parts_leads_outside(tmp_path_factory: pytest.TempPathFactory, key: str) -> None:
    base = tmp_path_factory.getbasetemp() / "spelling"
    for name in ("slides/a", "slides-private"):
        (base / name).mkdir(parents=True, exist_ok=True)
        (base / name / "secret.svs").write_bytes(b"II")
    found = folder.resolve(f"{base}/slides", key)
    assert found in (None, f"{base}/slides/a/secret.svs")
    assert (found is None) == (key != "a/secret.svs")


def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable):
        next(folder.keys(str(tmp_path / "absent")))
    assert folder.resolve(str(tmp_path / "absent"), "a.svs") is None


def test_a_folder_removed_meanwhile_is_passed_over(root: Path) -> None:
    keys = folder.keys(str(root))
    assert next(keys) == "a-b.svs"
    for name in ("a/b/c.svs", "a/b.svs"):
        (root / name).unlink()
    (root / "a" / "b").rmdir()
    (root / "a").rmdir()
    assert "a/b.svs" not in list(keys)


def test_a_folder_that_becomes_a_link_meanwhile_shows_nothing_from_outside(
    root: Path, tmp_path: Path
) -> None:
    keys = folder.keys(str(root))
    assert next(keys) == "a-b.svs"
    (root / "ab").rename(tmp_path / "ab")
    (root / "ab").symlink_to(tmp_path / "slides-private")
    expected = [name for name in sorted(NAMES, key=str.encode)[1:] if not name.startswith("ab")]
    assert list(keys) == expected


def test_a_folder_that_is_a_link_only_while_it_is_opened_shows_nothing_from_outside(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really_open = os.open

    def swapped(path: str, flags: int) -> int:
        if not path.endswith("/ab/"):
            return really_open(path, flags)
        (root / "ab").rename(root / "away")
        (root / "ab").symlink_to(tmp_path / "slides-private")
        try:
            return really_open(path, flags)
        finally:
            (root / "ab").unlink()
            (root / "away").rename(root / "ab")

    monkeypatch.setattr(os, "open", swapped)
    listed = list(folder.keys(str(root)))
    assert "ab/secret.svs" not in listed
    assert "ü/é.svs" in listed


def test_many_folders_without_a_file_go_by_a_few_at_a_time(tmp_path: Path) -> None:
    for number in range(200):
        (tmp_path / f"{number:03}" / "empty").mkdir(parents=True)
    (tmp_path / "z.svs").write_bytes(b"II")
    *words, last = folder.keys(str(tmp_path))
    assert set(words) == {None}
    assert 3 <= len(words) <= 20
    assert last == "z.svs"


def test_listing_leaves_nothing_open(root: Path) -> None:
    # What others left may be closed meanwhile.
    before = len(list(Path("/proc/self/fd").iterdir()))
    keys = folder.keys(str(root))
    next(keys)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
    list(keys)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
