"""Shapes on slides: who drew what, and ASAP's documents."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from wsi_lab.errors import Invalid, NotAllowed, NotFound
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.answer import Core, NewAnswer, Place
from wsi_lab.model.people import Actor
from wsi_lab.model.question import QuestionKind, QuestionSpec
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.annotating.annotations import Drawn
from wsi_lab.service.lab import Lab

SQUARE = '{"type":"rect","corner":{"x":10,"y":20},"size":{"x":30,"y":40}}'
STRANGE = '{"type":"hologram","depth":3}'
LINE = '{"type":"polyline","points":[{"x":0,"y":0},{"x":5,"y":5}]}'


@pytest.fixture(autouse=True)
def asked(lab: Lab, owner: Actor, study: Study) -> None:
    for spec in (
        QuestionSpec("Mitoses", QuestionKind.ANNO_POINTS, "#00ff00"),
        QuestionSpec("Tumour", QuestionKind.ANNO_SHAPES, "#e6194b"),
        QuestionSpec("Remark", QuestionKind.FREE_TEXT),
    ):
        lab.questions.add(owner, study.id, spec)


def draw(lab: Lab, actor: Actor, slide: Slide, *shapes: str, **given) -> int:
    question = given.get("question", "Tumour")
    place = Place(slide.id, core=given.get("core"))
    author = given.get("author", "model")
    new = NewAnswer(question, place, author, f"[{','.join(shapes)}]")
    return lab.results.submit(actor, slide.study_id, new).id


def drawn(lab: Lab, actor: Actor, slide: Slide, author: str, ids=None) -> list[Drawn]:
    return list(
        lab.annotations._transactions.read(
            actor, lambda t: lab.annotations.shapes(t, slide.id, author, ids)
        )
    )


def test_shapes_lie_in_level_0_pixels(lab: Lab, owner: Actor, study: Study, slide: Slide) -> None:
    answer_id = draw(lab, owner, slide, SQUARE, STRANGE)
    square, strange = lab.annotations.list(owner, study.id)
    assert square.shape.kind is ShapeKind.RECTANGLE
    assert square.shape.geometry is not None
    assert square.shape.geometry.bounds == (10, 20, 40, 60)
    assert (square.answer_id, square.author, square.place) == (
        answer_id,
        "model",
        Place(slide.id),
    )
    assert (strange.shape.kind, strange.shape.geometry) == (ShapeKind.OTHER, None)
    assert [each.shape.original for each in (square, strange)] == [SQUARE, STRANGE]


def test_shape_that_stays_keeps_its_id_and_who_drew_it(
    lab: Lab, owner: Actor, study: Study, slide: Slide, clock
) -> None:
    draw(lab, owner, slide, SQUARE, LINE, STRANGE)
    before = {each.shape.original: each for each in lab.annotations.list(owner, study.id)}
    clock.pass_(hours=1)
    draw(lab, owner, slide, LINE, SQUARE, SQUARE)
    after = lab.annotations.list(owner, study.id)
    assert [each.shape.original for each in after] == [LINE, SQUARE, SQUARE]
    assert after[0].id == before[LINE].id
    assert after[1].id == before[SQUARE].id
    assert after[2].id not in {each.id for each in before.values()}
    assert after[1].changed_on == before[SQUARE].changed_on < after[2].changed_on


def test_list_is_some_or_all(lab: Lab, owner: Actor, study: Study, slide: Slide) -> None:
    draw(lab, owner, slide, SQUARE)
    draw(lab, owner, slide, '{"x":1,"y":2}', question="Mitoses", author="Reader@lab")

    def originals(**wanted) -> list[str]:
        return [each.shape.original for each in lab.annotations.list(owner, study.id, **wanted)]

    assert len(originals(slide_id=slide.id)) == 2
    assert originals(author="reader@lab") == originals(question="Mitoses") == ['{"x":1,"y":2}']
    for nothing in ({"slide_id": 99}, {"slide_id": 1 << 70}, {"question": "?"}, {"author": "x"}):
        assert originals(**nothing) == []


def test_what_an_author_drew_comes_in_the_order_of_the_questions(
    lab: Lab, owner: Actor, slide: Slide
) -> None:
    core = Core(0, 1, "S")
    draw(lab, owner, slide, SQUARE, core=core)
    draw(lab, owner, slide, '{"x":1,"y":2}', question="Mitoses")
    draw(lab, owner, slide, LINE, author="other")
    found = drawn(lab, owner, slide, "MODEL")
    assert [(question.name, place, shape.original) for question, place, shape in found] == [
        ("Mitoses", None, '{"x":1,"y":2}'),
        ("Tumour", core, SQUARE),
    ]
    only = drawn(lab, owner, slide, "model", [found[1][0].id])
    assert [shape.original for _, _, shape in only] == [SQUARE]


@pytest.mark.parametrize("name", ["asap-dot", "asap-pointset", "asap-polygon"])
def test_asap_goes_in_and_out(
    lab: Lab, owner: Actor, study: Study, slide: Slide, shared_data: Path, name: str
) -> None:
    document = (shared_data / "annotations" / "asap" / f"{name}.xml").read_text()
    report = lab.annotations.import_asap(owner, slide.id, "model", document)
    assert report.stored >= 1
    assert all("Made the question 'Imported annotation" in each for each in report.log)
    made = [each for each in lab.questions.list(owner, study.id) if "Imported" in each.name]
    assert {each.kind for each in made} == {
        QuestionKind.ANNO_SHAPES if name == "asap-polygon" else QuestionKind.ANNO_POINTS
    }
    out = lab.annotations.export_asap(owner, slide.id, "model")
    assert out.startswith("<")
    mapping = "\n".join(f"{each.colour};{each.name}" for each in made)
    count = len(lab.annotations.list(owner, study.id))
    again = lab.annotations.import_asap(owner, slide.id, "model 2", out, mapping)
    assert again.stored == len(made)
    assert len(lab.annotations.list(owner, study.id, author="model 2")) == count
    geometries = [
        [shape.geometry.normalize() for _, _, shape in drawn(lab, owner, slide, author)]
        for author in ("model", "model 2")
    ]
    assert all(a.equals_exact(b, 0.01) for a, b in zip(*geometries, strict=True))


def dot(colour: str, kind: str = "Dot", points: str = '<Coordinate Order="0" X="1" Y="2"/>') -> str:
    return (
        f'<Annotation Name="a" Type="{kind}" PartOfGroup="None" Color="{colour}">'
        f"<Coordinates>{points}</Coordinates></Annotation>"
    )


def document(*annotations: str) -> str:
    return f"<ASAP_Annotations><Annotations>{''.join(annotations)}</Annotations></ASAP_Annotations>"


def test_points_for_a_question_of_shapes_become_ellipses(
    lab: Lab, owner: Actor, slide: Slide
) -> None:
    lab.annotations.import_asap(
        owner, slide.id, "model", document(dot("#FF0000")), "#ff0000;Tumour"
    )
    ((question, _, shape),) = drawn(lab, owner, slide, "model")
    assert (question.name, shape.kind) == ("Tumour", ShapeKind.ELLIPSE)


def test_import_takes_the_place_of_the_authors_answer(
    lab: Lab, owner: Actor, study: Study, slide: Slide
) -> None:
    draw(lab, owner, slide, '{"x":9,"y":9}', question="Mitoses")
    both = document(dot("#ff0000"), dot("#0000ff"))
    mapping = "#FF0000;Mitoses\n#0000ff;Mitoses"
    assert lab.annotations.import_asap(owner, slide.id, "model", both, mapping).stored == 1
    assert len(lab.annotations.list(owner, study.id)) == 2
    assert lab.annotations.import_asap(owner, slide.id, "model", both, mapping).unchanged == 1


@pytest.mark.parametrize(
    ("mapping", "problem"),
    [
        ("#ff0000;Unasked", "no question 'Unasked'"),
        ("#ff0000;Remark", "not drawn"),
        ("#0000ff;Mitoses", "takes points only"),
        ("red;Tumour", "Line 1"),
    ],
)
def test_asap_that_does_not_fit_is_refused_whole(
    lab: Lab, owner: Actor, study: Study, slide: Slide, mapping: str, problem: str
) -> None:
    corners = "".join(
        f'<Coordinate Order="{n}" X="{x}" Y="{y}"/>'
        for n, x, y in ((0, 0, 0), (1, 9, 0), (2, 9, 9))
    )
    both = document(dot("#ff0000"), dot("#0000ff", "Polygon", corners))
    before = lab.questions.list(owner, study.id)
    with pytest.raises(Invalid) as refused:
        lab.annotations.import_asap(owner, slide.id, "model", both, mapping)
    assert problem in refused.value.problems[0]
    assert lab.annotations.list(owner, study.id) == []
    assert lab.questions.list(owner, study.id) == before


def test_asap_of_a_reader_asks_no_new_questions(
    lab: Lab,
    owner: Actor,
    study: Study,
    slide: Slide,
    shared_data: Path,
    as_user: Callable[..., Actor],
) -> None:
    reader = as_user("reader@lab", rights="score", study=study)
    document = (shared_data / "annotations" / "asap" / "asap-polygon.xml").read_text()
    before = lab.questions.list(owner, study.id)
    with pytest.raises(NotAllowed):
        lab.annotations.import_asap(reader, slide.id, "reader@lab", document)
    assert lab.questions.list(owner, study.id) == before


def test_what_is_no_asap_is_refused(lab: Lab, owner: Actor, slide: Slide) -> None:
    with pytest.raises(Invalid):
        lab.annotations.import_asap(owner, slide.id, "model", "<!DOCTYPE a []><a/>")


def test_export_is_of_one_question_or_all(lab: Lab, owner: Actor, slide: Slide) -> None:
    draw(lab, owner, slide, SQUARE)
    draw(lab, owner, slide, '{"x":1,"y":2}', question="Mitoses")
    everything = lab.annotations.export_asap(owner, slide.id, "model")
    assert ("Tumour" in everything, "Mitoses" in everything) == (True, True)
    assert "Tumour" not in lab.annotations.export_asap(owner, slide.id, "model", "Mitoses")
    assert lab.annotations.export_asap(owner, slide.id, "nobody").startswith("<")
    with pytest.raises(NotFound):
        lab.annotations.export_asap(owner, slide.id, "model", "Unasked")


def test_own_shapes_need_no_right_to_results(
    lab: Lab, slide: Slide, study: Study, as_user: Callable[..., Actor]
) -> None:
    reader = as_user("reader@lab", rights="score", study=study)
    draw(lab, reader, slide, SQUARE, author="reader@lab")
    assert len(lab.annotations.list(reader, study.id, author="Reader@lab")) == 1
    assert "Rectangle" in lab.annotations.export_asap(reader, slide.id, "reader@lab")
    with pytest.raises(NotAllowed):
        lab.annotations.list(reader, study.id)
    with pytest.raises(NotAllowed):
        lab.annotations.export_asap(reader, slide.id, "model")
