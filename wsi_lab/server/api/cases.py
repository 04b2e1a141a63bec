"""Cases of a study."""

from __future__ import annotations

from wsi_lab.server.api import forms
from wsi_lab.server.api.answering import JsonHandler
from wsi_lab.server.parsing import whole_id


class CasesHandler(JsonHandler):
    """The cases of a study."""

    async def get(self, study_id: str) -> None:
        """Return cases."""
        number, query = whole_id(study_id, "study"), self.query(forms.PageQuery)
        found = await self.ask(
            self.lab.cases.list, self.actor, number, limit=query.limit, cursor=query.cursor
        )
        self.send(forms.page(found, forms.case))

    async def post(self, study_id: str) -> None:
        """Make a case."""
        number, new = whole_id(study_id, "study"), self.body(forms.NewCase)
        case = await self.ask(self.lab.cases.create, self.actor, number, new.name, new.public_name)
        location = f"v1/cases/{case.id}"
        self.send(forms.case(case), status=201, revision=case.revision, location=location)


class CaseHandler(JsonHandler):
    """One case."""

    async def get(self, case_id: str) -> None:
        """Return it."""
        self.query(forms.NoQuery)
        case = await self.ask(self.lab.cases.get, self.actor, whole_id(case_id, "case"))
        self.send(forms.case(case), revision=case.revision)

    async def patch(self, case_id: str) -> None:
        """Change it."""
        number, revision = whole_id(case_id, "case"), self.revision()
        change = forms.given(self.body(forms.CaseChange))
        case = await self.ask(
            self.lab.cases.change, self.actor, number, revision=revision, **change
        )
        self.send(forms.case(case), revision=case.revision)

    async def delete(self, case_id: str) -> None:
        """Remove it, if it has no slides."""
        number, revision = whole_id(case_id, "case"), self.revision()
        self.query(forms.NoQuery)
        await self.ask(self.lab.cases.remove, self.actor, number, revision=revision)
        self.send_nothing()
