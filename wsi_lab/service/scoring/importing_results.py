"""Tables of results as they come in: names become ids, everything that is wrong is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from wsi_lab.errors import Conflict, Invalid, TooLarge
from wsi_lab.model.answer import Core, ImportReport, Place, ResultRow, checked_author
from wsi_lab.model.people import Action
from wsi_lab.model.question import Question
from wsi_lab.model.study import Study
from wsi_lab.service.scoring.answering import Given, check_text, keep, shapes_of
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import answers, slides, studies
from wsi_lab.store.annotations import ShapeRow

T = TypeVar("T")

_FILE_WORD = "anno2 "
"""How the value of an answer begins whose shapes are only in a file."""


@dataclass(frozen=True, slots=True)
class Names:
    """What the names in a table mean in a study.

    Attributes
    ----------
    slides
        The case of each slide, by slide id.
    cases
        Ids by the names that the asker knows the cases by; `None` where two have the same.
    """

    questions: Mapping[str, Question]
    slides: Mapping[int, int | None]
    cases: Mapping[str, int | None]
    case_ids: Set[int]


def names_of(transaction: Transaction, study: Study) -> Names:
    """Return what names mean in a study, for whoever asks."""
    connection = transaction.connection
    cases: dict[str, int | None] = {}
    called = case_names(transaction, study)
    for case_id, name in called.items():
        cases[name] = None if name in cases else case_id
    return Names(
        {question.name: question for question in transaction.questions(study)},
        slides.cases_of_slides(connection, study.id),
        cases,
        called.keys(),
    )


def case_names(transaction: Transaction, study: Study) -> dict[int, str]:
    """Return what the asker may call a study's cases, by their ids."""
    private = transaction.may(Action.CASE_PRIVATE, study)
    return {
        case.id: case.name if private and case.name is not None else case.public_name
        for case in _all(
            lambda after: studies.cases(
                transaction.connection, study.id, after=after, limit=10_000
            ),
            lambda case: case.id,
        )
    }


def drawn_rows(
    names: Names, rows: Sequence[ResultRow], problems: list[str]
) -> dict[int, Sequence[ShapeRow] | None]:
    """Return the shapes of the rows whose questions are drawn, by their positions in the table.

    To read them takes long, so it is done before anything is locked. What cannot be read is
    named in `problems`, and `None`.
    """
    found: dict[int, Sequence[ShapeRow] | None] = {}
    for index, row in enumerate(rows):
        question = names.questions.get(row.question)
        try:
            if question is None:
                continue
            if not question.kind.is_drawn:
                check_text(row.value)
            elif not row.value.startswith(_FILE_WORD):
                found[index] = shapes_of(question, row.value)
        except (Invalid, TooLarge) as error:
            found[index] = None
            problems.append(f"{_line(index, row)}Answer to '{row.question}': {error.message}")
    return found


def store_rows(
    transaction: Transaction,
    study: Study,
    rows: Sequence[ResultRow],
    drawn: Mapping[int, Sequence[ShapeRow] | None],
) -> ImportReport:
    """Store all rows, or none and say what is wrong with each that cannot be stored.

    Of two rows that answer the same, the later one counts.

    Raises
    ------
    Invalid
        ``problems`` names every row that cannot be stored.
    """
    names = names_of(transaction, study)
    problems: list[str] = []
    given: dict[answers.AnswerKey, Given] = {}
    from_files: dict[answers.AnswerKey, str] = {}
    log: list[str] = []
    author_of = lru_cache(maxsize=4096)(checked_author)
    place_of = lru_cache(maxsize=65536)(lambda *words: _place(names, *words))
    for index, row in enumerate(rows):
        try:
            question = _question(names, row.question)
            place = place_of(row.slide_id, row.case_name, row.core)
            author = author_of(row.author)
        except Invalid as error:
            problems.append(f"{_line(index, row)}{error.message}")
            continue
        key = answers.key_of(question.id, place, author)
        if key in given:
            log.append(f"{_line(index, row)}takes the place of an earlier line.")
            del given[key]
        if index in drawn and drawn[index] is None:
            continue
        shapes = drawn.get(index)
        was_drawn = shapes is not None
        if question.kind.is_drawn != (was_drawn or row.value.startswith(_FILE_WORD)) and (
            question.kind.is_drawn or was_drawn
        ):
            raise Conflict("The study's questions were changed meanwhile; import it again.")
        value = row.value if shapes is None else ""
        if question.kind.is_drawn and shapes is None:
            from_files[key] = _line(index, row)
        given[key] = Given(question, place, author, value, shapes, row.answered_on)
    problems += _match_files(transaction, study, given, from_files)
    if problems:
        raise refused(problems)
    kept = keep(transaction, study, list(given.values()))
    stored = sum(kept.changed)
    report = ImportReport(stored, len(kept.changed) - stored, tuple(log))
    if stored:
        transaction.record(
            "import",
            "answers",
            study.id,
            study_id=study.id,
            after={"stored": report.stored, "unchanged": report.unchanged},
        )
    return report


def refused(problems: Sequence[str]) -> Invalid:
    """Return the error that names everything that is wrong with a table."""
    count = len(problems)
    return Invalid(
        f"Nothing was stored, because of {'one problem' if count == 1 else f'{count} problems'}.",
        problems=problems,
    )


def _match_files(
    transaction: Transaction,
    study: Study,
    given: dict[answers.AnswerKey, Given],
    named: Mapping[answers.AnswerKey, str],
) -> list[str]:
    """Let an answer that only names a file pass where it is the one that is there already.

    Returns what is wrong with the others. `named` has their lines.
    """
    stored = answers.current(transaction.connection, study.id, named.keys()) if named else {}
    problems = []
    for key, line in named.items():
        known = stored.get(key)
        if known is None or known.value != given[key].value:
            problems.append(f"{line}An answer cannot be brought in by naming a file; send that.")
        else:
            given[key] = given[key]._replace(file_uuid=known.file_uuid)
    return problems


def _question(names: Names, name: str) -> Question:
    question = names.questions.get(name)
    if question is None:
        raise Invalid(f"There is no question '{name[:200]}' in this study.")
    return question


def _place(names: Names, slide_id: int | None, case_name: str | None, core: Core | None) -> Place:
    case_id = None
    if case_name is not None:
        if case_name not in names.cases:
            raise Invalid(f"There is no case '{case_name[:200]}' in this study.")
        case_id = names.cases[case_name]
        if case_id is None:
            raise Invalid(f"There are several cases '{case_name[:200]}' in this study.")
    if slide_id is None:
        return Place(case_id=case_id)
    if slide_id not in names.slides:
        raise Invalid(f"There is no image {slide_id} in this study.")
    # That the slide is one of its case need not be said once more.
    return Place(slide_id, None if case_id == names.slides[slide_id] else case_id, core)


def _line(index: int, row: ResultRow) -> str:
    return f"Line {row.line}: " if row.line else f"Row {index + 1}: "


def _all(
    page: Callable[[int], Sequence[T]], id_of: Callable[[T], int], after: int = 0
) -> Iterator[T]:
    while found := page(after):
        yield from found
        after = id_of(found[-1])
