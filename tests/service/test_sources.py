"""Slides of a source by their keys: what may be named, lists, versions, links."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wsi_lab.errors import (
    Invalid,
    NotFound,
    OutOfRange,
    SlideChanged,
    SlideMissing,
    SourceTimeout,
    UnsupportedSlide,
)
from wsi_lab.model.source import Source
from wsi_lab.service import source_keys
from wsi_lab.service.source_keys import page, place_of
from wsi_lab.service.sources import SourceSlides
from wsi_lab.slides.engine import EngineSettings, SlideEngine
from wsi_lab.slides.open_slide import OpenSlide

TILE = (0, 4, 4)
STORED: dict[str, Any] = {"quality": 80, "recode": False}


@pytest.fixture
def folder(tmp_path: Path, demo_slide: Path) -> Path:
    """A folder with one slide, `a.svs`, and links to it."""
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "a.svs").write_bytes(demo_slide.read_bytes())
    (root / "sub" / "a.svs").symlink_to(root / "a.svs")
    (root / "notes.txt").write_text("no slide")
    return root


@pytest.fixture
def engine() -> Iterator[SlideEngine]:
    """An engine of its own."""
    engine = SlideEngine(EngineSettings(workers=1))
    yield engine
    engine.close()


@pytest.fixture
def slides(engine: SlideEngine, folder: Path) -> SourceSlides:
    """The slides of the folder."""
    return SourceSlides(lambda: engine, Source.at(str(folder)))


def test_nothing_is_opened_before_somebody_asks() -> None:
    def never() -> SlideEngine:
        raise AssertionError("an engine was made")

    for address in ("/nowhere", "s3://bucket/prefix"):
        slides = SourceSlides(never, Source.at(address))
        assert slides.tile_at_once("a.svs", *TILE, **STORED) is None
        assert slides.tile_soon("a.svs", *TILE, **STORED) is None
        slides.close()
        slides.close()


def test_tile_is_given_at_once_when_it_was_given_before(slides: SourceSlides) -> None:
    assert slides.tile_at_once("a.svs", *TILE, **STORED) is None
    made = slides.tile("a.svs", *TILE, **STORED)
    again = slides.tile_at_once("a.svs", *TILE, **STORED)
    assert again == made._replace(was_kept=True)
    assert made.data.startswith(b"\xff\xd8")
    assert made.etag.startswith('"')
    assert slides.tile("a.svs", *TILE, quality=80, recode=True).etag != made.etag
    assert slides.tile("a.svs", 0, 4, 5, **STORED).etag != made.etag


def test_what_is_not_there_is_told_at_once_and_in_a_thread(slides: SourceSlides) -> None:
    slides.describe("a.svs")
    for verb in (slides.tile_at_once, slides.tile_soon, slides.tile):
        for place, reason in (
            *(((1, 0, 0), "invalid_level"), ((-1, 0, 0), "invalid_level")),
            *(((0, 10, 0), "tile_out_of_bounds"), ((0, 0, -1), "tile_out_of_bounds")),
        ):
            with pytest.raises(OutOfRange) as refused:
                verb("a.svs", *place, **STORED)
            assert refused.value.details["reason"] == reason
    with pytest.raises(OutOfRange, match="1 level, 0-0"):
        slides.tile("a.svs", 1, 0, 0, **STORED)


def test_address_that_is_no_number_is_refused_with_or_without_the_slide(
    slides: SourceSlides,
) -> None:
    for key, told in (("a.svs", True), ("absent.svs", False)):
        with pytest.raises(OutOfRange) as refused:
            slides.refuse_tile(key, "abc", "0", "0")
        assert ("0-0" in refused.value.message) is told
        assert refused.value.details["reason"] == "invalid_level"
        with pytest.raises(OutOfRange) as refused:
            slides.refuse_tile(key, "0", "9" * 99, "0")
        assert ("0 to 9" in refused.value.message) is told
        assert len(refused.value.message) < 150


@pytest.mark.parametrize(
    "key", ["", ".", "..", "../a.svs", "/a.svs", "sub", "sub/", "absent.svs", "a.svs\0", "\ud800"]
)
def test_key_of_nothing_is_not_found(slides: SourceSlides, key: str) -> None:
    for ask in (
        lambda: slides.describe(key),
        lambda: slides.tile(key, *TILE, **STORED),
        lambda: slides.thumbnail(key, 64, 80),
        lambda: slides.size_of(key),
    ):
        with pytest.raises(NotFound):
            ask()


def test_file_that_is_no_slide_is_unsupported_and_has_a_size(slides: SourceSlides) -> None:
    with pytest.raises(UnsupportedSlide):
        slides.describe("notes.txt")
    assert slides.size_of("notes.txt") == 8


def test_link_is_followed_anew_each_time(
    slides: SourceSlides, folder: Path, tmp_path: Path
) -> None:
    made = slides.tile("sub/a.svs", *TILE, **STORED)
    assert slides.tile_at_once("sub/a.svs", *TILE, **STORED) is None
    assert slides.tile("sub/a.svs", *TILE, **STORED).data == made.data
    outside = tmp_path / "outside.svs"
    (folder / "a.svs").rename(outside)
    (folder / "sub" / "a.svs").unlink()
    (folder / "sub" / "a.svs").symlink_to(outside)
    with pytest.raises(NotFound):
        slides.tile("sub/a.svs", *TILE, **STORED)


def test_file_that_became_a_link_after_looking_is_not_shown(
    slides: SourceSlides, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside.svs"
    (folder / "a.svs").rename(outside)
    (folder / "a.svs").symlink_to(outside)
    # As it was when it was looked at.
    monkeypatch.setattr(slides._place, "address_of", lambda key: str(folder / key))
    for ask in (slides.describe, lambda key: slides.tile(key, *TILE, **STORED)):
        with pytest.raises(NotFound):
            ask("a.svs")
    assert slides.tile_at_once("a.svs", *TILE, **STORED) is None


def test_slide_that_changes_while_it_is_read_is_read_once_more(
    slides: SourceSlides, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []
    real = OpenSlide.level_tile

    def fails_once(slide: OpenSlide, *place: Any, **how: Any) -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise SlideChanged("It was changed.")
        return real(slide, *place, **how)

    monkeypatch.setattr(OpenSlide, "level_tile", fails_once)
    assert slides.tile("a.svs", *TILE, **STORED).data
    assert len(tries) == 2

    def always(*_: Any, **__: Any) -> Any:
        raise SlideChanged("It was changed.")

    monkeypatch.setattr(OpenSlide, "level_tile", always)
    with pytest.raises(SlideChanged):
        slides.tile("a.svs", 0, 1, 1, **STORED)


def test_slide_that_goes_while_it_is_read_is_not_found(
    slides: SourceSlides, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any, **__: Any) -> Any:
        raise SlideMissing("It is gone.")

    monkeypatch.setattr(OpenSlide, "level_tile", gone)
    with pytest.raises(NotFound, match=r"'a\.svs'"):
        slides.tile("a.svs", *TILE, **STORED)


def test_no_more_is_remembered_than_makes_sense(
    slides: SourceSlides, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wsi_lab.service.sources.MOST_REMEMBERED", 2)
    for name in ("b.svs", "c.svs", "d.svs"):
        os.link(folder / "a.svs", folder / name)
        assert slides.describe(name).width == 2220
    assert list(slides._known) == ["c.svs", "d.svs"]
    assert slides.tile("b.svs", *TILE, **STORED).data


class Keys:
    """A place with these keys, which counts how many are looked at."""

    root = ""

    def __init__(self, *keys: str) -> None:
        self._keys = sorted(keys, key=str.encode)
        self.seen = 0

    def keys(self, prefix: str, after: str) -> Iterator[str]:
        """Yield keys."""
        for key in self._keys:
            if key.startswith(prefix) and key.encode() > after.encode():
                self.seen += 1
                yield key


def found(keys: Keys, **params: Any) -> list[tuple[str, ...]]:
    """Return all pages."""
    params = {"limit": 2, "cursor": None, "prefix": "", "search": "", **params}
    pages = []
    while True:
        one = page(keys, **params)  # type: ignore[arg-type]
        pages.append(one.keys)
        if one.next_cursor is None:
            return pages
        params["cursor"] = one.next_cursor


def test_pages_are_full_and_the_last_one_says_so() -> None:
    assert found(Keys()) == [()]
    assert found(Keys("a.svs", "b.txt", "c.tif")) == [("a.svs", "c.tif")]
    assert found(Keys("a.svs", "b.SVS", "c.Tiff", "d.jpg")) == [("a.svs", "b.SVS"), ("c.Tiff",)]
    many = Keys(*(f"{number:05}.svs" for number in range(1000)))
    assert found(many, limit=999)[1] == ("00999.svs",)
    many.seen = 0
    page(many, limit=3, cursor=None, prefix="", search="")  # type: ignore[arg-type]
    assert many.seen == 4


def test_only_endings_of_slides_are_listed() -> None:
    keys = Keys("a.svs", "b.tif", "c.tiff", "d.ndpi", "svs", "e.svs.txt", "f.tiffs", ".tif", "tif")
    assert found(keys, limit=9) == [(".tif", "a.svs", "b.tif", "c.tiff")]


def test_order_is_that_of_bytes() -> None:
    names = ["a.svs", "a/b.svs", "a0.svs", "B.svs", "ü.svs", "\uffff.svs", "😀.svs"]
    assert found(Keys(*names), limit=99) == [tuple(sorted(names, key=str.encode))]
    assert [each for (each,) in found(Keys(*names), limit=1)] == sorted(names, key=str.encode)


def test_search_is_for_any_case_and_for_the_whole_key() -> None:
    keys = Keys("Liver/A.svs", "liver/b.svs", "STRASSE.svs", "straße.svs")
    assert found(keys, search="LIVER", limit=9) == [("Liver/A.svs", "liver/b.svs")]
    assert found(keys, search="strasse", limit=9) == [("STRASSE.svs", "straße.svs")]


def test_cursor_is_the_last_key_whether_padded_or_not() -> None:
    keys = Keys("a.svs", "bb.svs", "ccc.svs")
    for name in ("a.svs", "bb.svs"):
        cursor = base64.urlsafe_b64encode(name.encode()).decode()
        for spelling in (cursor, cursor.rstrip("=")):
            pages = found(keys, cursor=spelling)
            assert pages[0][0] == ("bb.svs" if name == "a.svs" else "ccc.svs")
    for wrong in ("x", "a b", "ä", "=", "_w", "AA==", "a+b/"):
        with pytest.raises(Invalid):
            found(keys, cursor=wrong)


def test_long_look_gives_what_it_has_found(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys(*(f"{number:05}.svs" for number in range(3000)), "needle.svs")
    monkeypatch.setattr(source_keys, "LONGEST_LOOK_SECONDS", -1.0)
    pages = found(keys, search="needle", limit=5)
    assert [*pages[0]] == []
    assert len(pages) > 3
    assert [key for each in pages for key in each] == ["needle.svs"]


class Slow(Keys):
    """A place that has these keys, and then for a long time none."""

    def keys(self, prefix: str, after: str) -> Iterator[str | None]:  # type: ignore[override]
        """Yield keys, and then nothing a thousand times."""
        yield from super().keys(prefix, after)
        for _ in range(1000):
            self.seen += 1
            yield None


def test_long_look_ends_where_no_keys_come_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_keys, "LONGEST_LOOK_SECONDS", -1.0)
    params: dict[str, Any] = {"limit": 5, "prefix": "", "search": ""}
    slow = Slow("a.svs", "b.txt")
    first = page(slow, cursor=None, **params)  # type: ignore[arg-type]
    assert first.keys == ("a.svs",)
    assert base64.urlsafe_b64decode(first.next_cursor or "") == b"b.txt"
    assert slow.seen == 3
    # The same cursor again would lead nowhere else.
    with pytest.raises(SourceTimeout):
        page(slow, cursor=first.next_cursor, **params)  # type: ignore[arg-type]


def test_look_ends_when_nobody_wants_it_any_more(slides: SourceSlides) -> None:
    many = Keys(*(f"{number:05}.txt" for number in range(3000)))
    slow = Slow()
    for place, most in ((many, 1024), (slow, 2)):
        slides._place = place  # type: ignore[assignment]
        answers = iter([True, False])
        assert slides.keys(is_wanted=lambda answers=answers: next(answers)).keys == ()
        assert place.seen == most


def test_keys_that_may_not_be_named_take_their_time_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Store:
        @staticmethod
        def keys(*, prefix: str, after: str) -> Iterator[str | None]:
            return iter(["a/../b.svs", prefix + after, None])

    place = place_of(Source.at("s3://bucket"))
    monkeypatch.setattr(place, "_opened", Store)
    assert list(place.keys("a", ".svs")) == [None, "a.svs", None]


@pytest.mark.parametrize(
    "key", ["", ".", "..", "a/../b.svs", "../a.svs", "a/.", "./a.svs", "a\0.svs", "a/.."]
)
def test_no_key_in_a_bucket_leads_elsewhere(key: str) -> None:
    place = place_of(Source.at("s3://bucket/prefix"))
    with pytest.raises(NotFound):
        place.address_of(key)
    with pytest.raises(NotFound):
        place.size_of(key)


def test_other_keys_in_a_bucket_are_taken_as_they_are() -> None:
    place = place_of(Source.at("s3://bucket/prefix"))
    for key in ("a.svs", "/a.svs", "a//b.svs", "...", "..a/b.svs", "%2e%2e/a.svs", "ü?#.svs"):
        assert place.address_of(key) == f"s3://bucket/prefix/{key}"
