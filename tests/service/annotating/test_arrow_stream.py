"""Shapes as an Arrow stream: a column for each thing that is said of them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hand_drawing import draw_by_hand
from many_shapes import LABELS, squares

from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.layer import ShapeQuery
from wsi_lab.model.people import Actor
from wsi_lab.model.question import Question, QuestionKind, QuestionSpec
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.lab import Lab


@pytest.fixture
def layer(lab: Lab, owner: Actor, study: Study) -> Question:
    return lab.questions.add(
        owner, study.id, QuestionSpec("Nuclei", QuestionKind.ANNO_SHAPES, "#e6194b")
    )


def table(lab: Lab, actor: Actor, **query: object) -> pa.Table:
    pieces = list(lab.finder.arrow(actor, ShapeQuery(**query)))  # type: ignore[arg-type] (tests)
    assert all(pieces)
    return pa.ipc.open_stream(b"".join(pieces)).read_all()


def test_nothing_is_a_table_without_rows(
    lab: Lab, owner: Actor, slide: Slide, layer: Question
) -> None:
    found = table(lab, owner, slide_id=slide.id)
    assert found.num_rows == 0
    assert found.column_names == [
        "id", "slide_id", "slide", "layer", "label", "labels", "reader", "tier", "shape",
        "revision", "changed_on", "geometry",
    ]  # fmt: skip
    metadata = found.schema.field("geometry").metadata
    assert metadata == {b"ARROW:extension:name": b"geoarrow.wkb"}


def test_both_tiers_are_one_table(
    lab: Lab, owner: Actor, slide: Slide, layer: Question, clock
) -> None:
    given = squares(
        60,
        properties={
            "score": np.arange(60) / 8,
            "n": np.arange(60),
            "said": np.array(["a", None] * 30, object),
            "tree": np.array([{"a": 1}] * 60, object),
            "yes": np.arange(60) % 2 == 0,
            "id": np.arange(60) * 10,
        },
    )
    load = lab.loads.load(owner, layer.id, slide.id, given, author="model")
    by_hand = draw_by_hand(
        lab,
        owner,
        layer,
        slide.id,
        shapely.Point(3, 4),
        author="reader@lab",
        labels=(LABELS[0], "mitosis"),
        properties={"score": 7, "note": "x"},
        kind=ShapeKind.POINT,
    )
    found = table(lab, owner, slide_id=slide.id)
    assert found.num_rows == 61
    first, *rows = found.sort_by("id").to_pylist()
    assert first == {
        "id": by_hand, "slide_id": slide.id, "slide": slide.name, "layer": "Nuclei",
        "label": LABELS[0], "labels": [LABELS[0], "mitosis"], "reader": "reader@lab",
        "tier": "hand", "shape": "point", "revision": 1, "changed_on": clock.time,
        "geometry": shapely.Point(3, 4).wkb, "score": 7.0, "note": "x", "n": None, "said": None,
        "tree": None, "yes": None, "id (property)": None,
    }  # fmt: skip
    geometries = given.to_geometries()
    for number, row in enumerate(rows):
        label = None if number % 3 == 2 else LABELS[number % 3]
        assert shapely.from_wkb(row.pop("geometry")).equals(geometries[number])
        assert row == {
            "id": load.first_id + number, "slide_id": slide.id, "slide": slide.name,
            "layer": "Nuclei", "label": label, "labels": [label] if label else [],
            "reader": "model", "tier": "bulk", "shape": "polygon", "revision": 1,
            "changed_on": clock.time, "score": number / 8, "note": None, "n": number,
            "said": None if number % 2 else "a", "tree": '{"a":1}', "yes": number % 2 == 0,
            "id (property)": number * 10,
        }  # fmt: skip


def test_missing_geometry_and_kinds_are_told(
    lab: Lab, owner: Actor, slide: Slide, layer: Question
) -> None:
    columns = ShapeColumns.from_geometries(
        [
            shapely.Point(1, 2),
            None,
            shapely.LineString([(0, 0), (5, 5)]),
            shapely.box(0, 0, 9, 9).difference(shapely.box(2, 2, 4, 4)),
        ]
    )
    lab.loads.load(owner, layer.id, slide.id, columns)
    rows = table(lab, owner, slide_id=slide.id).sort_by("id").to_pylist()
    assert [row["shape"] for row in rows] == ["point", "other", "polyline", "brush"]
    assert [row["geometry"] is None for row in rows] == [False, True, False, False]
    assert shapely.from_wkb(rows[3]["geometry"]).area == 77


def test_properties_of_two_loads_share_a_column(
    lab: Lab, owner: Actor, slide: Slide, layer: Question
) -> None:
    for author, values in (
        ("a", np.arange(4)),
        ("b", np.arange(4) + 0.5),
        ("c", np.array(["x"] * 4)),
    ):
        for name in ("both", "mixed"):
            if (name, author) != ("both", "c"):
                columns = squares(4, properties={name: values})
                lab.loads.load(owner, layer.id, slide.id, columns, author=author)
    found = table(lab, owner, slide_id=slide.id)
    assert found.schema.field("both").type == pa.float64()
    assert found.schema.field("mixed").type == pa.string()
    assert {"0", "0.5", '"x"'} <= set(found["mixed"].to_pylist())
    only = table(lab, owner, slide_id=slide.id, properties=("both",))
    assert only.column_names[-1] == "both"
