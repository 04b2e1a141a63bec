"""Layers of a study, and their labels."""

from __future__ import annotations

from operator import attrgetter

from wsi_lab.model.layer import Layer
from wsi_lab.model.people import Actor
from wsi_lab.model.question import QuestionKind
from wsi_lab.server.annotating import forms as shape_forms
from wsi_lab.server.api import forms
from wsi_lab.server.api.answering import JsonHandler
from wsi_lab.server.parsing import whole_id
from wsi_lab.service.lab import Lab


class LayersHandler(JsonHandler):
    """The layers of a study."""

    async def get(self, study_id: str) -> None:
        """Return layers."""
        number, query = whole_id(study_id, "study"), self.query(forms.PageQuery)
        found = await self.ask(self.lab.layers.list, self.actor, number)
        self.send(forms.page(forms.cut(found, query, attrgetter("id")), shape_forms.layer))

    async def post(self, study_id: str) -> None:
        """Make a layer."""
        number, new = whole_id(study_id, "study"), self.body(shape_forms.NewLayer)
        made = await self.ask(
            self.lab.layers.create,
            self.actor,
            number,
            new.name,
            kind=QuestionKind(new.kind),
            colour=new.colour,
            labels=[each.new() for each in new.labels],
            is_shared=new.is_shared,
        )
        self.send(
            shape_forms.layer(made),
            status=201,
            revision=made.revision,
            location=f"v1/layers/{made.id}",
        )


class LayerHandler(JsonHandler):
    """One layer."""

    async def get(self, layer_id: str) -> None:
        """Return it."""
        self.query(forms.NoQuery)
        layer = await self.ask(self.lab.layers.get, self.actor, whole_id(layer_id, "layer"))
        self.send(shape_forms.layer(layer), revision=layer.revision)

    async def patch(self, layer_id: str) -> None:
        """Change it."""
        number, revision = whole_id(layer_id, "layer"), self.revision()
        given = forms.given(self.body(shape_forms.LayerChange))
        layer = await self.ask(
            self.lab.layers.change, self.actor, number, revision=revision, **given
        )
        self.send(shape_forms.layer(layer), revision=layer.revision)

    async def delete(self, layer_id: str) -> None:
        """Remove it from the study; its shapes are kept, and shown no more."""
        number, revision = whole_id(layer_id, "layer"), self.revision()
        self.query(forms.NoQuery)
        await self.ask(self.lab.layers.remove, self.actor, number, revision=revision)
        self.send_nothing()


class LabelsHandler(JsonHandler):
    """The labels of a layer."""

    async def put(self, layer_id: str) -> None:
        """Give it exactly these."""
        number, revision = whole_id(layer_id, "layer"), self.revision()
        labels = self.body(shape_forms.LabelsForm)
        layer = await self.ask(_set_labels, self.lab, self.actor, number, labels, revision)
        self.send(shape_forms.layer(layer), revision=layer.revision)


class CountsHandler(JsonHandler):
    """How many shapes a layer has."""

    async def get(self, layer_id: str) -> None:
        """Return them by label, with their areas."""
        number, query = whole_id(layer_id, "layer"), self.query(shape_forms.CountsQuery)
        found = await self.ask(
            self.lab.finder.counts,
            self.actor,
            number,
            slide_id=query.slide_id,
            author=query.author,
        )
        self.send({"items": [shape_forms.label_count(each) for each in found]})


def _set_labels(
    lab: Lab, actor: Actor, layer_id: int, labels: shape_forms.LabelsForm, revision: int
) -> Layer:
    given = labels.given(lab.layers.get(actor, layer_id))
    return lab.layers.set_labels(actor, layer_id, given, revision)
