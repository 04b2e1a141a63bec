"""Annotations as files: announced, sent, read, made of answers, and gone again."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from wsi_lab.errors import Invalid, NotAllowed, NotFound
from wsi_lab.formats import anno2
from wsi_lab.model.answer import NewAnswer, Place
from wsi_lab.model.people import Actor
from wsi_lab.model.question import QuestionKind, QuestionSpec
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.annotating import arrived_files
from wsi_lab.service.lab import Lab, LabSettings

RECTANGLE = '[{"type":"rect","corner":{"x":10,"y":20},"size":{"x":30,"y":40},"mine":1.50}]'


@pytest.fixture(autouse=True)
def asked(lab: Lab, owner: Actor, study: Study) -> None:
    for spec in (
        QuestionSpec("Tumour", QuestionKind.ANNO_SHAPES, "#e6194b"),
        QuestionSpec("Points", QuestionKind.ANNO_POINTS, "#00ff00"),
        QuestionSpec("Remark", QuestionKind.FREE_TEXT),
    ):
        lab.questions.add(owner, study.id, spec)


@pytest.fixture
def folder(settings: LabSettings) -> Path:
    return settings.home / "annotations"


@pytest.fixture
def sent(tmp_path: Path, shared_data: Path) -> Callable[..., Path]:
    """Return a copy of a real file, as an upload would leave it."""

    def copy(name: str = "anno2_polygon_anno1_json.zip") -> Path:
        source = shared_data / "annotations" / "slidescore" / name
        return Path(shutil.copy(source, tmp_path / "sent"))

    return copy


def begin(lab: Lab, actor: Actor, slide: Slide, question: int | str = "Tumour") -> str:
    return lab.annotations.begin_file(
        actor, study_id=slide.study_id, place=Place(slide.id), question=question, author="model"
    ).uuid


def test_file_becomes_the_answer_when_it_is_complete(
    lab: Lab, owner: Actor, study: Study, slide: Slide, sent, folder: Path
) -> None:
    uuid = begin(lab, owner, slide)
    assert lab.results.rows(owner, study.id) == []
    with pytest.raises(NotFound):
        lab.annotations.file_of(owner, uuid)
    path = sent()
    file = lab.annotations.finish_file(owner, uuid, path)
    assert file.kind == "polygons"
    assert file.finished_on is not None
    (row,) = lab.results.rows(owner, study.id)
    assert len(json.loads(row.value)) == file.item_count > 0
    assert lab.results.answer(owner, row.answer_id).file_uuid == uuid
    assert lab.annotations.file_of(owner, uuid).read_bytes() == path.read_bytes()
    assert [each.name for each in folder.iterdir()] == [uuid]


def test_finishing_twice_is_finishing_once(
    lab: Lab, owner: Actor, study: Study, slide: Slide, sent, entries
) -> None:
    uuid = begin(lab, owner, slide)
    first = lab.annotations.finish_file(owner, uuid, sent())
    count = len(entries())
    assert lab.annotations.finish_file(owner, uuid, sent()) == first
    assert len(entries()) == count
    assert lab.results.rows(owner, study.id)[0].revision == 1


def test_large_file_is_an_answer_that_names_it_and_is_drawn_all_the_same(
    lab: Lab, owner: Actor, study: Study, slide: Slide, sent, monkeypatch
) -> None:
    monkeypatch.setattr(arrived_files, "LARGEST_CLASSIC_BYTES", 10)
    uuid = begin(lab, owner, slide)
    file = lab.annotations.finish_file(owner, uuid, sent())
    (row,) = lab.results.rows(owner, study.id)
    assert row.value == f"anno2 {uuid}"
    assert len(lab.annotations.list(owner, study.id)) == file.item_count
    shapes = lab.annotations._transactions.read(
        owner, lambda t: lab.annotations.shapes(t, slide.id, "model")
    )
    assert len(shapes) == file.item_count
    # A table that has it comes in equal, but names no file of another author's.
    table = lab.results.table(owner, study.id)
    assert lab.results.import_table(owner, study.id, table).unchanged == 1
    with pytest.raises(Invalid):
        lab.results.import_table(owner, study.id, table.replace("\tmodel\t", "\tother\t"))
    # What takes its place leaves it to the history.
    lab.results.submit(owner, study.id, NewAnswer("Tumour", Place(slide.id), "model", RECTANGLE))
    history = lab.results.history(owner, row.answer_id)
    assert [each.value for each in history] == [f"anno2 {uuid}", RECTANGLE]
    assert [each.file_uuid for each in history] == [uuid, None]


@pytest.mark.parametrize("name", ["anno2_points_anno1_json.zip", "anno2_mask_tsv.zip"])
def test_points_are_an_answer_to_a_question_of_points(
    lab: Lab, owner: Actor, study: Study, slide: Slide, sent, name: str
) -> None:
    uuid = begin(lab, owner, slide, "Points")
    lab.annotations.finish_file(owner, uuid, sent(name))
    value = lab.results.rows(owner, study.id)[0].value
    assert value == f"anno2 {uuid}" or {"x", "y"} <= set(json.loads(value)[0])


def test_packed_json_will_do(
    lab: Lab, owner: Actor, study: Study, slide: Slide, tmp_path: Path
) -> None:
    (tmp_path / "sent").write_bytes(gzip.compress(RECTANGLE.encode()))
    lab.annotations.finish_file(owner, begin(lab, owner, slide), tmp_path / "sent")
    assert lab.results.rows(owner, study.id)[0].value == RECTANGLE


def test_what_is_no_annotation_file_is_refused(
    lab: Lab, owner: Actor, study: Study, slide: Slide, tmp_path: Path, folder: Path
) -> None:
    (tmp_path / "sent").write_bytes(b"PK\x03\x04 nonsense")
    uuid = begin(lab, owner, slide)
    with pytest.raises(Invalid):
        lab.annotations.finish_file(owner, uuid, tmp_path / "sent")
    assert list(folder.iterdir()) == []
    assert lab.results.rows(owner, study.id) == []


def test_only_what_can_be_drawn_is_awaited(lab: Lab, owner: Actor, slide: Slide) -> None:
    with pytest.raises(Invalid):
        begin(lab, owner, slide, "Remark")
    for unknown in ("Unasked", 99):
        with pytest.raises(NotFound):
            begin(lab, owner, slide, unknown)
    question = lab.questions.list(owner, slide.study_id)[0]
    assert begin(lab, owner, slide, question.id)


def test_nobody_else_finishes_a_file(
    lab: Lab, owner: Actor, slide: Slide, sent, as_user: Callable[..., Actor]
) -> None:
    uuid = begin(lab, owner, slide)
    with pytest.raises(NotFound):
        lab.annotations.finish_file(as_user("admin@lab", is_admin=True), uuid, sent())
    with pytest.raises(NotFound):
        lab.annotations.finish_file(owner, "no such", sent())


def test_orphan_is_for_those_who_may_bring_answers_in(
    lab: Lab, owner: Actor, study: Study, sent, as_user: Callable[..., Actor]
) -> None:
    editor = as_user("editor@lab", rights="edit", study=study)
    orphan = lab.annotations.begin_orphan(editor)
    lab.annotations.finish_file(editor, orphan.uuid, sent())
    assert lab.annotations.file_of(editor, orphan.uuid).exists()
    assert lab.annotations.file_of(owner, orphan.uuid).exists()
    with pytest.raises(NotAllowed):
        lab.annotations.begin_orphan(as_user("reader@lab", rights="score", study=study))
    with pytest.raises(NotFound):
        lab.annotations.file_of(as_user("other@lab", rights="edit", study=study), orphan.uuid)


def test_answer_is_converted_and_keeps_its_shapes(
    lab: Lab, owner: Actor, study: Study, slide: Slide, entries
) -> None:
    new = NewAnswer("Tumour", Place(slide.id), "model", RECTANGLE)
    answer = lab.results.submit(owner, study.id, new)
    uuid = lab.annotations.convert(owner, answer_id=answer.id, metadata={"by": "test"})
    now = lab.results.answer(owner, answer.id)
    assert (now.value, now.file_uuid, now.revision) == (RECTANGLE, uuid, 2)
    found = anno2.read(lab.annotations.file_of(owner, uuid))
    assert (found.kind, found.metadata, found.item_count) == ("polygons", {"by": "test"}, 1)
    assert [entry.verb for entry in entries() if entry.kind == "annotation-file"] == ["convert"]
    by_place = lab.annotations.convert(
        owner, study_id=study.id, place=Place(slide.id), question="Tumour", author="MODEL"
    )
    assert by_place != uuid


def test_what_cannot_be_converted_is_refused(
    lab: Lab, owner: Actor, study: Study, slide: Slide
) -> None:
    new = NewAnswer("Remark", Place(slide.id), "model", "text")
    answer = lab.results.submit(owner, study.id, new)
    with pytest.raises(Invalid):
        lab.annotations.convert(owner, answer_id=answer.id)
    with pytest.raises(Invalid):
        lab.annotations.convert(owner, study_id=study.id)
    for unknown in (99, 0, 1 << 70):
        with pytest.raises(NotFound):
            lab.annotations.convert(owner, answer_id=unknown)
    with pytest.raises(NotFound):
        lab.annotations.convert(
            owner, study_id=study.id, place=Place(slide.id), question="Tumour", author="nobody"
        )


def test_files_go_with_their_study(
    lab: Lab, owner: Actor, study: Study, slide: Slide, sent, folder: Path
) -> None:
    lab.annotations.finish_file(owner, begin(lab, owner, slide), sent())
    revision = lab.studies.get(owner, study.id).revision
    lab.studies.remove(owner, study.id, revision=revision)
    assert list(folder.iterdir()) == []


def test_files_of_slides_that_are_gone_are_swept_away(
    lab: Lab, owner: Actor, slide: Slide, sent, folder: Path, clock
) -> None:
    gone = begin(lab, owner, slide)
    lab.annotations.finish_file(owner, gone, sent())
    never = begin(lab, owner, slide)
    lab.slides.remove(owner, slide.id, revision=lab.slides.get(owner, slide.id).revision)
    kept = lab.annotations.begin_orphan(owner)
    assert list(folder.iterdir()) == []
    lab.annotations.finish_file(owner, kept.uuid, sent())
    late = lab.annotations.begin_orphan(owner)
    clock.pass_(hours=25)
    lab.annotations.begin_orphan(owner)
    for uuid in (never, late.uuid):
        with pytest.raises(NotFound):
            lab.annotations.finish_file(owner, uuid, sent())
    assert [each.name for each in folder.iterdir()] == [kept.uuid]
