"""Pictures of slides: the right part, the right size, for those who may see results."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from PIL import Image

from wsi_lab.errors import Invalid, NotAllowed, NotFound, OutOfRange
from wsi_lab.formats.slidescore_shapes import parse_shapes
from wsi_lab.model.annotation import Shape
from wsi_lab.model.people import Actor
from wsi_lab.model.question import Question, QuestionKind
from wsi_lab.model.study import Slide, Study
from wsi_lab.service import screenshots
from wsi_lab.service.lab import Lab

MAX_LEVEL = 12  # Of the demo slide, 2220 x 2967 pixels.
SQUARE = '[{"type":"rect","corner":{"x":400,"y":400},"size":{"x":800,"y":800}}]'
HEAT = '[{"type":"heatmap","data":[[255]]}]'


class DrawnByReader:
    """Stands for the lab's annotations: one reader's answers to two questions."""

    def __init__(self, text: str = SQUARE) -> None:
        shapes = parse_shapes(text, QuestionKind.ANNO_SHAPES)
        self.answers = [
            (Question(1, 1, 0, "Tumour", QuestionKind.ANNO_SHAPES, "#00ff00", 1), shapes[0]),
            (Question(2, 1, 1, "Stroma", QuestionKind.ANNO_SHAPES, "#0000ff", 1), shapes[0]),
        ]

    def shapes(
        self,
        _transaction: object,
        _slide_id: int,
        author: str,
        question_ids: Sequence[int] | None,
        **_wishes: bool,
    ) -> list[tuple[Question, None, Shape]]:
        return [
            (question, None, shape)
            for question, shape in self.answers
            if author == "reader@lab" and (question_ids is None or question.id in question_ids)
        ]


@pytest.fixture
def drawn(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> DrawnByReader:
    found = DrawnByReader()
    monkeypatch.setattr(lab.screenshots, "_annotations", found)
    return found


def pixels(jpeg: bytes) -> np.ndarray:
    assert jpeg[6:10] == b"JFIF"
    return np.asarray(Image.open(io.BytesIO(jpeg))).astype(int)


@pytest.mark.parametrize(
    ("box", "level", "size"),
    [
        (None, 9, (278, 371)),
        ((0, 0, 0, 0), 9, (278, 371)),
        ((0, 0, 320, 160), 11, (160, 80)),
        ((100, 200, 300, 301), MAX_LEVEL, (300, 301)),
        ((2200, 2900, 3200, 3200), 11, (10, 34)),
        ((-50, -50, 100, 100), 15, (50, 50)),
        (None, 0, (1, 1)),
    ],
)
def test_a_picture_has_the_size_of_its_level(
    lab: Lab, owner: Actor, slide: Slide, box, level: int, size: tuple[int, int]
) -> None:
    found = pixels(lab.screenshots.picture(owner, slide.id, box=box, level=level))

    assert (found.shape[1], found.shape[0]) == size


def test_a_picture_shows_the_pixels_of_the_slide(lab: Lab, owner: Actor, slide: Slide) -> None:
    found = pixels(
        lab.screenshots.picture(owner, slide.id, box=(500, 700, 200, 100), level=MAX_LEVEL)
    )

    expected = lab.tiles.region(owner, slide.id, (500, 700), (200, 100)).astype(int)
    assert np.abs(found - expected).mean() < 3


def test_a_large_picture_is_read_in_bands(
    lab: Lab, owner: Actor, slide: Slide, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = lab.screenshots.picture(owner, slide.id, level=10)
    monkeypatch.setattr(screenshots, "LARGEST_REGION_PIXELS", 60_000)

    in_bands = lab.screenshots.picture(owner, slide.id, level=10)

    assert pixels(in_bands).shape == pixels(whole).shape
    assert np.abs(pixels(in_bands) - pixels(whole)).mean() < 0.5


def test_what_an_author_drew_shows(
    lab: Lab, owner: Actor, slide: Slide, drawn: DrawnByReader
) -> None:
    plain = pixels(lab.screenshots.picture(owner, slide.id, level=10))

    found = pixels(lab.screenshots.picture(owner, slide.id, level=10, author="reader@lab"))

    difference = np.abs(found - plain).sum(axis=2) > 30
    rows, columns = np.nonzero(difference)
    assert (columns.min(), columns.max()) == pytest.approx((100, 300), abs=10)
    assert (rows.min(), rows.max()) == pytest.approx((100, 300), abs=10)


def test_an_author_who_drew_nothing_gives_the_plain_picture(
    lab: Lab, owner: Actor, slide: Slide, drawn: DrawnByReader
) -> None:
    plain = lab.screenshots.picture(owner, slide.id, level=10)

    assert lab.screenshots.picture(owner, slide.id, level=10, author="nobody") == plain


def test_one_question_or_some_ids_show_only_their_answers(
    lab: Lab, owner: Actor, slide: Slide, drawn: DrawnByReader
) -> None:
    def picture(**which) -> bytes:
        return lab.screenshots.picture(owner, slide.id, level=10, author="reader@lab", **which)

    green = pixels(picture(question="Tumour"))[200, 100]
    assert green[1] > green[2]
    assert picture(question="Stroma") == picture(question_ids=[2])
    assert picture(question="Stroma") != picture(question="Tumour")
    assert picture(question="none") == lab.screenshots.picture(owner, slide.id, level=10)
    with pytest.raises(Invalid, match="not both"):
        picture(question="Stroma", question_ids=[2])


def test_a_heat_map_without_a_size_reaches_to_the_edges(
    lab: Lab, owner: Actor, slide: Slide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab.screenshots, "_annotations", DrawnByReader(HEAT))

    found = pixels(lab.screenshots.picture(owner, slide.id, level=9, author="reader@lab"))

    plain = pixels(lab.screenshots.picture(owner, slide.id, level=9))
    assert np.all(np.abs(found - plain)[[0, 0, -1, -1], [0, -1, 0, -1]].sum(axis=1) > 50)


def test_a_scale_bar_is_drawn_when_it_is_asked_for(lab: Lab, owner: Actor, slide: Slide) -> None:
    with_bar = pixels(lab.screenshots.picture(owner, slide.id, level=10, scalebar=True))

    plain = pixels(lab.screenshots.picture(owner, slide.id, level=10))
    rows, columns = np.nonzero(np.abs(with_bar - plain).sum(axis=2) > 30)
    assert rows.min() > plain.shape[0] * 0.8
    assert columns.min() > plain.shape[1] * 0.5


@pytest.mark.parametrize(
    ("box", "level", "error"),
    [
        (None, -1, OutOfRange),
        ((5000, 0, 10, 10), 10, OutOfRange),
        ((0, 0, -10, 10), 10, OutOfRange),
        ((0, 0, 10, 0), 10, OutOfRange),
    ],
)
def test_a_picture_of_nothing_is_refused(
    lab: Lab, owner: Actor, slide: Slide, box, level: int, error: type[Exception]
) -> None:
    with pytest.raises(error):
        lab.screenshots.picture(owner, slide.id, box=box, level=level)


def test_a_picture_has_a_largest_size(
    lab: Lab, owner: Actor, slide: Slide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screenshots, "LARGEST_PICTURE", 1_000_000)

    with pytest.raises(Invalid, match="lower level"):
        lab.screenshots.picture(owner, slide.id, level=MAX_LEVEL)


def test_pictures_are_for_those_who_may_see_pixels_and_results(
    lab: Lab, study: Study, slide: Slide, as_user: Callable[..., Actor]
) -> None:
    viewer = as_user("viewer@lab", rights="view", study=study)
    stranger = as_user("stranger@lab")
    both = as_user("both@lab", rights="view results", study=study)
    without_pixels = as_user("both@lab", capabilities=["results"])

    assert lab.screenshots.picture(both, slide.id, level=5)
    with pytest.raises(NotAllowed):
        lab.screenshots.picture(viewer, slide.id, level=5)
    with pytest.raises(NotAllowed):
        lab.screenshots.picture(without_pixels, slide.id, level=5)
    with pytest.raises(NotFound):
        lab.screenshots.picture(stranger, slide.id, level=5)
