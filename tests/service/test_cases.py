from __future__ import annotations

from collections.abc import Callable

import pytest

from wsi_lab.errors import Conflict, Invalid, NotAllowed, NotFound
from wsi_lab.model.people import Actor
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.lab import Lab


def test_case_is_made_and_found(lab: Lab, owner: Actor, study: Study) -> None:
    case = lab.cases.create(owner, study.id, " Müller, H. ", "C 1")
    assert (case.name, case.public_name, case.revision) == ("Müller, H.", "C 1", 1)
    assert lab.cases.get(owner, case.id) == case
    unnamed = lab.cases.create(owner, study.id, "Meier")
    assert unnamed.public_name == f"Anon {unnamed.id:04d}"
    assert lab.cases.list(owner, study.id).items == (case, unnamed)
    assert lab.cases.list(owner, study.id, limit=1).next_cursor is not None


def test_private_name_is_shown_only_with_the_right(
    lab: Lab, owner: Actor, study: Study, as_user: Callable[..., Actor]
) -> None:
    case = lab.cases.create(owner, study.id, "CANARY-Müller", "C1")
    editor = as_user("e@lab", rights="edit score results admin api", study=study)
    private = as_user("p@lab", rights="private", study=study)
    assert lab.cases.get(private, case.id).name == "CANARY-Müller"
    assert lab.cases.list(private, study.id).items[0].name == "CANARY-Müller"
    for seen in (
        lab.cases.get(editor, case.id),
        lab.cases.list(editor, study.id).items[0],
        lab.cases.change(editor, case.id, revision=1, public_name="C2"),
        lab.cases.create(editor, study.id, "CANARY-2"),
    ):
        assert seen.name is None
    with pytest.raises(NotAllowed):
        lab.cases.change(editor, case.id, revision=2, name="x")


def test_stale_revision_is_refused(lab: Lab, owner: Actor, study: Study) -> None:
    case = lab.cases.create(owner, study.id, "a")
    changed = lab.cases.change(owner, case.id, revision=1, name="b", public_name="B")
    assert (changed.name, changed.public_name, changed.revision) == ("b", "B", 2)
    with pytest.raises(Conflict) as refused:
        lab.cases.change(owner, case.id, revision=1, name="c")
    assert refused.value.details["current"] == 2
    with pytest.raises(Conflict):
        lab.cases.remove(owner, case.id, revision=1)


def test_public_name_can_be_taken_back(lab: Lab, owner: Actor, study: Study) -> None:
    case = lab.cases.create(owner, study.id, "a", "A")
    assert lab.cases.change(owner, case.id, revision=1, public_name=" ").public_name == "Anon 0001"


def test_names_that_are_none_or_taken_are_refused(lab: Lab, owner: Actor, study: Study) -> None:
    lab.cases.create(owner, study.id, "a")
    other = lab.cases.create(owner, study.id, "b")
    with pytest.raises(Conflict):
        lab.cases.create(owner, study.id, "a")
    with pytest.raises(Conflict):
        lab.cases.change(owner, other.id, revision=1, name="a")
    for name in ("", "x\ny"):
        with pytest.raises(Invalid):
            lab.cases.create(owner, study.id, name)


def test_case_with_slides_is_not_removed(lab: Lab, owner: Actor, slide: Slide) -> None:
    assert slide.case_id is not None
    with pytest.raises(Conflict, match="still has 1 slide;"):
        lab.cases.remove(owner, slide.case_id, revision=1)
    lab.slides.change(owner, slide.id, revision=1, case_id=None)
    lab.cases.remove(owner, slide.case_id, revision=1)
    with pytest.raises(NotFound):
        lab.cases.get(owner, slide.case_id)


@pytest.mark.parametrize("case_id", [0, 99, 1 << 70])
def test_case_that_is_not_there_is_not_found(lab: Lab, owner: Actor, case_id: int) -> None:
    with pytest.raises(NotFound):
        lab.cases.get(owner, case_id)


def test_public_names_are_set_by_private_ones(
    lab: Lab, owner: Actor, study: Study, entries: Callable[..., list]
) -> None:
    first = lab.cases.create(owner, study.id, "Müller", "C1")
    second = lab.cases.create(owner, study.id, "Meier", "C2")
    count = len(entries())
    done = lab.cases.set_public_names(
        owner, study.id, {" Müller ": " A-1 ", "Meier": "C2", "Nobody": "A-3"}
    )
    assert [(each.id, each.public_name, each.revision) for each in done.changed] == [
        (first.id, "A-1", 2)
    ]
    assert done.unknown == ("Nobody",)
    assert lab.cases.get(owner, second.id) == second
    assert [(each.verb, each.kind) for each in entries()[count:]] == [("change", "case")]


def test_public_names_are_all_set_or_none(lab: Lab, owner: Actor, study: Study) -> None:
    case = lab.cases.create(owner, study.id, "Müller", "C1")
    for names in ({"Müller": "A-1", "Meier": " "}, {"Müller": "A\x07"}):
        with pytest.raises(Invalid):
            lab.cases.set_public_names(owner, study.id, names)
    assert lab.cases.get(owner, case.id) == case


def test_public_names_are_set_by_editors_who_see_private_ones(
    lab: Lab, study: Study, as_user: Callable[..., Actor]
) -> None:
    for rights in ("edit", "private score"):
        with pytest.raises(NotAllowed):
            lab.cases.set_public_names(as_user("e@lab", rights=rights, study=study), study.id, {})
    with pytest.raises(NotFound):
        lab.cases.set_public_names(as_user("stranger@lab"), study.id, {})
    editor = as_user("e@lab", rights="edit private", study=study)
    assert lab.cases.set_public_names(editor, study.id, {}) == ((), ())
