"""Label sets of a study, and their labels."""

from __future__ import annotations

from operator import attrgetter

from wsi_lab.server.annotating.forms import label
from wsi_lab.server.api import forms, forms_tasks
from wsi_lab.server.api.answering import JsonHandler
from wsi_lab.server.parsing import whole_id


class LabelSetsHandler(JsonHandler):
    """The label sets of a study."""

    async def get(self, study_id: str) -> None:
        """Return label sets."""
        number, query = whole_id(study_id, "study"), self.query(forms.PageQuery)
        found = await self.ask(self.lab.label_sets.list, self.actor, number)
        self.send(forms.page(forms.cut(found, query, attrgetter("id")), forms_tasks.label_set))

    async def post(self, study_id: str) -> None:
        """Make a label set."""
        number, new = whole_id(study_id, "study"), self.body(forms_tasks.NewLabelSet)
        made = await self.ask(
            self.lab.label_sets.create,
            self.actor,
            number,
            new.name,
            [each.new() for each in new.labels],
            description=new.description,
        )
        self.send(forms_tasks.label_set(made), status=201, location=f"v1/label-sets/{made.id}")


class LabelSetHandler(JsonHandler):
    """One label set."""

    async def get(self, label_set_id: str) -> None:
        """Return it."""
        self.query(forms.NoQuery)
        number = whole_id(label_set_id, "label set")
        found = await self.ask(self.lab.label_sets.get, self.actor, number)
        self.send(forms_tasks.label_set(found))


class SetLabelsHandler(JsonHandler):
    """The labels of a label set."""

    async def post(self, label_set_id: str) -> None:
        """Add a label behind the others."""
        number = whole_id(label_set_id, "label set")
        new = self.body(forms_tasks.NewLabelForm)
        made = await self.ask(self.lab.label_sets.add_label, self.actor, number, new.new())
        self.send(label(made), status=201)


class LabelHandler(JsonHandler):
    """One label."""

    async def patch(self, label_id: str) -> None:
        """Change it; its shapes keep it."""
        number = whole_id(label_id, "label")
        given = forms.given(self.body(forms_tasks.LabelChange))
        self.send(
            label(await self.ask(self.lab.label_sets.change_label, self.actor, number, **given))
        )

    async def delete(self, label_id: str) -> None:
        """Remove it, if no shape has it."""
        self.query(forms.NoQuery)
        number = whole_id(label_id, "label")
        await self.ask(self.lab.label_sets.remove_label, self.actor, number)
        self.send_nothing()
