"""Lists: pages, every filter of annotations, and which groups of keys are told."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pytest
import shapely

from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.model.study import Slide, Study

SQUARE = "POLYGON (({0} {0}, {0} {1}, {1} {1}, {1} {0}, {0} {0}))"


class Drawn(NamedTuple):
    """A study of its own, and ids of annotations of two people on two slides."""

    study: Study
    slide: Slide
    second: Slide
    tumour: int
    stroma: int
    square: int
    both: int
    bare: int
    line: int
    elsewhere: int


@pytest.fixture(scope="module")
def drawn(world: Any) -> Drawn:
    study = world.new_study()
    slide, second = world.new_slide(study), world.new_slide(study)
    ontology = world.lab.ontologies.of_study(world.owner, study.id)
    tumour, stroma = (
        world.lab.ontologies.add_term(world.owner, ontology.id, each)
        for each in ("tumour", "stroma")
    )
    member = world.actor("member")
    return Drawn(
        study,
        slide,
        second,
        tumour.id,
        stroma.id,
        world.draw(SQUARE.format(100, 200), tumour, slide=slide),
        world.draw(SQUARE.format(150, 160), tumour, stroma, slide=slide),
        world.draw("POINT (1000 1500)", slide=slide),
        world.draw("LINESTRING (190 190, 1000 1400)", stroma, who=member, slide=slide),
        world.draw(SQUARE.format(100, 200), stroma, slide=second),
    )


def ids(door: Any, who: str = "site_admin", **query: Any) -> list[int]:
    said = door.get("api/annotation.json", who, **query)
    found = [each["id"] for each in said["collection"]]
    assert found == sorted(found, reverse=True)
    assert said["size"] == len(found)
    return found


def some(*found: int) -> list[int]:
    return sorted(found, reverse=True)


def test_project_images_and_slices(door: Any, drawn: Drawn) -> None:
    first = [drawn.square, drawn.both, drawn.bare, drawn.line]
    study, slide, second = drawn.study.id, drawn.slide.id, drawn.second.id
    everything = some(*first, drawn.elsewhere)
    assert ids(door, project=study) == everything
    for name in ("image", "images", "slice", "slices"):
        assert ids(door, **{name: slide}) == some(*first)
        assert ids(door, **{name: f"{slide},{second}"}) == everything
        assert ids(door, **{name: f"{slide}_{second}"}) == everything
    assert ids(door, project=study, images=second) == [drawn.elsewhere]
    assert ids(door, image=slide, slices=f"{second},{slide}") == some(*first)
    assert ids(door, image=slide, slice=second) == []


def test_users(door: Any, world: Any, drawn: Drawn) -> None:
    member, owner = world.ids["member"], world.owner.user.id
    study = drawn.study.id
    assert ids(door, project=study, user=member) == [drawn.line]
    assert ids(door, project=study, users=f"{member},{10**9}") == [drawn.line]
    assert len(ids(door, project=study, users=f"{member},{owner}")) == 5
    assert ids(door, project=study, user=world.ids["viewer"]) == []


def test_terms(door: Any, drawn: Drawn) -> None:
    study, tumour, stroma = drawn.study.id, drawn.tumour, drawn.stroma
    assert ids(door, project=study, term=tumour) == some(drawn.square, drawn.both)
    assert ids(door, project=study, terms=stroma) == some(drawn.both, drawn.line, drawn.elsewhere)
    labelled = some(drawn.square, drawn.both, drawn.line, drawn.elsewhere)
    assert ids(door, project=study, term=f"{tumour},{stroma}") == labelled
    for yes in ("True", "true", "TRUE"):
        assert ids(door, project=study, noTerm=yes) == [drawn.bare]
        assert ids(door, project=study, multipleTerm=yes) == [drawn.both]
        either = some(drawn.square, drawn.both, drawn.bare)
        assert ids(door, project=study, term=tumour, noTerm=yes) == either
    for no in ("False", "false", ""):
        assert len(ids(door, project=study, noTerm=no, multipleTerm=no, reviewed=no)) == 5


@pytest.mark.parametrize(
    "bbox",
    [
        "90,90,300,300",
        "300,300,90,90",
        "90.0,90,3e2,300.5",
        "POLYGON ((90 90, 90 300, 300 300, 300 90, 90 90))",
        "POLYGON((90 90,90 300,300 300,90 90))",
    ],
)
def test_box_has_its_origin_at_the_bottom(door: Any, drawn: Drawn, bbox: str) -> None:
    near = some(drawn.square, drawn.both, drawn.line)
    assert ids(door, image=drawn.slide.id, bbox=bbox) == near
    assert ids(door, project=drawn.study.id, bbox=bbox) == some(*near, drawn.elsewhere)


def test_what_only_its_box_reaches_is_not_listed(door: Any, drawn: Drawn) -> None:
    assert ids(door, image=drawn.slide.id, bbox="800,300,900,400") == []
    assert ids(door, image=drawn.slide.id, bbox="200,50,300,100") == [drawn.square]
    assert ids(door, image=drawn.slide.id, bbox="200.01,50,300,99.99") == []


def test_boxes_are_turned_for_each_slide(door: Any, world: Any, drawn: Drawn) -> None:
    # A few pixels alone, so that it is made here.
    higher = world.small_slide(drawn.study)
    assert higher.height != drawn.slide.height
    low = world.draw(SQUARE.format(100, 200), slide=higher)
    # Where the upper edge of the one is, the other goes on.
    far = world.draw(f"POINT (100 {higher.height - 1})", slide=higher)
    try:
        found = some(drawn.square, drawn.both, drawn.elsewhere, low)
        assert ids(door, project=drawn.study.id, bbox="90,90,170,170") == found
        pages = [
            door.get(
                "api/annotation.json",
                project=drawn.study.id,
                bbox="90,90,170,170",
                max=2,
                offset=start,
            )
            for start in (0, 2, 4)
        ]
        assert [each["id"] for page in pages for each in page["collection"]] == found
        assert {page["size"] for page in pages} == {len(found)}
        assert ids(door, project=drawn.study.id, bboxAnnotation=drawn.both) == found
        at_top = f"99,{higher.height - 2},101,{higher.height}"
        assert ids(door, images=f"{drawn.slide.id},{higher.id}", bbox=at_top) == [far]
    finally:
        world.lab.slides.remove(world.owner, higher.id, revision=higher.revision)


def test_place_of_another_annotation(door: Any, drawn: Drawn) -> None:
    slide = drawn.slide.id
    same = ids(door, image=slide, bboxAnnotation=drawn.both)
    assert same == some(drawn.square, drawn.both)
    # A point is in its own place, whatever turning it over loses.
    assert ids(door, image=slide, bboxAnnotation=drawn.bare) == [drawn.bare]


def test_distances(door: Any, drawn: Drawn) -> None:
    slide, bare = drawn.slide.id, drawn.bare
    near = {"baseAnnotation": bare, "maxDistanceBaseAnnotation": 100}
    assert ids(door, image=slide, **near) == some(bare, drawn.line)
    for distance, found in ((9, []), (10, [drawn.square]), (11, [drawn.square])):
        near = {"baseAnnotation": "POINT (210 150)", "maxDistanceBaseAnnotation": distance}
        assert ids(door, image=slide, **near) == found


def test_included(door: Any, world: Any, drawn: Drawn) -> None:
    slide, square = drawn.slide.id, drawn.square

    def included(**query: Any) -> list[int]:
        said = [
            door.get("api/annotation/included.json", image=slide, **query),
            door.get(f"api/imageinstance/{slide}/annotation/included.json", **query),
        ]
        found = [[each["id"] for each in one["collection"]] for one in said]
        assert found[0] == found[1]
        return found[0]

    assert included(annotation=square) == some(drawn.both, drawn.line)
    assert included(annotation=square, user=world.ids["member"]) == [drawn.line]
    assert included(annotation=square, terms=drawn.tumour) == [drawn.both]
    geometry = "POLYGON ((90 90, 90 170, 170 170, 170 90, 90 90))"
    assert included(geometry=geometry) == some(square, drawn.both)
    assert included(annotation=square, reviewed="True") == []


@pytest.mark.parametrize("name", ["suggestedTerm", "track", "tracks", "group", "groups"])
def test_what_there_is_none_of(door: Any, drawn: Drawn, name: str) -> None:
    assert ids(door, project=drawn.study.id, **{name: 1}) == []
    assert ids(door, project=drawn.study.id, reviewed="True") == []


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"user": 1},
        {"image": "x"},
        {"image": "1;2"},
        {"project": 1, "bbox": "1,2,3"},
        {"project": 1, "bbox": "a,b,c,d"},
        {"project": 1, "bbox": "1,2,3,inf"},
        {"project": 1, "bbox": "POLYGON ((1 1"},
        {"project": 1, "baseAnnotation": 1},
        {"project": 1, "maxDistanceBaseAnnotation": 1},
        {"project": 1, "baseAnnotation": "x", "maxDistanceBaseAnnotation": "y"},
        {"project": 1, "term": "tumour"},
        {"project": 1, "max": "-1"},
        {"project": 1, "max": "many"},
        {"project": 1, "offset": "1.5"},
    ],
)
def test_question_that_makes_no_sense_is_refused(door: Any, query: dict[str, Any]) -> None:
    assert door.refused(400, "GET", "api/annotation.json", **query)


def test_one_image_without_rights_is_enough(door: Any, world: Any, drawn: Drawn) -> None:
    own = world.lab.studies.create(world.owner, world.name())
    world.lab.studies.set_member(world.owner, own.id, "stranger@lab", ["view"])
    slide = world.new_slide(own)
    assert ids(door, "stranger", project=own.id) == []
    for query in (
        {"project": drawn.study.id},
        {"project": f"{own.id},{drawn.study.id}"},
        {"images": f"{slide.id},{drawn.slide.id}"},
        {"slice": drawn.slide.id},
        {"image": slide.id, "bboxAnnotation": drawn.both},
    ):
        assert door.refused(403, "GET", "api/annotation.json", "stranger", **query)
    assert door.refused(404, "GET", "api/annotation.json", "stranger", image=10**9)


GROUPS = {
    "showMeta": {
        *("created", "updated", "image", "slice", "project", "user", "nbComments", "reviewed"),
        *("countReviewedAnnotations", "cropURL", "smallCropURL", "url", "imageURL"),
    },
    "showWKT": {"location", "geometryCompression"},
    "showGIS": {"area", "areaUnit", "perimeter", "perimeterUnit", "centroid"},
    "showTerm": {"term", "userByTerm"},
    "showUser": {"creator", "name"},
    "showImage": {"originalFilename", "instanceFilename"},
    "showSlice": {"channel", "zStack", "time"},
    "showTrack": {"track"},
    "showImageGroup": {"imageGroup"},
    "showLink": {"group"},
}


@pytest.mark.parametrize("group", GROUPS)
def test_only_what_is_asked_for_is_told(door: Any, drawn: Drawn, group: str) -> None:
    for asked in ({group: "True"}, {group: "true", "showBasic": "True"}):
        said = door.get("api/annotation.json", project=drawn.study.id, **asked)
        for each in said["collection"]:
            assert {"id", "class", *GROUPS[group]} <= set(each)
            for other, keys in GROUPS.items():
                assert other == group or not keys & set(each), other


def test_who_asks_for_nothing_in_particular_gets_the_usual(door: Any, drawn: Drawn) -> None:
    expected = {"id", "class", "container", *GROUPS["showMeta"], *GROUPS["showTerm"]}
    for each in door.get("api/annotation.json", project=drawn.study.id)["collection"]:
        assert set(each) == expected
    for each in door.get("api/annotation.json", project=drawn.study.id, showMeta="False")[
        "collection"
    ]:
        assert set(each) == {"id", "class"}


def test_groups_tell_the_truth(door: Any, world: Any, drawn: Drawn) -> None:
    everything = dict.fromkeys(GROUPS, "True")
    said = door.get("api/annotation.json", "member", project=drawn.study.id, **everything)
    line = next(each for each in said["collection"] if each["id"] == drawn.line)
    assert line["location"] == "LINESTRING (190 190, 1000 1400)"
    assert line["user"] == world.ids["member"]
    assert (line["creator"], line["name"]) == ("member@lab", "member")
    (relation,) = line["userByTerm"]
    assert (relation["term"], relation["user"]) == (drawn.stroma, [world.ids["member"]])
    assert line["term"] == [drawn.stroma]
    assert line["instanceFilename"] == drawn.slide.name
    assert (line["channel"], line["track"], line["imageGroup"]) == (0, [], None)
    length = math.hypot(810, 1210) * 0.499 / 1000
    assert line["perimeter"] == pytest.approx(length)
    assert line["centroid"] == {"x": 595, "y": pytest.approx(795)}


@pytest.mark.parametrize("path", ["api/annotation.json", "api/term.json", "api/user.json"])
def test_pages(door: Any, drawn: Drawn, path: str) -> None:
    named = {"project": drawn.study.id} if "annotation" in path else {}
    whole = door.get(path, **named)
    found, total = [each["id"] for each in whole["collection"]], whole["size"]
    assert len(found) == total == whole["perPage"]
    assert (whole["offset"], whole["totalPages"]) == (0, 1)
    assert found == sorted(found, reverse=True)
    for most in (1, 2, total - 1, total, total + 7, 10**9, "1e9", f"{total}.0"):
        many = int(float(most))
        page = door.get(path, max=most, offset=0, **named)
        assert [each["id"] for each in page["collection"]] == found[:many]
        assert (page["size"], page["perPage"]) == (total, many)
        assert page["totalPages"] == math.ceil(total / many)
    for offset in (1, total - 1, total, total + 5):
        page = door.get(path, max=2, offset=offset, **named)
        assert [each["id"] for each in page["collection"]] == found[offset : offset + 2]
        assert (page["size"], page["offset"]) == (total, offset)
        rest = door.get(path, max=0, offset=offset, **named)
        assert [each["id"] for each in rest["collection"]] == found[offset:]


def test_long_list_is_sent_while_it_is_made(door: Any, world: Any) -> None:
    study = world.new_study()
    slide = world.new_slide(study)
    layer = world.lab.layers.create(world.owner, study.id, "nuclei", is_shared=True)
    places = np.random.default_rng(5).uniform(0, 2000, (12_003, 2))
    columns = ShapeColumns.from_geometries(shapely.points(places))
    world.lab.loads.load(world.owner, layer.id, slide.id, columns, author="model")
    drawn = world.draw("POINT (5 6)", slide=slide)
    whole = door.get("api/annotation.json", "viewer", image=slide.id, showWKT="True")
    found = [each["id"] for each in whole["collection"]]
    assert len(found) == len(set(found)) == whole["size"] == 12_004
    assert found == sorted(found, reverse=True)
    assert found[-1] == drawn
    page = door.get("api/annotation.json", "viewer", image=slide.id, max=6000, offset=5999)
    assert [each["id"] for each in page["collection"]] == found[5999:11_999]
    assert (page["size"], page["totalPages"]) == (12_004, 3)
    head = door.ask("HEAD", "api/annotation.json", "viewer", image=slide.id)
    assert (head.status_code, head.content) == (200, b"")
    # What a program has drawn belongs to whoever has loaded it.
    one = door.get(f"api/annotation/{found[0]}.json", "viewer")
    assert one["user"] == world.owner.user.id
    assert one["location"].startswith("POINT (")
