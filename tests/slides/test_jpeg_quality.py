from __future__ import annotations

import io

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from wsi_lab.errors import DamagedSlide
from wsi_lab.slides.jpeg_quality import jpeg_quality
from wsi_lab.slides.reader import Pixels


@pytest.mark.parametrize("subsampling", ["444", "422", "420"])
@pytest.mark.parametrize("quality", [1, 5, 24, 25, 49, 50, 51, 75, 80, 92, 99, 100])
def test_the_quality_is_what_the_encoder_was_asked_for(
    tissue: Pixels, quality: int, subsampling: str
) -> None:
    part = np.ascontiguousarray(tissue[:64, :64])
    assert jpeg_quality(simplejpeg.encode_jpeg(part, quality, "RGB", subsampling)) == quality


@pytest.mark.parametrize("quality", [3, 20, 90])
def test_tables_of_words_are_understood(tissue: Pixels, quality: int) -> None:
    file = io.BytesIO()
    Image.fromarray(tissue[:64, :64]).save(file, "JPEG", quality=quality)
    data = file.getvalue()
    start = data.index(b"\xff\xdb")
    values = np.frombuffer(data[start + 5 : start + 69], np.uint8).astype(">u2").tobytes()
    words = b"\xff\xdb" + (3 + 128).to_bytes(2) + b"\x10" + values
    end = start + 2 + int.from_bytes(data[start + 2 : start + 4])
    assert jpeg_quality(data[:start] + words + data[end:]) == quality


def test_the_finer_of_two_tables_counts(tissue: Pixels) -> None:
    part = np.ascontiguousarray(tissue[:64, :64])
    coarse, fine = (simplejpeg.encode_jpeg(part, quality, "RGB", "444") for quality in (40, 60))
    at = [data.rindex(b"\xff\xdb") for data in (coarse, fine)]
    assert at[0] == at[1]
    mixed = coarse[: at[0]] + fine[at[1] : at[1] + 69] + coarse[at[0] + 69 :]
    assert jpeg_quality(mixed) == 60


def test_a_table_of_later_takes_the_place_of_one_with_its_number(tissue: Pixels) -> None:
    part = np.ascontiguousarray(tissue[:64, :64])
    coarse, fine = (simplejpeg.encode_jpeg(part, quality, "RGB", "444") for quality in (40, 60))
    assert jpeg_quality(fine[: fine.index(b"\xff\xc0")] + coarse[2:]) == 40


def test_other_tables_say_nothing(tissue: Pixels) -> None:
    data = simplejpeg.encode_jpeg(np.ascontiguousarray(tissue[:64, :64]), 80, "RGB", "444")
    at = data.index(b"\xff\xdb") + 20
    assert jpeg_quality(data[:at] + bytes([data[at] + 1]) + data[at + 1 :]) is None
    assert jpeg_quality(b"\xff\xd8") is None


def test_a_table_cut_short_says_nothing() -> None:
    assert jpeg_quality(b"\xff\xd8\xff\xdb\x00\x13\x00" + bytes(16)) is None


def test_a_broken_header_is_damage() -> None:
    with pytest.raises(DamagedSlide):
        jpeg_quality(b"\xff\xd8\xff\xdb\xff\xff\x00")
