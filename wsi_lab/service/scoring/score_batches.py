"""Answers of a study as parts of a table: columns of ids become columns of names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from wsi_lab.formats.score_tables import COLUMNS
from wsi_lab.model.study import Study
from wsi_lab.service.scoring.importing_results import case_names
from wsi_lab.service.transaction import Transaction
from wsi_lab.store import answer_columns, questions, slides
from wsi_lab.store.answer_columns import NONE, AnswerColumns, Texts
from wsi_lab.store.answer_selection import Selection

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Whole = NDArray[np.int64]


def score_batches(
    transaction: Transaction, study: Study, selection: Selection
) -> Iterator[pa.RecordBatch]:
    """Yield answers part by part, in the order of their ids; see `formats.score_tables`."""
    connection = transaction.connection
    names = _Names(transaction, study)
    for some in answer_columns.answer_columns(connection, selection):
        found = names.columns(some)
        yield pa.RecordBatch.from_arrays([found[name] for name in COLUMNS], names=list(COLUMNS))


class _Names:
    """What ids are called in a study, by whoever asks."""

    def __init__(self, transaction: Transaction, study: Study) -> None:
        connection = transaction.connection
        asked = {each.id: each for each in questions.questions(connection, study.id)}
        called = case_names(transaction, study)
        slide_names = slides.slide_names(connection, study.id)
        case_of = slides.cases_of_slides(connection, study.id)
        self._questions = _Places(asked)
        self._question_names = _Coded(asked[each].name for each in self._questions.ids)
        self._kinds = _Coded(asked[each].kind.value for each in self._questions.ids)
        self._slides, self._cases = _Places(slide_names), _Places(called)
        self._slide_names = _Coded(slide_names[each] for each in self._slides.ids)
        self._case_names = _Coded(called[each] for each in self._cases.ids)
        # The last one is that of no slide.
        cases = [case_of[each] or NONE for each in self._slides.ids]
        self._cases_of_slides = self._cases(np.array([*cases, NONE], np.int64))
        self._readers, self._samples = _Words(), _Words()

    def columns(self, some: AnswerColumns) -> dict[str, pa.Array]:
        """Return the columns of a part of the table by their names."""
        asked, there = self._questions(some.question_ids), self._slides(some.slide_ids)
        cases = self._cases_of_slides[there]
        is_said = some.case_ids != NONE
        if is_said.any():
            cases = np.where(is_said, self._cases(some.case_ids), cases)
        times = np.arange(len(some.ids) + 1, dtype=np.int32)
        times *= len(some.answered_on) // len(some.ids)
        return {
            "case": self._case_names.column(cases),
            "slide": self._slide_names.column(there),
            "slide_id": _numbers(some.slide_ids),
            "core_row": _numbers(some.core_rows),
            "core_column": _numbers(some.core_columns),
            "core_sample": self._samples.column(some.samples),
            "reader": self._readers.column(some.authors),
            "question": self._question_names.column(asked),
            "kind": self._kinds.column(asked),
            "answer": _texts(some.values),
            "answered_on": _text_array(times, some.answered_on),
            "answer_id": pa.array(some.ids),
            "revision": pa.array(some.revisions),
        }


class _Places:
    """The places of ids in a list, a whole column at a time; `NONE` of those that are not in it."""

    def __init__(self, ids: Iterable[int]) -> None:
        self.ids = sorted(ids)
        self._known = np.array(self.ids, np.int64)

    def __call__(self, ids: Whole) -> Whole:
        if not self.ids:
            return np.full(len(ids), NONE)
        places = np.searchsorted(self._known, ids)
        places[places == len(self.ids)] = 0
        return np.where(self._known[places] == ids, places, NONE)


class _Coded:
    """A column of names by their places in a list; an empty name is none."""

    def __init__(self, names: Iterable[str]) -> None:
        listed = list(names)
        words = {word: code for code, word in enumerate(dict.fromkeys(filter(None, listed)))}
        # The last one is that of no place.
        self._codes = np.array([*(words.get(name, NONE) for name in listed), NONE], np.int32)
        self._words = pa.array(list(words), pa.string())

    def column(self, places: Whole) -> pa.DictionaryArray:
        codes = self._codes[places]
        indices = pa.array(codes, mask=codes == NONE)
        return pa.DictionaryArray.from_arrays(indices, self._words)


class _Words:
    """A column of words that are met only on the way; an empty word is none."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}

    def column(self, texts: Texts) -> pa.DictionaryArray:
        if not texts.data:
            indices: Any = pa.nulls(len(texts.lengths), pa.int32())
        else:
            found = _texts(texts).dictionary_encode()
            codes = [
                self._codes.setdefault(word, len(self._codes)) if word else None
                for word in found.dictionary.to_pylist()
            ]
            indices = pa.array(codes, pa.int32()).take(found.indices)
        return pa.DictionaryArray.from_arrays(indices, pa.array(list(self._codes), pa.string()))


def _numbers(column: Whole) -> pa.Array:
    return pa.array(column, mask=column == NONE)


def _texts(texts: Texts) -> pa.Array:
    ends = np.zeros(len(texts.lengths) + 1, np.int32)
    np.cumsum(texts.lengths, out=ends[1:])
    return _text_array(ends, texts.data)


def _text_array(ends: NDArray[np.int32], data: bytes) -> pa.Array:
    return pa.StringArray.from_buffers(len(ends) - 1, pa.py_buffer(ends), pa.py_buffer(data))
