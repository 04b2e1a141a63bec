"""Whole studies made at once: slides, questions and members, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from wsi_lab.errors import Invalid, TooLarge, WsiLabError
from wsi_lab.model.people import Action, Actor, Right
from wsi_lab.model.question import checked_question
from wsi_lab.model.study import Member, Study
from wsi_lab.model.study_plan import PlannedMember, StudyPlan, checked_plan, refuse
from wsi_lab.service.adding import MOST_AT_ONCE, SlideAdder
from wsi_lab.service.cases import add_case
from wsi_lab.service.new_slides import ExaminedSlide, NewSlide, SlideStorer, store_all
from wsi_lab.service.scoring.questions import add_question
from wsi_lab.service.seen import study_as_seen
from wsi_lab.service.studies import changed_study, new_study
from wsi_lab.service.transaction import Transaction, Transactions
from wsi_lab.store import people


class StudySetup:
    """Makes studies with everything that belongs to them."""

    def __init__(self, transactions: Transactions, adder: SlideAdder) -> None:
        self._transactions = transactions
        self._adder = adder

    def create(
        self,
        actor: Actor,
        plan: StudyPlan,
        slides: Sequence[NewSlide] = (),
        *,
        progress: Callable[[int], None] | None = None,
    ) -> Study:
        """Make a study, or nothing at all. Site administrators only.

        Slide files are opened first; then everything is stored in one transaction, users who
        are not known yet included.

        Parameters
        ----------
        progress
            Called with how many of the slides were opened.

        Raises
        ------
        Invalid
            Something is wrong with the plan, or slides cannot be shown; ``problems`` names each,
            and ``rows`` the positions of the slides.
        Conflict
            There is a study of that name.
        NotAllowed
            A part of it is not the asker's to do, such as making users with a limited token.
        """
        plan = checked_plan(plan)
        if len(slides) > MOST_AT_ONCE:
            raise TooLarge(f"At most {MOST_AT_ONCE:,} slides can be added at once.")
        # Whoever may not make it, or not by this name, need not wait for slides to be opened.
        is_admin = self._transactions.rehearse(
            actor, lambda transaction: _made(transaction, plan, slides, None)[1]
        )
        examined = self._adder.examine_many(slides, is_admin=is_admin, progress=progress)

        def make(transaction: Transaction) -> Study:
            study, _ = _made(transaction, plan, slides, examined)
            return study_as_seen(transaction, study)

        try:
            return self._transactions.write(actor, make)
        except Invalid as error:
            if "rows" not in error.details:
                raise
            count = f"{len(error.problems)} of {len(slides)} slides cannot be added"
            message = f"No study was made: {count}: {error.problems[0]}"
            raise Invalid(message, problems=error.problems, rows=error.details["rows"]) from error


def _made(
    transaction: Transaction,
    plan: StudyPlan,
    slides: Sequence[NewSlide],
    examined: Sequence[ExaminedSlide | WsiLabError] | None,
) -> tuple[Study, bool]:
    """Store a study, without slides where none were opened yet; and tell if an admin asks."""
    transaction.require(Action.STUDY_CREATE)
    study = new_study(transaction, plan.name, plan.description)
    if slides:
        transaction.study(study.id, Action.SLIDE_ADD)
    said = {
        "friendly_name": plan.friendly_name,
        "folder": plan.folder,
        "settings": dict(plan.settings),
    }
    changes = {field: value for field, value in said.items() if value}
    if changes or plan.cases or plan.questions:
        transaction.study(study.id, Action.STUDY_EDIT)
    if plan.publish:
        transaction.study(study.id, Action.STUDY_PUBLISH)
    study = changed_study(transaction, study, changes, published=plan.publish)
    for case in plan.cases:
        add_case(transaction, study, case.name, case.public_name)
    for each in plan.questions:
        spec = checked_question(each.name, each.kind, each.configuration)
        add_question(transaction, study, spec)
    invite(transaction, study, plan.members)
    if examined is not None:
        store_all(SlideStorer(transaction, study), slides, examined)
    return study, transaction.actor.user.is_admin


def invite(transaction: Transaction, study: Study, members: Iterable[PlannedMember]) -> None:
    """Make people members of a new study, and users of the lab where they are none yet.

    Raises
    ------
    Invalid
        Some are no users, and the asker may make none; ``problems`` names each.
    NotAllowed, NotFound
        The asker may not say who is a member.
    """
    problems: list[str] = []
    for number, member in enumerate(members):
        if number == 0:
            transaction.study(study.id, Action.STUDY_ADMIN)
        user = people.user_by_email(transaction.connection, member.email)
        if user is None:
            if not transaction.may(Action.LAB_ADMIN):
                problems.append(
                    f"There is no user {member.email}; a site administrator can add them first"
                )
                continue
            user = people.add_user(
                transaction.connection,
                member.email,
                member.email.partition("@")[0],
                is_admin=False,
                created_on=transaction.now,
            )
            transaction.record("create", "user", user.id, after=user)
        rights = frozenset(Right(each) for each in member.rights)
        people.set_rights(transaction.connection, study.id, user.id, rights)
        transaction.record(
            "create",
            "member",
            user.id,
            study_id=study.id,
            after=Member(study.id, user.id, user.email, rights),
        )
    refuse(problems)
