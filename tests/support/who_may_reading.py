"""Who may what with readings: the cells of the matrix, and requests to ask with."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from who_may import ADMINS_REMOVE, ADMINS_SEE, Ask

ADMINS_MAKE = "401 404 403 403 201 201 401 401 404 404"

_READING = "v1/studies/{study_id}/reading"
_SLIDE = f"{_READING}/slides/{{number}}"
_SHAPES = f"{_READING}/layers/{{layer_id}}/shapes"
_SHAPE = f"{_READING}/annotations/{{annotation_id}}"
_POINT = {"kind": "point", "geometry": {"type": "Point", "coordinates": [10, 20]}}

READING_CELLS = {
    f"GET {_READING}": ADMINS_SEE,
    f"GET {_READING}/items/{{number}}": ADMINS_SEE,
    f"PUT {_READING}/items/{{number}}/answers": ADMINS_SEE,
    f"PUT {_READING}/items/{{number}}/time": ADMINS_REMOVE,
    f"GET {_SLIDE}/tiles/{{z}}/{{x}}/{{y}}.jpg": ADMINS_SEE,
    f"GET {_SLIDE}/tiles/{{z}}": ADMINS_SEE,
    f"GET {_SLIDE}/thumbnail": ADMINS_SEE,
    f"GET {_SLIDE}/overlay/{{layer_id}}/{{z}}/{{x}}/{{y}}.png": ADMINS_SEE,
    f"GET {_SLIDE}/layers": ADMINS_SEE,
    f"GET {_SLIDE}/annotations/at": ADMINS_SEE,
    f"GET {_SHAPES}": ADMINS_SEE,
    f"POST {_SHAPES}": ADMINS_MAKE,
    f"GET {_SHAPE}": ADMINS_SEE,
    f"PATCH {_SHAPE}": ADMINS_SEE,
    f"DELETE {_SHAPE}": ADMINS_REMOVE,
    "GET v1/studies/{study_id}/readers": ADMINS_SEE,
    "GET v1/studies/{study_id}/reading-times": ADMINS_SEE,
    "POST v1/studies/{study_id}/invitations": ADMINS_MAKE,
}

_invited = itertools.count()


def _study(world: Any, query: dict[str, Any] | None = None, body: Any = None, **more: Any) -> Ask:
    return Ask({"study_id": world.study.id, **more}, query, body=body)


def _answer(world: Any) -> Ask:
    question = world.new_question()
    given = {"question_id": question.id, "answer": "good", "revision": 0}
    return _study(world, body=given, number=1)


def _layer(world: Any, body: Any = None) -> Ask:
    layer = world.lab.layers.create(world.owner, world.study.id, world.name())
    return _study(world, {"slide_id": 1}, body, layer_id=layer.id)


def _overlay(world: Any) -> Ask:
    layer = world.lab.layers.create(world.owner, world.study.id, world.name())
    return _study(world, number=1, layer_id=layer.id, z=4, x=1, y=1)


def _shape(world: Any, body: Any = None) -> Ask:
    shape = world.new_shape(is_shared=True)
    ask = _study(world, body=body, annotation_id=shape.id)
    return ask._replace(revision=shape.revision)


def _invitation(world: Any) -> Ask:
    world.lab.people.add(world.owner, email := f"invited{next(_invited)}@lab")
    return _study(world, body={"email": email})


READING_ASKS: dict[str, Callable[[Any], Ask]] = {
    f"GET {_READING}": _study,
    f"GET {_READING}/items/{{number}}": lambda world: _study(world, number=1),
    f"PUT {_READING}/items/{{number}}/answers": _answer,
    f"PUT {_READING}/items/{{number}}/time": lambda world: _study(
        world, body={"key": "a", "seconds": 2}, number=1
    ),
    f"GET {_SLIDE}/tiles/{{z}}/{{x}}/{{y}}.jpg": lambda world: _study(
        world, number=1, z=4, x=1, y=1
    ),
    f"GET {_SLIDE}/tiles/{{z}}": lambda world: _study(world, {"tiles": "1.1,2.1"}, number=1, z=4),
    f"GET {_SLIDE}/thumbnail": lambda world: _study(world, number=1),
    f"GET {_SLIDE}/overlay/{{layer_id}}/{{z}}/{{x}}/{{y}}.png": _overlay,
    f"GET {_SLIDE}/layers": lambda world: _study(world, number=1),
    f"GET {_SLIDE}/annotations/at": lambda world: _study(world, {"x": 10, "y": 10}, number=1),
    f"GET {_SHAPES}": _layer,
    f"POST {_SHAPES}": lambda world: _layer(world, {"shapes": [_POINT]}),
    f"GET {_SHAPE}": _shape,
    f"PATCH {_SHAPE}": lambda world: _shape(world, {"labels": ["a"]}),
    f"DELETE {_SHAPE}": _shape,
    "GET v1/studies/{study_id}/readers": _study,
    "GET v1/studies/{study_id}/reading-times": _study,
    "POST v1/studies/{study_id}/invitations": _invitation,
}
