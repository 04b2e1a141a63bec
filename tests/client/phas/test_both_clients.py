"""PHAS's released client and ours, with the same calls at the same lab, alone and in Jupyter."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from defusedxml.ElementTree import fromstring
from lab_processes import alone, in_jupyter
from phas_calls import PATCHES, POLYGON, REGIONS, TRAPEZOID
from phas_lab import PROJECT, STATED, PhasLab, released_client
from phas_runs import Run, Runs, all_calls
from PIL import Image, ImageDraw

nibabel = pytest.importorskip("nibabel")
openslide = pytest.importorskip("openslide")

pytestmark = pytest.mark.timeout(400)

SLIDES = {
    "one level": "CMU-1-Small-Region.svs",
    "levels": "slidescore-test-image.tiff",
    "no pixel size": "tcga-cr-7395-01a-01-ts1.svs",
}
DRAWINGS = {"polygon": "tumor_012_polygon", "curves": "tumor_019_curves"}
COLUMNS = (
    "id,block_id,section,slide,stain,slide_name,slide_ext,project,specimen,block_name,"
    "specimen_private,specimen_public,task_id,specimen_display"
)
REFUSED = {
    "create circle": {400},
    "create with no label": {400, 404},
    "tasks of nowhere": {403, 404},
    "labels of nowhere": {403, 404},
    "wrong mode": {"ValueError"},
    "no such task": {403, 404},
    "manifest by what it lacks": {400},
    "drawing on no slide": {403, 404},
    "no such sample": {403, 404},
    "label image without a size": {404},
    "thumbnail of no pixel size": {404},
    "thumbnail of no pixel size in a file": {404},
    **{f"bad level of {name}": {400, 404} for name in SLIDES},
}
"""Calls that have to fail, and how."""
DIFFERENT = {f"thumbnail of {name}{end}" for name in SLIDES for end in ("", " in a file")}
"""The released client cannot form the address of these."""
BY_RUN = {"id", "meta_id", "t_create", "t_edit"}
"""Of regions: what is another one each time that they are made."""


@pytest.fixture(scope="session")
def runs_at(
    tmp_path_factory: pytest.TempPathFactory, repository: Path, shared_data: Path
) -> Callable[[str], Runs]:
    """Return a function that does all calls at a place, once, and returns what was answered."""
    python = released_client(repository, os.environ)
    if python is None:
        pytest.skip("PHAS's client is not here; WSI_LAB_PHAS_PYTHON names an interpreter with it")
    slides = {name: shared_data / "slides" / file for name, file in SLIDES.items()}
    folder = shared_data / "annotations" / "phas"
    drawings = {
        name: json.loads((folder / f"{file}.paperjs.json").read_text())
        for name, file in DRAWINGS.items()
    }
    places = {"alone": alone, "in jupyter": in_jupyter}
    done: dict[str, Runs] = {}

    def at(place: str) -> Runs:
        if place not in done:
            home = tmp_path_factory.mktemp("phas")
            lab = PhasLab(home, slides, drawings)
            with places[place](home) as served:
                done[place] = all_calls(lab, served.base, python, repository)
        return done[place]

    return at


@pytest.fixture(params=["alone", "in jupyter"])
def runs(request: pytest.FixtureRequest, runs_at: Callable[[str], Runs]) -> Runs:
    return runs_at(request.param)


@pytest.fixture
def slide_files(runs: Runs) -> dict[str, Path]:
    return runs.lab.files


def test_every_public_method_of_the_released_client_is_called(runs):
    described = {name for name in runs.released.told["described"] if "__init__" not in name}
    used = {name.removesuffix(" set") for name in runs.released.told["used"]}
    assert described <= used
    assert "Client.anonymize set" in runs.released.told["used"]


def test_our_client_has_the_same_methods_and_parameters(runs):
    released, ours = runs.released.told["described"], runs.ours.told["described"]
    assert {name: ours.get(name) for name in released} == released


def test_every_call_works_or_fails_as_it_has_to(runs):
    for run in runs.both:
        answers = run.told["answers"].items()
        refused = {name: answer for name, answer in answers if "refused" in answer}
        for name, answer in refused.items():
            if run is runs.released and name in DIFFERENT:
                assert answer["refused"] == "BuildError"
            elif "outsider" not in name and name not in {"wrong key", "missing key file"}:
                assert answer["refused"] in REFUSED.get(name, ()), (name, answer)
        assert REFUSED.keys() <= refused.keys()


def test_both_clients_read_the_same(runs):
    assert_same(runs.released, runs.released_seen_by_ours)
    assert_same(runs.ours_seen_by_released, runs.ours)


def test_both_clients_leave_the_same_behind(runs):
    assert_same(runs.released, runs.ours, without_runs=True)


def assert_same(released: Run, ours: Run, *, without_runs: bool = False) -> None:
    shared = (released.names & ours.names) - DIFFERENT
    assert len(shared) > 150
    for name in shared:
        if without_runs and name.startswith(("time ", "create ")) and name not in REFUSED:
            continue
        one, other = released.told_of(name), ours.told_of(name)
        if without_runs and name == "regions":
            one, other = ([without(row, BY_RUN) for row in rows] for rows in (one, other))
        if name.startswith("moved "):
            assert one["type"] == other["type"]
            assert np.allclose(one["data"], other["data"])
        elif name == "missing key file":
            assert {one, other} <= {"FileNotFoundError", "ValueError"}
        else:
            assert is_same(one, other), (name, one, other)


def is_same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, list) and any(isinstance(each, np.ndarray) for each in one):
        return len(one) == len(other) and all(map(is_same, one, other))
    # NaN is not equal to itself; its text is.
    return type(one) is type(other) and repr(one) == repr(other)


def without(row: Mapping[str, Any], keys: set[str]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in keys}


def test_our_client_prints_nothing(runs):
    left_out = "Left out: the task has no slide 'nowhere'.\n"
    assert (runs.ours.output, runs.released_seen_by_ours.output) == (left_out, "")


def test_wrong_key_is_a_failed_login(runs):
    for run in runs.both:
        assert run.refused("wrong key") == 401


def test_who_has_no_right_gets_nothing(runs):
    for run in runs.both:
        assert run["projects of an outsider"] == []
        assert run["access of an outsider"] is False
        own = {name for name in run.names if "outsider" in name}
        for name in own - {"projects of an outsider", "access of an outsider"}:
            assert run.refused(name) in {403, 404}, name


@pytest.mark.parametrize("name", [*DRAWINGS, "bare", "without segments", "selected", "numbers"])
def test_drawing_comes_back_as_it_was_sent(runs, name):
    for run in runs.both:
        assert run[f"set {name}"] is True
        assert repr(run[f"get {name}"]) == repr(runs.lab.plan["drawings"][name])


@pytest.mark.parametrize("name", ["list", "object", "dictionary"])
def test_drawing_of_nothing_comes_back_as_it_was_sent(runs, name):
    for run in runs.both:
        assert run[f"get {name}"] == runs.lab.plan["drawings"][name]
        assert run[f"counts of {name}"] == {"n_paths": 0, "n_markers": 0, "n_annot": 0}


@pytest.mark.parametrize(
    ("name", "paths", "markers"),
    [("polygon", 1, 0), ("curves", 4, 0), ("selected", 1, 1), ("without segments", 1, 0)],
)
def test_paths_and_markers_are_counted(runs, name, paths, markers):
    expected = {"n_paths": paths, "n_markers": markers, "n_annot": paths + markers}
    for run in runs.both:
        assert run[f"counts of {name}"] == expected


def test_drawings_leave_and_come_back_by_file(runs):
    for run in runs.both:
        assert (run["export"], run["import"]) == (2, 2)
        assert run["get imported"] == runs.lab.plan["drawings"]["selected"]
        assert run["get nothing"] is None
        names = [each["slide_name"] for each in run["exported file"]]
        assert names == ["one level", "levels"]


def test_times_are_iso_text(runs):
    for run in runs.both:
        time = dt.datetime.fromisoformat(run["time on one level"])
        assert dt.timedelta(0) <= dt.datetime.now(dt.UTC) - time < dt.timedelta(hours=1)
        assert run["time on no pixel size"] is None


def test_reference_is_read_and_has_a_time_of_its_own(runs):
    for run in runs.both:
        assert run["reference on one level"] == run["drawing on one level"] is not None
        assert run["own time on one level"] is None


def test_svg_has_the_size_of_the_slide_and_all_that_is_drawn(runs, slide_files):
    for run in runs.both:
        whole = fromstring(run["svg on one level"])
        assert [whole.get("width"), whole.get("height")] == ["2220", "2967"]
        assert len(tags(whole, "path")) == 4
        assert run["svg in the file"] == run["svg on one level"]
        assert not tags(fromstring(run["svg on no pixel size"]), "path")
        marked = fromstring(run["svg with options"])
        (text,) = tags(marked, "text")
        assert text.get("fill") == "#ff0000"
        small = fromstring(run["svg of polygon"])
        assert max(int(small.get(side, "")) for side in ("width", "height")) == 300


def tags(root: Any, name: str) -> list[Any]:
    return [each for each in root.iter() if each.tag.rsplit("}", 1)[-1] == name]


def test_listings(runs):
    tasks = runs.lab.plan["tasks"]
    for run in runs.both:
        (project,) = run["projects"]
        assert without(project, {"desc", "disp_name"}) == {
            "id": PROJECT,
            "admin": 1,
            "nslides": 3,
            "nblocks": 3,
            "nspecimens": 2,
        }
        assert {row["id"]: row["mode"] for row in run["tasks"]} == {
            tasks["draw"]: "annot",
            tasks["copy"]: "annot",
            tasks["boxes"]: "dltrain",
            tasks["regions"]: "sampling",
            tasks["browse"]: "browse",
        }
        assert {row["id"]: row["nslides"] for row in run["tasks"]}[tasks["browse"]] == 2
        assert run["detail of copy"]["reference-task"] == "Draw"
        assert run["detail of copy"]["desc"] is None
        assert (run["private access"], run["private access elsewhere"]) == (True, False)
        labels = [(row["name"], row["color"], row["description"]) for row in run["labels"]]
        assert labels == [("grey", "#808080", "grey matter"), ("white", "#ffffff", labels[1][2])]
        assert [row["n_samples"] for row in run["labels"]] == [1, 1]
        assert [row["n_sampling_rois"] for row in run["labels"]] == [2, 1]
        assert run["label set of browse"] is None
        assert run["label set of boxes"] == run["label set of regions"]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("everything", "one level, levels, no pixel size"),
        ("specimen", "one level, levels"),
        ("block", "one level"),
        ("section", "levels"),
        ("section as a number", "levels"),
        ("slide", "one level"),
        ("stain", "one level, levels"),
        ("stain in another case", ""),
        ("least paths of 0", "one level, levels, no pixel size"),
        ("least paths", "one level, levels"),
        ("least markers", "levels"),
        ("any tags", "one level, no pixel size"),
        ("all tags", "levels"),
        ("no tags", "levels, no pixel size"),
        ("empty tags", "one level, levels, no pixel size"),
        ("several", "levels"),
        ("nothing", ""),
        ("least regions", "one level"),
    ],
)
def test_manifest_has_the_slides_that_are_asked_for(runs, condition, expected):
    for run in runs.both:
        manifest = run[f"manifest by {condition}"]
        assert ", ".join(manifest["slide_name"].values()) == expected


def test_manifest_has_the_columns_of_its_mode(runs):
    for run in runs.both:
        drawn = run["manifest by everything"]
        assert ",".join(drawn) == f"{COLUMNS},n_paths,n_markers,n_annot"
        assert list(drawn["slide_ext"].values()) == ["svs", "tiff", "svs"]
        assert list(drawn["specimen_public"].values()) == ["Anon A", "Anon A", "Anon B"]
        assert list(drawn["project"].values()) == [PROJECT] * 3
        assert ",".join(run["manifest of boxes"]) == f"{COLUMNS},n_samples"
        assert ",".join(run["manifest of regions"]) == f"{COLUMNS},n_sampling_rois"
        assert ",".join(run["manifest of browse"]) == COLUMNS
        assert list(run["manifest by nothing"]) == list(drawn)


def test_private_names_are_hidden_when_asked(runs):
    for run in runs.both:
        assert (run["hidden"], run["shown"], run["hidden access"]) == (True, False, True)
        manifest = run["hidden manifest"]
        assert {str(each) for each in manifest["specimen_private"].values()} == {"nan"}
        assert {str(each) for each in manifest["slide_name"].values()} == {"nan"}
        assert list(manifest["specimen_display"].values()) == ["Anon A", "Anon A", "Anon B"]
        assert run["hidden manifest by specimen"]["id"] == {}
        hidden, shown = run["hidden slide"], run["shown slide"]
        assert (hidden["specimen_private"], hidden["specimen_display"]) == (None, "Anon A")
        assert (shown["specimen_private"], shown["specimen_display"]) == ("Ada", "Ada")
        assert "Ada" not in json.dumps([hidden, manifest])


@pytest.mark.parametrize("name", SLIDES)
def test_slide_is_as_openslide_sees_it(runs, slide_files, name):
    with openslide.OpenSlide(slide_files[name]) as slide:
        for run in runs.both:
            assert run[f"dimensions of {name}"] == list(slide.dimensions)
            sizes = [list(each) for each in slide.level_dimensions]
            assert run[f"level_dimensions of {name}"] == sizes
            downsamples = run[f"level_downsamples of {name}"]
            assert downsamples == pytest.approx(list(slide.level_downsamples))
            properties = run[f"properties of {name}"]
            assert properties["openslide.vendor"] == slide.properties["openslide.vendor"]
            assert not [key for key in properties if key.startswith("openslide.level")]
            assert run[f"spacing of {name}"] == spacing(name, slide)
            assert run[f"fullpath of {name}"].endswith(slide_files[name].name)
            number = list(SLIDES).index(name) + 1
            assert sorted(run[f"tags of {name}"]) == ["all", f"only {number}"]
            assert run[f"section of {name}"] == number
            assert run[f"slide_number of {name}"] == 10 - number


def spacing(name: str, slide: openslide.OpenSlide) -> Any:
    """Return the width and height of a pixel in millimetres, to be compared."""
    read = [slide.properties.get(f"openslide.mpp-{axis}") for axis in "xy"]
    mpp = STATED.get(name, read)
    return None if None in mpp else pytest.approx([float(each) / 1000 for each in mpp])


@pytest.mark.parametrize("name", PATCHES)
def test_patch_is_what_openslide_reads(runs, slide_files, name):
    slide_name, centre, level, size, tile_size = PATCHES[name]
    with openslide.OpenSlide(slide_files[slide_name]) as slide:
        expected = cut_in_tiles(slide, centre, level, size, tile_size or max(size))
    for run in runs.both:
        assert np.array_equal(run[f"patch {name}"], expected)
        assert run.told["answers"][f"patch {name}"]["value"]["mode"] == "RGBA"


def cut(slide: openslide.OpenSlide, centre: Any, level: int, size: tuple[int, int]) -> Image.Image:
    scale = slide.level_downsamples[level]
    corner = [int(c) - int(0.5 * side * scale) for c, side in zip(centre, size, strict=True)]
    return slide.read_region(tuple(corner), level, size)


def cut_in_tiles(
    slide: openslide.OpenSlide, centre: Any, level: int, size: tuple[int, int], step: int
) -> np.ndarray:
    scale, whole = slide.level_downsamples[level], Image.new("RGBA", size)
    for x in range(0, size[0], step):
        for y in range(0, size[1], step):
            part = (min(step, size[0] - x), min(step, size[1] - y))
            middle = (
                centre[0] + scale * (x - 0.5 * (size[0] - part[0])),
                centre[1] + scale * (y - 0.5 * (size[1] - part[1])),
            )
            whole.paste(cut(slide, middle, level, part), (x, y))
    return np.asarray(whole)


def test_sample_is_the_square_around_the_middle_of_its_box(runs, slide_files):
    with openslide.OpenSlide(slide_files["one level"]) as slide:
        for place, (left, top, right, bottom) in enumerate(runs.lab.plan["boxes"]):
            centre = (int((left + right) / 2 + 0.5), int((top + bottom) / 2 + 0.5))
            expected = np.asarray(cut(slide, centre, 0, (128, 128)))
            for run in runs.both:
                assert np.array_equal(run[f"sample {place}"], expected)
    for run in runs.both:
        rows = {row["id"]: row for row in run["samples"]}
        assert list(rows) == runs.lab.plan["samples"][::-1]
        for number, box in zip(runs.lab.plan["samples"], runs.lab.plan["boxes"], strict=True):
            assert [rows[number][key] for key in ("x0", "y0", "x1", "y1")] == list(box)
        assert {row["have_patch"] for row in rows.values()} == {1}
        assert {row["color"] for row in rows.values()} == {"#808080", "#ffffff"}
        assert run["samples on another"] == []


def test_regions_keep_their_geometry(runs):
    for run in runs.both:
        assert run["remove regions"] is True
        assert run["no regions"] == []
        rows = run["regions"]
        made = [run[f"create {name}"] for name in REGIONS]
        assert [row["id"] for row in rows] == made[::-1]
        for row, geometry in zip(rows[::-1], REGIONS.values(), strict=True):
            assert json.loads(row["json"]) == geometry
        boxes = [[row[key] for key in ("x0", "y0", "x1", "y1")] for row in rows]
        assert boxes[2] == [300, 400, 950, 1100]
        assert boxes[1] == pytest.approx(box_of(corners(TRAPEZOID)))


def corners(geometry: Mapping[str, Any]) -> list[tuple[float, float]]:
    """Return a region's vertices: of a trapezoid, by its normal as a complex number."""
    if geometry["type"] == "polygon":
        return [tuple(each) for each in geometry["data"]]
    ((x1, y1, w1), (x2, y2, w2)) = geometry["data"]
    one, other = complex(x1, y1), complex(x2, y2)
    normal = 1j * (other - one) / abs(other - one)
    ends = [one + w1 * normal, one - w1 * normal, other - w2 * normal, other + w2 * normal]
    return [(each.real, each.imag) for each in ends]


def box_of(points: list[tuple[float, float]]) -> list[float]:
    xs, ys = zip(*points, strict=True)
    return [min(xs), min(ys), max(xs), max(ys)]


@pytest.mark.parametrize(
    ("name", "kept", "longest"),
    [
        ("one level", "thumbnail of one level", 400),
        ("levels", "thumbnail of levels", 400),
        ("one level", "label image", 400),
        ("one level", "large label image", 1000),
        ("levels", "empty label image", 1000),
    ],
)
def test_headers_of_nifti_files(runs, slide_files, name, kept, longest):
    is_thumbnail = kept.startswith("thumbnail")
    with openslide.OpenSlide(slide_files[name]) as slide:
        thumbnail = slide.get_thumbnail((longest, longest))
        mm = spacing(name, slide).expected
        steps = [slide.dimensions[i] * mm[i] / thumbnail.size[i] for i in (0, 1)]
    for run in [runs.ours] if is_thumbnail else runs.both:
        header = nifti(run[kept]).header
        shape = (*thumbnail.size, 1) if is_thumbnail else (*thumbnail.size, 1, 1)
        assert header.get_data_shape() == shape
        assert int(header["datatype"]) == (128 if is_thumbnail else 2)
        assert (int(header["sform_code"]), int(header["qform_code"])) == (2, 0)
        assert int(header["xyzt_units"]) == 0
        assert np.allclose(header.get_zooms()[:2], steps)
        assert np.allclose(header.get_sform(), np.diag([-steps[0], -steps[1], 1, 1]))
        assert header["magic"].item() == b"n+1"


def nifti(content: bytes) -> Any:
    return nibabel.Nifti1Image.from_bytes(gzip.decompress(content))


def test_thumbnail_has_the_colours_of_openslide(runs, slide_files):
    with openslide.OpenSlide(slide_files["one level"]) as slide:
        expected = np.asarray(slide.get_thumbnail((400, 400)).convert("RGB"))
    values = np.asarray(nifti(runs.ours["thumbnail of one level"]).dataobj)[:, :, 0]
    pixels = np.stack([values[each] for each in ("R", "G", "B")], axis=-1)
    assert np.array_equal(pixels.transpose(1, 0, 2), expected)


def test_label_image_is_filled_with_the_ids_of_labels(runs, slide_files):
    with openslide.OpenSlide(slide_files["one level"]) as slide:
        size = slide.get_thumbnail((400, 400)).size
        scale = [size[i] / slide.dimensions[i] for i in (0, 1)]
    image = Image.new("L", size)
    for name, geometry in REGIONS.items():
        points = [(x * scale[0], y * scale[1]) for x, y in corners(geometry)]
        label = runs.lab.plan["labels"][name == "trapezoid"]
        ImageDraw.Draw(image).polygon(points, fill=label)
    for run in runs.both:
        values = np.asarray(nifti(run["label image"]).dataobj)[:, :, 0, 0]
        assert np.array_equal(values.T, np.asarray(image))
        assert set(np.unique(values)) == {0, *runs.lab.plan["labels"]}
        assert run["label image in the file"] == run["label image"]
        assert not np.asarray(nifti(run["empty label image"]).dataobj).any()


@pytest.mark.parametrize("name", REGIONS)
def test_tiles_cover_the_region(runs, slide_files, name):
    left, top, right, bottom = box_of(corners(REGIONS[name]))
    across, down = (
        int(np.ceil((high - low) / 256)) for low, high in ((left, right), (top, bottom))
    )
    start = [
        int((left + right) // 2 - (across * 256) // 2),
        int((top + bottom) // 2 - (down * 256) // 2),
    ]
    with openslide.OpenSlide(slide_files["one level"]) as slide:
        for run in runs.both:
            assert run[f"place of {name}"] == start
            assert run[f"density of {name}"].shape == (down, across)
            indices, densities = run[f"tiles of {name}"]
            assert len(indices) == len(densities) > 3
            for place, index in enumerate(indices):
                middle = [start[i] + int(index[i]) * 256 + 128 for i in (0, 1)]
                patch, mask = run[f"tile {place} of {name}"]
                expected = cut(slide, middle, 0, (296, 296)).convert("RGB")
                assert np.array_equal(patch, np.asarray(expected))
                assert set(np.unique(mask)) <= {0, 255}
                origin = [(middle[i] - 148 + 0.5) * 0.000499 for i in (0, 1)]
                assert run[f"origin {place} of {name}"] == pytest.approx(origin)


def test_region_off_the_slide_is_black_there(runs):
    for run in runs.both:
        patch, _ = run["tile 0 of off the slide"]
        assert not patch.any()


def test_polygon_is_the_first_of_the_regions(runs):
    # What the tests of tiles and label images draw is what was sent.
    for run in runs.both:
        assert json.loads(run["regions"][-1]["json"]) == POLYGON
