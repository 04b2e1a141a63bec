from __future__ import annotations

import dataclasses
from datetime import datetime

import pytest

from wsi_lab.errors import Conflict
from wsi_lab.model.people import Right
from wsi_lab.model.study import Slide, Study
from wsi_lab.store import people, slides, studies
from wsi_lab.store.connection import IntegrityError
from wsi_lab.store.db import Database


@pytest.fixture
def user_id(database: Database, noon: datetime) -> int:
    return database.write(
        lambda c: people.add_user(c, "a@lab", "A", is_admin=True, created_on=noon)
    ).id


@pytest.fixture
def add_study(database: Database, user_id: int, noon: datetime):
    def add(name: str) -> Study:
        return database.write(
            lambda c: studies.add_study(
                c, name, "", created_on=noon, created_by=user_id, created_with=None
            )
        )

    return add


def a_slide(study_id: int, noon: datetime, **changes) -> Slide:
    slide = Slide(
        id=0,
        study_id=study_id,
        case_id=None,
        name="CMU-1",
        source="/slides/CMU-1.svs",
        block="A1",
        section="2",
        stain="H&E",
        tags=("HE", "tumour"),
        format="aperio",
        width=2220,
        height=2967,
        objective_power=20.0,
        file_mpp_x=0.499,
        file_mpp_y=0.499,
        stated_mpp_x=None,
        stated_mpp_y=0.25,
        added_on=noon,
        revision=1,
        number="3",
    )
    return dataclasses.replace(slide, **changes)


def test_study_comes_back_as_stored(database: Database, add_study, noon: datetime) -> None:
    study = add_study("HTT 'pilot' ü\u200f")
    assert database.read(lambda c: studies.study(c, study.id)) == study
    assert database.read(lambda c: studies.study_by_name(c, study.name)) == study
    changed = dataclasses.replace(study, description="x", published_on=noon, revision=2)
    database.write(lambda c: studies.update_study(c, changed))
    assert database.read(lambda c: studies.study(c, study.id)) == changed


def test_study_names_are_unique(database: Database, add_study) -> None:
    first, second = add_study("a"), add_study("b")
    with pytest.raises(Conflict):
        add_study("a")
    renamed = dataclasses.replace(second, name=first.name)
    with pytest.raises(Conflict):
        database.write(lambda c: studies.update_study(c, renamed))


def test_study_names_that_differ_in_case_are_two(add_study) -> None:
    assert add_study("a").id != add_study("A").id


@pytest.mark.parametrize(
    ("as_member", "limited_to", "seen"),
    [
        (False, (), ["1", "b", "c", "d"]),
        (True, (), ["b", "d"]),
        (False, ("c", "2"), ["b", "c"]),
        (True, ("c", "2"), ["b"]),
        (False, ("nothing",), []),
    ],
)
def test_only_visible_studies_are_listed(
    database: Database, add_study, user_id: int, as_member: bool, limited_to, seen
) -> None:
    for name in ("1", "b", "c", "d"):
        study = add_study(name)
        rights = {"b": {Right.VIEW, Right.EDIT}, "c": {Right.EDIT}, "d": {Right.VIEW}}.get(name)
        database.write(
            lambda c, s=study.id, r=rights: people.set_rights(c, s, user_id, frozenset(r or ()))
        )
    found = database.read(
        lambda c: studies.visible_studies(
            c, member=user_id if as_member else None, limited_to=limited_to, after=0, limit=9
        )
    )
    assert [study.name for study in found] == seen


def test_case_without_a_public_name_is_shown_by_its_id(database: Database, add_study) -> None:
    study = add_study("a")
    case = database.write(lambda c: studies.add_case(c, study.id, "Müller", ""))
    assert case.public_name == "Anon 0001"
    renamed = dataclasses.replace(case, name="Mueller", revision=2)
    assert database.write(lambda c: studies.update_case(c, renamed)) == renamed
    stored = database.read(lambda c: c.execute("SELECT public_name FROM cases").fetchone()[0])
    assert stored == ""


def test_case_names_are_unique_in_their_study(database: Database, add_study) -> None:
    first, second = add_study("a"), add_study("b")
    case = database.write(lambda c: studies.add_case(c, first.id, "x", ""))
    database.write(lambda c: studies.add_case(c, second.id, "x", ""))
    other = database.write(lambda c: studies.add_case(c, first.id, "y", ""))
    with pytest.raises(Conflict) as refused:
        database.write(lambda c: studies.add_case(c, first.id, "x", ""))
    assert "x" not in str(refused.value).split()
    with pytest.raises(Conflict):
        database.write(lambda c: studies.update_case(c, dataclasses.replace(other, name="x")))
    assert database.read(lambda c: studies.case_by_name(c, first.id, "x")) == case


def test_slide_comes_back_as_stored(database: Database, add_study, noon: datetime) -> None:
    study = add_study("a")
    case = database.write(lambda c: studies.add_case(c, study.id, "x", ""))
    slide = database.write(
        lambda c: slides.add_slide(c, a_slide(study.id, noon, case_id=case.id, id=99))
    )
    assert slide == a_slide(study.id, noon, case_id=case.id, id=slide.id)
    assert slide.id == 1
    changed = dataclasses.replace(slide, tags=(), stated_mpp_y=None, case_id=None, revision=2)
    database.write(lambda c: slides.update_slide(c, changed))
    assert database.read(lambda c: slides.slide(c, slide.id)) == changed
    database.write(lambda c: slides.remove_slide(c, slide.id))
    assert database.read(lambda c: slides.slide(c, slide.id)) is None


def test_slide_names_are_unique_in_their_study(
    database: Database, add_study, noon: datetime
) -> None:
    first, second = add_study("a"), add_study("b")
    slide = database.write(lambda c: slides.add_slide(c, a_slide(first.id, noon)))
    database.write(lambda c: slides.add_slide(c, a_slide(second.id, noon)))
    with pytest.raises(Conflict, match="CMU-1"):
        database.write(lambda c: slides.add_slide(c, a_slide(first.id, noon)))
    other = database.write(lambda c: slides.add_slide(c, a_slide(first.id, noon, name="x")))
    with pytest.raises(Conflict):
        database.write(
            lambda c: slides.update_slide(c, dataclasses.replace(other, name=slide.name))
        )


def test_slides_are_counted_and_filtered(database: Database, add_study, noon: datetime) -> None:
    study, empty = add_study("a"), add_study("b")
    case = database.write(lambda c: studies.add_case(c, study.id, "x", ""))
    for number in range(5):
        database.write(
            lambda c, n=number: slides.add_slide(
                c, a_slide(study.id, noon, name=f"s{n}", case_id=case.id if n % 2 else None)
            )
        )
    counts = database.read(lambda c: slides.slide_counts(c, [study.id, empty.id]))
    assert counts == {study.id: 5, empty.id: 0}
    assert database.read(lambda c: slides.slides_of_case(c, case.id)) == 2

    def listed(**filters) -> list[str]:
        found = database.read(lambda c: slides.slides(c, study.id, **filters))
        return [slide.name for slide in found]

    assert listed(after=0, limit=9) == ["s0", "s1", "s2", "s3", "s4"]
    assert listed(after=2, limit=2) == ["s2", "s3"]
    assert listed(after=0, limit=9, case_id=case.id) == ["s1", "s3"]
    assert listed(after=0, limit=9, name="s4") == ["s4"]


def test_removing_a_study_removes_what_is_in_it_and_nothing_else(
    database: Database, add_study, user_id: int, noon: datetime
) -> None:
    gone, kept = add_study("a"), add_study("b")
    for study in (gone, kept):
        case = database.write(lambda c, s=study: studies.add_case(c, s.id, "x", ""))
        database.write(
            lambda c, s=study, k=case: slides.add_slide(c, a_slide(s.id, noon, case_id=k.id))
        )
        database.write(
            lambda c, s=study: people.set_rights(c, s.id, user_id, frozenset({Right.VIEW}))
        )
    database.write(lambda c: studies.remove_study(c, gone.id))
    for table in ("studies", "cases", "slides", "members"):
        count = f"SELECT count(*) FROM {table}"
        assert database.read(lambda c, q=count: c.execute(q).fetchone()[0]) == 1
    assert database.read(lambda c: studies.study(c, kept.id)) == kept


def test_case_that_has_slides_cannot_be_torn_from_under_them(
    database: Database, add_study, noon: datetime
) -> None:
    study = add_study("a")
    case = database.write(lambda c: studies.add_case(c, study.id, "x", ""))
    database.write(lambda c: slides.add_slide(c, a_slide(study.id, noon, case_id=case.id)))
    with pytest.raises(IntegrityError):
        database.write(lambda c: studies.remove_case(c, case.id))
