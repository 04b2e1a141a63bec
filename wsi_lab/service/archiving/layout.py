"""What a study's archive holds: a ZIP file with these entries.

===============================  ==============================================================
``manifest.json``                 A `Manifest`: the study, its cases, slides, questions, members
``answers.jsonl``                 An `ArchivedAnswer` a line
``answers.tsv``                   The same answers as Slide Score's table, for other programs
``answers/N.zip``                 Annotation files ("anno2") that are an answer
``layers/N.geojson``              Shapes drawn by hand on the layer that is question N
``layers/N/M.parquet``, ``.npy``  Its loads: shapes as GeoParquet, values of a grid
``slides/N/NAME``                 The slide files, where they were wanted
===============================  ==============================================================

Cases, slides, questions, maps and label sets are named by their places in the lists of the
manifest, from 0 on. A feature of a layer says in its ``properties`` what an `ArchivedShape` says.
Ids, revisions, earlier answers and the audit are a lab's own, and stay there; so do the tags,
remarks and files that clients of other systems have put to its things.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from wsi_lab.errors import Invalid
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.people import Right
from wsi_lab.model.question import QuestionKind
from wsi_lab.model.task import TaskSettings
from wsi_lab.model.tma import CoreBox

SCHEMA = 1
MANIFEST = "manifest.json"
ANSWERS = "answers.jsonl"
TABLE = "answers.tsv"
MOST_ENTRIES = 100_000
HIGHEST_RATIO = 1100
"""Values of a grid that are all the same are packed as well as anything can be."""
LARGEST_ENTRY = 1 << 30
"""Bytes, of what is read as a whole."""
LARGEST_ARCHIVE = 1 << 34
"""Bytes of all entries together, unpacked."""

Place = Annotated[int, Meta(ge=0)]
Moment = Annotated[datetime, Meta(tz=True)]


class ArchivedCase(Struct):
    """A case; without its private name where whoever made the archive might not see it."""

    public_name: str
    name: str | None = None
    description: str = ""


class ArchivedBox(Struct, omit_defaults=True):
    """Where a core of a slide lies: ``(x, y, width, height)`` in level-0 pixels."""

    row: Place
    column: Place
    box: tuple[float, float, float, float]
    is_found: bool | None = None


class ArchivedSlide(Struct):
    """A slide, what was said of it, and what its file was.

    Attributes
    ----------
    file
        The name of its file, where whoever made the archive might know it.
    source
        Where it lay, likewise.
    entry
        Of the archive, where the file is part of it.
    cores
        Where the cores of its map lie, where somebody has said so or a picture has.
    """

    name: str
    format: str
    width: int
    height: int
    file: str | None = None
    source: str | None = None
    entry: str | None = None
    case: Place | None = None
    block: str = ""
    section: str = ""
    number: str = ""
    stain: str = ""
    tags: tuple[str, ...] = ()
    stated_mpp_x: float | None = None
    stated_mpp_y: float | None = None
    description: str = ""
    rotation: int = 0
    tma_map: Place | None = None
    cores: tuple[ArchivedBox, ...] = ()


class ArchivedLabel(Struct):
    """A label."""

    name: str
    colour: str
    description: str = ""


class ArchivedLabelSet(Struct):
    """A label set."""

    name: str
    description: str = ""
    labels: tuple[ArchivedLabel, ...] = ()


class ArchivedLoad(Struct):
    """Shapes or values that came at once."""

    slide: Place
    author: str
    name: str
    kind: str
    precision: float
    entry: str
    box: tuple[float, float, float, float] | None = None


class ArchivedLayer(Struct):
    """What a question that is drawn is besides.

    Attributes
    ----------
    gone
        Labels that shapes have and its set has not any more.
    shapes
        The entry of those drawn by hand.
    """

    is_shared: bool = False
    label_set: Place | None = None
    gone: tuple[ArchivedLabel, ...] = ()
    shapes: str | None = None
    loads: tuple[ArchivedLoad, ...] = ()


class ArchivedAccess(Struct):
    """Somebody who is named for a restricted task."""

    email: str
    access: str


class ArchivedTask(Struct):
    """What makes a layer a task."""

    settings: TaskSettings
    members: tuple[ArchivedAccess, ...] = ()


class ArchivedQuestion(Struct):
    """A question; one that is not asked is a task for looking only."""

    name: str
    kind: QuestionKind
    configuration: str = ""
    is_asked: bool = True
    layer: ArchivedLayer | None = None
    task: ArchivedTask | None = None


class ArchivedMap(Struct):
    """A map of a tissue microarray."""

    name: str
    text: str


class ArchivedMember(Struct):
    """A member and what they may in the study; not what they are in the lab."""

    email: str
    rights: tuple[Right, ...]


class Manifest(Struct):
    """A study.

    Attributes
    ----------
    made_by
        The version of wsi-lab.
    left_out
        What is missing, a sentence each.
    """

    schema: int
    made_by: str
    made_on: Moment
    name: str
    description: str = ""
    friendly_name: str = ""
    folder: str = ""
    settings: dict[str, str] = {}
    published_on: Moment | None = None
    answered_on: Moment | None = None
    cases: tuple[ArchivedCase, ...] = ()
    slides: tuple[ArchivedSlide, ...] = ()
    questions: tuple[ArchivedQuestion, ...] = ()
    label_sets: tuple[ArchivedLabelSet, ...] = ()
    tma_maps: tuple[ArchivedMap, ...] = ()
    members: tuple[ArchivedMember, ...] = ()
    left_out: tuple[str, ...] = ()


class ArchivedAnswer(Struct, omit_defaults=True):
    """An answer.

    Attributes
    ----------
    value
        Empty where its shapes are the value, or a file.
    core
        Row, column, sample.
    file
        The entry of the annotation file that it is.
    """

    question: Place
    author: str
    answered_on: Moment
    value: str = ""
    slide: Place | None = None
    case: Place | None = None
    core: tuple[Place, Place, str] | None = None
    file: str | None = None


class ArchivedShape(Struct, omit_defaults=True):
    """What is said of a shape drawn by hand: the ``properties`` of its feature.

    Attributes
    ----------
    answer
        The line of ``answers.jsonl``, from 0 on.
    original
        Its own words, as Slide Score has them.
    source
        The format and the text that it came as.
    """

    answer: Place
    kind: ShapeKind
    original: str
    changed_on: Moment
    labels: tuple[str, ...] = ()
    properties: dict[str, Any] = {}
    source: tuple[str, str] | None = None


class ArchivedFeature(Struct, tag_field="type", tag="Feature"):
    """A shape as GeoJSON."""

    geometry: dict[str, Any] | None
    properties: ArchivedShape


class ArchivedFeatures(Struct, tag_field="type", tag="FeatureCollection"):
    """The shapes of a layer."""

    features: list[ArchivedFeature]


def read_manifest(data: bytes) -> Manifest:
    """Return what the manifest of an archive says.

    Raises
    ------
    Invalid
        It is none, or of a version that this one does not know.
    """
    try:
        schema = msgspec.json.decode(data, type=_Schema).schema
        if schema != SCHEMA:
            raise Invalid(
                f"This archive is of version {schema}, and this lab reads version {SCHEMA}; "
                "load it with a newer wsi-lab."
            )
        return msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise not_one(MANIFEST, error) from None


def boxes_of(slide: ArchivedSlide) -> list[CoreBox]:
    """Return where the cores of a slide lie."""
    return [CoreBox(each.row, each.column, each.box, each.is_found) for each in slide.cores]


def not_one(entry: str, error: Exception) -> Invalid:
    """Return the error that says what is wrong with an entry."""
    return Invalid(f"This is no archive of a study: '{entry}' cannot be understood: {error}.")


class _Schema(Struct):
    schema: int
