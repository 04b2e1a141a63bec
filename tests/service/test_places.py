"""Which addresses slides may be added from. What holds for folders is in test_slides.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsi_lab.errors import Invalid, NotAllowed, SlideMissing
from wsi_lab.model.source import Source
from wsi_lab.service.places import Places, unmoved

BUCKET = Source.at("s3://slides/2026")
WEB = Source.at("https://slides.example/public")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("s3://slides/2026/a.svs", "s3://slides/2026/a.svs"),
        ("S3://slides/2026/a b/ü?#%2F.svs", "s3://slides/2026/a b/ü?#%2F.svs"),
        ("s3://slides/2026//a.svs", "s3://slides/2026//a.svs"),
        ("HTTPS://Slides.Example/public/a.svs", "https://slides.example/public/a.svs"),
    ],
)
def test_address_in_a_declared_source_is_taken_in_its_one_form(text: str, address: str) -> None:
    places = Places((BUCKET, WEB))
    for is_admin in (True, False):
        assert places.resolve(text, is_admin=is_admin) == address
    assert places.resolve(address, is_admin=False) == address


@pytest.mark.parametrize(
    "text",
    [
        "s3://slides/2026-private/a.svs",
        "s3://slides/a.svs",
        "s3://SLIDES/2026/a.svs",
        "gs://slides/2026/a.svs",
        "http://slides.example/public/a.svs",
        "https://slides.example/publica.svs",
        "https://slides.example:8443/public/a.svs",
        "https://slides.example.org/public/a.svs",
    ],
)
def test_address_outside_the_declared_sources_is_refused_to_everybody(text: str) -> None:
    places = Places((BUCKET, WEB, Source.at("/")))
    for is_admin in (True, False):
        with pytest.raises(NotAllowed, match="lies outside"):
            places.resolve(text, is_admin=is_admin)


@pytest.mark.parametrize(
    "text",
    [
        "s3://slides/2026/",
        "s3://slides",
        "s3://slides/2026/x/",
        "s3://slides/2026/../private/a.svs",
        "s3://slides/2026/./a.svs",
        "s3:///2026/a.svs",
        "ftp://slides/2026/a.svs",
        "https://user:pw@slides.example/public/a.svs",
        "https://slides.example/public/../private/a.svs",
        "s3://slides/2026/\0.svs",
        "s3://slides/2026/\udcff.svs",
    ],
)
def test_what_is_no_address_of_a_slide_is_refused(text: str) -> None:
    for places in (Places((BUCKET, WEB)), Places(None)):
        with pytest.raises(Invalid):
            places.resolve(text, is_admin=True)


def test_without_roots_administrators_may_name_any_bucket_but_only_declared_web_servers() -> None:
    places = Places(None, declared=(BUCKET, WEB))
    for text in ("s3://other/a.svs", "gs://other/a.svs", "az://other/a.svs", f"{WEB.address}a"):
        assert places.resolve(text, is_admin=True) == text
        with pytest.raises(NotAllowed, match="no folder that members may add"):
            places.resolve(text, is_admin=False)
    for text in ("https://elsewhere/a.svs", "http://169.254.169.254/latest/meta-data"):
        with pytest.raises(NotAllowed, match="nobody has declared"):
            places.resolve(text, is_admin=True)


def test_declared_sources_are_no_roots(tmp_path: Path) -> None:
    places = Places((Source.at(str(tmp_path)),), declared=(BUCKET,))
    with pytest.raises(NotAllowed):
        places.resolve("s3://slides/2026/a.svs", is_admin=True)


def test_folders_and_sources_go_together(tmp_path: Path) -> None:
    (tmp_path / "a.svs").touch()
    places = Places((BUCKET, Source.at(str(tmp_path)), Source.at(str(tmp_path / "b"))))
    assert places.resolve("a.svs", is_admin=False) == str((tmp_path / "a.svs").resolve())
    with pytest.raises(SlideMissing):
        places.resolve("b/a.svs", is_admin=False)
    with pytest.raises(NotAllowed):
        Places((BUCKET,)).resolve(str(tmp_path / "a.svs"), is_admin=True)


def test_addresses_never_move() -> None:
    assert unmoved("s3://slides/2026//a.svs")
    assert not unmoved("/proc/self/cwd/a.svs")
