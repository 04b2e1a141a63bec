from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from wsi_lab.errors import Conflict, Invalid, NotAllowed
from wsi_lab.model.people import Actor, Right
from wsi_lab.model.study_plan import PlannedCase, PlannedMember, PlannedQuestion, StudyPlan
from wsi_lab.model.study_settings import SEED
from wsi_lab.service.lab import Lab
from wsi_lab.service.slides import NewSlide

READ = frozenset({"view", "score"})
PLAN = StudyPlan(
    "pilot",
    "TILs in biopsies",
    "Pilot",
    "2026",
    {"shufflecases": "true"},
    (PlannedCase("Müller", "C1"), PlannedCase("Meier")),
    (PlannedQuestion("TIL %", "Percentage"), PlannedQuestion("Grade", "DropDown", "1;2;3")),
    (PlannedMember("anna@lab", READ), PlannedMember("ben@lab", READ | {"results"})),
    publish=True,
)


@pytest.fixture
def files(slide_folder: Path, demo_slide: Path) -> list[Path]:
    return [Path(shutil.copy(demo_slide, slide_folder / f"{name}.svs")) for name in "abc"]


def _everything(lab: Lab, owner: Actor) -> tuple[object, ...]:
    return (
        [each.name for each in lab.studies.list(owner).items],
        [each.email for each in lab.people.list(owner)],
    )


def test_study_is_made_with_all_that_belongs_to_it(
    lab: Lab, owner: Actor, files: list[Path], entries: Callable
) -> None:
    slides = [
        NewSlide(files[0], case="Müller", case_public="C1", stain="HE"),
        NewSlide(files[1], case="Neu"),
        NewSlide(files[2]),
    ]
    opened: list[int] = []
    study = lab.setup.create(owner, PLAN, slides, progress=opened.append)
    assert sorted(opened) == [1, 2, 3]
    assert (study.name, study.description) == ("pilot", "TILs in biopsies")
    assert (study.friendly_name, study.folder) == ("Pilot", "2026")
    assert study.published_on is not None
    assert study.settings["shufflecases"] == "true"
    assert int(study.settings[SEED]) >= 0
    assert lab.studies.get(owner, study.id) == study
    cases = {each.id: each.name for each in lab.cases.list(owner, study.id).items}
    assert list(cases.values()) == ["Müller", "Meier", "Neu"]
    found = lab.slides.list(owner, study.id).items
    assert [(each.name, cases.get(each.case_id or 0)) for each in found] == [
        *(("a", "Müller"), ("b", "Neu"), ("c", None)),
    ]
    asked = lab.questions.list(owner, study.id)
    assert [(each.name, each.kind, each.options) for each in asked] == [
        *(("TIL %", "Percentage", ()), ("Grade", "DropDown", ("1", "2", "3"))),
    ]
    assert {each.email: each.rights for each in lab.studies.members(owner, study.id)} == {
        "anna@lab": {Right.VIEW, Right.SCORE},
        "ben@lab": {Right.VIEW, Right.SCORE, Right.RESULTS},
    }
    kinds = {(each.verb, each.kind) for each in entries()}
    assert {("create", kind) for kind in ("study", "slide", "case", "question", "member")} <= kinds
    assert ("create", "user") in kinds


def test_nothing_is_made_where_one_slide_cannot_be_shown(
    lab: Lab, owner: Actor, files: list[Path], entries: Callable
) -> None:
    files[1].write_text("no slide")
    before, audited = _everything(lab, owner), len(entries())
    slides = [NewSlide(each) for each in [*files, files[0].with_name("gone.svs")]]
    with pytest.raises(Invalid, match="No study was made: 2 of 4 slides") as refused:
        lab.setup.create(owner, PLAN, slides)
    assert refused.value.details["rows"] == [1, 3]
    assert [each.partition(":")[0] for each in refused.value.problems] == ["b.svs", "gone.svs"]
    assert (_everything(lab, owner), len(entries())) == (before, audited)
    files[1].write_bytes(files[0].read_bytes())
    assert lab.setup.create(owner, PLAN, slides[:3]).name == "pilot"


def test_what_is_wrong_with_the_plan_is_told_before_slides_are_opened(
    lab: Lab, owner: Actor, files: list[Path]
) -> None:
    opened: list[int] = []
    lab.studies.create(owner, "pilot")
    with pytest.raises(Conflict):
        lab.setup.create(owner, PLAN, [NewSlide(files[0])], progress=opened.append)
    with pytest.raises(Invalid, match="No study was made"):
        lab.setup.create(owner, StudyPlan(""), [NewSlide(files[0])], progress=opened.append)
    assert opened == []
    assert [each.name for each in lab.studies.list(owner).items] == ["pilot"]


def test_two_slides_of_one_name_make_no_study(lab: Lab, owner: Actor, files: list[Path]) -> None:
    slides = [NewSlide(files[0], name="x"), NewSlide(files[1], name="x")]
    with pytest.raises(Invalid, match="1 of 2 slides"):
        lab.setup.create(owner, PLAN, slides)
    assert lab.studies.list(owner).items == ()


def test_only_site_administrators_make_studies(
    lab: Lab, owner: Actor, as_user: Callable[..., Actor]
) -> None:
    with pytest.raises(NotAllowed):
        lab.setup.create(as_user("r@lab"), PLAN)
    assert lab.studies.list(owner).items == ()


@pytest.mark.parametrize(
    ("plan", "missing"),
    [
        (StudyPlan("a", members=PLAN.members), "config"),
        (StudyPlan("a"), "studies"),
    ],
)
def test_token_makes_only_what_it_is_good_for(
    lab: Lab, owner: Actor, as_user: Callable[..., Actor], plan: StudyPlan, missing: str
) -> None:
    held = ["upload"] if missing == "studies" else ["studies", "upload"]
    limited = as_user("boss@lab", is_admin=True, capabilities=held)
    with pytest.raises(NotAllowed, match=missing):
        lab.setup.create(limited, plan)
    assert lab.studies.list(owner).items == ()


def test_token_that_may_make_no_users_names_those_who_are_missing(
    lab: Lab, owner: Actor, as_user: Callable[..., Actor]
) -> None:
    lab.people.add(owner, "anna@lab")
    limited = as_user("boss@lab", is_admin=True, capabilities=["studies", "config"])
    with pytest.raises(Invalid, match="no user ben@lab"):
        lab.setup.create(limited, PLAN)
    assert lab.studies.list(owner).items == ()
    lab.people.add(owner, "ben@lab")
    assert len(lab.studies.members(owner, lab.setup.create(limited, PLAN).id)) == 2


def test_seed_is_seen_by_those_who_set_up_and_by_nobody_else(
    lab: Lab, owner: Actor, as_user: Callable[..., Actor]
) -> None:
    study = lab.setup.create(owner, PLAN)
    reader = as_user("anna@lab")
    editor = as_user("eva@lab", rights="edit", study=study)
    for seen in (
        lab.studies.get(reader, study.id),
        lab.studies.by_name(reader, "pilot"),
        lab.studies.list(reader).items[0],
    ):
        assert seen.settings == {"shufflecases": "true"}
    assert lab.studies.get(editor, study.id).settings == study.settings
    head = as_user("chief@lab", rights="admin", study=study)
    assert SEED not in lab.studies.unpublish(head, study.id).settings


def test_seed_stays_when_settings_change(lab: Lab, owner: Actor) -> None:
    study = lab.setup.create(owner, PLAN)
    other = lab.studies.change(owner, study.id, revision=study.revision, settings={"organ": "x"})
    assert other.settings == {"organ": "x", SEED: study.settings[SEED]}
    again = lab.studies.change(
        owner, study.id, revision=other.revision, settings={"shufflecases": "true"}
    )
    assert again.settings == study.settings


def test_questions_are_asked_in_bulk_or_not_at_all(lab: Lab, owner: Actor) -> None:
    study = lab.setup.create(owner, PLAN)
    wanted = [
        PlannedQuestion("New", "Real"),
        PlannedQuestion("Grade", "DropDown", "1;2;3;4"),
    ]
    asked = lab.questions.ask_all(owner, study.id, wanted)
    assert [each.name for each in asked] == ["New", "Grade", "TIL %"]
    assert asked[1].options == ("1", "2", "3", "4")
    with pytest.raises(Invalid) as refused:
        lab.questions.ask_all(
            owner,
            study.id,
            [*wanted, PlannedQuestion("x", "?"), PlannedQuestion("New", "Integer")],
        )
    assert len(refused.value.problems) == 2
    assert tuple(lab.questions.list(owner, study.id)) == asked
