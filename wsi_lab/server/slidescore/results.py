"""Methods about answers: all of them out, a table of them in."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from wsi_lab.model.answer import ImportReport, ResultRow
from wsi_lab.model.people import Action
from wsi_lab.server.routing import Kind, Need, Route
from wsi_lab.server.slidescore.door import JSON, SUCCESS, Form, SlideScoreDoor
from wsi_lab.server.slidescore.method import Changing, Reading, needs, routes_of
from wsi_lab.server.slidescore.params import Params
from wsi_lab.server.slidescore.studies import iso

TSV = "text/tab-separated-values; charset=utf-8"


class Scores(Reading):
    """The answers of a study."""

    name = "Scores"
    need: ClassVar[Need] = needs(Action.RESULTS_VIEW, Kind.STUDY)
    form: ClassVar[Form] = Form.STATUS

    async def answer(self, params: Params) -> Any:
        """Return those that are asked for: as JSON for whoever accepts it, else as a table."""
        study_id = params.required_number("studyId")
        wanted = {
            "question": params.text("question") or None,
            "author": params.text("email") or None,
            "slide_id": params.number("imageId"),
            "case_id": params.number("caseId"),
        }
        self.set_header("Vary", "Accept")
        if JSON in self.request.headers.get("Accept", "").lower():
            return await self.wait_in(self.site.transfers, self._json, study_id, wanted)
        self.media_type = TSV
        return await self.wait_in(self.site.transfers, self._table, study_id, wanted)

    def _json(self, study_id: int, wanted: dict[str, Any]) -> bytes:
        rows = self.lab.results.rows(self.actor, study_id, **wanted)
        return msgspec.json.encode([score_object(each) for each in rows])

    def _table(self, study_id: int, wanted: dict[str, Any]) -> bytes:
        return self.lab.results.table(self.actor, study_id, **wanted).encode()


class UploadResults(Changing):
    """Bring in a table of answers."""

    name = "UploadResults"
    need: ClassVar[Need] = needs(Action.ANSWER_IMPORT, Kind.STUDY)
    is_heavy: ClassVar[bool] = True

    async def answer(self, params: Params) -> Any:
        """Take all of them or none, and say what was done."""
        study_id, text = params.required_number("studyId"), params.required("results")
        report = await self.wait_in(
            self.site.transfers, self.lab.results.import_table, self.actor, study_id, text
        )
        return {**SUCCESS, "log": log_of(report)}


class StudiesUpdated(Reading):
    """The studies that were answered lately."""

    name = "GetStudiesUpdated"
    need: ClassVar[Need] = Need(Action.LAB_VIEW)

    async def answer(self, params: Params) -> Any:
        """Return their ids, under both of the names that clients know."""
        since = params.moment("since")
        ids = await self.ask(self.lab.results.updated_since, self.actor, since)
        return {**SUCCESS, "studyIDs": ids, "StudyIDs": ids}


def log_of(report: ImportReport) -> str:
    r"""Return what became of answers that were brought in, as text.

    Examples
    --------
    >>> log_of(ImportReport(2, 1, ("Line 4: takes the place of an earlier line.",)))
    'Answers: 2 stored, 1 unchanged.\nLine 4: takes the place of an earlier line.'
    """
    counts = f"Answers: {report.stored} stored, {report.unchanged} unchanged."
    return "\n".join((counts, *report.log))


def score_object(row: ResultRow) -> dict[str, Any]:
    """Return an answer as clients read it.

    What a key is missing for must not be there at all: `None` breaks clients.

    Examples
    --------
    >>> sorted(score_object(ResultRow(7, "a@lab", "Grade", "2")))
    ['answer', 'id', 'imageID', 'imageName', 'question', 'user']
    """
    said: dict[str, Any] = {
        "id": row.answer_id,
        "imageID": row.slide_id,
        "imageName": row.slide_name,
        "user": row.author,
        "question": row.question,
        "answer": row.value,
    }
    if row.core is not None:
        said["tmaRow"] = row.core.row
        said["tmaCol"] = row.core.column
        said["tmaSampleID"] = row.core.sample
    if row.case_name is not None:
        said["caseName"] = row.case_name
    if row.answered_on is not None:
        said["lastModifiedOn"] = iso(row.answered_on)
    return said


def routes(door: SlideScoreDoor) -> tuple[Route, ...]:
    """Return the addresses of these methods."""
    return routes_of(door, Scores, UploadResults, StudiesUpdated)
