"""Tags: words for things, told to those who made them and those who see what has them."""

from __future__ import annotations

import pytest
import shapely

from wsi_lab.errors import Conflict, Invalid, NotAllowed, NotFound
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Feature
from wsi_lab.model.remark import ThingKind
from wsi_lab.service import tagging


@pytest.fixture
def editor(as_user, study):
    return as_user("editor@lab", rights="view edit", study=study)


@pytest.fixture
def reader(as_user, study):
    return as_user("reader@lab", rights="view score", study=study)


@pytest.fixture
def stranger(as_user):
    return as_user("stranger@lab")


@pytest.fixture
def shape(lab, owner, study, slide):
    layer = lab.layers.create(owner, study.id, "nuclei", is_shared=True)
    drawn = Feature(ShapeKind.POLYGON, shapely.box(1, 2, 3, 4))
    return lab.drawing.add(owner, slide.id, layer.id, [(None, drawn)])[0]


@pytest.fixture
def things(lab, owner, study, slide, shape):
    """One of each kind."""
    image = lab.images.instance(owner, slide.id).image_id
    return [
        (ThingKind.STUDY, study.id),
        (ThingKind.SLIDE, slide.id),
        (ThingKind.IMAGE, image),
        (ThingKind.ANNOTATION, shape.id),
    ]


def words(tags) -> list[str]:
    return [each.name for each in tags]


def retag(lab, owner, slide, *tags: str):
    now = lab.slides.get(owner, slide.id)
    return lab.slides.change(owner, slide.id, revision=now.revision, tags=tags)


def test_things_are_tagged_and_untagged(lab, owner, reader, things, entries):
    tag = lab.remarks.add_tag(owner, " Good ")
    assert (tag.name, tag.created_by) == ("Good", owner.user.id)
    for kind, thing in things:
        link = lab.remarks.link(owner, kind, thing, tag.id)
        assert (link.tag, link.kind, link.thing_id) == (tag, kind, thing)
        assert (link.created_by, link.created_on) == (owner.user.id, tag.created_on)
        assert lab.remarks.links(reader, kind, thing) == [link]
        assert lab.remarks.get_link(reader, link.id) == link
        with pytest.raises(Conflict):
            lab.remarks.link(owner, kind, thing, tag.id)
    for kind, thing in things:
        (link,) = lab.remarks.links(reader, kind, thing)
        lab.remarks.unlink(owner, link.id)
        assert lab.remarks.links(reader, kind, thing) == []
        for verb in (lab.remarks.get_link, lab.remarks.unlink):
            with pytest.raises(NotFound):
                verb(owner, link.id)
    found = [each.verb for each in entries() if each.kind == "tag link"]
    assert found == ["create"] * 4 + ["remove"] * 4


def test_words_of_slides_are_tags_both_ways(lab, owner, study, slide, reader):
    retag(lab, owner, slide, "HE", "Good")
    links = lab.remarks.links(reader, ThingKind.SLIDE, slide.id)
    assert sorted(words(each.tag for each in links)) == ["Good", "HE"]
    assert links[0].created_by is None
    lab.remarks.unlink(owner, next(each.id for each in links if each.tag.name == "HE"))
    assert lab.slides.get(owner, slide.id).tags == ("Good",)
    more = lab.remarks.add_tag(owner, "new")
    lab.remarks.link(owner, ThingKind.SLIDE, slide.id, more.id)
    assert lab.slides.get(owner, slide.id).tags == ("Good", "new")
    retag(lab, owner, slide)
    assert lab.remarks.links(reader, ThingKind.SLIDE, slide.id) == []


def test_word_in_other_letters_is_the_same_tag(lab, owner, slide):
    retag(lab, owner, slide, "good")
    with pytest.raises(Conflict) as refused:
        lab.remarks.add_tag(owner, "GOOD")
    number = refused.value.details["current"]
    with pytest.raises(Conflict):
        lab.remarks.link(owner, ThingKind.SLIDE, slide.id, number)
    (link,) = lab.remarks.links(owner, ThingKind.SLIDE, slide.id)
    retag(lab, owner, slide, "GOOD", "good")
    assert lab.remarks.links(owner, ThingKind.SLIDE, slide.id) == [link]
    lab.remarks.unlink(owner, link.id)
    assert lab.slides.get(owner, slide.id).tags == ()


def test_many_tags_are_made_and_linked_or_none(lab, owner, slide, entries):
    made = lab.remarks.add_tags(owner, ["a", "b"])
    assert words(made) == ["a", "b"]
    ids = [each.id for each in made]
    before = list(entries())
    for refused, error in ((["c", "A"], Conflict), (["c", "c"], Conflict), (["c", ""], Invalid)):
        with pytest.raises(error):
            lab.remarks.add_tags(owner, refused)
    with pytest.raises(NotFound):
        lab.remarks.link_all(owner, ThingKind.SLIDE, slide.id, [*ids, 10**9])
    with pytest.raises(Conflict):
        lab.remarks.link_all(owner, ThingKind.SLIDE, slide.id, [ids[0], ids[0]])
    assert (list(entries()), words(lab.remarks.tags(owner))) == (before, ["a", "b"])
    assert lab.slides.get(owner, slide.id).tags == ()
    links = lab.remarks.link_all(owner, ThingKind.SLIDE, slide.id, ids)
    assert words(each.tag for each in links) == ["a", "b"]
    assert lab.slides.get(owner, slide.id).tags == ("a", "b")


def test_tag_is_renamed_wherever_it_is(lab, owner, slide, things):
    tag = lab.remarks.add_tag(owner, "god")
    for kind, thing in things:
        lab.remarks.link(owner, kind, thing, tag.id)
    for name in ("good", "Good"):
        assert lab.remarks.rename_tag(owner, tag.id, name).name == name
        assert lab.slides.get(owner, slide.id).tags == (name,)
        for kind, thing in things:
            assert words(each.tag for each in lab.remarks.links(owner, kind, thing)) == [name]
    other = lab.remarks.add_tag(owner, "other")
    with pytest.raises(Conflict):
        lab.remarks.rename_tag(owner, other.id, "GOOD")
    assert words(lab.remarks.tags(owner)) == ["Good", "other"]


def test_tag_is_removed_wherever_it_is(lab, owner, slide, things, entries):
    retag(lab, owner, slide, "kept")
    tag = lab.remarks.add_tag(owner, "bad")
    for kind, thing in things:
        lab.remarks.link(owner, kind, thing, tag.id)
    lab.remarks.remove_tag(owner, tag.id)
    assert lab.slides.get(owner, slide.id).tags == ("kept",)
    assert words(lab.remarks.tags(owner)) == ["kept"]
    with pytest.raises(NotFound):
        lab.remarks.tag(owner, tag.id)
    found = [(each.verb, each.thing_id) for each in entries() if each.kind == "tag"]
    assert found == [("create", tag.id), ("remove", tag.id)]


def test_who_may_what(lab, owner, editor, reader, stranger, things):
    tag = lab.remarks.add_tag(owner, "a")
    for kind, thing in things:
        with pytest.raises(NotAllowed):
            lab.remarks.link(reader, kind, thing, tag.id)
        link = lab.remarks.link(owner, kind, thing, tag.id)
        with pytest.raises(NotAllowed):
            lab.remarks.unlink(reader, link.id)
        for verb in (
            lambda link=link: lab.remarks.unlink(stranger, link.id),
            lambda link=link: lab.remarks.get_link(stranger, link.id),
            lambda kind=kind, thing=thing: lab.remarks.links(stranger, kind, thing),
            lambda kind=kind, thing=thing: lab.remarks.link(stranger, kind, thing, tag.id),
        ):
            with pytest.raises(NotFound):
                verb()
    for change in (
        lambda: lab.remarks.rename_tag(editor, tag.id, "mine"),
        lambda: lab.remarks.remove_tag(editor, tag.id),
    ):
        with pytest.raises(NotAllowed):
            change()


def test_tag_is_told_to_who_sees_a_thing_that_has_it(lab, owner, study, reader, stranger, things):
    for number, (kind, thing) in enumerate(things):
        tag = lab.remarks.add_tag(owner, f"tag {number}")
        assert tag not in lab.remarks.tags(reader)
        with pytest.raises(NotFound):
            lab.remarks.tag(reader, tag.id)
        lab.remarks.link(owner, kind, thing, tag.id)
        assert tag in lab.remarks.tags(reader)
        assert lab.remarks.tag(reader, tag.id) == tag
    assert lab.remarks.tags(stranger) == []
    assert len(lab.remarks.tags(owner)) == 4


def test_tag_of_a_shape_that_one_may_not_see_is_not_told(lab, owner, study, slide, reader):
    layer = lab.layers.create(owner, study.id, "each their own")
    drawn = Feature(ShapeKind.POLYGON, shapely.box(1, 2, 3, 4))
    (hidden,) = lab.drawing.add(owner, slide.id, layer.id, [(None, drawn)])
    (own,) = lab.drawing.add(reader, slide.id, layer.id, [(None, drawn)])
    secret, open_one = (lab.remarks.add_tag(owner, each) for each in ("secret", "open"))
    lab.remarks.link(owner, ThingKind.ANNOTATION, hidden.id, secret.id)
    lab.remarks.link(owner, ThingKind.ANNOTATION, own.id, open_one.id)
    assert lab.remarks.tags(reader) == [open_one]


def test_tag_that_others_made_can_be_made_ones_own(lab, owner, study, reader, stranger):
    tag = lab.remarks.add_tag(reader, "shared")
    again = lab.remarks.add_tag(stranger, "Shared")
    assert (again.id, again.name) == (tag.id, "shared")
    assert lab.remarks.tags(stranger) == [tag]
    with pytest.raises(Conflict):
        lab.remarks.add_tag(stranger, "shared")
    # From then on neither of them may change it, since it is the other's, too.
    for actor in (reader, stranger):
        with pytest.raises(NotAllowed):
            lab.remarks.remove_tag(actor, tag.id)
    lab.remarks.remove_tag(owner, tag.id)


def test_maker_changes_a_tag_that_is_on_things_that_they_may_change(
    lab, owner, study, slide, editor
):
    tag = lab.remarks.add_tag(editor, "mine")
    lab.remarks.link(editor, ThingKind.SLIDE, slide.id, tag.id)
    assert lab.remarks.rename_tag(editor, tag.id, "ours").name == "ours"
    other = lab.studies.create(owner, "other")
    lab.remarks.link(owner, ThingKind.STUDY, other.id, tag.id)
    for change in (
        lambda: lab.remarks.rename_tag(editor, tag.id, "mine"),
        lambda: lab.remarks.remove_tag(editor, tag.id),
    ):
        with pytest.raises(NotAllowed):
            change()
    assert lab.slides.get(owner, slide.id).tags == ("ours",)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "t" * 201, "\u202e", "\ud800"])
def test_hostile_names_are_refused(lab, owner, name):
    tag = lab.remarks.add_tag(owner, "a'; DROP TABLE tags; --")
    with pytest.raises(Invalid):
        lab.remarks.add_tag(owner, name)
    with pytest.raises(Invalid):
        lab.remarks.rename_tag(owner, tag.id, name)
    assert lab.remarks.tags(owner) == [tag]


@pytest.mark.parametrize("number", [0, -1, 999, 1 << 70])
def test_what_there_is_not_is_not_found(lab, owner, study, number):
    for verb in (
        lambda: lab.remarks.tag(owner, number),
        lambda: lab.remarks.rename_tag(owner, number, "a"),
        lambda: lab.remarks.remove_tag(owner, number),
        lambda: lab.remarks.get_link(owner, number),
        lambda: lab.remarks.unlink(owner, number),
        lambda: lab.remarks.link(owner, ThingKind.STUDY, study.id, number),
    ):
        with pytest.raises(NotFound):
            verb()


def test_things_and_makers_have_not_too_many_tags(lab, owner, study, slide, stranger, monkeypatch):
    retag(lab, owner, slide, *(f"{number}" for number in range(100)))
    more = lab.remarks.add_tag(owner, "more")
    with pytest.raises(Invalid):
        lab.remarks.link(owner, ThingKind.SLIDE, slide.id, more.id)
    monkeypatch.setattr(tagging, "MOST_MADE", 1)
    lab.remarks.add_tag(stranger, "a")
    with pytest.raises(Invalid):
        lab.remarks.add_tag(stranger, "b")


def test_limited_tokens_make_no_tags(lab, as_user, study):
    limited = as_user("editor@lab", rights="view edit", study=study, read_studies=[study.name])
    with pytest.raises(NotAllowed):
        lab.remarks.add_tag(limited, "a")
