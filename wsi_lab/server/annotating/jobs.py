"""Jobs: how far they are, and the end of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wsi_lab.errors import Invalid, WsiLabError
from wsi_lab.model.exchange import Imported
from wsi_lab.model.job import Job
from wsi_lab.model.layer import Load
from wsi_lab.server.annotating.loads import load_json
from wsi_lab.server.api import forms
from wsi_lab.server.api.answering import JsonHandler


class JobHandler(JsonHandler):
    """One job."""

    async def get(self, job_id: str) -> None:
        """Return it."""
        self.query(forms.NoQuery)
        self.send(job_json(await self.ask(self.lab.jobs.get, self.actor, job_id)))

    async def delete(self, job_id: str) -> None:
        """Stop it; one that is over stays as it is."""
        self.query(forms.NoQuery)
        self.send(job_json(await self.ask(self.lab.jobs.stop, self.actor, job_id)))


def job_json(job: Job) -> forms.Json:
    """Return a job."""
    return {
        "id": job.id,
        "title": job.title,
        "state": job.state.value,
        "progress": job.progress,
        "words": job.words,
        "result": import_json(job.result) if isinstance(job.result, Imported) else None,
        "error": None if job.error is None else _error(job.error),
        "started_on": job.started_on,
        "ended_on": job.ended_on,
    }


def import_json(report: Imported[Load]) -> forms.Json:
    """Return what came of a file of annotations."""
    return {
        "format": report.format,
        "title": report.title,
        "shape_count": report.shape_count,
        "kinds": dict(report.kinds),
        "labels": [_slots(each) for each in report.labels],
        "grid_count": report.grid_count,
        "notices": [_slots(each) for each in report.notices],
        "notice_count": report.notice_count,
        "drawn_count": report.drawn_count,
        "unchanged_count": report.unchanged_count,
        "loads": [load_json(each) for each in report.loads],
        "is_dry_run": report.is_dry_run,
    }


def _error(error: WsiLabError) -> Mapping[str, Any]:
    problems = list(error.problems) if isinstance(error, Invalid) else []
    return {"code": error.code, "detail": error.message, "problems": problems}


def _slots(thing: Any) -> forms.Json:
    return {name: getattr(thing, name) for name in thing.__slots__}
