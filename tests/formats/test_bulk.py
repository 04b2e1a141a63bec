"""Documents as columns and back."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from wsi_lab.formats.bulk import bulk_of, column_of, document_of, features_of
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Document, Feature

FEATURES = [
    Feature(ShapeKind.ELLIPSE, shapely.Point(5, 5).buffer(2), ("a",), {"n": 1, "w": "x"}),
    Feature(ShapeKind.POINT, shapely.Point(1, 2), (), {"n": 2.5}),
    Feature(ShapeKind.OTHER, None, ("b",)),
]


def test_features_come_back_from_columns() -> None:
    found = bulk_of(Document(FEATURES, colours={"a": "#010203"}))
    assert list(features_of(found.columns)) == FEATURES
    assert found.colours == {"a": "#010203"}
    assert document_of([found.columns, found.columns]).features == FEATURES * 2


def test_several_labels_are_told_to_become_one() -> None:
    found = bulk_of(Document([Feature(ShapeKind.POINT, shapely.Point(1, 2), ("a", "b"))]))
    assert found.columns.label_names == ("a",)
    assert "1 shapes have several labels" in str(found.notices[0])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], np.int64),
        ([1, None], np.float64),
        ([1, 2.5], np.float64),
        ([1 << 60], np.float64),
        ([10**400], object),
        ([True, False], object),
        (["a", None], object),
        ([[1], {"a": 2}], object),
    ],
)
def test_columns_are_numbers_where_they_can_be(values: list[object], kind: type) -> None:
    assert column_of(values).dtype == kind
