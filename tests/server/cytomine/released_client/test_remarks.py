"""The released client's properties, tags, descriptions and attached files."""

from __future__ import annotations

import pytest
from cytomine.models import (
    AbstractImage,
    Annotation,
    AttachedFile,
    AttachedFileCollection,
    Description,
    ImageInstance,
    Property,
    PropertyCollection,
    Tag,
    TagCollection,
    TagDomainAssociation,
    TagDomainAssociationCollection,
)
from cytomine_client import connected

KINDS = ["project", "image", "abstract image", "annotation"]


@pytest.fixture
def things(given):
    """One of each kind that can have remarks."""
    return {
        "project": given.project,
        "image": given.image,
        "abstract image": AbstractImage().fetch(given.image.baseImage),
        "annotation": Annotation("POINT (10 20)", given.image.id).save(),
    }


def values(thing):
    return {each.key: each.value for each in PropertyCollection(thing).fetch()}


@pytest.mark.parametrize("kind", KINDS)
def test_property_is_made_found_changed_and_removed(lab, things, watched, kind):
    thing, key = things[kind], lab.name("a key with ü/&")
    made = Property(thing, key, "first").save()
    assert (made.key, made.value) == (key, "first")
    assert (made.domainIdent, made.domainClassName) == (thing.id, thing.class_)
    fetched = Property(thing).fetch(made.id)
    assert (fetched.key, fetched.value) == (key, "first")
    made.value = "second"
    assert made.update()
    assert values(thing)[key] == "second"
    assert made.delete()
    assert key not in values(thing)
    assert Property(thing).fetch(made.id) is False
    assert watched.last.status_code == 404


@pytest.mark.parametrize("kind", KINDS)
def test_property_is_found_by_its_key(things, watched, kind):
    thing = things[kind]
    made = Property(thing, "stain ü", "HE").save()
    found = Property(thing).fetch(key="stain ü")
    assert (found.id, found.value) == (made.id, "HE")
    assert Property(thing).fetch(key="nothing") is False
    assert watched.last.status_code == 404


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_become_texts(things, kind):
    thing = things[kind]
    for key, value, text in (("whole", 10, "10"), ("real", 0.25, "0.25"), ("text", "ü", "ü")):
        assert Property(thing, key, value).save().value == text
        assert values(thing)[key] == text


@pytest.mark.parametrize("kind", KINDS)
def test_many_properties_are_saved_at_once(things, kind):
    thing = things[kind]
    many = PropertyCollection(thing)
    many.extend(Property(thing, f"key {n}", n) for n in range(30))
    assert many.save() is True
    expected = {f"key {n}": str(n) for n in range(30)}
    assert expected.items() <= values(thing).items()


def test_image_tells_its_case(lab, given, demo_slide):
    slide = lab.add_slide(given.project.id, demo_slide, case="Jane Doe", case_public="A-17")
    image = ImageInstance().fetch(slide)
    assert values(image)["case"] == "Jane Doe"
    email = lab.new_person("member")
    lab.set_rights(given.project.id, email, ["view"])
    with connected(lab, email):
        assert values(image)["case"] == "A-17"
        assert Property(image, "mine", "1").save() is False


def test_properties_are_those_of_the_shape(lab, given, things):
    Property(things["annotation"], "score", "0.75").save()
    (shape,) = lab.shapes(given.project.id)
    assert shape["properties"]["properties"] == {"score": "0.75"}


def test_stranger_reads_no_remarks(lab, things, watched):
    with connected(lab, lab.new_person("stranger")):
        for kind, thing in things.items():
            assert PropertyCollection(thing).fetch() is False, kind
            assert watched.last.status_code == 403
            assert Property(thing, "mine", "1").save() is False
            assert watched.last.status_code == 403
            assert Description(thing).fetch() is False
            assert TagDomainAssociationCollection(thing).fetch() is False
            assert watched.last.status_code == 403


@pytest.mark.parametrize("kind", KINDS)
def test_tags_are_given_and_taken(lab, things, watched, kind):
    thing = things[kind]
    tag = Tag(lab.name("tag")).save()
    assert tag.name in {each.name for each in TagCollection().fetch()}
    assert Tag(tag.name).save() is False
    assert watched.last.status_code == 409
    link = TagDomainAssociation(thing, tag.id).save()
    assert (link.tag, link.tagName, link.domainIdent) == (tag.id, tag.name, thing.id)
    assert [each.tagName for each in TagDomainAssociationCollection(thing).fetch()] == [tag.name]
    assert TagDomainAssociation(thing).fetch(link.id).tag == tag.id
    assert link.delete()
    assert len(TagDomainAssociationCollection(thing).fetch()) == 0
    renamed = lab.name("tag")
    assert tag.update(name=renamed)
    assert Tag().fetch(tag.id).name == renamed
    assert tag.delete()
    assert Tag().fetch(tag.id) is False


def test_tags_of_images_are_those_of_slides(lab, given, client, demo_slide):
    slide = lab.add_slide(given.project.id, demo_slide, tags=["checked"])
    image = ImageInstance().fetch(slide)
    assert [each.tagName for each in TagDomainAssociationCollection(image).fetch()] == ["checked"]
    tag = Tag(lab.name("tag")).save()
    link = TagDomainAssociation(image, tag.id).save()
    assert set(lab.ask("GET", f"slides/{slide}")["tags"]) == {"checked", tag.name}
    assert link.delete()
    assert lab.ask("GET", f"slides/{slide}")["tags"] == ["checked"]


@pytest.mark.parametrize("kind", KINDS)
def test_description_is_written_and_removed(things, watched, kind):
    thing = things[kind]
    assert Description(thing).fetch() is False
    assert watched.last.status_code == 404
    made = Description(thing, "<p>What is <b>seen</b></p><script>alert(1)</script>").save()
    text = Description(thing).fetch().data
    assert "<b>seen</b>" in text
    assert "script" not in text
    assert made.update(data="<p>Another</p>")
    assert Description(thing).fetch().data == "<p>Another</p>"
    assert made.delete()
    assert Description(thing).fetch() is False


@pytest.mark.parametrize("kind", KINDS)
def test_file_is_attached_and_comes_back(lab, things, tmp_path, watched, kind):
    thing = things[kind]
    file = tmp_path / "report ü.txt"
    file.write_text("What was found.")
    made = AttachedFile(thing, str(file)).save()
    assert made.id
    (found,) = AttachedFileCollection(thing).fetch()
    assert (found.id, found.filename) == (made.id, file.name)
    assert (found.domainIdent, found.domainClassName) == (thing.id, thing.class_)
    assert found.download(str(tmp_path / "back.txt"))
    assert (tmp_path / "back.txt").read_text() == "What was found."
    named = AttachedFile(thing, "other.txt", str(file)).save()
    assert {each.filename for each in AttachedFileCollection(thing).fetch()} == {
        file.name,
        "other.txt",
    }
    with connected(lab, lab.new_person("stranger")):
        assert AttachedFileCollection(thing).fetch() is False
        assert watched.last.status_code == 403
        assert found.download(str(tmp_path / "refused.txt")) is False
        assert AttachedFile(thing, str(file)).save() is False
        assert watched.last.status_code == 403
    assert named.delete()
    assert [each.id for each in AttachedFileCollection(thing).fetch()] == [made.id]
