"""Shapes drawn by hand, with labels and properties."""

from __future__ import annotations

import json
from typing import Any

import shapely

from wsi_lab.model.annotation import Shape, ShapeKind
from wsi_lab.model.people import Action, Actor
from wsi_lab.model.question import Question
from wsi_lab.service.annotating.drawn_answers import answer_to_draw_on, shapes_changed
from wsi_lab.service.annotating.seeing import layer_and_slide
from wsi_lab.service.lab import Lab
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import annotations as drawings
from wsi_lab.store.annotations import Pen
from wsi_lab.store.layers import label_ids


def draw_by_hand(
    lab: Lab,
    actor: Actor,
    layer: Question,
    slide_id: int,
    geometry: shapely.Geometry,
    *,
    author: str,
    labels: tuple[str, ...] = (),
    properties: dict[str, Any] | None = None,
    kind: ShapeKind = ShapeKind.POLYGON,
) -> int:
    """Store a shape in an author's name, and return its id."""

    def store(transaction: Transaction) -> int:
        study, question, _ = layer_and_slide(transaction, layer.id, slide_id, Action.STUDY_VIEW)
        drawn = answer_to_draw_on(transaction, study, question, slide_id, author)
        connection = transaction.connection
        ids = label_ids(connection, layer.id, labels, {})
        (row,) = drawings.shape_rows([Shape(kind, geometry, shapely.to_geojson(geometry))])
        row = row._replace(
            label_ids=json.dumps([ids[name] for name in labels]),
            properties=json.dumps(properties or {}),
        )
        (position,) = connection.execute(
            "SELECT coalesce(max(position) + 1, 0) FROM annotations WHERE answer_id = ?",
            (drawn.id,),
        ).fetchone()
        pen = Pen(drawn.id, drawn.revision, transaction.now, actor.user.id)
        drawings.draw(connection, pen, [(position, row)])
        shapes_changed(transaction, drawn)
        (shape_id,) = connection.execute("SELECT max(id) FROM annotations").fetchone()
        return int(shape_id)

    return lab.annotations._transactions.write(actor, store)
