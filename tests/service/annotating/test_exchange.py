"""Files of annotations: brought in, taken out, and shown as masks."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from PIL import Image

from tests.support.many_shapes import squares
from tests.support.waiting import wait_until
from wsi_lab.errors import Conflict, Invalid, NotAllowed, NotFound, TooLarge
from wsi_lab.formats.annotation_formats import FORMATS
from wsi_lab.model.exchange import Imported
from wsi_lab.model.job import Job, JobState
from wsi_lab.model.layer import Layer, NewLabel, ShapeQuery
from wsi_lab.model.people import Actor
from wsi_lab.model.question import QuestionKind
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.annotating import arriving, leaving
from wsi_lab.service.lab import Lab

Bring = Callable[..., Job]


def collection(*geometries: Any, labels: tuple[str | None, ...] = (), **more: Any) -> bytes:
    """Return shapes as GeoJSON, with QuPath's words for labels."""
    features = []
    for place, geometry in enumerate(geometries):
        properties: dict[str, Any] = {"objectType": "annotation", **more}
        if labels and labels[place] is not None:
            properties["classification"] = {"name": labels[place], "color": [1, 2, 3]}
        said = json.loads(shapely.to_geojson(geometry))
        features.append({"type": "Feature", "geometry": said, "properties": properties})
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


@pytest.fixture
def layer(lab: Lab, owner: Actor, study: Study) -> Layer:
    return lab.layers.create(owner, study.id, "areas", labels=[NewLabel("tumour", "#112233")])


@pytest.fixture
def begin(lab: Lab, owner: Actor, slide: Slide, layer: Layer) -> Bring:
    """Return a function that brings a file in, and waits until that is over."""

    def run(data: bytes, by: Actor = owner, on: Layer = layer, **more: Any) -> Job:
        job = lab.exchange.begin_import(by, on.id, slide.id, io.BytesIO(data), **more)
        wait_until(lambda: lab.jobs.get(by, job.id).state.is_over, 60)
        return lab.jobs.get(by, job.id)

    return run


@pytest.fixture
def bring(begin: Bring) -> Callable[..., Imported]:
    """Return a function that brings a file in and returns the report."""

    def run(data: bytes, **more: Any) -> Imported:
        job = begin(data, **more)
        if job.error is not None:
            raise job.error
        report: Imported = job.result
        return report

    return run


@pytest.fixture
def stored(lab: Lab, owner: Actor, slide: Slide, layer: Layer) -> Callable[[], list[str]]:
    """Return a function that returns what is on the layer and slide, as text."""

    def read() -> list[str]:
        query = ShapeQuery(slide_id=slide.id, layer_ids=(layer.id,))
        return [
            geometry.wkt
            for found in lab.finder.find(owner, query)
            for geometry in found.shapes.to_geometries()
        ]

    return read


SQUARE = shapely.box(10, 10, 30, 40)
POINT = shapely.Point(5.25, 6)


def test_a_few_shapes_are_drawn_by_hand(
    lab: Lab, owner: Actor, slide: Slide, layer: Layer, bring: Any
) -> None:
    report = bring(collection(SQUARE, POINT, labels=("tumour", "new"), note="x"), name="a.geojson")
    assert (report.format, report.shape_count, report.drawn_count) == ("qupath", 2, 2)
    assert report.kinds == {"polygon": 1, "point": 1}
    assert report.loads == ()
    assert [(each.name, each.count, each.is_new) for each in report.labels] == [
        ("tumour", 1, False),
        ("new", 1, True),
    ]
    drawn = lab.drawing.list(owner, slide.id, layer.id)
    assert [each.shape.geometry.wkt for each in drawn] == [SQUARE.wkt, POINT.wkt]
    assert [each.labels[0].name for each in drawn] == ["tumour", "new"]
    assert drawn[0].labels[0].colour == "#112233"
    assert drawn[0].properties["note"] == "x"


def test_many_shapes_become_a_load(
    lab: Lab,
    owner: Actor,
    slide: Slide,
    layer: Layer,
    bring: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(arriving, "MOST_BY_HAND", 1)
    report = bring(collection(SQUARE, POINT), name="a.geojson", author="net 1.0")
    assert (report.drawn_count, report.shape_count) == (0, 2)
    (load,) = lab.loads.list(owner, layer.id, slide.id)
    assert (load.id, load.name, load.author, load.count) == (
        report.loads[0].id,
        "a.geojson",
        "net 1.0",
        2,
    )


@pytest.mark.parametrize("as_bulk", [True, False])
def test_it_can_be_said_how_shapes_are_stored(bring: Any, as_bulk: bool) -> None:
    report = bring(collection(SQUARE), as_bulk=as_bulk)
    assert (report.drawn_count, len(report.loads)) == ((0, 1) if as_bulk else (1, 0))


@pytest.mark.parametrize("as_bulk", [True, False])
def test_a_dry_run_reports_the_same_and_stores_nothing(
    lab: Lab,
    owner: Actor,
    layer: Layer,
    bring: Any,
    stored: Any,
    entries: Any,
    as_bulk: bool,
) -> None:
    data = collection(SQUARE, POINT, labels=("tumour", "new"))
    before = entries()
    tried = bring(data, as_bulk=as_bulk, dry_run=True, name="x")
    assert stored() == []
    assert entries() == before
    assert [each.name for each in lab.layers.get(owner, layer.id).labels] == ["tumour"]
    done = bring(data, as_bulk=as_bulk, name="x")
    assert tried.is_dry_run
    for name in ("shape_count", "kinds", "labels", "notices", "drawn_count", "unchanged_count"):
        assert getattr(tried, name) == getattr(done, name), name
    assert [each.count for each in tried.loads] == [each.count for each in done.loads]
    assert len(stored()) == 2


def test_a_dry_run_fails_as_the_real_one_does(begin: Bring, bring: Any) -> None:
    bring(collection(SQUARE), as_bulk=True, name="x")
    tries = [
        begin(collection(POINT), as_bulk=True, name="x", dry_run=is_dry) for is_dry in (True, False)
    ]
    assert all(isinstance(each.error, Conflict) for each in tries)
    assert tries[0].error.message == tries[1].error.message


def test_the_same_file_once_more_changes_nothing(bring: Any, stored: Any) -> None:
    data = collection(SQUARE, POINT)
    for as_bulk in (True, False):
        bring(data, as_bulk=as_bulk)
    before = stored()
    assert bring(data, as_bulk=False).unchanged_count == 2
    bring(data, as_bulk=True)
    assert stored() == before


def test_what_is_wrong_with_a_file_is_the_job_s_error(begin: Bring, stored: Any) -> None:
    job = begin(b'{"type":"FeatureCollection","features":[{', name="a.geojson")
    assert job.state is JobState.FAILED
    assert isinstance(job.error, Invalid)
    nobody_knows = begin(b"hello there", name="letter")
    assert "qupath" in nobody_knows.error.message
    assert stored() == []


def test_one_shape_that_cannot_be_drawn_keeps_all_from_being_stored(
    lab: Lab, owner: Actor, study: Study, begin: Bring
) -> None:
    points = lab.layers.create(owner, study.id, "points", kind=QuestionKind.ANNO_POINTS)
    job = begin(collection(POINT, SQUARE, labels=("a", "b")), on=points, as_bulk=False)
    assert "points" in job.error.message
    assert lab.finder.counts(owner, points.id) == []
    assert lab.layers.get(owner, points.id).labels == ()


def test_a_stopped_import_leaves_nothing(
    lab: Lab,
    owner: Actor,
    slide: Slide,
    layer: Layer,
    stored: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class StopsAtItsEnd(io.BytesIO):
        """A file whose reader is told to stop when all of it was read."""

        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            lab.jobs.stop(owner, jobs[0].id)
            return data

    jobs: list[Job] = []
    start = lab.jobs.start

    def noting(actor: Actor, title: str, work: Any, **more: Any) -> Job:
        def later(task: Any) -> Any:
            wait_until(lambda: bool(jobs))
            return work(task)

        return start(actor, title, later, **more)

    monkeypatch.setattr(lab.jobs, "start", noting)
    file = StopsAtItsEnd(collection(SQUARE))
    jobs.append(lab.exchange.begin_import(owner, layer.id, slide.id, file))
    wait_until(lambda: lab.jobs.get(owner, jobs[0].id).state.is_over)
    assert lab.jobs.get(owner, jobs[0].id).state is JobState.STOPPED
    wait_until(lambda: file.closed)
    assert stored() == []


def test_who_may_not_is_told_before_there_is_a_job(
    lab: Lab, owner: Actor, study: Study, slide: Slide, layer: Layer, as_user: Any
) -> None:
    scorer = as_user("s@lab", rights="view score", study=study)
    viewer = as_user("v@lab", rights="view", study=study)
    stranger = as_user("x@lab")

    def check(by: Actor, **more: Any) -> None:
        file = io.BytesIO(collection(SQUARE))
        try:
            lab.exchange.begin_import(by, layer.id, slide.id, file, **more)
        finally:
            wait_until(lambda: file.closed)

    check(scorer)
    with pytest.raises(NotAllowed):
        check(scorer, author="net 1.0")
    with pytest.raises(NotAllowed):
        check(scorer, as_bulk=True)
    with pytest.raises(NotAllowed):
        check(viewer)
    with pytest.raises(NotFound):
        check(stranger)
    with pytest.raises(Invalid, match="no format"):
        check(owner, format="docx")
    with pytest.raises(Invalid):
        check(owner, format="geojson", options={"downsample": 3})


def test_slide_score_s_own_words_stay_whatever_they_are(
    lab: Lab, owner: Actor, slide: Slide, layer: Layer, bring: Any
) -> None:
    texts = [
        '{"type":"rect","corner":{"x":1.50,"y":2},"size":{"x":3,"y":4}}',
        '{"type":"swirl","turns":3}',
        '{"type":"polygon","points":[{"x":1},{"x":null,"y":2}]}',
    ]
    report = bring(f"[{','.join(texts)}]".encode(), format="slidescore")
    assert (report.drawn_count, report.notice_count > 0) == (3, True)
    drawn = lab.drawing.list(owner, slide.id, layer.id)
    assert [each.shape.original for each in drawn] == texts
    written = lab.exchange.export(owner, layer.id, slide.id, "slidescore")
    assert json.loads(b"".join(written.pieces)) == [json.loads(each) for each in texts]


def test_several_points_in_one_become_one_each_and_that_is_said(bring: Any) -> None:
    report = bring(collection(shapely.MultiPoint([(1, 2), (3, 4)])), format="geojson")
    assert report.kinds == {"point": 2}
    assert report.drawn_count == 2


def test_grids_of_a_file_are_loads(
    lab: Lab, owner: Actor, slide: Slide, layer: Layer, bring: Any, shared_data: Path
) -> None:
    data = (shared_data / "annotations" / "slidescore" / "heatmap.tsv").read_bytes()
    report = bring(data, name="heatmap.tsv")
    assert (report.grid_count, report.shape_count, report.loads[0].kind) == (1, 0, "grid")
    assert [each.kind for each in lab.loads.list(owner, layer.id, slide.id)] == ["grid"]


@pytest.mark.parametrize(
    "name",
    [
        "asap/asap-polygon.xml",
        "camelyon16/Tumor_001.json",
        "cytomine/cytomine-rectangle.txt",
        "phas/tumor_012_polygon.paperjs.json",
        "qupath/qupath05.geojson",
        "qupath/qupath-polygon-cell-classified.json",
        "slidescore/camelyon_tumor_019_anno1.json",
    ],
)
def test_what_comes_in_goes_out_with_equal_shapes(
    lab: Lab, owner: Actor, slide: Slide, layer: Layer, bring: Any, shared_data: Path, name: str
) -> None:
    data = (shared_data / "annotations" / name).read_bytes()
    report = bring(data, name=name)
    written = lab.exchange.export(owner, layer.id, slide.id, report.format)
    options = {"height": slide.height} if report.format == "cytomine-wkt" else {}
    read = FORMATS[report.format].read
    first, again = read(data, **options), read(b"".join(written.pieces), **options)
    assert len(first.features) == len(again.features) == written.shape_count > 0
    for one, other in zip(first.features, again.features, strict=True):
        assert shapely.equals_exact(one.geometry, other.geometry, tolerance=0)
        assert one.labels == other.labels


def test_export_says_what_a_format_cannot(
    lab: Lab, owner: Actor, slide: Slide, layer: Layer, bring: Any
) -> None:
    bring(collection(SQUARE, POINT, labels=("tumour", None), note="x"))
    written = lab.exchange.export(owner, layer.id, slide.id, "cytomine-wkt")
    assert any("labels" in each.what for each in written.notices)
    assert b"".join(written.pieces).count(b"POLYGON") == 1
    only = lab.exchange.export(owner, layer.id, slide.id, "geojson", labels=[""])
    assert only.shape_count == 1
    inside = lab.exchange.export(owner, layer.id, slide.id, "geojson", box=(0, 0, 8, 8))
    assert inside.shape_count == 1
    with pytest.raises(Invalid):
        lab.exchange.export(owner, layer.id, slide.id, "dicom-ann")


def test_export_has_loaded_shapes_in_the_order_given(
    lab: Lab, owner: Actor, slide: Slide, layer: Layer
) -> None:
    shapes = squares(300, pitch=97.0)
    order = np.random.default_rng(3).permutation(len(shapes))
    given = shapes.take(order)
    lab.loads.load(owner, layer.id, slide.id, given, author="net")
    written = lab.exchange.export(owner, layer.id, slide.id, "geoparquet")
    read = FORMATS["geoparquet"].read_columns(b"".join(written.pieces)).columns
    assert np.array_equal(read.coordinates, given.coordinates)
    assert read.properties["score"].tolist() == given.properties["score"].tolist()


def test_formats_that_know_no_columns_refuse_too_many(
    lab: Lab, owner: Actor, slide: Slide, layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.loads.load(owner, layer.id, slide.id, squares(20), author="net")
    monkeypatch.setattr(leaving, "MOST_ONE_BY_ONE", 10)
    monkeypatch.setattr(leaving, "MOST_SINGLY", 15)
    with pytest.raises(TooLarge, match="GeoParquet"):
        lab.exchange.export(owner, layer.id, slide.id, "asap")
    written = lab.exchange.export(owner, layer.id, slide.id, "geojson")
    assert len(json.loads(b"".join(written.pieces))["features"]) == 20


def test_mask_has_the_places_of_labels(
    lab: Lab, owner: Actor, slide: Slide, layer: Layer, bring: Any
) -> None:
    bring(collection(SQUARE, shapely.box(50, 10, 60, 20), labels=("tumour", None)))
    box = (0.0, 0.0, 80.0, 50.0)
    body = b"".join(lab.exchange.mask(owner, slide.id, layer.id, box, 2.0))
    with Image.open(io.BytesIO(body)) as picture:
        values = np.asarray(picture)
    assert values.shape == (25, 40)
    assert values[10, 10] == 1
    assert values[7, 27] == 2
    assert np.count_nonzero(values) == 10 * 15 + 5 * 5
    with pytest.raises(Invalid):
        lab.exchange.mask(owner, slide.id, layer.id, (0, 0, 1e6, 1e6))
    with pytest.raises(Invalid):
        lab.exchange.mask(owner, slide.id, layer.id, (5, 5, 5, 9))


def test_shapes_beside_a_mask_are_told(
    lab: Lab, owner: Actor, slide: Slide, layer: Layer, bring: Any
) -> None:
    bring(collection(SQUARE, shapely.box(-90, -90, -10, -10)))
    made = lab.exchange.export(owner, layer.id, slide.id, "mask-png")
    assert "Mask: 1 shape lies outside what it shows." in map(str, made.notices)
    window = {"box": (0.0, 0.0, 5.0, 5.0)}
    made = lab.exchange.export(owner, layer.id, slide.id, "mask-png", options=window)
    assert "Mask: 2 shapes lie outside what it shows." in map(str, made.notices)
