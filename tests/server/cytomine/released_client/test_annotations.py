"""The released client's annotations: made, read back, changed and removed."""

from __future__ import annotations

import random
from collections import Counter

import pytest
import shapely
from cytomine.models import (
    Annotation,
    AnnotationCollection,
    AnnotationTerm,
)
from cytomine.models.collection import CollectionPartialUploadException
from cytomine.models.ontology import TermCollection
from cytomine.utilities.annotations import REVIEWED_INCLUDE, get_annotations
from cytomine_client import USER_ANNOTATION, connected, y_up

HEIGHT = 2967


def texts(count, seed=7):
    """Return well-known texts of every kind, whole numbers and fractions, all different."""
    chance = random.Random(seed)

    def place():
        x, y = chance.uniform(0, 2219), chance.uniform(0, 2966)
        return f"{round(x)} {round(y)}" if chance.random() < 0.5 else f"{x:.13g} {y!r}"

    def ring(x, y, size):
        corners = [(x, y), (x + size, y), (x + size, y + size), (x, y + size), (x, y)]
        return "(" + ", ".join(f"{a} {b}" for a, b in corners) + ")"

    for number in range(count):
        x, y = chance.randrange(2000), chance.randrange(2800)
        right = f"({ring(x + 50, y, 30)}, {ring(x + 60, y + 9, 5)})"
        yield [
            f"POINT ({place()})",
            f"LINESTRING ({x} {y}, {place()}, {x + 30.5} {y + 7})",
            f"POLYGON ({ring(x, y + number / 1000, 90)})",
            f"POLYGON ({ring(x, y, 90)}, {ring(x + 20.25, y + 30, 11)})",
            f"MULTIPOLYGON (({ring(x, y, 20.5)}), {right})",
        ][number % 5]


def test_thousand_annotations_at_once_come_back_as_they_were_sent(given, client, watched):
    sent = list(texts(1000))
    many = AnnotationCollection()
    many.extend(Annotation(each, given.image.id, [given.tumour.id]) for each in sent)
    assert many.save(chunk=None) is True
    assert len(watched.asked("POST", "/api/annotation.json")) == 1
    found = AnnotationCollection(image=given.image.id, showWKT=True, showTerm=True).fetch()
    assert Counter(each.location for each in found) == Counter(sent)
    assert all(each.term == [given.tumour.id] for each in found)
    ids = [each.id for each in found]
    assert ids == sorted(ids, reverse=True)
    # The first that was sent is the oldest.
    assert [each.location for each in reversed(found)] == sent


def test_chunks_that_are_sent_in_parallel_are_all_stored(given, client, watched):
    sent = list(texts(1005, seed=8))
    many = AnnotationCollection()
    many.extend(Annotation(each, given.image.id) for each in sent)
    assert many.save(n_workers=8) is True
    posts = watched.asked("POST", "/api/annotation.json")
    # One of them is an empty list: the client makes one chunk more than it needs.
    assert len(posts) == 68
    dates = Counter(each.request.headers["date"] for each in posts)
    assert max(dates.values()) > 1
    found = AnnotationCollection(project=given.project.id, showWKT=True).fetch()
    assert Counter(each.location for each in found) == Counter(sent)


def test_chunks_by_default(given, client):
    sent = list(texts(100, seed=9))
    many = AnnotationCollection()
    many.extend(Annotation(each, given.image.id, [given.stroma.id]) for each in sent)
    assert many.save() is True
    found = AnnotationCollection(image=given.image.id, showWKT=True).fetch()
    assert Counter(each.location for each in found) == Counter(sent)


def test_chunk_with_a_wrong_one_is_not_stored_at_all(given, client, watched):
    many = AnnotationCollection()
    many.extend(Annotation(each, given.image.id) for each in texts(10, seed=10))
    many[4].location = "POLYGON ((1 1, 2 2))"
    with pytest.raises(CollectionPartialUploadException) as caught:
        many.save(chunk=5)
    assert len(caught.value.created) == len(caught.value.failed) == 5
    found = AnnotationCollection(image=given.image.id, showWKT=True).fetch()
    assert {each.location for each in found} == {each.location for each in caught.value.created}
    assert many.save(chunk=None) is False
    assert watched.last.status_code == 400


def test_pages_are_fetched_one_after_another(given, client, watched):
    sent = list(texts(60, seed=11))
    many = AnnotationCollection()
    many.extend(Annotation(each, given.image.id) for each in sent)
    assert many.save(chunk=None) is True
    pages = AnnotationCollection(image=given.image.id, showWKT=True)
    found = pages.fetch(max=20)
    assert len(watched.asked("GET", "/api/annotation.json")) == 3
    said = watched.last.json()
    assert {name: said[name] for name in ("size", "offset", "perPage", "totalPages")} == {
        "size": 60,
        "offset": 40,
        "perPage": 20,
        "totalPages": 3,
    }
    assert Counter(each.location for each in found) == Counter(sent)


def test_annotation_has_what_the_client_reads(given, client):
    text = "POLYGON ((0 0, 0 20, 20 20, 0 0))"
    made = Annotation(text, given.image.id, [given.tumour.id, given.stroma.id]).save()
    for each in (made, Annotation().fetch(made.id)):
        assert each.class_ == USER_ANNOTATION
        assert each.location == text
        assert (each.image, each.project) == (given.image.id, given.project.id)
        assert each.slice == given.image.reference_slice().id
        assert each.user == client.current_user.id
        assert each.term == [given.tumour.id, given.stroma.id]
        assert each.area == pytest.approx(200 * 0.499**2)
        assert each.areaUnit == "micron²"
        assert each.perimeter == pytest.approx((40 + 800**0.5) * 0.499 / 1000)
        assert each.perimeterUnit == "mm"
        assert each.centroid["x"] == pytest.approx(20 / 3)
        assert each.centroid["y"] == pytest.approx(40 / 3)
        assert each.created.isdecimal()
        assert "crop." in each.cropURL


def test_other_doors_see_it_with_y_downwards(lab, given, client):
    Annotation("POLYGON ((0 0, 0 20, 20.5 20, 0 0))", given.image.id, [given.tumour.id]).save()
    (shape,) = lab.shapes(given.project.id)
    (ring,) = shape["geometry"]["coordinates"]
    expected = [[0, HEIGHT], [0, HEIGHT - 20], [20.5, HEIGHT - 20]]
    assert shapely.Polygon(ring).equals(shapely.Polygon(expected))
    said = shape["properties"]
    assert (said["labels"], said["author"]) == (["tumour"], lab.me)


@pytest.mark.parametrize(
    "location", ["", "nonsense", "POLYGON EMPTY", "POLYGON ((0 0, 9 9, 9 0, 0 9, 0 0))"]
)
def test_location_that_is_none_is_refused(given, client, watched, location):
    assert Annotation(location, given.image.id).save() is False
    assert watched.last.status_code == 400
    assert watched.last.json()["success"] is False


def test_annotation_needs_an_image_and_terms_of_its_project(lab, given, client, watched):
    assert Annotation("POINT (1 2)").save() is False
    assert watched.last.status_code == 400
    elsewhere = lab.ask(
        "POST",
        f"studies/{lab.new_study()}/layers",
        {"name": "other", "labels": [{"name": "mitosis"}]},
    )
    foreign = elsewhere["labels"][0]["id"]
    assert Annotation("POINT (1 2)", given.image.id, [foreign]).save() is False
    assert watched.last.status_code == 400
    assert len(AnnotationCollection(image=given.image.id).fetch()) == 0


def test_image_may_be_named_by_its_slice(given, client):
    number = given.image.reference_slice().id
    made = Annotation("POINT (1 2)", id_slice=number).save()
    assert (made.image, made.slice) == (given.image.id, number)


def test_geometry_is_changed(lab, given, client):
    made = Annotation("POINT (1 2)", given.image.id, [given.tumour.id]).save()
    made.location = "POLYGON ((0.1 0.7, 0.1 20, 20 20, 0.1 0.7))"
    assert made.update()
    again = Annotation().fetch(made.id)
    assert (again.id, again.location) == (made.id, made.location)
    assert again.term == [given.tumour.id]
    (shape,) = lab.shapes(given.project.id)
    assert shape["geometry"]["type"] == "Polygon"


def test_terms_in_an_update_are_ignored(given, client):
    made = Annotation("POINT (1 2)", given.image.id, [given.tumour.id]).save()
    made.term = [given.stroma.id]
    assert made.update()
    assert Annotation().fetch(made.id).term == [given.tumour.id]


def test_annotation_is_removed(lab, given, client, watched):
    made = Annotation("POINT (1 2)", given.image.id, [given.tumour.id]).save()
    assert made.delete()
    assert Annotation().fetch(made.id) is False
    assert watched.last.status_code == 404
    assert made.delete() is False
    assert watched.last.status_code == 404
    assert made.update() is False
    assert watched.last.status_code == 404
    assert lab.shapes(given.project.id) == []


def test_terms_are_added_and_removed(given, client, watched):
    made = Annotation("POINT (1 2)", given.image.id).save()
    assert made.term == []
    relation = AnnotationTerm(made.id, given.tumour.id).save()
    assert (relation.userannotation, relation.term) == (made.id, given.tumour.id)
    assert relation.user == client.current_user.id
    assert AnnotationTerm(made.id, given.tumour.id).save() is False
    assert watched.last.status_code == 409
    assert AnnotationTerm(made.id, given.stroma.id).save()
    assert Annotation().fetch(made.id).term == [given.tumour.id, given.stroma.id]
    fetched = AnnotationTerm().fetch(made.id, given.tumour.id)
    assert fetched.delete()
    assert Annotation().fetch(made.id).term == [given.stroma.id]
    assert AnnotationTerm().fetch(made.id, given.tumour.id) is False
    assert watched.last.status_code == 404
    relations = TermCollection().fetch_with_filter("annotation", made.id)
    assert [each.term for each in relations] == [given.stroma.id]


def test_terms_are_replaced(given, client):
    made = Annotation("POINT (1 2)", given.image.id, [given.stroma.id]).save()
    assert client.post(f"annotation/{made.id}/term/{given.tumour.id}/clearBefore.json")
    assert Annotation().fetch(made.id).term == [given.tumour.id]


def test_shapes_of_other_doors_are_annotations(lab, given, client):
    layer = lab.ask(
        "POST",
        f"studies/{given.project.id}/layers",
        {"name": "drawn", "labels": [{"name": "mitosis"}]},
    )
    corners = [[10, 20], [90.25, 20], [90.25, 70.5], [10, 20]]
    shape = {"kind": "polygon", "geometry": {"type": "Polygon", "coordinates": [corners]}}
    path = f"layers/{layer['id']}/shapes?slide_id={given.image.id}"
    drawn = lab.ask("POST", path, {"shapes": [{**shape, "labels": ["mitosis"]}]})["items"][0]
    (found,) = AnnotationCollection(image=given.image.id, showWKT=True, showTerm=True).fetch()
    assert found.id == drawn["id"]
    assert found.term == [layer["labels"][0]["id"]]
    turned = y_up(shapely.from_wkt(found.location), HEIGHT)
    assert turned.equals_exact(shapely.Polygon(corners), 0.01, normalize=True)


def test_members_draw_and_change_only_what_is_theirs_to_change(lab, given, client, watched):
    mine = Annotation("POINT (1 2)", given.image.id).save()
    drawer, viewer = lab.new_person("drawer"), lab.new_person("viewer")
    lab.set_rights(given.project.id, drawer, ["view", "score"])
    lab.set_rights(given.project.id, viewer, ["view"])
    with connected(lab, drawer) as member:
        own = Annotation("POINT (3 4)", given.image.id, [given.tumour.id]).save()
        assert own.user == member.current_user.id
        assert own.update(location="POINT (5 6)")
        assert own.term == [given.tumour.id]
        assert mine.update(location="POINT (5 6)") is False
        assert watched.last.status_code == 403
        assert mine.delete() is False
        assert watched.last.status_code == 403
        mine.location = "POINT (1 2)"
    with connected(lab, viewer):
        assert Annotation("POINT (3 4)", given.image.id).save() is False
        assert watched.last.status_code == 403
        assert own.delete() is False
        assert watched.last.status_code == 403
    assert Annotation().fetch(mine.id).location == "POINT (1 2)"
    assert Annotation().fetch(own.id).location == "POINT (5 6)"


def test_crops_of_a_collection_are_dumped(given, client, tmp_path):
    boxes = [(10 + 60 * n, 40 + 9 * n) for n in range(12)]
    many = AnnotationCollection()
    many.extend(Annotation(shapely.box(x, y, x + 50, y + 40).wkt, given.image.id) for x, y in boxes)
    assert many.save(chunk=None) is True
    found = AnnotationCollection(project=given.project.id).fetch()
    dumped = found.dump_crops(str(tmp_path / "{image}" / "{id}.png"), n_workers=4, mask=True)
    assert {each.id for each in dumped} == {each.id for each in found}
    assert len(list((tmp_path / str(given.image.id)).glob("*.png"))) == 12


def test_utilities_of_the_client_find_annotations(given, client):
    made = Annotation("POINT (1 2)", given.image.id, [given.tumour.id]).save()
    Annotation("POINT (3 4)", given.image.id).save()
    found = get_annotations(
        [given.project.id],
        images=[given.image.id],
        terms=[given.tumour.id],
        users=[client.current_user.id],
        reviewed=REVIEWED_INCLUDE,
    )
    assert [each.id for each in found] == [made.id]
