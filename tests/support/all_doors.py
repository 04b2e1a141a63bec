"""One study and four clients: each draws and reads in its own words.

Every sheet is a layer of the study. Slide Score calls it a question and PHAS a task; Cytomine has
no word for it, and puts a shape where its term belongs.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import requests
import shapely
from cytomine.models import Annotation, AnnotationCollection, TermCollection
from cytomine.models.user import UserCollection
from cytomine_client import connected, y_up
from served_lab import ServedLab
from slidescore import APIClient, SlideScoreErrorException, SlideScoreResult

import wsi_lab
from wsi_lab.errors import NotAllowed, NotFound


class Refused(Exception):
    """A client was not let do what it asked for."""


class Shape(NamedTuple):
    """What is drawn, in level-0 pixels.

    Attributes
    ----------
    label, author
        `None` where whoever tells of it has no word for it.
    """

    geometry: Any
    label: str | None
    author: str | None


@dataclass(frozen=True)
class Sheets:
    """A slide of a study, and its layers by name.

    Attributes
    ----------
    labels
        The id of each label.
    """

    lab: ServedLab
    folder: Path
    study: int
    slide: int
    height: int
    layers: Mapping[str, int]
    labels: Mapping[str, int]
    phas_python: Path
    phas_script: Path


class Notebook:
    """This project's own client. It has a word for everything."""

    tells_labels = tells_authors = True

    def __init__(self, sheets: Sheets) -> None:
        self.sheets = sheets

    def draw(self, email: str, shapes: Mapping[str, Sequence[Shape]]) -> None:
        with opened(self.sheets, email) as lab:
            study = lab.studies[self.sheets.study]
            for name, some in shapes.items():
                file = self.sheets.folder / f"{name}.geojson"
                file.write_text(
                    json.dumps(
                        {
                            "type": "FeatureCollection",
                            "features": [
                                {
                                    "type": "Feature",
                                    "geometry": shapely.geometry.mapping(each.geometry),
                                    "properties": {"label": each.label},
                                }
                                for each in some
                            ],
                        }
                    )
                )
                slide = self.sheets.slide
                study.import_annotations(file, slide=slide, layer=name, bulk=False, progress=False)

    def load(self, email: str, name: str, shapes: Sequence[Shape]) -> None:
        """Draw at once, as models do; such shapes are no answers of anybody's hand."""
        with opened(self.sheets, email) as lab:
            lab.studies[self.sheets.study].layers[name].add(
                [each.geometry for each in shapes],
                slide=self.sheets.slide,
                label=[each.label for each in shapes],
                progress=False,
            )

    def read(self, email: str) -> list[Shape]:
        with opened(self.sheets, email) as lab:
            found = lab.studies[self.sheets.study].slides[self.sheets.slide].annotations()
        labels = [each if isinstance(each, str) else None for each in found["label"]]
        shapes = zip(found["geometry"], labels, found["reader"], strict=True)
        return [Shape(*each) for each in shapes]


@contextlib.contextmanager
def opened(sheets: Sheets, email: str) -> Iterator[Any]:
    """Lend somebody's lab."""
    lab = wsi_lab.connect(sheets.lab.host, sheets.lab.token(email))
    try:
        yield lab
    except (NotFound, NotAllowed) as error:
        raise Refused(error.message) from error
    finally:
        lab.close()


class SlideScore:
    """Slide Score's SDK. Its shapes have no labels: what they show is the question."""

    tells_labels, tells_authors = False, True

    def __init__(self, sheets: Sheets) -> None:
        self.sheets = sheets

    def draw(self, email: str, shapes: Mapping[str, Sequence[Shape]]) -> None:
        rows = []
        for name, some in shapes.items():
            row = SlideScoreResult()
            row.image_id, row.image_name, row.case_name = self.sheets.slide, "slide", None
            row.user, row.question = email, name
            row.answer = json.dumps([in_slidescores_words(each.geometry) for each in some])
            rows.append(row)
        self._ask(email, lambda sdk: sdk.upload_results(self.sheets.study, rows))

    def read(self, email: str) -> list[Shape]:
        found = self._ask(
            email, lambda sdk: sdk.get_results(self.sheets.study, imageid=self.sheets.slide)
        )
        return [
            Shape(of_slidescores_words(shape), None, row.user)
            for row in found
            # What was loaded at once is a file there, which the SDK cannot ask for.
            if not row.answer.startswith("anno2 ")
            for shape in json.loads(row.answer)
        ]

    def _ask(self, email: str, call: Callable[[APIClient], Any]) -> Any:
        try:
            return call(APIClient(self.sheets.lab.host, self.sheets.lab.token(email)))
        except SlideScoreErrorException as error:
            raise Refused(str(error)) from error
        except requests.HTTPError as error:
            # There, whoever may not do it is as unknown as whoever is nobody.
            if error.response.status_code not in {401, 404}:
                raise
            raise Refused(str(error)) from error


def in_slidescores_words(geometry: Any) -> dict[str, Any]:
    def places(ring: Any) -> list[dict[str, float]]:
        return [{"x": x, "y": y} for x, y in ring.coords[:-1]]

    if geometry.geom_type == "Point":
        return {"x": geometry.x, "y": geometry.y}
    if not geometry.interiors:
        return {"type": "polygon", "points": places(geometry.exterior)}
    return {
        "type": "brush",
        "positivePolygons": [places(geometry.exterior)],
        "negativePolygons": [places(ring) for ring in geometry.interiors],
    }


def of_slidescores_words(shape: Mapping[str, Any]) -> Any:
    def ring(places: Any) -> list[tuple[float, float]]:
        return [(each["x"], each["y"]) for each in places]

    if "type" not in shape:
        return shapely.Point(shape["x"], shape["y"])
    if shape["type"] == "polygon":
        return shapely.Polygon(ring(shape["points"]))
    (outside,) = shape["positivePolygons"]
    return shapely.Polygon(ring(outside), [ring(each) for each in shape["negativePolygons"]])


class Phas:
    """PHAS's released client, in an interpreter of its own.

    Its drawings are anybody's: only sampling regions have creators. Items of paper.js have names.
    """

    tells_labels, tells_authors = True, False

    def __init__(self, sheets: Sheets) -> None:
        self.sheets = sheets

    def draw(self, email: str, shapes: Mapping[str, Sequence[Shape]]) -> None:
        steps: list[list[Any]] = []
        for name, some in shapes.items():
            task = self.sheets.layers[name]
            if name == "regions":
                steps += [["outline", task, *self._region(each)] for each in some]
            else:
                steps.append(["draw", task, [in_papers_words(each) for each in some]])
        self._run(email, steps)

    def read(self, email: str) -> list[Shape]:
        drawn = [name for name in self.sheets.layers if name != "regions"]
        steps = [["drawing", self.sheets.layers[name]] for name in drawn]
        *drawings, regions = self._run(email, [*steps, ["outlines", self.sheets.layers["regions"]]])
        found = [
            shape
            for each in drawings
            for _, layer in each or ()
            for item in layer["children"]
            for shape in of_papers_words(item)
        ]
        names = {number: name for name, number in self.sheets.labels.items()}
        people = {
            each["id"]: each["email"] for each in self.sheets.lab.ask("GET", "users")["items"]
        }
        for row in regions:
            corners = json.loads(row["json"])["data"]
            label, author = names.get(row["label"]), people[row["creator"]]
            found.append(Shape(shapely.Polygon(corners), label, author))
        return found

    def _region(self, shape: Shape) -> tuple[int, dict[str, Any]]:
        corners = [list(each) for each in shape.geometry.exterior.coords[:-1]]
        assert shape.label is not None
        return self.sheets.labels[shape.label], {"type": "polygon", "data": corners}

    def _run(self, email: str, steps: list[list[Any]]) -> list[Any]:
        sheets = self.sheets
        key = sheets.lab.phas_key(email, sheets.folder)
        plan, result = sheets.folder / "plan.json", sheets.folder / "result.json"
        plan.write_text(json.dumps({"slide": sheets.slide, "steps": steps}))
        result.unlink(missing_ok=True)
        done = subprocess.run(
            [sheets.phas_python, sheets.phas_script, sheets.lab.host, key, plan, result],
            check=False,
            capture_output=True,
            text=True,
            timeout=100,
            cwd=sheets.folder,
            env=os.environ | {"FLASK_INSTANCE_PATH": str(sheets.folder / "flask")},
        )
        assert done.returncode == 0, done.stderr[-4000:]
        answers = json.loads(result.read_text())
        refused = [each["refused"] for each in answers if "refused" in each]
        assert set(refused) <= {403, 404}, refused
        if refused:
            raise Refused(refused)
        return [each["value"] for each in answers]


def in_papers_words(shape: Shape) -> list[Any]:
    geometry, said = shape.geometry, {"applyMatrix": True, "name": shape.label}
    if geometry.geom_type == "Point":
        matrix = [1, 0, 0, 1, geometry.x, geometry.y]
        return ["PointText", {"matrix": matrix, "content": shape.label, "fontSize": 60}]
    paths = [
        {"applyMatrix": True, "segments": [list(each) for each in ring.coords[:-1]], "closed": True}
        for ring in (geometry.exterior, *geometry.interiors)
    ]
    if len(paths) == 1:
        return ["Path", {**paths[0], **said}]
    return ["CompoundPath", {**said, "children": [["Path", each] for each in paths]}]


def of_papers_words(item: list[Any]) -> Iterator[Shape]:
    kind, said = item
    label = said.get("name") or said.get("data", {}).get("label") or None
    if kind == "PointText":
        label = label or said["content"]
        yield Shape(shapely.Point(said["matrix"][4:]), None if label == "+" else label, None)
    elif kind == "Path":
        yield Shape(shapely.Polygon(_corners(said)), label, None)
    else:
        outside, *holes = (_corners(child) for _, child in said["children"])
        yield Shape(shapely.Polygon(outside, holes), label, None)


def _corners(path: Mapping[str, Any]) -> list[Any]:
    # A corner is its place, or its place and its handles.
    return [each[0] if isinstance(each[0], list) else each for each in path["segments"]]


class Cytomine:
    """Cytomine's released client, whose y runs upwards."""

    tells_labels = tells_authors = True

    def __init__(self, sheets: Sheets) -> None:
        self.sheets = sheets

    def draw(self, email: str, shapes: Mapping[str, Sequence[Shape]]) -> None:
        sheets = self.sheets
        with connected(sheets.lab, email):
            many = AnnotationCollection()
            for shape in (each for some in shapes.values() for each in some):
                text = shapely.to_wkt(y_up(shape.geometry, sheets.height), rounding_precision=6)
                terms = [] if shape.label is None else [sheets.labels[shape.label]]
                many.append(Annotation(text, sheets.slide, terms))
            if many.save(chunk=None) is False:
                raise Refused

    def move(self, email: str, before: Shape, after: Any) -> None:
        """Change a shape into another."""
        with connected(self.sheets.lab, email):
            found = self._found(before)
            found.location = shapely.to_wkt(y_up(after, self.sheets.height), rounding_precision=6)
            if found.update() is False:
                raise Refused

    def remove(self, email: str, shape: Shape) -> None:
        with connected(self.sheets.lab, email):
            if self._found(shape).delete() is False:
                raise Refused

    def _found(self, shape: Shape) -> Any:
        there = AnnotationCollection(image=self.sheets.slide, showWKT=True).fetch()
        turned = y_up(shape.geometry, self.sheets.height)
        (found,) = [
            each
            for each in there
            if shapely.from_wkt(each.location).equals_exact(turned, 0.01, normalize=True)
        ]
        return found

    def read(self, email: str) -> list[Shape]:
        sheets = self.sheets
        with connected(sheets.lab, email):
            found = AnnotationCollection(image=sheets.slide, showWKT=True, showTerm=True).fetch()
            if found is False:
                raise Refused
            terms = TermCollection().fetch_with_filter("project", sheets.study)
            people = UserCollection().fetch_with_filter("project", sheets.study)
        names = {each.id: each.name for each in terms}
        emails = {each.id: each.email for each in people}
        return [
            Shape(
                y_up(shapely.from_wkt(each.location), sheets.height),
                names[each.term[0]] if each.term else None,
                emails[each.user],
            )
            for each in found
        ]


DOORS: Mapping[str, type[Notebook] | type[SlideScore] | type[Phas] | type[Cytomine]] = {
    "notebook": Notebook,
    "slidescore": SlideScore,
    "phas": Phas,
    "cytomine": Cytomine,
}
