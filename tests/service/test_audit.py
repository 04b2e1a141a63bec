"""Every accepted change leaves one entry in the audit, and no other call leaves any."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from wsi_lab.errors import WsiLabError
from wsi_lab.model.people import Actor
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.lab import Lab
from wsi_lab.store.audit import Entry

Entries = Callable[[], list[Entry]]


def test_every_change_leaves_one_entry(
    lab: Lab, owner: Actor, study: Study, slide_file: Path, entries: Entries
) -> None:
    before = len(entries())
    case = lab.cases.create(owner, study.id, "case")
    slide = lab.slides.add(owner, study.id, slide_file)
    user = lab.people.add(owner, "r@lab")
    token, _ = lab.people.create_token(owner, name="t", capabilities=["pixels"])
    lab.studies.set_member(owner, study.id, "r@lab", ["score"])
    lab.studies.set_member(owner, study.id, "r@lab", ["edit"])
    lab.studies.remove_member(owner, study.id, "r@lab")
    lab.cases.change(owner, case.id, revision=1, name="renamed")
    lab.slides.change(owner, slide.id, revision=1, stain="HE")
    lab.studies.change(owner, study.id, revision=1, description="d")
    lab.people.revoke_token(owner, token.id)
    lab.slides.remove(owner, slide.id, revision=2)
    lab.cases.remove(owner, case.id, revision=2)
    lab.studies.remove(owner, study.id, revision=2)
    written = [(e.verb, e.kind, e.thing_id, e.study_id) for e in entries()[before:]]
    assert written == [
        ("create", "case", case.id, study.id),
        ("create", "slide", slide.id, study.id),
        ("create", "user", user.id, None),
        ("create", "token", token.id, None),
        ("create", "member", user.id, study.id),
        ("change", "member", user.id, study.id),
        ("remove", "member", user.id, study.id),
        ("change", "case", case.id, study.id),
        ("change", "slide", slide.id, study.id),
        ("change", "study", study.id, study.id),
        ("remove", "token", token.id, None),
        ("remove", "slide", slide.id, study.id),
        ("remove", "case", case.id, study.id),
        ("remove", "study", study.id, study.id),
    ]
    for entry in entries()[before:]:
        assert (entry.before is None) == (entry.verb == "create")
        assert (entry.after is None) == (entry.verb == "remove")
        assert (entry.user_id, entry.door, entry.token_id) == (owner.user.id, "tests", None)


def test_entry_names_the_token_that_was_used(
    lab: Lab, study: Study, as_user: Callable[..., Actor], entries: Entries
) -> None:
    actor = as_user("a@lab", is_admin=True)
    lab.studies.change(actor, study.id, revision=1, description="d")
    assert actor.token is not None
    assert (entries()[-1].token_id, entries()[-1].email) == (actor.token.id, "a@lab")


def test_refused_changes_and_questions_leave_no_entry(
    lab: Lab,
    owner: Actor,
    study: Study,
    slide: Slide,
    as_user: Callable[..., Actor],
    entries: Entries,
) -> None:
    reader = as_user("r@lab", rights="view", study=study)
    before = entries()
    for refused in (
        lambda: lab.studies.create(reader, "new"),
        lambda: lab.studies.create(owner, study.name),
        lambda: lab.studies.change(owner, study.id, revision=9, name="x"),
        lambda: lab.slides.change(reader, slide.id, revision=1, stain="x"),
        lambda: lab.slides.add(owner, study.id, "nothing.svs"),
        lambda: lab.people.add(owner, "R@LAB"),
    ):
        with pytest.raises(WsiLabError):
            refused()
    lab.studies.list(reader)
    lab.tiles.tile(reader, slide.id, "map", 0, 0, 0)
    lab.slides.change(owner, slide.id, revision=1, stain=slide.stain)
    lab.studies.set_member(owner, study.id, "r@lab", ["view"])
    assert entries() == before
