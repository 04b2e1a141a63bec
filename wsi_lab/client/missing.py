"""Which answers a study needs, which of them were given, and which are still to come."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wsi_lab.client import frames
from wsi_lab.model.question import QuestionKind

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

UNIT: Mapping[str, str] = {
    "case": frames.TEXT,
    "slide": frames.TEXT,
    "slide_id": "Int64",
    "core_row": "Int64",
    "core_column": "Int64",
}


@dataclass(frozen=True)
class Needs:
    """Which questions must be answered about which units.

    Attributes
    ----------
    units
        One row each, with the columns of `UNIT`: slides, cores of slides, or cases.
    questions
        Names of questions, in their order.
    is_needed
        ``(units, questions) bool``. Words are asked for about each core, shapes about the slide.
    is_drawn
        ``(questions,) bool``.
    unit_of_slide
        The unit that a slide is, or the case it belongs to; what is drawn on any slide of a case
        answers for the case.
    """

    units: pd.DataFrame
    questions: tuple[str, ...]
    is_needed: NDArray[np.bool_]
    is_drawn: NDArray[np.bool_]
    unit_of_slide: Mapping[int, int]

    def given(self, scores: pd.DataFrame, readers: Sequence[str]) -> NDArray[np.bool_]:
        """Return which of the answers were given, ``(readers, units, questions) bool``.

        What an empty answer took back was not.
        """
        import numpy as np  # noqa: PLC0415 (only for those who want tables)

        reader = _places(scores["reader"], readers, str.casefold)
        question = _places(scores["question"], self.questions)
        is_drawn = np.append(self.is_drawn, False)[question]
        unit = self._units_of(scores, is_drawn)
        is_said = is_drawn | scores["answer"].ne("").to_numpy(bool)
        counts = is_said & (reader >= 0) & (question >= 0) & (unit >= 0)
        found = np.zeros((len(readers), *self.is_needed.shape), bool)
        found[reader[counts], unit[counts], question[counts]] = True
        return found & self.is_needed

    def missing(self, given: NDArray[np.bool_], readers: Sequence[str]) -> pd.DataFrame:
        """Return a row for each answer that is needed and was not given, reader by reader."""
        import numpy as np  # noqa: PLC0415 (only for those who want tables)
        import pandas as pd  # noqa: PLC0415 (half a second, only for those who want tables)

        reader, unit, question = np.nonzero(~given & self.is_needed)
        table = self.units.take(unit).reset_index(drop=True)
        for at, name, names, places in (
            (0, "reader", readers, reader),
            (len(UNIT) + 1, "question", self.questions, question),
        ):
            column = pd.Series(list(names), dtype=frames.TEXT).take(places)
            table.insert(at, name, column.reset_index(drop=True))
        return table

    def _units_of(self, scores: pd.DataFrame, is_drawn: NDArray[np.bool_]) -> NDArray[np.intp]:
        import numpy as np  # noqa: PLC0415 (only for those who want tables)
        import pandas as pd  # noqa: PLC0415 (half a second, only for those who want tables)

        ours, theirs = _keys(self.units, scores)
        found = pd.Index(ours).get_indexer(pd.Index(theirs))
        # Only slides of cases that are one unit are not found.
        on_slide = is_drawn & (found < 0) & scores["core_row"].isna().to_numpy(bool)
        if on_slide.any():
            slides = pd.Index(list(self.unit_of_slide), dtype="int64")
            places = np.append(np.fromiter(self.unit_of_slide.values(), np.intp), -1)
            ids = scores["slide_id"].fillna(-1).to_numpy(np.int64)[on_slide]
            found[on_slide] = places[slides.get_indexer(pd.Index(ids))]
        return found


def needs_of(
    slides: Sequence[Any],
    cases: Mapping[int, str],
    questions: Mapping[str, QuestionKind],
    cores: Mapping[int, Sequence[tuple[int, int]]],
    *,
    scores_cases: bool,
) -> Needs:
    """Return what a study needs.

    Parameters
    ----------
    slides
        In the study's order, each with `id`, `name`, `case_id` and `tma_map_id`.
    cases
        Names of cases by id, as the answers have them; in a study that has no slides, cases are
        what is asked about.
    questions
        Kinds of questions by name, only those that need an answer.
    cores
        Rows and columns of the cores that are no controls, by map.
    scores_cases
        Whether questions are about cases, not about each of their slides.
    """
    import numpy as np  # noqa: PLC0415 (only for those who want tables)
    import pandas as pd  # noqa: PLC0415 (half a second, only for those who want tables)

    rows: list[tuple[Any, ...]] = []
    # Whether a unit is asked about in words, and whether shapes are asked for.
    takes: list[tuple[bool, bool]] = []
    unit_of_slide: dict[int, int] = {}
    unit_of_case: dict[str, int] = {}
    for slide in slides:
        case = cases.get(slide.case_id)
        if scores_cases and case is not None:
            if case not in unit_of_case:
                unit_of_case[case] = len(rows)
                rows.append((case, None, None, None, None))
                takes.append((True, True))
            unit_of_slide[slide.id] = unit_of_case[case]
            continue
        on_it = cores.get(slide.tma_map_id)
        unit_of_slide[slide.id] = len(rows)
        here = (case, slide.name, slide.id)
        rows += [(*here, None, None), *((*here, row, column) for row, column in on_it or ())]
        # On a slide of nothing but controls there is nothing to say in words.
        takes += [(on_it is None, True), *[(True, False)] * len(on_it or ())]
    if not slides:
        rows = [(name, None, None, None, None) for name in dict.fromkeys(cases.values())]
        takes = [(True, True)] * len(rows)
    is_drawn = np.array([kind.is_drawn for kind in questions.values()], bool)
    words, shapes = np.array(takes, bool).reshape(-1, 2).T
    return Needs(
        pd.DataFrame(rows, columns=list(UNIT)).astype(dict(UNIT)),
        tuple(questions),
        np.where(is_drawn, shapes[:, None], words[:, None]),
        is_drawn,
        unit_of_slide,
    )


def _keys(*tables: pd.DataFrame) -> list[NDArray[np.int64]]:
    """Return a number for each row, the same where rows are about the same unit."""
    import numpy as np  # noqa: PLC0415 (only for those who want tables)
    import pandas as pd  # noqa: PLC0415 (half a second, only for those who want tables)

    # From 1 on, and 0 for none.
    numbers = [
        [
            table[name].fillna(-1).to_numpy(np.int64) + 1
            for name in ("slide_id", "core_row", "core_column")
        ]
        for table in tables
    ]
    most_rows, most_columns = (
        1 + max(int(of_table[place].max(initial=0)) for of_table in numbers) for place in (1, 2)
    )
    about_cases = [slide == 0 for slide, _, _ in numbers]
    names = [table["case"][where] for table, where in zip(tables, about_cases, strict=True)]
    codes = np.split(pd.factorize(pd.concat(names))[0], np.cumsum([*map(len, names)])[:-1])
    for (slide, _, _), where, cases in zip(numbers, about_cases, codes, strict=True):
        slide[where] = -2 - cases
    return [(slide * most_rows + row) * most_columns + column for slide, row, column in numbers]


def _places(
    column: pd.Series[Any], names: Sequence[str], spelt: Callable[[str], str] = str
) -> NDArray[np.intp]:
    """Return the place of each cell among names, -1 where it has none."""
    import numpy as np  # noqa: PLC0415 (only for those who want tables)

    place = {spelt(name): number for number, name in enumerate(names)}
    codes, said = column.factorize()
    # The last one is that of a cell without a value.
    places = np.array([*(place.get(spelt(each), -1) for each in said), -1], np.intp)
    found: NDArray[np.intp] = places[codes]
    return found
