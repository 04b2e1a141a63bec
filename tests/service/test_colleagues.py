"""People who have a study in common, and what is told apart from what is not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import shapely

from wsi_lab.errors import NotAllowed, NotFound
from wsi_lab.model.annotation import ShapeKind
from wsi_lab.model.feature import Feature
from wsi_lab.model.people import Actor, Right
from wsi_lab.model.remark import ThingKind
from wsi_lab.service.annotating.shapes import NewShape
from wsi_lab.service.colleagues import MANAGER, MEMBER
from wsi_lab.service.lab import Lab


@pytest.fixture
def people(lab: Lab, owner: Actor) -> Callable[[str], Actor]:
    def person(name: str) -> Actor:
        email = f"{name}@lab"
        _, text = lab.people.create_token(owner, name=name, email=email, capabilities=["all"])
        return lab.people.actor_for_token(text, door="tests")

    for name in ("one", "other", "stranger"):
        lab.people.add(owner, f"{name}@lab")
    study = lab.studies.create(owner, "shared")
    lab.studies.set_member(owner, study.id, "one@lab", ["view"])
    lab.studies.set_member(owner, study.id, "other@lab", ["view", "edit"])
    return person


def test_colleagues_are_members_of_shared_studies_and_who_made_them(
    lab: Lab, owner: Actor, people: Callable[[str], Actor]
) -> None:
    def emails(actor: Actor) -> list[str]:
        return [each.email for each in lab.colleagues.list(actor)]

    own = owner.user.email
    assert emails(people("one")) == [own, "one@lab", "other@lab"]
    assert emails(people("stranger")) == ["stranger@lab"]
    assert emails(owner) == [own, "one@lab", "other@lab", "stranger@lab"]


def test_one_colleague(lab: Lab, owner: Actor, people: Callable[[str], Actor]) -> None:
    one, other, stranger = (people(each) for each in ("one", "other", "stranger"))
    assert lab.colleagues.get(one, other.user.id) == other.user
    assert lab.colleagues.get(one, owner.user.id) == owner.user
    assert lab.colleagues.get(stranger, stranger.user.id) == stranger.user
    for actor, number in (
        (one, stranger.user.id),
        (stranger, one.user.id),
        (one, 10**9),
        (one, -1),
    ):
        with pytest.raises(NotFound, match=f"no user {number}"):
            lab.colleagues.get(actor, number)


def test_members_and_what_they_may(lab: Lab, owner: Actor, people: Callable[[str], Actor]) -> None:
    one = people("one")
    study = lab.studies.by_name(owner, "shared")
    found = {each.user.email: each.rights for each in lab.colleagues.members(one, study.id)}
    assert found == {
        owner.user.email: frozenset(Right),
        "one@lab": {Right.VIEW},
        "other@lab": {Right.VIEW, Right.EDIT},
    }
    with pytest.raises(NotFound):
        lab.colleagues.members(people("stranger"), study.id)


def test_members_are_made_and_ended_by_who_may(
    lab: Lab, owner: Actor, people: Callable[[str], Actor]
) -> None:
    study, stranger = lab.studies.by_name(owner, "shared"), people("stranger")
    colleagues, number = lab.colleagues, stranger.user.id

    def held() -> frozenset[Right]:
        members = {each.user.id: each for each in colleagues.members(owner, study.id)}
        found = members.get(number)
        assert found is None or found.is_manager == bool(found.rights & {Right.EDIT, Right.ADMIN})
        return frozenset() if found is None else found.rights

    for verb in (colleagues.add_member, colleagues.end_managing, colleagues.remove_member):
        with pytest.raises(NotFound, match="no user"):
            verb(owner, study.id, 10**9)
        with pytest.raises(NotAllowed):
            verb(people("other"), study.id, number)
        with pytest.raises(NotFound, match="no study"):
            verb(stranger, study.id, number)
    for verb in (colleagues.end_managing, colleagues.remove_member):
        with pytest.raises(NotFound, match="stranger@lab"):
            verb(owner, study.id, number)
    lab.studies.set_member(owner, study.id, "stranger@lab", ["view", "private"])
    colleagues.add_member(owner, study.id, number)
    assert held() == MEMBER | {Right.PRIVATE}
    with pytest.raises(NotFound, match="no manager"):
        colleagues.end_managing(owner, study.id, number)
    colleagues.add_member(owner, study.id, number, MANAGER)
    assert held() == MANAGER | {Right.PRIVATE}
    colleagues.end_managing(owner, study.id, number)
    assert held() == MEMBER | {Right.PRIVATE}
    colleagues.remove_member(owner, study.id, number)
    assert held() == frozenset()


def test_studies_that_a_colleague_is_in(
    lab: Lab, owner: Actor, people: Callable[[str], Actor]
) -> None:
    one, other, stranger = (people(each) for each in ("one", "other", "stranger"))
    shared = lab.studies.by_name(owner, "shared").id
    theirs, unseen = (lab.studies.create(owner, each).id for each in ("theirs", "unseen"))
    lab.studies.set_member(owner, theirs, "one@lab", ["view"])
    lab.studies.set_member(owner, unseen, "other@lab", ["view"])
    assert lab.colleagues.study_ids(one, one.user.id) == {shared, theirs}
    assert lab.colleagues.study_ids(one, other.user.id) == {shared}
    assert lab.colleagues.study_ids(one, owner.user.id) == {shared, theirs}
    assert lab.colleagues.study_ids(owner, other.user.id) == {shared, unseen}
    assert lab.colleagues.study_ids(owner, stranger.user.id) == frozenset()
    with pytest.raises(NotFound, match="no user"):
        lab.colleagues.study_ids(one, stranger.user.id)


def test_addresses_to_find_shapes_by_are_those_of_anybody(
    lab: Lab, people: Callable[[str], Actor]
) -> None:
    one, stranger = people("one"), people("stranger")
    ids = [stranger.user.id, one.user.id, stranger.user.id, 10**9, 0]
    assert lab.colleagues.emails_to_find(one, ids) == ("stranger@lab", "one@lab")


def test_what_is_hidden_is_told_from_what_is_not_there(
    lab: Lab, owner: Actor, people: Callable[[str], Actor], slide_file: Path
) -> None:
    study = lab.studies.by_name(owner, "shared")
    slide = lab.slides.add(owner, study.id, slide_file)
    ontology = lab.ontologies.of_study(owner, study.id)
    term = lab.ontologies.add_term(owner, ontology.id, "tumour")
    unbound = lab.ontologies.create(owner, "unbound")
    theirs = lab.ontologies.add_term(owner, unbound.id, "theirs")
    point = Feature(ShapeKind.POINT, shapely.Point(1, 2))
    (shape,) = lab.shapes.create(owner, [NewShape(slide.id, point)])
    tag = lab.remarks.add_tag(owner, "urgent")
    link = lab.remarks.link(owner, ThingKind.STUDY, study.id, tag.id)
    image = lab.images.instance(owner, slide.id).image_id
    one, stranger = people("one"), people("stranger")
    for thing in (
        ("study", study.id),
        ("slide", slide.id),
        ("shape", shape.id),
        ("ontology", ontology.id),
        ("label", term.id),
        ("image", image),
        ("link", link.id),
    ):
        assert lab.hidden.any_of(stranger, [thing]), thing
        assert not lab.hidden.any_of(one, [thing]), thing
        assert not lab.hidden.any_of(owner, [thing]), thing
        assert not lab.hidden.any_of(stranger, [(thing[0], 10**9)]), thing
    for thing in (("ontology", unbound.id), ("label", theirs.id), ("user", owner.user.id)):
        assert lab.hidden.any_of(stranger, [thing]), thing
        assert not lab.hidden.any_of(owner, [thing]), thing
    assert not lab.hidden.any_of(stranger, [("user", stranger.user.id)])
    assert not lab.hidden.any_of(stranger, [])
    assert not lab.hidden.any_of(stranger, [("study", 0), ("study", -5), ("study", 1 << 70)])
    assert lab.hidden.any_of(stranger, [("study", 10**9), ("slide", slide.id)])


def test_own_ontology_without_a_study_is_not_hidden(
    lab: Lab, people: Callable[[str], Actor]
) -> None:
    one = people("one")
    own = lab.ontologies.create(one, "mine")
    term = lab.ontologies.add_term(one, own.id, "tumour")
    assert not lab.hidden.any_of(one, [("ontology", own.id), ("label", term.id)])
    assert lab.hidden.any_of(people("other"), [("ontology", own.id)])
