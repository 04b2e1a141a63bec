"""What kind of file it is, told by its first bytes and in words that help."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from wsi_lab.errors import DamagedSlide, UnsupportedSlide
from wsi_lab.slides.file_kinds import FileKind
from wsi_lab.slides.preflight import Preflight, preflight
from wsi_lab.slides.source import SlideFile


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (bytes(128) + b"DICM", FileKind.DICOM),
        (b"ZISRAWFILE" + bytes(100), FileKind.CZI),
        (b"GIF89a" + bytes(100), FileKind.GIF),
        (b"BM" + bytes(100), FileKind.BMP),
        (b"RIFF\0\0\0\0WEBPVP8 " + bytes(100), FileKind.WEBP),
        (b"\xff\x4f\xff\x51" + bytes(100), FileKind.JPEG2000),
        (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(100), FileKind.JPEG2000),
        (b"[Virtual Microscope Specimen]\nImageFile=a.jpg\nImageFile(1,0)=b.jpg", FileKind.VMS),
    ],
)
def test_kinds_are_told_by_their_first_bytes(
    looked_at: Callable[..., Preflight], content: bytes, kind: FileKind
) -> None:
    assert looked_at(content, "whatever.xyz").kind is kind


@pytest.mark.parametrize(
    ("content", "explanation"),
    [
        (b"This is not an image.\n", "text file"),
        ("Grüße, ".encode() * 1000, "text file"),
        (b"PK\x03\x04" + bytes(100), "ZIP archive"),
        (b"\x1f\x8b" + bytes(100), "gzip archive"),
        (b"%PDF-1.7\n", "PDF"),
        (b'<DataObject ObjectType="DPUfsImport">', "iSyntax"),
        (b"\x7fELF" + bytes(100), "not a kind of slide"),
        (b"RIFF\0\0\0\0WAVE" + bytes(100), "not a kind of slide"),
        (b"SQLite format 3\0" + bytes(100), "not a kind of slide"),
        (b"\0" * 4096, "not a kind of slide"),
    ],
)
def test_what_is_no_slide_is_refused_in_words_that_help(
    looked_at: Callable[..., Preflight], content: bytes, explanation: str
) -> None:
    with pytest.raises(UnsupportedSlide, match=explanation):
        looked_at(content, "slide.svs")


def test_an_empty_file_is_damage(looked_at: Callable[..., Preflight]) -> None:
    with pytest.raises(DamagedSlide, match="empty"):
        looked_at(b"")


def test_a_mirax_slide_needs_its_folder(tmp_path: Path) -> None:
    slide = tmp_path / "slide.mrxs"
    slide.write_bytes(b"\xff\xd8\xff\xe0")
    with SlideFile(str(slide)) as source:
        with pytest.raises(UnsupportedSlide, match="folder"):
            preflight(source)
        (tmp_path / "slide").mkdir()
        (tmp_path / "slide" / "Slidedat.ini").write_text(
            "[HIERARCHICAL]\nINDEXFILE = Index.dat\n[DATAFILE]\nFILE_0 = Data0000.dat\n"
        )
        assert preflight(source).kind is FileKind.MRXS


@pytest.mark.parametrize("name", ["../other/Data.dat", "/etc/passwd", "a\\b.dat", ".."])
def test_a_slide_that_names_files_elsewhere_is_refused(
    tmp_path: Path, looked_at: Callable[..., Preflight], name: str
) -> None:
    folder = tmp_path / "slide"
    folder.mkdir()
    (folder / "Slidedat.ini").write_text(f"[DATAFILE]\nFILE_COUNT = 1\nFILE_0 = {name}\n")
    with pytest.raises(DamagedSlide, match="outside"):
        looked_at(b"\xff\xd8\xff", "slide.mrxs")
    with pytest.raises(DamagedSlide, match="outside"):
        looked_at(f"[Virtual Microscope Specimen]\nMapFile={name}\n".encode(), "slide.vms")


@pytest.mark.parametrize("link", ["file", "folder"])
def test_a_slide_whose_files_are_links_is_refused(
    tmp_path: Path, looked_at: Callable[..., Preflight], link: str
) -> None:
    private = tmp_path / "private"
    private.mkdir()
    (private / "x.dat").write_bytes(b"secret")
    (private / "Slidedat.ini").write_text("[DATAFILE]\nFILE_0 = x.dat\n")
    folder = tmp_path / "slide"
    if link == "folder":
        folder.symlink_to(private)
    else:
        folder.mkdir()
        (folder / "x.dat").symlink_to(private / "x.dat")
        (folder / "Slidedat.ini").write_text("[DATAFILE]\nFILE_0 = x.dat\n")
        (tmp_path / "x.dat").symlink_to(private / "x.dat")
        with pytest.raises(DamagedSlide, match="outside"):
            looked_at(b"[Virtual Microscope Specimen]\nMapFile=x.dat \r\n", "slide.vms")
    with pytest.raises(DamagedSlide, match="outside"):
        looked_at(b"\xff\xd8\xff", "slide.mrxs")


def test_pictures_that_would_fill_the_memory_are_refused(
    looked_at: Callable[..., Preflight],
) -> None:
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 60_000, 60_000) + bytes(5)
    jpeg = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x11\x08\xff\xdc\xff\xdc\x03" + bytes(20)
    for content in (png, jpeg):
        with pytest.raises(DamagedSlide, match="memory"):
            looked_at(content)


@pytest.mark.parametrize("content", [b"\xff\xd8\xff\xe0\x00\x01" + bytes(9), b"\xff\xd8\xff\xe0"])
def test_a_broken_picture_header_is_damage(
    looked_at: Callable[..., Preflight], content: bytes
) -> None:
    with pytest.raises(DamagedSlide):
        looked_at(content)


def test_pictures_of_a_sensible_size_are_let_through(shared_data: Path) -> None:
    for name, kind in (
        ("slides/test_slide.png", FileKind.PNG),
        ("nuclei/hgsc_nest.jpg", FileKind.JPEG),
    ):
        with SlideFile(str(shared_data / name)) as source:
            assert preflight(source).kind is kind
