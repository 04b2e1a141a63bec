"""Which annotations the released client is told, and what of them."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from cytomine.models import Annotation, AnnotationCollection, Project
from cytomine_client import connected


class Drawn(NamedTuple):
    """Ids of annotations of two people on two images."""

    tumour: int
    both: int
    bare: int
    others: int
    elsewhere: int
    second: int
    other: int


@pytest.fixture
def drawn(lab, given, client, demo_slide):
    second = lab.add_slide(given.project.id, demo_slide)
    email = lab.new_person("other")
    lab.set_rights(given.project.id, email, ["view", "score"])
    image, terms = given.image.id, (given.tumour.id, given.stroma.id)
    square = "POLYGON (({0} {0}, {0} {1}, {1} {1}, {1} {0}, {0} {0}))"
    tumour = Annotation(square.format(100, 200), image, [terms[0]]).save().id
    both = Annotation(square.format(150, 160), image, list(terms)).save().id
    bare = Annotation("POINT (1000 1500)", image).save().id
    elsewhere = Annotation(square.format(100, 200), second, [terms[1]]).save().id
    with connected(lab, email) as client_of_other:
        others = Annotation("LINESTRING (190 190, 1000 1400)", image, [terms[1]]).save().id
        other = client_of_other.current_user.id
    return Drawn(tumour, both, bare, others, elsewhere, second, other)


def ids(**asked):
    found = AnnotationCollection(**asked).fetch()
    return {each.id for each in found}


def test_project_images_and_slices(given, drawn):
    on_first = {drawn.tumour, drawn.both, drawn.bare, drawn.others}
    image, second = given.image, drawn.second
    assert ids(project=given.project.id) == {*on_first, drawn.elsewhere}
    assert ids(image=image.id) == on_first
    assert ids(images=[image.id, second]) == {*on_first, drawn.elsewhere}
    assert ids(slice=image.reference_slice().id) == on_first
    assert ids(slices=[image.reference_slice().id]) == on_first
    assert ids(project=given.project.id, images=[second]) == {drawn.elsewhere}
    assert ids(project=given.project.id, image=[image.id, second]) == {*on_first, drawn.elsewhere}


def test_users(given, drawn, client):
    own, project = client.current_user.id, given.project.id
    mine = {drawn.tumour, drawn.both, drawn.bare, drawn.elsewhere}
    assert ids(project=project, user=own) == mine
    assert ids(project=project, users=[drawn.other]) == {drawn.others}
    assert ids(project=project, users=[own, drawn.other]) == {*mine, drawn.others}


def test_terms(given, drawn):
    project = given.project.id
    tumour, stroma = given.tumour.id, given.stroma.id
    assert ids(project=project, term=tumour) == {drawn.tumour, drawn.both}
    assert ids(project=project, terms=[stroma]) == {drawn.both, drawn.others, drawn.elsewhere}
    assert ids(project=project, term=[tumour, stroma]) == {
        drawn.tumour,
        drawn.both,
        drawn.others,
        drawn.elsewhere,
    }
    assert ids(project=project, noTerm=True) == {drawn.bare}
    assert ids(project=project, noTerm=False) == ids(project=project)
    assert ids(project=project, multipleTerm=True) == {drawn.both}
    assert ids(project=project, term=tumour, noTerm=True) == {
        drawn.tumour,
        drawn.both,
        drawn.bare,
    }


def test_boxes_have_their_origin_at_the_bottom(given, drawn):
    image = given.image.id
    near = {drawn.tumour, drawn.both, drawn.others}
    assert ids(image=image, bbox="90,90,300,300") == near
    assert ids(image=image, bbox="POLYGON ((90 90, 90 120, 120 120, 120 90, 90 90))") == {
        drawn.tumour
    }
    assert ids(image=image, bbox="990,1490,1010,1510") == {drawn.bare}
    # The line's box reaches there; the line itself does not.
    assert ids(image=image, bbox="800,300,900,400") == set()
    assert ids(image=image, bboxAnnotation=drawn.both) == {drawn.tumour, drawn.both}


def test_distances(given, drawn):
    image = given.image.id
    assert ids(image=image, baseAnnotation=drawn.bare, maxDistanceBaseAnnotation=100) == {
        drawn.bare,
        drawn.others,
    }
    assert ids(image=image, baseAnnotation="POINT (210 150)", maxDistanceBaseAnnotation=11) == {
        drawn.tumour
    }


def test_included(given, drawn, client):
    image = given.image.id
    assert ids(image=image, included=True, annotation=drawn.tumour) == {drawn.both, drawn.others}
    assert ids(
        image=image, included=True, annotation=drawn.tumour, user=client.current_user.id
    ) == {drawn.both}
    assert ids(image=image, included=True, annotation=drawn.tumour, terms=[given.tumour.id]) == {
        drawn.both
    }


def test_what_there_is_none_of(given, drawn):
    project = given.project.id
    for nothing in (
        {"reviewed": True},
        {"suggestedTerm": given.tumour.id},
        {"tracks": [1]},
        {"group": 1},
    ):
        assert ids(project=project, **nothing) == set()
    assert ids(project=project, reviewed=False) == ids(project=project)


def test_something_must_be_asked_for(client, watched):
    assert AnnotationCollection().fetch() is False
    assert watched.last.status_code == 400


def test_one_project_without_rights_is_enough(lab, given, drawn, watched):
    other = lab.new_study()
    email = lab.new_person("member")
    lab.set_rights(other, email, ["view", "score"])
    with connected(lab, email):
        assert AnnotationCollection(project=other).fetch() is not False
        assert AnnotationCollection(images=[given.image.id, drawn.second]).fetch() is False
        assert watched.last.status_code == 403
        assert AnnotationCollection(slice=given.image.id).fetch() is False
        assert watched.last.status_code == 403


GROUPS = {
    "showMeta": {"created", "updated", "image", "slice", "project", "user", "cropURL", "reviewed"},
    "showWKT": {"location", "geometryCompression"},
    "showGIS": {"area", "areaUnit", "perimeter", "perimeterUnit", "centroid"},
    "showTerm": {"term", "userByTerm"},
    "showUser": {"creator"},
    "showImage": {"originalFilename", "instanceFilename"},
    "showSlice": {"channel", "zStack", "time"},
    "showTrack": {"track"},
}


@pytest.mark.parametrize("group", GROUPS)
def test_only_what_is_asked_for_is_told(given, drawn, watched, group):
    others = dict.fromkeys(GROUPS, False) | {group: True}
    AnnotationCollection(project=given.project.id, **others).fetch()
    for each in watched.last.json()["collection"]:
        assert {"id", "class", *GROUPS[group]} <= each.keys()
        for other, keys in GROUPS.items():
            assert other == group or not keys & each.keys()


def test_terms_tell_who_set_them(given, drawn, watched):
    found = AnnotationCollection(project=given.project.id, showTerm=True).fetch()
    told = {each.id: each for each in found}[drawn.others]
    (relation,) = told.userByTerm
    assert (relation["term"], relation["user"]) == (given.stroma.id, [drawn.other])


def test_projects_count_their_annotations(given, drawn):
    assert Project().fetch(given.project.id).numberOfAnnotations == 5
    assert type(given.image)().fetch(given.image.id).numberOfAnnotations == 4
