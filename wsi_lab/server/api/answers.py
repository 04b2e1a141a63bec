"""Answers: those of a study, as JSON or as tables, and giving one."""

from __future__ import annotations

import functools
import re
import tempfile
from operator import attrgetter
from typing import IO

from tornado import web

from wsi_lab.model.answer import Answer, WantedAnswers
from wsi_lab.model.people import Actor
from wsi_lab.server.api import forms, forms_answers
from wsi_lab.server.api.answering import ASK_EACH_TIME, JsonHandler
from wsi_lab.server.api.tables import accepted
from wsi_lab.server.failures import BodyUnsupported
from wsi_lab.server.parsing import whole_id
from wsi_lab.server.receiving import Receiver
from wsi_lab.service.lab import Lab
from wsi_lab.service.scoring.score_tables import TableForm, WrittenTable

JSON = "application/json"
CSV = "text/csv"
TSV = "text/tab-separated-values"
ARROW = "application/vnd.apache.arrow.stream"
FORMS = {CSV: TableForm.CSV, TSV: TableForm.RESULTS, ARROW: TableForm.ARROW}
"""Of whole tables, by their media types."""
_TAG = re.compile(r'"([0-9a-f]{32})"')
LARGEST_IN_MEMORY = 32 << 20
"""Bytes of a table that is being sent; a larger one waits in a file."""
PIECE_BYTES = 1 << 20
LARGEST_TABLE = 256 << 20
LARGEST_ANSWER = 66 << 20
"""Bytes of a request: the answer, and what JSON needs around and inside it."""
SECONDS_PER_TABLE = 600.0


@web.stream_request_body
class AnswersHandler(Receiver, JsonHandler):
    """The answers of a study."""

    async def get(self, study_id: str) -> None:
        """Return a page of answers, or a table of all."""
        # Whoever was refused is told so here.
        await self.received(bytes)
        number, query = whole_id(study_id, "study"), self.query(forms_answers.AnswersQuery)
        self.set_header("Vary", "Accept")
        media_type = accepted(self.request.headers.get("Accept"), [JSON, *FORMS])
        if media_type == JSON:
            self.send(await self.ask(_page, self.lab, self.actor, number, query))
            return
        written, table = await self.wait_in(
            self.site.transfers, self._table, number, query, media_type
        )
        with table:
            self.set_header("Etag", f'"{written.tag}"')
            self.set_header("Cache-Control", ASK_EACH_TIME)
            if written.is_known:
                self.set_status(304)
                return
            text = "" if media_type == ARROW else "; charset=utf-8"
            self.set_header("Content-Type", media_type + text)
            self.set_header("Content-Length", str(table.tell()))
            table.seek(0)
            await self.send_pieces(iter(functools.partial(table.read, PIECE_BYTES), b""))

    def _table(
        self, study_id: int, query: forms_answers.AnswersQuery, media_type: str
    ) -> tuple[WrittenTable, IO[bytes]]:
        # All of it is of one moment, and whoever reads slowly does not keep that moment alive.
        table = tempfile.SpooledTemporaryFile(LARGEST_IN_MEMORY)  # noqa: SIM115 (who sends it closes it)
        written = self.lab.score_tables.write(
            self.actor,
            study_id,
            WantedAnswers(**query.wanted),
            FORMS[media_type],
            table,
            mine=query.mine,
            known=_TAG.findall(self.request.headers.get("If-None-Match", "")),
        )
        return written, table

    async def post(self, study_id: str) -> None:
        """Answer a question in the asker's own name."""
        self.request.body = await self.received(bytes)
        number = whole_id(study_id, "study")
        new = await self.large_body(forms_answers.NewAnswerForm)
        answer = await self.ask(_submit, self.lab, self.actor, number, new)
        self.send(
            forms_answers.answer(answer),
            status=201,
            revision=answer.revision,
            location=f"v1/answers/{answer.id}",
        )


class AnswerHandler(JsonHandler):
    """One answer."""

    async def get(self, answer_id: str) -> None:
        """Return it."""
        self.query(forms.NoQuery)
        number = whole_id(answer_id, "answer")
        answer = await self.ask(self.lab.results.answer, self.actor, number)
        self.send(forms_answers.answer(answer), revision=answer.revision)


class HistoryHandler(JsonHandler):
    """What an answer has been."""

    async def get(self, answer_id: str) -> None:
        """Return all its revisions, the first one first."""
        number, query = whole_id(answer_id, "answer"), self.query(forms.PageQuery)
        found = await self.ask(self.lab.results.history, self.actor, number)
        self.send(forms.page(forms.cut(found, query, attrgetter("revision")), forms_answers.answer))


@web.stream_request_body
class ResultsHandler(Receiver, JsonHandler):
    """Tables of answers that are brought in."""

    async def post(self, study_id: str) -> None:
        """Take a table of answers, all of it or nothing."""
        body = await self.received(bytes)
        number = whole_id(study_id, "study")
        self.query(forms.NoQuery)
        media_type = self.request.headers.get("Content-Type", "").partition(";")[0].strip()
        if media_type.lower() not in {TSV, "text/plain"}:
            raise BodyUnsupported(f"The body of this request must be a table ({TSV}).")
        report = await self.wait_in(
            self.site.transfers,
            self.lab.results.import_table,
            self.actor,
            number,
            body,
        )
        self.send({"stored": report.stored, "unchanged": report.unchanged, "log": list(report.log)})


def _kinds(lab: Lab, actor: Actor, study_id: int) -> dict[str, str]:
    return {each.name: each.kind.value for each in lab.questions.list(actor, study_id)}


def _page(lab: Lab, actor: Actor, study_id: int, query: forms_answers.AnswersQuery) -> forms.Json:
    # One more tells whether there is a next page.
    rows = lab.results.rows(
        actor,
        study_id,
        mine=query.mine,
        after=forms.id_after(query),
        limit=query.limit + 1,
        **query.wanted,
    )
    found = forms.cut(rows, query, attrgetter("answer_id"))
    kinds = _kinds(lab, actor, study_id)
    return forms.page(found, lambda row: forms_answers.result(row, kinds.get(row.question)))


def _submit(lab: Lab, actor: Actor, study_id: int, new: forms_answers.NewAnswerForm) -> Answer:
    return lab.results.submit(actor, study_id, new.by(actor.user.email), revision=new.revision)
