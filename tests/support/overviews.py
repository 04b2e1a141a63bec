"""Studies made in memory that stand in some way: what was answered, and what was not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from wsi_lab.client.missing import UNIT, needs_of
from wsi_lab.client.overview import Overview
from wsi_lab.model.question import QuestionKind

READ_ON = datetime(2026, 11, 26, 12, 30, tzinfo=UTC)
NOT_NEEDED = {QuestionKind.FREE_TEXT, QuestionKind.EXPLANATION}


def slide_of(number: int, case_id: int | None = None, map_id: int | None = None) -> Any:
    return SimpleNamespace(id=number, name=f"slide {number}", case_id=case_id, tma_map_id=map_id)


def tidy(rows: Iterable[tuple[Any, ...]], kinds: Mapping[str, QuestionKind]) -> pd.DataFrame:
    """Return answers (case, slide, slide_id, row, column, reader, question, answer) as a table."""
    table = pd.DataFrame(list(rows), columns=[*UNIT, "reader", "question", "answer"])
    whole = table.astype({**UNIT, "reader": "str", "question": "str", "answer": "str"})
    kind = pd.Series({name: str(each) for name, each in kinds.items()}, dtype="str")
    answered_on = pd.Series(READ_ON, whole.index, dtype="datetime64[us, UTC]")
    return whole.assign(
        kind=kind.reindex(whole["question"]).to_numpy(), answered_on=answered_on
    )  # fmt: skip


@dataclass
class StudyInMemory:
    """A study whose overview is made of what it holds; a test may change that."""

    kinds: dict[str, QuestionKind]
    slides: list[Any] = field(default_factory=list)
    cases: dict[int, str] = field(default_factory=dict)
    readers: list[str] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    maps: dict[int, Any] = field(default_factory=dict)
    cores: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    scores_cases: bool = False
    name: str = "pilot"
    before_reading: Callable[[], None] = lambda: None

    def overview(self) -> Overview:
        self.before_reading()
        return self.overview_of(tidy(self.rows, self.kinds))

    def overview_of(self, scores: pd.DataFrame) -> Overview:
        needed = {name: kind for name, kind in self.kinds.items() if kind not in NOT_NEEDED}
        return Overview(
            study=self,
            read_on=READ_ON,
            scores=scores,
            slides={each.id: each for each in self.slides},
            cases=self.cases,
            maps=self.maps,
            kinds=self.kinds,
            readers=tuple(self.readers),
            seconds=self.seconds,
            needs=needs_of(
                self.slides, self.cases, needed, self.cores, scores_cases=self.scores_cases
            ),
        )


def large_study(slides: int = 500, questions: int = 30, readers: int = 20) -> StudyInMemory:
    """Return a study without answers, whose slides, questions and readers have numbers."""
    return StudyInMemory(
        kinds={f"question {number}": QuestionKind.INTEGER for number in range(questions)},
        slides=[slide_of(number + 1) for number in range(slides)],
        readers=[f"reader-{number}@lab" for number in range(readers)],
    )


def all_answers(study: StudyInMemory) -> pd.DataFrame:
    """Return an answer of each reader to each question about each slide."""
    sizes = len(study.slides), len(study.kinds), len(study.readers)
    slide, question, reader = (each.ravel() for each in np.indices(sizes))
    count = len(slide)
    slide_ids = np.array([each.id for each in study.slides])
    names = pd.Series([each.name for each in study.slides], dtype="str")
    answers = np.random.default_rng(7).integers(0, 4, count)
    return pd.DataFrame(
        {
            "case": pd.Series(None, range(count), dtype="str"),
            "slide": names.take(slide).to_numpy(),
            "slide_id": pd.Series(slide_ids[slide], dtype="Int64"),
            "core_row": pd.Series(pd.NA, range(count), dtype="Int64"),
            "core_column": pd.Series(pd.NA, range(count), dtype="Int64"),
            "reader": pd.Series(study.readers, dtype="str").take(reader).to_numpy(),
            "question": pd.Series(list(study.kinds), dtype="str").take(question).to_numpy(),
            "kind": "Integer",
            "answer": pd.Series(answers).astype("str"),
            "answered_on": pd.Series(READ_ON, range(count), dtype="datetime64[us, UTC]"),
        }
    ).astype({"slide": "str", "reader": "str", "question": "str", "kind": "str"})
