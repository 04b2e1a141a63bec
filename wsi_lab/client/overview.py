"""How a study stands: who has answered what, what is missing, and where readers differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wsi_lab.client import frames
from wsi_lab.client.disagreement import disagreement_of
from wsi_lab.client.missing import UNIT, Needs, needs_of
from wsi_lab.errors import NotFound
from wsi_lab.model.question import Question, QuestionKind
from wsi_lab.model.reading import ReadingSettings, is_needed

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from wsi_lab.client.questions import Question as AskedQuestion
    from wsi_lab.client.slide import Slide
    from wsi_lab.client.study import Study
    from wsi_lab.client.tma_maps import TmaMap


@dataclass(frozen=True, kw_only=True, eq=False)
class Overview:
    """A study's answers, and all that is told of them, as it was when it was read.

    Attributes
    ----------
    scores
        Every answer, as `Study.scores` returns them.
    slides
        By id.
    cases
        Their names by id, as the answers have them.
    maps
        Maps of tissue microarrays that slides have, by id.
    kinds
        Kinds of all questions, by name and in their order.
    read_on
        When, in UTC.
    readers
        Who is expected to answer.
    seconds
        For how long readers have looked at items, where that is kept.
    """

    study: Study
    read_on: datetime
    scores: pd.DataFrame = field(repr=False)
    slides: Mapping[int, Slide] = field(repr=False)
    cases: Mapping[int, str] = field(repr=False)
    maps: Mapping[int, TmaMap] = field(repr=False)
    kinds: Mapping[str, QuestionKind] = field(repr=False)
    readers: tuple[str, ...]
    seconds: Mapping[str, float] = field(repr=False)
    needs: Needs = field(repr=False)

    @property
    def questions(self) -> tuple[str, ...]:
        """Names of the questions that need an answer, in their order."""
        return self.needs.questions

    def missing(self, reader: str | None = None) -> pd.DataFrame:
        """Return the answers that are still to come; see `Study.missing`."""
        if reader is None:
            return self.needs.missing(self._given, self.readers)
        place = self._place_of(reader)
        return self.needs.missing(self._given[place : place + 1], self.readers[place : place + 1])

    def missing_by_question(self) -> pd.Series[int]:
        """Return how many answers of all readers are still to come, by question."""
        import pandas as pd  # noqa: PLC0415 (half a second, only for those who want tables)

        count = (self.needs.is_needed & ~self._given).sum(axis=(0, 1))
        return pd.Series(count, index=pd.Index(self.questions, name="question"), name="missing")

    def progress(self) -> pd.DataFrame:
        """Return how far each reader is: reader, answered, needed, answered_on (UTC), seconds."""
        import pandas as pd  # noqa: PLC0415 (half a second, only for those who want tables)

        folded = pd.Index([each.casefold() for each in self.readers], dtype=frames.TEXT)
        last = self.scores.groupby("reader")["answered_on"].max()
        # The same reader may be spelt in several ways.
        last = last.groupby(last.index.str.casefold()).max()
        table = pd.DataFrame(
            {
                "reader": pd.Series(list(self.readers), folded, dtype=frames.TEXT),
                "answered": self._given.sum(axis=(1, 2)),
                "needed": int(self.needs.is_needed.sum()),
                "answered_on": last.reindex(folded),
                "seconds": [self.seconds.get(each) for each in folded],
            },
            index=folded,
        )
        return table.astype({"seconds": frames.REAL}).reset_index(drop=True)

    def disagreement(self, question: str, top: int | None = None) -> pd.DataFrame:
        """Return where readers differ; see `Study.disagreement`."""
        return disagreement_of(self.answers_to(question), top)

    def answers_to(self, question: str) -> pd.DataFrame:
        """Return all answers to one question.

        Raises
        ------
        NotFound
            The study has no such question.
        """
        if question not in self.kinds:
            raise NotFound(f"The study {self.study.name!r} has no question {question!r}.")
        return self.scores[self.scores["question"].eq(question)]

    def said_of(self, unit: Mapping[str, Any], question: str) -> pd.DataFrame:
        """Return who answered what to one question about a unit, in the order of readers.

        Parameters
        ----------
        unit
            Values by the names of `wsi_lab.client.missing.UNIT`, such as a row of `disagreement`.
        """
        import pandas as pd  # noqa: PLC0415 (half a second, only for those who want tables)

        found = self.answers_to(question)
        for name in UNIT:
            value = unit[name]
            found = found[found[name].isna() if pd.isna(value) else found[name].eq(value)]
        return found.sort_values("reader")[["reader", "answer", "answered_on"]]

    def slides_of(self, unit: Mapping[Any, Any]) -> list[Slide]:
        """Return the slide of a unit, or those of the case that it is."""
        import pandas as pd  # noqa: PLC0415 (half a second, only for those who want tables)

        if not pd.isna(unit["slide_id"]):
            slide = self.slides.get(int(unit["slide_id"]))
            return [] if slide is None else [slide]
        by_name = [number for number, name in self.cases.items() if name == unit["case"]]
        return [each for each in self.slides.values() if each.case_id in by_name]

    def box_of(self, unit: Mapping[Any, Any]) -> tuple[float, float, float, float] | None:
        """Return ``(x, y, width, height)`` of a core in level-0 pixels, `None` for anything else.

        It is asked of the lab, which knows cores that were found or put by hand; see `Slide.cores`.
        """
        import pandas as pd  # noqa: PLC0415 (half a second, only for those who want tables)

        slides = [] if pd.isna(unit["core_row"]) else self.slides_of(unit)
        if not slides or slides[0].tma_map_id is None:
            return None
        cores = slides[0].cores().set_index(["row", "column"])
        place = int(unit["core_row"]), int(unit["core_column"])
        if place not in cores.index:
            return None
        left, top, right, bottom = cores.geometry.loc[place].bounds
        return left, top, right - left, bottom - top

    def _place_of(self, reader: str) -> int:
        folded = [each.casefold() for each in self.readers]
        if reader.casefold() not in folded:
            raise NotFound(f"{reader} is no reader of the study {self.study.name!r}.")
        return folded.index(reader.casefold())

    @cached_property
    def _given(self) -> NDArray[np.bool_]:
        return self.needs.given(self.scores, self.readers)


def read_overview(study: Study) -> Overview:
    """Read all that is told of a study: its answers once, and what they are about."""
    read_on = datetime.now(UTC)
    readers_path = f"v1/studies/{study.id}/readers"
    # Who reads is counted by the lab, which takes it as long as to send the answers.
    with ThreadPoolExecutor(1) as beside:
        asked = beside.submit(lambda: list(study.connection.items(readers_path)))
        scores = study.scores()
        listed = asked.result()
    slides = {each.id: each for each in study.slides.values()}
    # Answers are about private names, for those who may see them.
    cases = {each.id: each.private_name or each.name for each in study.cases.values()}
    settings = ReadingSettings.of(study.settings)
    questions = [_as_asked(each) for each in study.questions.values()]
    map_ids = {each.tma_map_id for each in slides.values() if each.tma_map_id is not None}
    maps = {each: study.tma_maps[each] for each in sorted(map_ids)}
    # Of a study whose answers were brought in, nobody else knows who its readers are.
    readers = [each["reader"] for each in listed] or sorted(scores["reader"].unique())
    return Overview(
        study=study,
        read_on=read_on,
        scores=scores,
        slides=slides,
        cases=cases,
        maps=maps,
        kinds={each.name: each.kind for each in questions},
        readers=tuple(readers),
        seconds={
            each["reader"].casefold(): each["seconds"]
            for each in listed
            if each.get("seconds") is not None
        },
        needs=needs_of(
            list(slides.values()),
            cases,
            {each.name: each.kind for each in _needed(study, questions)},
            {each.id: _cores(each) for each in maps.values()},
            scores_cases=settings.scores_cases,
        ),
    )


def _needed(study: Study, questions: Sequence[Question]) -> list[Question]:
    """Return the questions that all readers are to answer, as the lab counts them."""
    found = [each for each in questions if is_needed(each)]
    if not any(each.kind.is_drawn for each in found):
        return found
    # A restricted task is for its own members, and no reader waits for them.
    tasks = study.connection.items(f"v1/studies/{study.id}/tasks")
    restricted = {each["id"] for each in tasks if each["is_restricted"]}
    return [each for each in found if each.id not in restricted]


def _as_asked(question: AskedQuestion) -> Question:
    return Question(
        question.id,
        question.study_id,
        question.position,
        question.name,
        QuestionKind(question.kind),
        question.configuration,
        question.revision,
    )


def _cores(tma_map: TmaMap) -> list[tuple[int, int]]:
    """Return rows and columns of the cores of a map that readers are asked about."""
    return [(each.row, each.column) for each in tma_map.cores if not each.is_control]
