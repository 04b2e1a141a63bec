"""How a study stands, for those who run it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from wsi_lab.client.disagreement import disagreement_of
from wsi_lab.client.overview import Overview, read_overview
from wsi_lab.client.study_scores import StudyScores
from wsi_lab.errors import NotFound, WsiLabError

if TYPE_CHECKING:
    import pandas as pd

    from wsi_lab.client.study import Study


@dataclass(frozen=True, kw_only=True)
class StudyOverview(StudyScores):
    """The part of a study that tells how it stands."""

    def overview(self) -> Overview:
        """Read its answers once and return all that is told of them: progress, gaps, differences.

        Needs the right `results`.
        """
        return read_overview(cast("Study", self))

    def missing(self, reader: str | None = None) -> pd.DataFrame:
        """Return the answers that are still to come, a row each.

        Columns are reader, case, slide, slide_id, core_row, core_column, question. All questions
        need an answer but free texts, explanations and restricted tasks: about each slide; on
        slides with a TMA map about each core that is no control; about each case where the setting
        `scorecases` is on, or where there are no slides. Shapes are drawn once for a slide or a
        case.

        Parameters
        ----------
        reader
            Only of this reader.

        Raises
        ------
        NotFound
            The study has no such reader.
        """
        return self.overview().missing(reader)

    def disagreement(self, question: str, top: int | None = None) -> pd.DataFrame:
        """Return what readers differ on, most first; what all of them say the same of is left out.

        Columns are case, slide, slide_id, core_row, core_column, readers (how many answered),
        disagreement (the share of pairs of readers that differ), spread (the standard deviation of
        numbers), least and most of what was said. Measures, such as percentages, come by their
        spread, choices by their disagreement. Of what is drawn, the numbers of shapes count.

        Parameters
        ----------
        top
            Only so many of them.

        Raises
        ------
        NotFound
            The study has no such question.

        Examples
        --------
        >>> study.disagreement("TIL %", top=10)  # doctest: +SKIP
        """
        found = self.scores(question=question)
        if found.empty and question not in cast("Study", self).questions:
            raise NotFound(f"The study {self.name!r} has no question {question!r}.")
        return disagreement_of(found, top)

    def dashboard(self, question: str | None = None, **options: Any) -> Any:
        """Return how it stands for a notebook: `wsi_lab.widgets.Dashboard`.

        Parameters
        ----------
        question
            Whose differences are shown first; by default the first question that needs an answer.
        **options
            Handed to the dashboard, for example ``height="600px"`` of its slides.
        """
        dashboard = self.connection.dashboard
        if dashboard is None:
            raise WsiLabError("This lab was opened without widgets; use wsi_lab.connect().")
        return dashboard(self, question, **options)
