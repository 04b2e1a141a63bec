"""What a study is to be: everything that is said about it before it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from wsi_lab.errors import Invalid
from wsi_lab.model.emails import checked_email
from wsi_lab.model.people import Right, rights_of_words
from wsi_lab.model.question import checked_question
from wsi_lab.model.study import (
    checked_description,
    checked_name,
    checked_study_name,
    checked_text,
)
from wsi_lab.model.study_settings import checked_settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PlannedCase:
    """A case to be made; without a public name it gets one."""

    name: str
    public_name: str = ""


@dataclass(frozen=True, slots=True)
class PlannedQuestion:
    """A question to be asked; its kind is a name of `QuestionKind`, whatever its case."""

    name: str
    kind: str
    configuration: str = ""


@dataclass(frozen=True, slots=True)
class PlannedMember:
    """Somebody who is to be a member, and a user of the lab if they are none yet."""

    email: str
    rights: frozenset[Right | str]


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """A study that is to be made, without its slides.

    Attributes
    ----------
    friendly_name, folder, settings
        See `wsi_lab.model.study.Study`.
    cases
        Cases that slides may name, and such as have none.
    questions
        In the order in which they are to be asked.
    publish
        Whether readers are let in at once.
    """

    name: str
    description: str = ""
    friendly_name: str = ""
    folder: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    cases: tuple[PlannedCase, ...] = ()
    questions: tuple[PlannedQuestion, ...] = ()
    members: tuple[PlannedMember, ...] = ()
    publish: bool = False


def checked_plan(plan: StudyPlan) -> StudyPlan:
    """Return a plan whose parts are all in order.

    Raises
    ------
    Invalid
        Some are not; ``problems`` names every one.

    Examples
    --------
    >>> checked_plan(StudyPlan(" pilot ", members=(PlannedMember("a@lab", {"score"}),))).name
    'pilot'
    >>> checked_plan(StudyPlan("", settings={"colour": "red"}))
    Traceback (most recent call last):
    wsi_lab.errors.Invalid: No study was made: A study needs a name. (1 more problem.)
    """
    check = _Checks()
    whole = StudyPlan(
        check.of("", checked_study_name, plan.name) or "",
        check.of("", checked_description, plan.description, "study") or "",
        check.of("", checked_text, plan.friendly_name, "study") or "",
        check.of("", checked_text, plan.folder, "folder") or "",
        check.of("", checked_settings, plan.settings) or {},
        tuple(check.each("Case", (each.name for each in plan.cases), _case, plan.cases)),
        check.of("", checked_questions, plan.questions) or (),
        tuple(check.each("Member", (each.email for each in plan.members), _member, plan.members)),
        plan.publish,
    )
    check.once("case", (each.name for each in whole.cases))
    check.once("member", (each.email.casefold() for each in whole.members))
    refuse(check.problems)
    return whole


def checked_questions(given: Iterable[PlannedQuestion]) -> tuple[PlannedQuestion, ...]:
    """Return questions that are all in order.

    Raises
    ------
    Invalid
        Some are not, or are named twice; ``problems`` names every one.
    """
    check = _Checks()
    given = tuple(given)
    found = tuple(check.each("Question", (each.name for each in given), _question, given))
    check.once("question", (each.name for each in found))
    if check.problems:
        raise Invalid(f"{'; '.join(check.problems[:3])}.", problems=check.problems)
    return found


def refuse(problems: list[str]) -> None:
    """Raise `Invalid` if something keeps a study from being made."""
    if problems:
        more = len(problems) - 1
        rest = f" ({more} more problem{'s' if more > 1 else ''}.)" if more else ""
        first = problems[0].rstrip(".")
        raise Invalid(f"No study was made: {first}.{rest}", problems=problems)


class _Checks:
    """Runs checks, and keeps what they complain of."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def of(self, place: str, check: Callable[..., T], *given: object) -> T | None:
        try:
            return check(*given)
        except Invalid as error:
            for problem in error.problems or (error.message,):
                self.problems.append(f"{place}: {problem}" if place else problem)
            return None

    def each(
        self, what: str, names: Iterable[str], check: Callable[[T], T], given: Iterable[T]
    ) -> list[T]:
        tried = (
            self.of(f"{what} '{name[:60]}'", check, one)
            for name, one in zip(names, given, strict=True)
        )
        return [one for one in tried if one is not None]

    def once(self, what: str, names: Iterable[str]) -> None:
        seen: set[str] = set()
        for name in names:
            if name in seen:
                self.problems.append(f"The {what} '{name}' is named twice")
            seen.add(name)


def _case(one: PlannedCase) -> PlannedCase:
    return PlannedCase(checked_name(one.name, "case"), checked_text(one.public_name, "case"))


def _question(one: PlannedQuestion) -> PlannedQuestion:
    spec = checked_question(one.name, one.kind, one.configuration)
    return PlannedQuestion(spec.name, spec.kind, spec.configuration)


def _member(one: PlannedMember) -> PlannedMember:
    rights = rights_of_words(one.rights)
    if not rights:
        raise Invalid("Give at least one right.")
    return PlannedMember(checked_email(one.email), rights | {Right.VIEW})
