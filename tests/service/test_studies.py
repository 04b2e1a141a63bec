from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from wsi_lab.errors import Conflict, Invalid, NotAllowed, NotFound
from wsi_lab.model.answer import NewAnswer, Place
from wsi_lab.model.people import Actor, Right
from wsi_lab.model.question import QuestionKind, QuestionSpec
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.lab import Lab


def test_study_is_made_and_found(lab: Lab, owner: Actor) -> None:
    study = lab.studies.create(owner, "  HTT pilot ", "two\nlines")
    assert (study.name, study.description, study.revision) == ("HTT pilot", "two\nlines", 1)
    assert lab.studies.get(owner, study.id) == study
    assert lab.studies.by_name(owner, "HTT pilot") == study


@pytest.mark.parametrize("name", ["", "  ", "a\tb", "a\nb", "x" * 201, "\ud800", "a\u2028b"])
def test_what_is_no_name_is_refused(lab: Lab, owner: Actor, study: Study, name: str) -> None:
    with pytest.raises(Invalid):
        lab.studies.create(owner, name)
    with pytest.raises(Invalid):
        lab.studies.change(owner, study.id, revision=1, name=name)


@pytest.mark.parametrize("description", ["x" * 20_001, "\0", "\udcff"])
def test_what_is_no_description_is_refused(lab: Lab, owner: Actor, description: str) -> None:
    with pytest.raises(Invalid):
        lab.studies.create(owner, "a", description)


def test_name_that_is_taken_is_a_conflict(lab: Lab, owner: Actor, study: Study) -> None:
    with pytest.raises(Conflict):
        lab.studies.create(owner, study.name)
    other = lab.studies.create(owner, "other")
    with pytest.raises(Conflict) as refused:
        lab.studies.change(owner, other.id, revision=1, name=study.name)
    assert "current" not in refused.value.details
    assert lab.studies.get(owner, other.id) == other


def test_change_raises_the_revision(lab: Lab, owner: Actor, study: Study) -> None:
    changed = lab.studies.change(owner, study.id, revision=1, name="new", description="d")
    assert (changed.name, changed.description, changed.revision) == ("new", "d", 2)
    assert lab.studies.get(owner, study.id) == changed


def test_change_that_changes_nothing_is_none(lab: Lab, owner: Actor, study: Study, entries) -> None:
    before = len(entries())
    assert lab.studies.change(owner, study.id, revision=1, name=study.name) == study
    assert len(entries()) == before


def test_stale_revision_is_refused(lab: Lab, owner: Actor, study: Study) -> None:
    lab.studies.change(owner, study.id, revision=1, name="new")
    with pytest.raises(Conflict) as refused:
        lab.studies.change(owner, study.id, revision=1, name="newer")
    assert refused.value.details["current"] == 2
    with pytest.raises(Conflict) as refused:
        lab.studies.remove(owner, study.id, revision=1)
    assert refused.value.details["current"] == 2
    assert lab.studies.get(owner, study.id).name == "new"


def test_study_is_published_and_taken_back(lab: Lab, owner: Actor, study: Study, clock) -> None:
    assert study.published_on is None
    clock.pass_(hours=1)
    published = lab.studies.change(owner, study.id, revision=1, published=True)
    assert published.published_on == clock.time
    clock.pass_(hours=1)
    again = lab.studies.change(owner, study.id, revision=2, published=True)
    assert again == published
    assert lab.studies.change(owner, study.id, revision=2, published=False).published_on is None


def test_publishing_needs_the_right_admin(
    lab: Lab, study: Study, as_user: Callable[..., Actor]
) -> None:
    editor = as_user("e@lab", rights="edit", study=study)
    lab.studies.change(editor, study.id, revision=1, description="d")
    with pytest.raises(NotAllowed):
        lab.studies.change(editor, study.id, revision=2, published=True)


def test_removed_study_is_gone_and_its_files_are_not(
    lab: Lab, owner: Actor, study: Study, slide: Slide, slide_file
) -> None:
    lab.studies.remove(owner, study.id, revision=1)
    for gone in (
        lambda: lab.studies.get(owner, study.id),
        lambda: lab.slides.get(owner, slide.id),
        lambda: lab.cases.get(owner, slide.case_id),
        lambda: lab.tiles.shown(owner, slide.id),
    ):
        with pytest.raises(NotFound):
            gone()
    assert slide_file.exists()
    assert lab.studies.create(owner, study.name).id > study.id


def test_pages_hold_every_study_once(lab: Lab, owner: Actor) -> None:
    made = [lab.studies.create(owner, f"s{number}") for number in range(7)]
    found: list[Study] = []
    cursor, pages = None, 0
    while True:
        page = lab.studies.list(owner, limit=3, cursor=cursor)
        found += page.items
        pages += 1
        cursor = page.next_cursor
        if cursor is None:
            break
    assert (found, pages) == (made, 3)


@pytest.mark.parametrize("cursor", ["", "x", "ü", "MQ", "YWZ0ZXIgLTE", "YWZ0ZXIgMS41", "=" * 5])
def test_cursor_that_is_not_ours_is_refused(lab: Lab, owner: Actor, cursor: str) -> None:
    with pytest.raises(Invalid):
        lab.studies.list(owner, cursor=cursor)


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_page_of_no_size_is_refused(lab: Lab, owner: Actor, limit: int) -> None:
    with pytest.raises(Invalid):
        lab.studies.list(owner, limit=limit)


def test_only_own_studies_are_listed_and_counted(
    lab: Lab, owner: Actor, study: Study, slide: Slide, as_user: Callable[..., Actor]
) -> None:
    other = lab.studies.create(owner, "other")
    reader = as_user("r@lab", rights="view", study=other)
    limited = as_user("r@lab", read_studies=[study.name])
    admin = as_user("a@lab", is_admin=True, read_studies=[str(other.id)])
    assert lab.studies.list(reader).items == (other,)
    assert lab.studies.list(limited).items == ()
    assert lab.studies.list(admin).items == (other,)
    assert lab.studies.list(owner).items == (study, other)
    both = [study.id, other.id, 99]
    assert lab.studies.slide_counts(owner, both) == {study.id: 1, other.id: 0}
    assert lab.studies.slide_counts(reader, both) == {other.id: 0}


def test_members_are_set_listed_and_removed(lab: Lab, owner: Actor, study: Study) -> None:
    user = lab.people.add(owner, "r@lab")
    member = lab.studies.set_member(owner, study.id, "R@LAB", ["read", Right.SCORE])
    assert member.rights == {Right.VIEW, Right.SCORE}
    assert lab.studies.members(owner, study.id) == [member]
    changed = lab.studies.set_member(owner, study.id, "r@lab", ["write"])
    assert changed.rights == {Right.VIEW, Right.SCORE, Right.EDIT}
    assert lab.studies.members(owner, study.id) == [changed]
    lab.studies.remove_member(owner, study.id, user.email)
    assert lab.studies.members(owner, study.id) == []
    with pytest.raises(NotFound):
        lab.studies.remove_member(owner, study.id, user.email)


def test_member_without_rights_or_account_is_refused(lab: Lab, owner: Actor, study: Study) -> None:
    with pytest.raises(NotFound):
        lab.studies.set_member(owner, study.id, "nobody@lab", ["view"])
    with pytest.raises(Invalid):
        lab.studies.set_member(owner, study.id, "owner@localhost", [])
    with pytest.raises(Invalid, match="'fly' is not a right"):
        lab.studies.set_member(owner, study.id, "owner@localhost", ["view", "fly"])


def test_rights_are_the_askers_own(
    lab: Lab, owner: Actor, study: Study, as_user: Callable[..., Actor]
) -> None:
    assert lab.studies.rights(owner, study.id) == frozenset(Right)
    reader = as_user("r@lab", rights="score", study=study)
    assert lab.studies.rights(reader, study.id) == {Right.VIEW, Right.SCORE}
    with pytest.raises(NotFound):
        lab.studies.rights(as_user("x@lab"), study.id)


@pytest.mark.parametrize("study_id", [0, -1, 99, 1 << 63, 1 << 80])
def test_study_that_is_not_there_is_not_found(lab: Lab, owner: Actor, study_id: int) -> None:
    with pytest.raises(NotFound):
        lab.studies.get(owner, study_id)


def test_foreign_study_looks_like_one_that_is_not_there(
    lab: Lab, study: Study, as_user: Callable[..., Actor]
) -> None:
    stranger = as_user("x@lab")

    def sentence(study_id: int) -> str:
        with pytest.raises(NotFound) as refused:
            lab.studies.get(stranger, study_id)
        return refused.value.message.replace(str(study_id), "N")

    assert sentence(study.id) == sentence(99)
    with pytest.raises(NotFound):
        lab.studies.by_name(stranger, study.name)
    with pytest.raises(Invalid):
        lab.studies.by_name(stranger, "\ud800")


def test_friendly_name_folder_and_settings_are_changed(
    lab: Lab, owner: Actor, study: Study
) -> None:
    changed = lab.studies.change(
        owner,
        study.id,
        revision=1,
        friendly_name=" HTT ",
        folder="pilots",
        settings={"HideSlideNames": "true"},
    )
    assert (changed.friendly_name, changed.folder) == ("HTT", "pilots")
    assert changed.settings == {"hideslidenames": "true"}
    assert lab.studies.get(owner, study.id) == changed
    with pytest.raises(Invalid):
        lab.studies.change(owner, study.id, revision=2, settings={"unheard-of": "1"})


def test_publishing_needs_the_right_admin_and_no_other(
    lab: Lab, owner: Actor, study: Study, as_user: Callable[..., Actor], clock
) -> None:
    admin = as_user("admin@lab", rights="admin", study=study)
    editor = as_user("editor@lab", rights="edit", study=study)
    published = lab.studies.publish(admin, study.id)
    assert (published.published_on, published.revision) == (clock.time, 2)
    clock.pass_(hours=1)
    assert lab.studies.publish(admin, study.id) == published
    hidden = lab.studies.change(admin, study.id, revision=2, published=False)
    assert hidden.published_on is None
    assert lab.studies.unpublish(admin, study.id) == hidden
    for refused in (lab.studies.publish, lab.studies.unpublish):
        with pytest.raises(NotAllowed):
            refused(editor, study.id)
    for changes in ({"published": True, "name": "x"}, {"name": "x"}, {}):
        with pytest.raises(NotAllowed):
            lab.studies.change(admin, study.id, revision=3, **changes)


def test_study_with_answers_is_removed_whole(
    lab: Lab, owner: Actor, study: Study, slide: Slide
) -> None:
    lab.questions.add(owner, study.id, QuestionSpec("Tumour", QuestionKind.ANNO_SHAPES))
    for place in (Place(slide.id), Place(case_id=slide.case_id)):
        new = NewAnswer("Tumour", place, "model", '[{"type":"polygon","points":[]}]')
        answer = lab.results.submit(owner, study.id, new)
    lab.studies.remove(owner, study.id, revision=1)
    with pytest.raises(NotFound):
        lab.results.answer(owner, answer.id)
    assert lab._database.damage() is None


def test_rights_given_at_once_by_two_are_all_kept(lab: Lab, owner: Actor) -> None:
    study = lab.studies.create(owner, "Two")
    lab.people.add(owner, "both@lab")
    together = threading.Barrier(2)

    def give(right: str) -> None:
        together.wait(10)
        lab.studies.set_member(owner, study.id, "both@lab", [right], keep=True)

    threads = [threading.Thread(target=give, args=(right,)) for right in ("score", "results")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    (found,) = (each for each in lab.studies.members(owner, study.id) if each.email == "both@lab")
    assert found.rights == {Right.VIEW, Right.SCORE, Right.RESULTS}
