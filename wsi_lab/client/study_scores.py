"""What readers said in a study: as tables, as ratings, as agreement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wsi_lab.client import scores
from wsi_lab.client.cases import Case
from wsi_lab.client.connection import Connection
from wsi_lab.client.layer_ids import id_of
from wsi_lab.client.ratings import ratings_of
from wsi_lab.client.scores import Answer, Core, ImportReport
from wsi_lab.client.slide import Slide
from wsi_lab.client.study_fields import StudyFields

if TYPE_CHECKING:
    import pandas as pd

    from wsi_lab.analysis.alpha import AlphaLevel
    from wsi_lab.client.score_frames import ScoresFrame


@dataclass(frozen=True, kw_only=True)
class StudyScores(StudyFields):
    """The part of a study that is about its answers."""

    connection: Connection = field(repr=False, compare=False)

    def scores(
        self,
        *,
        question: str | None = None,
        reader: str | None = None,
        slide: Slide | int | None = None,
        case: Case | int | None = None,
        mine: bool = False,
        as_of: datetime | str | None = None,
        complete: bool = False,
    ) -> ScoresFrame:
        """Return its answers as a tidy table, one row each; ``.wide()`` lays it out side by side.

        Columns are case, slide, slide_id, core_row, core_column, core_sample, reader, question,
        kind, answer (text), answered_on (UTC), answer_id, revision. `import_results` takes such a
        table again. As long as nothing in the study changes, asking again costs next to nothing.

        Parameters
        ----------
        question, reader, slide, case
            Only what has this name, or this id.
        mine
            Only your own answers; those of others need the right `results`.
        as_of
            Answers as they were at this moment (by `answered_on`), shapes included; without a time
            zone it is in UTC. What was not answered yet is not there, nor what had been taken back
            by an empty answer. Names, and what slides and questions there are, are those of today.
        complete
            Only readers who have given (by then) every answer that the study needs: to all
            questions but free texts, explanations and restricted tasks, about all slides, all
            cores that are no controls of slides with a TMA map, or all cases where the setting
            `scorecases` is on or there are no slides.
        """
        filters = scores.filters_of(
            question=question,
            reader=reader,
            slide=slide,
            case=case,
            mine=mine,
            as_of=as_of,
            complete=complete,
        )
        return scores.scores(self.connection, self.id, filters)

    def export_scores(self, path: str | Path, **wanted: Any) -> None:
        """Write its answers into a file, all of it or nothing.

        Parameters
        ----------
        path
            Its ending says what it is to be: ``.csv`` and ``.parquet`` are the table that `scores`
            returns, ``.arrow`` or ``.feather`` the same for `pandas.read_feather`, and ``.tsv`` is
            Slide Score's table of results.
        **wanted
            Which answers, as for `scores`.

        Raises
        ------
        Invalid
            The file has another ending, or cannot be written.
        """
        scores.export_scores(self.connection, self.id, path, scores.filters_of(**wanted))

    def submit(
        self,
        question: str,
        answer: Any,
        *,
        slide: Slide | int | None = None,
        case: Case | int | None = None,
        core: Core | Sequence[Any] | None = None,
        revision: int | None = None,
    ) -> Answer:
        """Answer a question about a slide, a core on it or a case, in your own name.

        Parameters
        ----------
        answer
            Text or a number; shapes as a list of dictionaries, in Slide Score's words.
        core
            ``(row, column)`` or ``(row, column, sample)``, counted from 0.
        revision
            Of the answer this takes the place of; by default it does so whatever it is.

        Raises
        ------
        Conflict
            The answer is not of this revision any more; ``details["current"]`` is.
        Invalid
            It is not an answer that this kind of question can have.
        """
        body = {
            "question": question,
            "answer": scores.answer_text(answer),
            "slide_id": id_of(slide),
            "case_id": id_of(case),
            "core": scores.core_body(core),
            "revision": revision,
        }
        return scores.submit(self.connection, self.id, body)

    def import_results(self, table: str | pd.DataFrame) -> ImportReport:
        """Bring in answers of others: readers elsewhere, or a model. All of them or none.

        Parameters
        ----------
        table
            A table as `scores` returns it (reader, question, answer, and slide_id or case are
            needed), or the text of Slide Score's table of results, header and all.

        Raises
        ------
        Invalid
            ``problems`` names every line that is wrong; nothing was stored.
        """
        return scores.import_results(self.connection, self.id, table)

    def ratings(self, question: str) -> pd.DataFrame:
        """Return the answers to a question as a table of units by readers, with gaps.

        A unit is a slide, a core on it or a case; the index says which. Answers are numbers where
        all of them are. `wsi_lab.analysis` takes such tables.

        Raises
        ------
        Invalid
            Nobody has answered it.
        """
        return ratings_of(self.scores(question=question))

    def agreement(
        self, question: str, level: AlphaLevel | None = None, *, confidence: float = 0.95
    ) -> pd.DataFrame:
        """Return how far readers agree about a question: a row for each statistic.

        Columns are estimate, low, high, n_units, n_readers, n_ratings and sentence, which is what
        a paper says of it, citation included.

        Parameters
        ----------
        level
            ``nominal``, ``ordinal``, ``interval`` or ``ratio``; by default ``interval`` for numbers
            and ``nominal`` for anything else.

        Raises
        ------
        Invalid
            No unit was rated by two readers.
        """
        from wsi_lab.analysis.tables import agreement_table  # noqa: PLC0415 (it needs scipy)

        return agreement_table(self.ratings(question), level, confidence=confidence)
