"""The layers of a slide: what there is of each, and words that change with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from wsi_lab.errors import NotFound
from wsi_lab.model.feature import Grid
from wsi_lab.model.people import Actor
from wsi_lab.model.question import Question, checked_question
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.annotating.slide_layers import SlideLayer, SlideLayers
from wsi_lab.service.lab import Lab

Layers = Callable[..., SlideLayers]


@pytest.fixture
def layers(lab: Lab, owner: Actor, slide: Slide) -> Layers:
    return lambda by=owner: lab.overlays.layers(by, slide.id)


def counts(layer: SlideLayer) -> dict[str, int]:
    return {each.label.name: each.count for each in layer.labels if each.label is not None}


def test_all_layers_are_listed_with_what_there_is(
    lab: Lab,
    owner: Actor,
    study: Study,
    slide: Slide,
    drawn_layer: Question,
    layers: Layers,
    load_boxes: Any,
    draw_boxes: Any,
) -> None:
    lab.questions.add(owner, study.id, checked_question("Remarks", "FreeText"))
    lab.questions.add(owner, study.id, checked_question("empty", "AnnoPoints"))
    load = load_boxes(
        (0, 0, 10, 10),
        (0, 0, 20, 10),
        (0, 0, 30, 10),
        labels=("a", "b", "a"),
        properties={"score": np.array([0.5, 0.1, 0.2]), "what": np.array(["x", "y", "z"], object)},
    )
    draw_boxes((0, 0, 5, 2))
    grid = lab.loads.load_grid(
        owner,
        drawn_layer.id,
        slide.id,
        Grid("p", np.float32([[1, 4]]), (0, 0, 20, 10)),
        author="net 2.0",
    )

    nuclei, empty = layers().layers

    assert (nuclei.hand_count, nuclei.bulk_count, nuclei.area) == (1, 3, 610.0)
    assert counts(nuclei) == {"a": 2, "b": 1}
    assert (nuclei.without_label.count, nuclei.without_label.area) == (1, 10.0)
    assert [(each.author, each.hand_count, each.bulk_count) for each in nuclei.authors] == [
        ("net 1.0", 0, 3),
        (owner.user.email, 1, 0),
    ]
    assert nuclei.properties == [("score", 0.1, 0.5)]
    assert [each.id for each in nuclei.loads] == [load.id]
    assert [(each.id, each.ranges) for each in nuclei.grids] == [(grid.id, {"p": (1.0, 4.0)})]
    assert (empty.content.question.name, empty.hand_count, empty.labels) == ("empty", 0, [])


def test_the_revision_changes_with_what_can_be_seen(
    lab: Lab,
    owner: Actor,
    study: Study,
    drawn_layer: Question,
    layers: Layers,
    load_boxes: Any,
    draw_boxes: Any,
) -> None:
    lab.questions.add(owner, study.id, checked_question("regions", "AnnoShapes"))
    seen = [layers()]

    def changed() -> bool:
        before, now = seen[-1], layers()
        seen.append(now)
        own = (before.layers[0].content.revision, now.layers[0].content.revision)
        rest = (before.layers[1].content.revision, now.layers[1].content.revision)
        assert rest[0] == rest[1]
        assert (before.revision == now.revision) == (own[0] == own[1])
        return own[0] != own[1]

    assert not changed()
    draw_boxes((0, 0, 5, 2))
    assert changed()
    load = load_boxes((0, 0, 10, 10), labels=("a",))
    assert changed()
    lab.loads._transactions.write(owner, lambda t: lab.loads.take_out(t, load.first_id, None))
    assert changed()
    lab.loads.remove(owner, load.id)
    assert changed()
    lab.cases.create(owner, study.id, "nothing to do with it", "B")
    assert not changed()


def test_readers_count_their_own_shapes_only(
    study: Study, layers: Layers, as_user: Any, load_boxes: Any, draw_boxes: Any
) -> None:
    reader = as_user("reader@lab", rights="view score", study=study)
    looker = as_user("looker@lab", rights="view", study=study)
    load_boxes((0, 0, 10, 10), labels=("a",))
    draw_boxes((0, 0, 5, 2))
    draw_boxes((0, 0, 5, 2), by=reader)

    (own,) = layers(reader).layers

    assert (own.hand_count, own.bulk_count, counts(own)) == (1, 0, {"a": 0})
    assert [each.author for each in own.authors] == ["reader@lab"]
    assert (own.may_draw, own.may_change_others) == (True, False)
    (none,) = layers(looker).layers
    assert (none.hand_count, none.may_draw) == (0, False)


def test_strangers_see_no_layers(layers: Layers, drawn_layer: Question, as_user: Any) -> None:
    with pytest.raises(NotFound):
        layers(as_user("stranger@lab"))
