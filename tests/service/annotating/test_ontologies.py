"""Ontologies and terms: one for each study, made before it or with it, and its labels."""

from __future__ import annotations

from pathlib import Path

import pytest
import shapely

from wsi_lab.errors import Conflict, Invalid, NotAllowed, NotFound
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Feature
from wsi_lab.model.layer import NewLabel
from wsi_lab.service.annotating import ontologies


@pytest.fixture
def ontology(lab, owner, study):
    return lab.ontologies.of_study(owner, study.id)


@pytest.fixture
def reader(as_user, study):
    return as_user("reader@lab", rights="view score", study=study)


@pytest.fixture
def editor(as_user, study):
    return as_user("editor@lab", rights="view edit", study=study)


@pytest.fixture
def stranger(as_user):
    return as_user("stranger@lab")


def names(terms) -> list[str]:
    return [each.name for each in terms]


def verbs(entries, *kinds: str) -> list[tuple[str, str, int | None]]:
    return [(each.verb, each.kind, each.study_id) for each in entries() if each.kind in kinds]


def test_every_study_has_one_ontology_however_it_was_made(lab, owner, study, tmp_path: Path):
    folder = tmp_path / "incoming"
    folder.mkdir()
    (folder / "study.imported.scores").write_text("Grade;Integer")
    imported = lab.configuration.import_folder(owner, folder).study_id
    found = lab.ontologies.list(owner)
    assert [(each.study_id, each.name) for each in found] == [
        (study.id, study.name),
        (imported, "imported"),
    ]
    again = lab.configuration.reimport(owner, "imported").study_id
    assert (again, len(lab.ontologies.list(owner))) == (imported, 2)
    # It is called like its study for as long as it has no name of its own.
    renamed = lab.studies.change(owner, study.id, revision=study.revision, name="another")
    assert lab.ontologies.of_study(owner, study.id).name == renamed.name


def test_terms_are_the_labels_of_all_label_sets(lab, owner, study, ontology, reader):
    layer = lab.layers.create(owner, study.id, "nuclei", labels=[NewLabel("mitosis", "#AA0000")])
    tissue = lab.label_sets.create(owner, study.id, "tissue", [NewLabel("fat", None, "white")])
    added = lab.ontologies.add_term(owner, ontology.id, "stroma")
    found = lab.ontologies.terms(reader, ontology_id=ontology.id)
    assert names(found) == ["mitosis", "fat", "stroma"]
    assert [each.id for each in found[:2]] == [layer.labels[0].id, tissue.labels[0].id]
    assert (found[0].colour, found[1].description) == ("#aa0000", "white")
    assert lab.ontologies.terms(reader, study_id=study.id) == found
    assert lab.ontologies.terms(reader) == found
    assert lab.ontologies.term(reader, added.id) == found[2]
    lab.label_sets.remove_label(owner, tissue.labels[0].id)
    assert names(lab.ontologies.terms(reader, study_id=study.id)) == ["mitosis", "stroma"]


def test_new_terms_go_into_a_label_set_called_like_the_study(lab, editor, owner, study, ontology):
    lab.label_sets.create(owner, study.id, study.name)
    first = lab.ontologies.add_term(editor, ontology.id, "a", "#00FF00", comment="what it is")
    second = lab.ontologies.add_term(editor, ontology.id, "b")
    own = lab.label_sets.get(owner, lab.ontologies.get(owner, ontology.id).label_set_id)
    assert (own.name, [each.id for each in own.labels]) == (
        f"{study.name} 2",
        [first.id, second.id],
    )
    assert (first.colour, first.description) == ("#00ff00", "what it is")
    assert second.colour != first.colour


def test_names_of_terms_are_unique_in_all_of_an_ontology(lab, owner, study, ontology):
    lab.label_sets.create(owner, study.id, "tissue", [NewLabel("fat")])
    term = lab.ontologies.add_term(owner, ontology.id, "stroma")
    for taken in ("fat", "stroma"):
        with pytest.raises(Conflict):
            lab.ontologies.add_term(owner, ontology.id, taken)
    with pytest.raises(Conflict):
        lab.ontologies.change_term(owner, term.id, name="fat")
    assert lab.ontologies.change_term(owner, term.id, name="stroma") == term


def test_many_terms_are_added_or_none(lab, owner, ontology, entries):
    new = ontologies.NewTerm
    tissue = lab.ontologies.add_term(owner, ontology.id, "tissue")
    before = list(entries())
    good = new(ontology.id, NewLabel("fat", "#FFFF00", "white"), tissue.id)
    for bad, error in (
        (new(ontology.id, NewLabel("fat")), Conflict),
        (new(ontology.id, NewLabel("")), Invalid),
        (new(10**9, NewLabel("bone")), NotFound),
    ):
        with pytest.raises(error):
            lab.ontologies.add_terms(owner, [good, bad])
    assert list(entries()) == before
    added = lab.ontologies.add_terms(owner, [good, new(ontology.id, NewLabel("bone"))])
    assert names(added) == ["fat", "bone"]
    assert (added[0].colour, added[0].parent_id) == ("#ffff00", tissue.id)
    assert names(lab.ontologies.terms(owner)) == ["tissue", "fat", "bone"]


def test_term_is_changed_and_its_label_with_it(lab, owner, study, ontology, entries):
    term = lab.ontologies.add_term(owner, ontology.id, "stroma", "#000000", comment="x")
    after = lab.ontologies.change_term(owner, term.id, name="Stroma", colour="#0000FF")
    assert (after.id, after.name, after.colour, after.description) == (
        term.id,
        "Stroma",
        "#0000ff",
        "x",
    )
    assert lab.ontologies.change_term(owner, term.id, comment="").description == ""
    (label,) = lab.label_sets.list(owner, study.id)[0].labels
    assert label.name == "Stroma"
    assert verbs(entries, "label set") == [
        ("create", "label set", study.id),
        *[("change", "label set", study.id)] * 3,
    ]


@pytest.mark.parametrize(
    "given",
    [
        {"name": " "},
        {"name": "a\x00b"},
        {"name": "n" * 201},
        {"name": "ok", "colour": "red"},
        {"name": "ok", "colour": "#12345"},
        {"name": "ok", "comment": "c" * 20_001},
        {"name": "half a pair \ud800"},
    ],
)
def test_hostile_terms_are_refused(lab, owner, ontology, given):
    with pytest.raises(Invalid):
        lab.ontologies.add_term(owner, ontology.id, **given)
    with pytest.raises(Invalid):
        lab.ontologies.create(owner, given["name"] if given["name"] != "ok" else "\u202e")
    assert lab.ontologies.terms(owner) == []


def test_term_that_shapes_have_is_not_removed(lab, owner, study, slide, ontology):
    layer = lab.layers.create(owner, study.id, "nuclei", labels=[NewLabel("mitosis")])
    drawn = Feature(ShapeKind.POLYGON, shapely.box(1, 2, 3, 4), ("mitosis",))
    (shape,) = lab.drawing.add(owner, slide.id, layer.id, [(None, drawn)])
    term = layer.labels[0].id
    with pytest.raises(Invalid, match="mitosis"):
        lab.ontologies.remove_term(owner, term)
    # Elsewhere labels can be removed that shapes have: such a one can still be asked for.
    lab.layers.set_labels(owner, layer.id, [], lab.layers.get(owner, layer.id).revision)
    assert lab.ontologies.terms(owner) == []
    assert lab.ontologies.term(owner, term).name == "mitosis"
    with pytest.raises(NotFound):
        lab.ontologies.remove_term(owner, term)
    lab.drawing.remove(owner, shape.id, shape.revision)
    with pytest.raises(NotFound):
        lab.ontologies.term(owner, term)


def test_term_of_another_label_set_than_the_layers_is_used_as_well(
    lab, owner, study, slide, ontology
):
    layer = lab.layers.create(owner, study.id, "nuclei")
    drawn = Feature(ShapeKind.POLYGON, shapely.box(1, 2, 3, 4))
    (shape,) = lab.drawing.add(owner, slide.id, layer.id, [(None, drawn)])
    term = lab.ontologies.add_term(owner, ontology.id, "stroma")
    lab.shapes.add_label(owner, shape.id, term.id)
    with pytest.raises(Invalid, match="Shapes have"):
        lab.ontologies.remove_term(owner, term.id)


def test_term_of_a_load_is_used_while_the_load_has_shapes_of_it(
    lab, owner, study, slide, load_boxes
):
    load = load_boxes((0, 0, 5, 5), (9, 9, 12, 12), labels=("a", "b"))
    by_name = {each.name: each.id for each in lab.ontologies.terms(owner)}
    with pytest.raises(Invalid):
        lab.ontologies.remove_term(owner, by_name["a"])
    lab.drawing.remove(owner, load.first_id, 1)
    lab.ontologies.remove_term(owner, by_name["a"])
    assert names(lab.ontologies.terms(owner)) == ["b"]


def test_removed_term_is_gone_and_its_name_free(lab, owner, ontology):
    term = lab.ontologies.add_term(owner, ontology.id, "stroma")
    lab.ontologies.remove_term(owner, term.id)
    with pytest.raises(NotFound):
        lab.ontologies.term(owner, term.id)
    with pytest.raises(NotFound):
        lab.ontologies.change_term(owner, term.id, name="x")
    assert lab.ontologies.add_term(owner, ontology.id, "stroma").id != term.id


def test_terms_are_kinds_of_others(lab, owner, ontology, entries):
    tissue = lab.ontologies.add_term(owner, ontology.id, "tissue")
    tumour = lab.ontologies.add_term(owner, ontology.id, "tumour", parent=tissue.id)
    nest = lab.ontologies.add_term(owner, ontology.id, "nest")
    assert (tissue.parent_id, tumour.parent_id) == (None, tissue.id)
    assert lab.ontologies.set_parent(owner, nest.id, tumour.id).parent_id == tumour.id
    for circle in (nest, tumour, tissue):
        with pytest.raises(Invalid):
            lab.ontologies.set_parent(owner, tissue.id, circle.id)
    with pytest.raises(NotFound):
        lab.ontologies.unset_parent(owner, nest.id, tissue.id)
    lab.ontologies.unset_parent(owner, nest.id, tumour.id)
    assert lab.ontologies.parent(owner, nest.id) is None
    assert len(verbs(entries, "term")) == 3
    lab.ontologies.remove_term(owner, tissue.id)
    assert lab.ontologies.parent(owner, tumour.id) is None
    # Nor does a term that was removed stand between others.
    lab.ontologies.set_parent(owner, nest.id, tumour.id)


def test_parent_is_of_the_same_ontology(lab, owner, ontology):
    other = lab.ontologies.create(owner, "other")
    mine = lab.ontologies.add_term(owner, ontology.id, "a")
    theirs = lab.ontologies.add_term(owner, other.id, "a")
    with pytest.raises(Invalid):
        lab.ontologies.set_parent(owner, mine.id, theirs.id)
    with pytest.raises(Invalid):
        lab.ontologies.add_term(owner, ontology.id, "b", parent=theirs.id)
    assert names(lab.ontologies.terms(owner, ontology_id=ontology.id)) == ["a"]


def test_who_may_what_in_the_ontology_of_a_study(
    lab, owner, study, ontology, reader, editor, stranger
):
    term = lab.ontologies.add_term(editor, ontology.id, "a")
    changes = (
        lambda actor: lab.ontologies.add_term(actor, ontology.id, "b"),
        lambda actor: lab.ontologies.change_term(actor, term.id, name="c"),
        lambda actor: lab.ontologies.rename(actor, ontology.id, "mine"),
        lambda actor: lab.ontologies.set_parent(actor, term.id, term.id),
        lambda actor: lab.ontologies.unset_parent(actor, term.id, 1),
        lambda actor: lab.ontologies.remove_term(actor, term.id),
        lambda actor: lab.ontologies.remove(actor, ontology.id),
    )
    looks = (
        lambda actor: lab.ontologies.get(actor, ontology.id),
        lambda actor: lab.ontologies.of_study(actor, study.id),
        lambda actor: lab.ontologies.terms(actor, ontology_id=ontology.id),
        lambda actor: lab.ontologies.terms(actor, study_id=study.id),
        lambda actor: lab.ontologies.term(actor, term.id),
    )
    for change in changes:
        with pytest.raises(NotAllowed):
            change(reader)
    for verb in (*changes, *looks):
        with pytest.raises(NotFound):
            verb(stranger)
    assert lab.ontologies.list(stranger) == []
    assert lab.ontologies.terms(stranger) == []
    assert [each.id for each in lab.ontologies.list(reader)] == [ontology.id]
    with pytest.raises(Invalid):
        lab.ontologies.remove(editor, ontology.id)
    lab.ontologies.remove_term(editor, term.id)


@pytest.mark.parametrize("number", [0, -1, 999, 1 << 70])
def test_what_there_is_not_is_not_found(lab, owner, number):
    for verb in (lab.ontologies.get, lab.ontologies.term, lab.ontologies.remove):
        with pytest.raises(NotFound):
            verb(owner, number)
    with pytest.raises(NotFound):
        lab.ontologies.add_term(owner, number, "a")
    with pytest.raises(NotFound):
        lab.ontologies.terms(owner, ontology_id=number)


def test_ontology_without_a_study_is_its_makers(lab, owner, reader, stranger, as_user, entries):
    made = lab.ontologies.create(stranger, " mine ")
    assert (made.name, made.study_id) == ("mine", None)
    term = lab.ontologies.add_term(stranger, made.id, "a")
    label_set = lab.ontologies.get(stranger, made.id).label_set_id
    for look in (
        lambda actor: lab.ontologies.get(actor, made.id),
        lambda actor: lab.ontologies.term(actor, term.id),
        lambda actor: lab.ontologies.add_term(actor, made.id, "b"),
        lambda actor: lab.label_sets.get(actor, label_set),
        lambda actor: lab.label_sets.add_label(actor, label_set, NewLabel("b")),
        lambda actor: lab.label_sets.change_label(actor, term.id, name="b"),
        lambda actor: lab.label_sets.remove_label(actor, term.id),
    ):
        with pytest.raises(NotFound):
            look(reader)
    assert made.id not in {each.id for each in lab.ontologies.list(reader)}
    assert names(lab.ontologies.terms(owner, ontology_id=made.id)) == ["a"]
    found = lab.label_sets.get(stranger, label_set)
    assert (found.study_id, found.name) == (None, "mine")
    assert lab.label_sets.add_label(owner, label_set, NewLabel("b")).name == "b"
    assert lab.ontologies.rename(stranger, made.id, "other").name == "other"
    lab.ontologies.remove(stranger, made.id)
    with pytest.raises(NotFound):
        lab.label_sets.get(owner, label_set)
    with pytest.raises(NotFound):
        lab.ontologies.term(stranger, term.id)
    assert verbs(entries, "ontology") == [
        ("create", "ontology", None),
        ("change", "ontology", None),
        ("remove", "ontology", None),
    ]


def test_names_of_ontologies_are_unique_among_those_one_sees(lab, owner, study, reader, stranger):
    lab.ontologies.create(stranger, "mine")
    for actor, name in ((stranger, "mine"), (owner, "mine"), (reader, study.name)):
        with pytest.raises(Conflict):
            lab.ontologies.create(actor, name)
    # Nobody is told what they may not see.
    lab.ontologies.create(reader, "mine")
    made = lab.ontologies.create(stranger, study.name)
    with pytest.raises(Conflict):
        lab.ontologies.rename(stranger, made.id, "mine")


def test_token_for_some_studies_makes_no_ontologies(lab, owner, as_user, study, ontology):
    limited = as_user("both@lab", rights="view edit", study=study, modify_studies=[study.name])
    lab.ontologies.add_term(limited, ontology.id, "a")
    with pytest.raises(NotAllowed):
        lab.ontologies.create(limited, "mine")
    unlimited = as_user("both@lab")
    made = lab.ontologies.create(unlimited, "mine")
    with pytest.raises(NotAllowed):
        lab.ontologies.remove(limited, made.id)
    nothing = as_user("both@lab", capabilities=[])
    with pytest.raises(NotAllowed):
        lab.ontologies.list(nothing)


def test_nobody_makes_ontologies_without_end(lab, stranger, monkeypatch):
    monkeypatch.setattr(ontologies, "MOST_WITHOUT_STUDY", 2)
    for name in "ab":
        lab.ontologies.create(stranger, name)
    with pytest.raises(Invalid):
        lab.ontologies.create(stranger, "c")


def test_study_is_made_with_an_ontology_that_waited_for_it(lab, owner, reader, entries):
    waiting = lab.ontologies.create(owner, "cells")
    parent = lab.ontologies.add_term(owner, waiting.id, "cell", "#010203")
    child = lab.ontologies.add_term(owner, waiting.id, "mitosis", parent=parent.id)
    made = lab.studies.create(owner, "new", ontology_id=waiting.id)
    found = lab.ontologies.of_study(owner, made.id)
    assert (found.id, found.name, found.study_id) == (waiting.id, "cells", made.id)
    assert [each.study_id for each in lab.ontologies.list(owner)].count(made.id) == 1
    assert [each.id for each in lab.ontologies.terms(owner, study_id=made.id)] == [
        parent.id,
        child.id,
    ]
    (label_set,) = lab.label_sets.list(owner, made.id)
    assert (label_set.name, label_set.study_id) == ("cells", made.id)
    with pytest.raises(NotFound):
        lab.ontologies.get(reader, waiting.id)
    with pytest.raises(Invalid):
        lab.ontologies.remove(owner, waiting.id)
    assert ("change", "ontology", made.id) in verbs(entries, "ontology")
    assert ("change", "label set", made.id) in verbs(entries, "label set")


def test_ontology_without_terms_can_wait_as_well(lab, owner):
    waiting = lab.ontologies.create(owner, "empty")
    made = lab.studies.create(owner, "new", ontology_id=waiting.id)
    assert lab.ontologies.of_study(owner, made.id).id == waiting.id
    lab.ontologies.add_term(owner, waiting.id, "a")
    assert [each.name for each in lab.label_sets.list(owner, made.id)] == ["empty"]


def test_ontology_of_another_study_is_copied(lab, owner, study, ontology):
    parent = lab.ontologies.add_term(owner, ontology.id, "cell", "#010203", comment="all")
    lab.ontologies.add_term(owner, ontology.id, "mitosis", parent=parent.id)
    lab.label_sets.create(owner, study.id, "tissue", [NewLabel("cell", "#ffffff")])
    made = lab.studies.create(owner, "copy", ontology_id=ontology.id)
    found = lab.ontologies.of_study(owner, made.id)
    assert (found.id, found.name) != (ontology.id, ontology.name)
    copied = lab.ontologies.terms(owner, study_id=made.id)
    assert (copied[0].name, copied[0].colour, copied[0].description) == (
        "cell",
        "#010203",
        "all",
    )
    assert names(copied) == ["cell", "mitosis"]
    assert copied[1].parent_id == copied[0].id
    before = lab.ontologies.terms(owner, study_id=study.id)
    assert not {each.id for each in copied} & {each.id for each in before}
    lab.ontologies.change_term(owner, copied[0].id, name="changed")
    assert lab.ontologies.terms(owner, study_id=study.id) == before


def test_study_is_not_made_with_an_ontology_that_one_may_not_see(lab, owner, as_user, study):
    with pytest.raises(NotFound):
        lab.studies.create(owner, "new", ontology_id=999)
    assert [each.name for each in lab.studies.list(owner).items] == [study.name]
    boss = as_user("boss@lab", is_admin=True)
    waiting = lab.ontologies.create(as_user("maker@lab"), "theirs")
    made = lab.studies.create(boss, "new", ontology_id=waiting.id)
    assert lab.ontologies.of_study(boss, made.id).id == waiting.id
