"""Hostile files of annotations, each read by a fresh process that is measured."""

from __future__ import annotations

import math
import random
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

SIZE = 20 << 20
MOST_SECONDS = 2.0
MOST_MEBIBYTES = 256

READING = """
import re, sys, time
from pathlib import Path
from wsi_lab.errors import WsiLabError
from wsi_lab.formats.annotation_formats import FORMATS
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.geometry.crossing import crossings
import shapely
name, how, path = sys.argv[1:]
data = open(path, "rb").read()
options = {"height": 1e5} if "height" in FORMATS[name].needs else {}
# The server has its kernels warm; what is measured is the file.
FORMATS[name].read_columns(b'[]') if name == "geojson" else crossings(
    ShapeColumns.from_geometries([shapely.box(0, 0, 1, 1)])
)
begun = time.process_time()
try:
    found = getattr(FORMATS[name], how)(data, **options)
    count = len(found.features if how == "read" else found.columns)
    said = " ".join(map(str, found.notices))
except WsiLabError as error:
    count, said = -1, error.message
seconds = time.process_time() - begun
# Not by getrusage, which remembers the process that started this one.
status = Path("/proc/self/status").read_text()
mebibytes = int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) / 1024
print(seconds, mebibytes, count, said[:500])
"""


def feature(geometry: str, properties: str = "{}") -> str:
    return f'{{"type":"Feature","geometry":{geometry},"properties":{properties}}}'


def polygon(corners: str) -> str:
    return feature(f'{{"type":"Polygon","coordinates":[[{corners}]]}}')


def collection(*features: str) -> bytes:
    return ('{"type":"FeatureCollection","features":[' + ",".join(features) + "]}").encode()


def filled(one: str) -> bytes:
    return collection(*[one] * (SIZE // (len(one) + 1)))


def circle() -> bytes:
    turns = (place / 1e6 * math.tau for place in range(1_000_000))
    corners = [f"[{math.cos(turn) * 1e5:.2f},{math.sin(turn) * 1e5:.2f}]" for turn in turns]
    return collection(polygon(",".join([*corners, corners[0]])))


def tangle() -> bytes:
    random.seed(1)
    corners = (f"[{random.random() * 1e5:.2f},{random.random() * 1e5:.2f}]" for _ in range(10**6))
    return collection(polygon(",".join(corners)))


def png(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        check = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


BOW_TIE = polygon("[0,0],[2,2],[2,0],[0,2],[0,0]")
CASES: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "a million corners": ("geojson", circle, ""),
    "a tangle of a million corners": ("geojson", tangle, "crosses itself more than a thousand"),
    "one corner a million times": (
        "geojson",
        lambda: collection(polygon(",".join(["[1,2]"] * 2_000_000))),
        "not looked for crossings",
    ),
    "ten million brackets": ("geojson", lambda: b"[" * (SIZE // 2) + b"]" * (SIZE // 2), "deep"),
    "a million brackets of coordinates": (
        "geojson",
        lambda: collection(
            feature('{"type":"Polygon","coordinates":' + "[" * 10**6 + "]" * 10**6 + "}")
        ),
        "deep",
    ),
    "bow ties": ("geojson", lambda: filled(BOW_TIE), "crosses itself"),
    "infinite places": (
        "geojson",
        lambda: collection(*[feature('{"type":"Point","coordinates":[1e999,2]}')] * 90_000),
        "not finite",
    ),
    "places that are no numbers": (
        "geojson",
        lambda: collection(*[feature('{"type":"Point","coordinates":[NaN,2]}')] * 90_000),
        "not numbers",
    ),
    "objects that are nothing": (
        "geojson",
        lambda: b"[" + b",".join([b"{}"] * 6_000_000) + b"]",
        "type",
    ),
    "numbers instead of features": (
        "geojson",
        lambda: b"[" + b",".join([b"1"] * 10**7) + b"]",
        "objects",
    ),
    "points in one": (
        "geojson",
        lambda: collection(
            feature('{"type":"MultiPoint","coordinates":[' + ",".join(["[1,2]"] * 3_000_000) + "]}")
        ),
        "points",
    ),
    "one name for each feature": (
        "geojson",
        lambda: collection(
            *(
                feature('{"type":"Point","coordinates":[1,2]}', f'{{"k{place}":1}}')
                for place in range(100_000)
            )
        ),
        "too many properties",
    ),
    "a million points in a table": (
        "slidescore-table",
        lambda: b"123456.5\t123456.5\n" * 999_000,
        "",
    ),
    "a million lines that are no numbers": (
        "slidescore-table",
        lambda: b"1 2\n" + b"what is this\n" * 999_000,
        "not made of numbers",
    ),
    "elements of nothing": ("dicom-ann", lambda: b"\0" * 128 + b"DICM" + b"\0" * SIZE, "begin"),
    "a picture that says it is huge": ("mask-png", lambda: png(1_000_000, 1_000_000), "pixels"),
    "a volume that says it is huge": (
        "mask-nifti",
        lambda: (
            struct.pack("<i", 348)
            + b"\0" * 36
            + struct.pack("<8h", 2, 32_000, 32_000, 1, 1, 1, 1, 1)
            + b"\0" * 14
            + struct.pack("<hh", 2, 8)
            + b"\0" * 270
            + b"n+1\0"
        ),
        "",
    ),
}
"""Of each file: the format, what makes it, and a word of what is said about it."""
SINGLY = ("a million corners", "a tangle of a million corners", "ten million brackets")


def measured(name: str, how: str, data: bytes, folder: Path) -> tuple[float, float, int, str]:
    path = folder / "hostile"
    path.write_bytes(data)
    run = subprocess.run(
        [sys.executable, "-c", READING, name, how, str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    seconds, mebibytes, count, *said = run.stdout.split(" ", 3)
    return float(seconds), float(mebibytes), int(count), said[0] if said else ""


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_file_is_read_or_refused_in_little_time_and_memory(
    case: str, tmp_path: Path
) -> None:
    name, made, word = CASES[case]
    seconds, mebibytes, _, said = measured(name, "read_columns", made(), tmp_path)
    assert word in said
    assert seconds <= MOST_SECONDS
    assert mebibytes <= MOST_MEBIBYTES


@pytest.mark.parametrize("case", SINGLY)
def test_a_hostile_file_is_read_shape_by_shape_in_little_time(case: str, tmp_path: Path) -> None:
    name, made, word = CASES[case]
    seconds, _, _, said = measured(name, "read", made(), tmp_path)
    assert word in said
    assert seconds <= MOST_SECONDS


def test_a_case_is_what_it_says() -> None:
    assert msgspec.json.decode(collection(BOW_TIE))["features"][0]["geometry"]["type"] == "Polygon"
