"""Answers: those of a study, as JSON or as tables, and giving one."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from operator import attrgetter

from tornado import web

from wsi_lab.model.answer import Answer, ResultRow
from wsi_lab.model.people import Actor
from wsi_lab.server.api import forms, forms_answers
from wsi_lab.server.api.answering import JsonHandler
from wsi_lab.server.api.tables import accepted, scores_csv
from wsi_lab.server.failures import BodyUnsupported
from wsi_lab.server.parsing import whole_id
from wsi_lab.server.receiving import Receiver
from wsi_lab.service.lab import Lab

JSON = "application/json"
CSV = "text/csv"
TSV = "text/tab-separated-values"
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
        wanted = accepted(self.request.headers.get("Accept"), [JSON, CSV, TSV])
        if wanted == JSON:
            self.send(await self.ask(_page, self.lab, self.actor, number, query))
            return
        make = _csv if wanted == CSV else _tsv
        pieces = await self.wait_in(self.site.transfers, make, self.lab, self.actor, number, query)
        self.set_header("Content-Type", f"{wanted}; charset=utf-8")
        await self.send_pieces(pieces)

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


def _rows(
    lab: Lab,
    actor: Actor,
    study_id: int,
    query: forms_answers.AnswersQuery,
    *,
    after: int = 0,
    limit: int | None = None,
) -> list[ResultRow]:
    read = (
        lab.results.own_rows
        if query.mine
        else functools.partial(lab.results.rows, author=query.author)
    )
    return read(
        actor,
        study_id,
        question=query.question,
        slide_id=query.slide_id,
        case_id=query.case_id,
        after=after,
        limit=limit,
    )


def _kinds(lab: Lab, actor: Actor, study_id: int) -> dict[str, str]:
    return {each.name: each.kind.value for each in lab.questions.list(actor, study_id)}


def _page(lab: Lab, actor: Actor, study_id: int, query: forms_answers.AnswersQuery) -> forms.Json:
    # One more tells whether there is a next page.
    rows = _rows(lab, actor, study_id, query, after=forms.id_after(query), limit=query.limit + 1)
    found = forms.cut(rows, query, attrgetter("answer_id"))
    kinds = _kinds(lab, actor, study_id)
    return forms.page(found, lambda row: forms_answers.result(row, kinds.get(row.question)))


def _csv(
    lab: Lab, actor: Actor, study_id: int, query: forms_answers.AnswersQuery
) -> Iterator[bytes]:
    return scores_csv(_rows(lab, actor, study_id, query), _kinds(lab, actor, study_id))


def _tsv(
    lab: Lab, actor: Actor, study_id: int, query: forms_answers.AnswersQuery
) -> Iterator[bytes]:
    author = actor.user.email if query.mine else query.author
    table = lab.results.table(
        actor,
        study_id,
        question=query.question,
        author=author,
        slide_id=query.slide_id,
        case_id=query.case_id,
    )
    return iter([table.encode()])


def _submit(lab: Lab, actor: Actor, study_id: int, new: forms_answers.NewAnswerForm) -> Answer:
    return lab.results.submit(actor, study_id, new.by(actor.user.email), revision=new.revision)
