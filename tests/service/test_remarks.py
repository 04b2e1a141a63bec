"""Properties and descriptions of things: who reads and writes them, and what becomes of them."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from wsi_lab.errors import Conflict, Invalid, NotAllowed, NotFound
from wsi_lab.geometry.columns import ShapeColumns
from wsi_lab.model.annotation import ShapeKind, Source
from wsi_lab.model.feature import Feature
from wsi_lab.model.layer import FIRST_BULK_ID
from wsi_lab.model.remark import ThingKind, property_id

WKT = Source("cytomine-wkt", "POLYGON ((0 0, 0 20, 20 20, 0 0))")


@pytest.fixture
def layer(lab, owner, study):
    return lab.layers.create(owner, study.id, "nuclei", is_shared=True)


@pytest.fixture
def shape(lab, owner, slide, layer):
    drawn = Feature(
        ShapeKind.POLYGON, shapely.Polygon([(0, 2967), (0, 2947), (20, 2947)]), ("a",),
        {"grade": 3, "seen": True, "note": "old", "list": [1, None]}, WKT,
    )  # fmt: skip
    return lab.drawing.add(owner, slide.id, layer.id, [(None, drawn)])[0]


@pytest.fixture
def things(lab, owner, study, slide, shape):
    """One of each kind, by kind."""
    image = lab.images.instance(owner, slide.id).image_id
    return {
        ThingKind.STUDY: study.id,
        ThingKind.SLIDE: slide.id,
        ThingKind.IMAGE: image,
        ThingKind.ANNOTATION: shape.id,
    }


@pytest.fixture
def editor(as_user, study):
    return as_user("editor@lab", rights="view edit results", study=study)


@pytest.fixture
def reader(as_user, study):
    return as_user("reader@lab", rights="view score", study=study)


@pytest.fixture
def stranger(as_user):
    return as_user("stranger@lab")


def said(properties) -> list[tuple[str, str]]:
    return [(each.key, each.value) for each in properties]


KINDS = list(ThingKind)
OWN_ROWS = [ThingKind.STUDY, ThingKind.SLIDE, ThingKind.IMAGE]


@pytest.mark.parametrize("kind", KINDS)
def test_life_of_a_property(lab, editor, reader, things, kind, entries):
    thing = things[kind]
    before = said(lab.remarks.properties(reader, kind, thing))
    pairs = [("stain batch", "Ä-7"), ("count", 12)]
    added = lab.remarks.add_properties(editor, kind.value, thing, pairs)
    assert said(added) == [("stain batch", "Ä-7"), ("count", "12")]
    assert said(lab.remarks.properties(reader, kind, thing)) == [*before, *said(added)]
    one = lab.remarks.by_key(reader, kind, thing, "count")
    assert one == added[1] == lab.remarks.property(reader, kind, thing, one.id)
    assert (one.kind, one.thing_id) == (kind, thing)
    changed = lab.remarks.change_property(editor, kind, thing, one.id, value=0.5)
    assert (changed.key, changed.value) == ("count", "0.5")
    renamed = lab.remarks.change_property(editor, kind, thing, changed.id, key="share")
    assert said([renamed]) == [("share", "0.5")]
    seen = len(entries())
    assert lab.remarks.change_property(editor, kind, thing, renamed.id, value="0.5") == renamed
    assert len(entries()) == seen
    lab.remarks.remove_property(editor, kind, thing, renamed.id)
    assert said(lab.remarks.properties(reader, kind, thing)) == [*before, ("stain batch", "Ä-7")]
    for look in (lab.remarks.property, lab.remarks.remove_property):
        with pytest.raises(NotFound):
            look(editor, kind, thing, renamed.id)
    with pytest.raises(NotFound):
        lab.remarks.by_key(reader, kind, thing, "share")


@pytest.mark.parametrize("kind", KINDS)
def test_who_may_what(lab, owner, reader, stranger, things, kind):
    thing = things[kind]
    (one,) = lab.remarks.add_properties(owner, kind, thing, [("k", "v")])
    lab.remarks.put_description(owner, kind, thing, "<p>x</p>")
    changes = (
        lambda actor: lab.remarks.add_properties(actor, kind, thing, [("b", "c")]),
        lambda actor: lab.remarks.change_property(actor, kind, thing, one.id, value="w"),
        lambda actor: lab.remarks.remove_property(actor, kind, thing, one.id),
        lambda actor: lab.remarks.put_description(actor, kind, thing, "y"),
        lambda actor: lab.remarks.remove_description(actor, kind, thing),
    )
    looks = (
        lambda actor: lab.remarks.properties(actor, kind, thing),
        lambda actor: lab.remarks.property(actor, kind, thing, one.id),
        lambda actor: lab.remarks.by_key(actor, kind, thing, "k"),
        lambda actor: lab.remarks.description(actor, kind, thing),
    )
    for look in looks:
        look(reader)
    for change in changes:
        with pytest.raises(NotAllowed):
            change(reader)
    for verb in (*changes, *looks):
        with pytest.raises(NotFound):
            verb(stranger)
    assert lab.remarks.by_key(owner, kind, thing, "k").value == "v"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("thing", [0, -4, 999, FIRST_BULK_ID + 5, 1 << 70])
def test_nothing_is_said_of_what_there_is_not(lab, owner, things, kind, thing):
    for verb in (
        lambda: lab.remarks.properties(owner, kind, thing),
        lambda: lab.remarks.add_properties(owner, kind, thing, [("k", "v")]),
        lambda: lab.remarks.put_description(owner, kind, thing, "x"),
        lambda: lab.remarks.links(owner, kind, thing),
    ):
        with pytest.raises(NotFound):
            verb()


def test_nothing_is_said_of_other_kinds_of_things(lab, owner, study):
    for kind in ("study", "", "annotation'; DROP TABLE remarks; --"):
        with pytest.raises(Invalid):
            lab.remarks.properties(owner, kind, study.id)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "pairs",
    [
        [("", "v")],
        [("a\nb", "v")],
        [("k" * 201, "v")],
        [("\u200b", "v")],
        [("ok", "v"), ("k", "a\x00b")],
        [("k", "v" * 100_001)],
        [("half", "a pair \ud800")],
        [(f"k{number}", "v") for number in range(1001)],
    ],
)
def test_hostile_properties_are_refused_all_or_none(lab, owner, things, kind, pairs):
    before = lab.remarks.properties(owner, kind, things[kind])
    with pytest.raises(Invalid):
        lab.remarks.add_properties(owner, kind, things[kind], pairs)
    assert lab.remarks.properties(owner, kind, things[kind]) == before


@pytest.mark.parametrize("kind", KINDS)
def test_thing_has_not_too_many_properties(lab, owner, things, kind):
    pairs = [(f"k{number}", "v") for number in range(990)]
    lab.remarks.add_properties(owner, kind, things[kind], pairs)
    with pytest.raises(Invalid, match="1,000"):
        lab.remarks.add_properties(owner, kind, things[kind], [(f"x{n}", "") for n in range(11)])


@pytest.mark.parametrize("kind", OWN_ROWS)
def test_equal_keys_are_kept(lab, owner, things, kind):
    for _ in range(2):
        lab.remarks.add_properties(owner, kind, things[kind], [("k", "v")])
    found = [each for each in lab.remarks.properties(owner, kind, things[kind]) if each.key == "k"]
    assert len({each.id for each in found}) == 2


def test_changes_are_in_the_audit(lab, owner, study, things, entries):
    kind, thing = ThingKind.SLIDE, things[ThingKind.SLIDE]
    (one,) = lab.remarks.add_properties(owner, kind, thing, [("k", "v")])
    lab.remarks.change_property(owner, kind, thing, one.id, value="w")
    lab.remarks.remove_property(owner, kind, thing, one.id)
    found = [each for each in entries() if each.kind == "property"]
    assert [(each.verb, each.thing_id, each.study_id) for each in found] == [
        (verb, one.id, study.id) for verb in ("create", "change", "remove")
    ]
    assert '"value":"w"' in (found[2].before or "")


def test_properties_of_a_shape_are_its_own(lab, owner, shape, things):
    kind = ThingKind.ANNOTATION
    told = lab.remarks.properties(owner, kind, shape.id)
    assert said(told) == [("grade", "3"), ("seen", "true"), ("note", "old"), ("list", "[1,null]")]
    assert told[0].id == property_id(kind, shape.id, "grade")
    lab.remarks.add_properties(owner, kind, shape.id, [("more", 1)])
    lab.remarks.change_property(owner, kind, shape.id, told[2].id, value="new")
    lab.remarks.remove_property(owner, kind, shape.id, told[1].id)
    after = lab.drawing.get(owner, shape.id)
    assert dict(after.properties) == {"grade": 3, "note": "new", "list": [1, None], "more": "1"}
    # All else of the shape is as it was, down to the words it came in.
    assert (after.shape, after.labels, after.source) == (shape.shape, shape.labels, WKT)
    assert (after.position, after.area) == (shape.position, shape.area)
    history = lab.drawing.history(owner, shape.id)
    assert [dict(each.properties).get("note") for each in history] == ["old", "old", "new", "new"]
    assert after.revision == shape.revision + 3


def test_shape_keeps_labels_of_other_label_sets(lab, owner, study, shape):
    ontology = lab.ontologies.of_study(owner, study.id)
    lab.label_sets.create(owner, study.id, "other", [])
    term = lab.ontologies.add_term(owner, ontology.id, "elsewhere")
    lab.shapes.add_label(owner, shape.id, term.id)
    lab.remarks.add_properties(owner, ThingKind.ANNOTATION, shape.id, [("k", "v")])
    after = lab.drawing.get(owner, shape.id)
    assert [each.id for each in after.labels] == [shape.labels[0].id, term.id]


def test_shape_has_one_property_of_a_key(lab, owner, shape):
    kind = ThingKind.ANNOTATION
    for pairs in ([("grade", "4")], [("new", 1), ("new", 2)]):
        with pytest.raises(Conflict):
            lab.remarks.add_properties(owner, kind, shape.id, pairs)
    number = property_id(kind, shape.id, "grade")
    with pytest.raises(Conflict):
        lab.remarks.change_property(owner, kind, shape.id, number, key="note")
    assert lab.drawing.get(owner, shape.id) == shape


def test_properties_of_a_shape_have_a_size(lab, owner, shape):
    kind = ThingKind.ANNOTATION
    pairs = [(f"k{number}", "v" * 100_000) for number in range(11)]
    with pytest.raises(Invalid, match="1 MiB"):
        lab.remarks.add_properties(owner, kind, shape.id, pairs)
    assert lab.drawing.get(owner, shape.id) == shape


def test_who_draws_may_say_something_of_their_own_shapes_only(
    lab, owner, reader, slide, layer, shape
):
    drawn = Feature(ShapeKind.POLYGON, shapely.box(1, 2, 3, 4))
    (own,) = lab.drawing.add(reader, slide.id, layer.id, [(None, drawn)])
    assert lab.remarks.add_properties(reader, ThingKind.ANNOTATION, own.id, [("k", "v")])
    with pytest.raises(NotAllowed):
        lab.remarks.add_properties(reader, ThingKind.ANNOTATION, shape.id, [("k", "v")])


def test_shapes_that_one_may_not_see_are_not_there(lab, owner, reader, study, slide):
    hidden = lab.layers.create(owner, study.id, "each their own")
    drawn = Feature(ShapeKind.POLYGON, shapely.box(1, 2, 3, 4))
    (one,) = lab.drawing.add(owner, slide.id, hidden.id, [(None, drawn)])
    with pytest.raises(NotFound):
        lab.remarks.properties(reader, ThingKind.ANNOTATION, one.id)


def test_shape_of_a_load_that_something_is_said_of_becomes_one_drawn_by_hand(
    lab, owner, reader, slide, layer
):
    columns = ShapeColumns.from_geometries(
        [shapely.box(1, 2, 3, 4), shapely.box(5, 6, 7, 8)],
        properties={"score": np.array([0.5, 0.25])},
    )
    load = lab.loads.load(owner, layer.id, slide.id, columns, author="net 1.0")
    kind, bulk = ThingKind.ANNOTATION, load.first_id + 1
    assert said(lab.remarks.properties(reader, kind, bulk)) == [("score", "0.25")]
    tag = lab.remarks.add_tag(owner, "look")
    lab.remarks.link(owner, kind, bulk, tag.id)
    lab.remarks.put_description(owner, kind, bulk, "odd")
    with pytest.raises(NotAllowed):
        lab.remarks.add_properties(reader, kind, bulk, [("k", "v")])
    (added,) = lab.remarks.add_properties(owner, kind, bulk, [("k", "v")])
    shape = lab.drawing.get(owner, added.thing_id)
    assert (shape.bulk_id, shape.author) == (bulk, "net 1.0")
    assert dict(shape.properties) == {"score": 0.25, "k": "v"}
    # By either id it is the same shape, and what was said of it before is said of it still.
    for number in (bulk, shape.id):
        assert said(lab.remarks.properties(reader, kind, number)) == [("score", "0.25"), ("k", "v")]
        assert [each.tag for each in lab.remarks.links(reader, kind, number)] == [tag]
        assert lab.remarks.description(reader, kind, number).html == "odd"
    lab.drawing.remove(owner, shape.id, shape.revision)
    with pytest.raises(NotFound):
        lab.remarks.properties(reader, kind, bulk)


def test_slide_tells_its_case_by_the_name_that_one_may_know(lab, owner, study, slide, reader):
    kind = ThingKind.SLIDE
    assert said(lab.remarks.properties(owner, kind, slide.id)) == [("case", "Müller")]
    (told,) = lab.remarks.properties(reader, kind, slide.id)
    assert (told.key, told.value) == ("case", "C1")
    assert lab.remarks.by_key(reader, kind, slide.id, "case") == told
    for change in (
        lambda: lab.remarks.change_property(owner, kind, slide.id, told.id, value="x"),
        lambda: lab.remarks.remove_property(owner, kind, slide.id, told.id),
        lambda: lab.remarks.add_properties(owner, kind, slide.id, [("a", "b"), ("case", "x")]),
    ):
        with pytest.raises(Invalid):
            change()
    assert said(lab.remarks.properties(owner, kind, slide.id)) == [("case", "Müller")]
    loose = lab.slides.change(owner, slide.id, revision=slide.revision, case_id=None)
    assert lab.remarks.properties(owner, kind, loose.id) == []


def test_image_that_was_sent_is_its_senders_to_remark_on(
    lab, owner, study, editor, demo_slide, as_user
):
    arriving = lab.images.receive(editor, "a.svs", study_ids=[study.id])
    arriving.write([demo_slide.read_bytes()])
    sent = lab.images.register_upload(editor, arriving, study_ids=[study.id])
    kind = ThingKind.IMAGE
    lab.remarks.add_properties(editor, kind, sent.image.id, [("k", "v")])
    colleague = as_user("colleague@lab", rights="view edit", study=study)
    assert said(lab.remarks.properties(colleague, kind, sent.image.id)) == [("k", "v")]
    with pytest.raises(NotAllowed):
        lab.remarks.add_properties(colleague, kind, sent.image.id, [("k", "w")])
    lab.remarks.add_properties(owner, kind, sent.image.id, [("more", "w")])


def test_descriptions_are_harmless_html(lab, owner, reader, things, entries):
    for kind, thing in things.items():
        with pytest.raises(NotFound):
            lab.remarks.description(reader, kind, thing)
        html = '<b onclick="x()">HER2</b><script>y()</script>'
        made = lab.remarks.put_description(owner, kind, thing, html)
        assert made.html == "<b>HER2</b>"
        assert lab.remarks.description(reader, kind, thing) == made
        assert lab.remarks.put_description(owner, kind, thing, "<i>2</i>").html == "<i>2</i>"
        with pytest.raises(Invalid):
            lab.remarks.put_description(owner, kind, thing, "x" * 20_001)
        lab.remarks.remove_description(owner, kind, thing)
        for verb in (lab.remarks.description, lab.remarks.remove_description):
            with pytest.raises(NotFound):
                verb(owner, kind, thing)
    found = [each for each in entries() if each.kind == "project description"]
    assert [each.verb for each in found] == ["create", "change", "remove"]


def test_description_of_a_slide_is_the_one_it_has_everywhere(lab, owner, slide):
    lab.slides.set_description(owner, slide.id, "<p>from elsewhere</p>")
    kind = ThingKind.SLIDE
    assert lab.remarks.description(owner, kind, slide.id).html == "<p>from elsewhere</p>"
    lab.remarks.put_description(owner, kind, slide.id, "<p>new</p>")
    assert lab.slides.get(owner, slide.id).description == "<p>new</p>"


def test_remarks_go_with_their_things(lab, owner, study, slide, shape, things):
    for kind, thing in things.items():
        lab.remarks.add_properties(owner, kind, thing, [("k", "v")])
        lab.remarks.put_description(owner, kind, thing, "x")
    shape = lab.drawing.get(owner, shape.id)
    lab.drawing.remove(owner, shape.id, shape.revision)
    lab.studies.remove(owner, study.id, revision=lab.studies.get(owner, study.id).revision)
    counted = {
        table: lab._database.read(
            lambda c, table=table: [row[0] for row in c.execute(f"SELECT kind FROM {table}")]
        )
        for table in ("remarks", "descriptions")
    }
    assert counted == {"remarks": ["abstractimage"], "descriptions": ["abstractimage"]}
