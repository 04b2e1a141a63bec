"""Archives as they come in: every entry read, and checked as what strangers send."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from wsi_lab.errors import Invalid, WsiLabError
from wsi_lab.formats.markup import cleaned
from wsi_lab.formats.safe import SafeZip
from wsi_lab.formats.slidescore_config import parse_map
from wsi_lab.model.annotation import FARTHEST
from wsi_lab.model.answer import checked_author
from wsi_lab.model.emails import checked_email
from wsi_lab.model.question import Question, checked_question
from wsi_lab.model.slide import checked_mpp
from wsi_lab.model.study import (
    checked_description,
    checked_name,
    checked_study_name,
    checked_tags,
    checked_text,
)
from wsi_lab.model.study_settings import checked_settings
from wsi_lab.model.task import Access
from wsi_lab.model.tma import checked_boxes
from wsi_lab.service.annotating.layers import checked_colour
from wsi_lab.service.archiving import layout
from wsi_lab.service.scoring.answering import check_text, shapes_of
from wsi_lab.service.scoring.tma_maps import checked_map_name
from wsi_lab.service.tasks.tasks import checked_settings as checked_task
from wsi_lab.store.annotations import ShapeRow, measures

MOST_PROBLEMS = 100
_MOST_LABELS = 100
"""Of one shape."""
_LONGEST_SOURCE = 64 << 20
_ROTATIONS = frozenset({0, 90, 180, 270})
_KINDS = frozenset({"shapes", "grid"})


@dataclass(frozen=True, slots=True)
class CheckedShape:
    """A shape whose labels are names yet.

    Attributes
    ----------
    answer
        The place of its answer.
    """

    answer: int
    row: ShapeRow
    labels: tuple[str, ...]
    changed_on: Any


class Contents:
    """An archive whose manifest is in order.

    Raises
    ------
    Invalid
        It is no archive of a study, or parts of it are wrong; ``problems`` names them.
    """

    def __init__(self, file: Path | BinaryIO) -> None:
        self.archive = SafeZip(
            file,
            most_bytes=layout.LARGEST_ARCHIVE,
            most_entries=layout.MOST_ENTRIES,
            highest_ratio=layout.HIGHEST_RATIO,
        )
        try:
            self.manifest = checked_manifest(
                layout.read_manifest(self.archive.read(layout.MANIFEST, layout.LARGEST_ENTRY))
            )
        except BaseException:
            self.archive.close()
            raise

    def __enter__(self) -> Contents:
        return self

    def __exit__(self, *_: object) -> None:
        self.archive.close()

    def answers(self) -> list[layout.ArchivedAnswer]:
        """Return its answers, all of them in order."""
        data = self.archive.read(layout.ANSWERS, layout.LARGEST_ENTRY)
        try:
            found = [
                msgspec.json.decode(line, type=layout.ArchivedAnswer)
                for line in data.splitlines()
                if line
            ]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise layout.not_one(layout.ANSWERS, error) from None
        check = _Checks()
        for number, each in enumerate(found, start=1):
            check.of(f"Answer {number}", _check_answer, each, self.manifest)
        check.require_none()
        return found

    def shapes(self, place: int, answers: Sequence[layout.ArchivedAnswer]) -> list[CheckedShape]:
        """Return the shapes drawn by hand on a layer, all of them in order."""
        question = self.manifest.questions[place]
        entry = None if question.layer is None else question.layer.shapes
        if entry is None:
            return []
        data = self.archive.read(entry, layout.LARGEST_ENTRY)
        try:
            found = msgspec.json.decode(data, type=layout.ArchivedFeatures).features
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise layout.not_one(entry, error) from None
        checked = checked_question(question.name, question.kind, question.configuration)
        asked = Question(0, 0, place, checked.name, checked.kind, checked.configuration, 1)
        shapes: list[CheckedShape] = []
        for number, each in enumerate(found, start=1):
            said = each.properties
            try:
                if said.answer >= len(answers) or answers[said.answer].question != place:
                    raise Invalid("is of no answer to its question.")
                shapes.append(_checked_shape(each, asked))
            except WsiLabError as error:
                raise Invalid(f"Shape {number} in '{entry}': {error.message}") from None
        taken = measures([each.row.geometry for each in shapes]) if shapes else []
        return [
            CheckedShape(each.answer, each.row._replace(measures=one), each.labels, each.changed_on)
            for each, one in zip(shapes, taken, strict=True)
        ]


def _checked_shape(feature: layout.ArchivedFeature, asked: Question) -> CheckedShape:
    said = feature.properties
    # Whoever reads the answers as Slide Score has them gets these words.
    told = shapes_of(asked, f"[{said.original}]")
    if len(told) != 1 or "\n" in said.original or len(said.labels) > _MOST_LABELS:
        raise Invalid("is told in words that no shape has.")
    for label in said.labels:
        checked_name(label, "label")
    source = said.source or (None, None)
    if source[1] is not None and len(source[1]) > _LONGEST_SOURCE:
        raise Invalid("came as more words than any shape has.")
    row = ShapeRow(
        said.kind.value,
        _checked_wkb(feature.geometry),
        said.original,
        "slidescore",
        properties=msgspec.json.encode(said.properties).decode(),
        source_format=source[0],
        source_text=source[1],
    )
    return CheckedShape(said.answer, row, said.labels, said.changed_on)


def _checked_wkb(geometry: dict[str, Any] | None) -> bytes | None:
    import shapely  # noqa: PLC0415 (whoever opens a lab needs none)
    import shapely.geometry  # noqa: PLC0415 (as above)

    if geometry is None:
        return None
    try:
        shape = shapely.geometry.shape(geometry)
        if not all(math.isfinite(side) and abs(side) <= FARTHEST for side in shape.bounds):
            raise Invalid("lies on no slide.")
        return bytes(shapely.to_wkb(shape))
    except (ValueError, TypeError, KeyError, IndexError, shapely.errors.ShapelyError):
        raise Invalid("has a geometry that is none.") from None


def checked_manifest(manifest: layout.Manifest) -> layout.Manifest:
    """Return a manifest in which everything is in order.

    Raises
    ------
    Invalid
        Something is not; ``problems`` names everything.
    """
    check = _Checks()
    check.of("The study", _check_study, manifest)
    counts = {
        "case": len(manifest.cases),
        "map": len(manifest.tma_maps),
        "set": len(manifest.label_sets),
        "slide": len(manifest.slides),
    }
    for case in manifest.cases:
        check.of(f"Case '{case.public_name[:60]}'", _check_case, case)
    for slide in manifest.slides:
        check.of(f"Slide '{slide.name[:60]}'", _check_slide, slide, counts)
        check.of(f"Slide '{slide.name[:60]}'", _check_cores, slide, manifest.tma_maps)
    for question in manifest.questions:
        check.of(f"Question '{question.name[:60]}'", _check_question, question, counts)
    for each in manifest.label_sets:
        check.of(f"Label set '{each.name[:60]}'", _check_labels, each)
    for tma_map in manifest.tma_maps:
        check.of(f"TMA map '{tma_map.name[:60]}'", _check_map, tma_map)
    for member in manifest.members:
        check.of(f"Member '{member.email[:60]}'", checked_email, member.email)
    check.require_none()
    return manifest


class _Checks:
    def __init__(self) -> None:
        self._problems: list[str] = []

    def of(self, where: str, check: Any, *given: Any) -> None:
        try:
            check(*given)
        except WsiLabError as error:
            self._problems.append(f"{where}: {error.message}")
            if len(self._problems) == MOST_PROBLEMS:
                self.require_none()

    def require_none(self) -> None:
        if self._problems:
            raise Invalid(
                f"Nothing was loaded, since the archive is wrong: {self._problems[0]}",
                problems=self._problems,
            )


def _check_study(one: layout.Manifest) -> None:
    checked_study_name(one.name)
    checked_description(one.description, "study")
    checked_text(one.friendly_name, "study")
    checked_text(one.folder, "folder")
    checked_settings(one.settings)


def _check_case(one: layout.ArchivedCase) -> None:
    checked_name(one.public_name, "case")
    if one.name is not None:
        checked_name(one.name, "case")
    one.description = cleaned(checked_description(one.description, "case"))


def _check_slide(one: layout.ArchivedSlide, counts: dict[str, int]) -> None:
    checked_name(one.name, "slide")
    for text in (one.block, one.section, one.number, one.stain):
        checked_text(text, "slide")
    one.tags = checked_tags(one.tags)
    checked_mpp(one.stated_mpp_x)
    checked_mpp(one.stated_mpp_y)
    one.description = cleaned(checked_description(one.description, "slide"))
    if one.rotation not in _ROTATIONS:
        raise Invalid("is turned by 0, 90, 180 or 270 degrees.")
    _require_place(one.case, counts["case"], "case")
    _require_place(one.tma_map, counts["map"], "TMA map")


def _check_cores(one: layout.ArchivedSlide, maps: Sequence[layout.ArchivedMap]) -> None:
    if not one.cores:
        return
    if one.tma_map is None or one.tma_map >= len(maps):
        raise Invalid("It says where cores lie, and has no TMA map.")
    known = parse_map(maps[one.tma_map].text)
    checked_boxes(layout.boxes_of(one), known.row_count, known.column_count)


def _check_question(one: layout.ArchivedQuestion, counts: dict[str, int]) -> None:
    checked_question(one.name, one.kind, one.configuration)
    if (one.layer is not None) != one.kind.is_drawn or (one.task and one.layer is None):
        raise Invalid("A question is a layer if it is drawn.")
    if one.task is not None:
        if checked_task(one.task.settings).name != one.name:
            raise Invalid("The task is called otherwise.")
        for member in one.task.members:
            checked_email(member.email)
            if member.access not in {each.word for each in Access}:
                raise Invalid("Somebody may do in the task what there is not.")
    if not one.is_asked and one.task is None:
        raise Invalid("It is not asked, and no task.")
    if one.layer is not None:
        _require_place(one.layer.label_set, counts["set"], "label set")
        for label in one.layer.gone:
            _check_label(label)
        for load in one.layer.loads:
            _require_place(load.slide, counts["slide"], "slide")
            checked_author(load.author)
            if load.kind not in _KINDS or not 0 <= load.precision <= 1:
                raise Invalid("It has a load that is none.")


def _check_labels(one: layout.ArchivedLabelSet) -> None:
    checked_name(one.name, "label set")
    checked_description(one.description, "label set")
    for label in one.labels:
        _check_label(label)
    if len({each.name for each in one.labels}) < len(one.labels):
        raise Invalid("A label is named twice.")


def _check_label(one: layout.ArchivedLabel) -> None:
    checked_name(one.name, "label")
    checked_colour(one.colour)
    checked_description(one.description, "label")


def _check_map(one: layout.ArchivedMap) -> None:
    checked_map_name(one.name)
    parse_map(one.text)


def _check_answer(one: layout.ArchivedAnswer, manifest: layout.Manifest) -> None:
    _require_place(one.question, len(manifest.questions), "question")
    _require_place(one.slide, len(manifest.slides), "slide")
    _require_place(one.case, len(manifest.cases), "case")
    if one.slide is None and (one.case is None or one.core is not None):
        raise Invalid("An answer is about a slide or a case; name one.")
    if checked_author(one.author) != one.author:
        raise Invalid("The author has blanks around the name.")
    kind = manifest.questions[one.question].kind
    if kind.is_drawn and one.value:
        raise Invalid("What is drawn is told by shapes.")
    if one.file is not None and (not kind.is_drawn or one.slide is None):
        raise Invalid("A file is an answer to what is drawn on a slide.")
    if one.core is not None:
        checked_text(one.core[2], "core")
    check_text(one.value)


def _require_place(place: int | None, count: int, what: str) -> None:
    if place is not None and place >= count:
        raise Invalid(f"There is no {what} {place} in the archive.")
