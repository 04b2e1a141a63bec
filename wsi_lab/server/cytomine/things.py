"""Things that something is said of: what addresses and clients call their kinds."""

from __future__ import annotations

from collections.abc import Sequence

from tornado import web

from wsi_lab.errors import NotFound
from wsi_lab.model.remark import ThingKind
from wsi_lab.server.cytomine import words
from wsi_lab.server.cytomine.handlers import CytomineReceiver
from wsi_lab.server.parsing import whole_id
from wsi_lab.service.hidden import Kind

CLASS_OF = {
    ThingKind.STUDY: words.PROJECT,
    ThingKind.SLIDE: words.IMAGE_INSTANCE,
    ThingKind.IMAGE: words.ABSTRACT_IMAGE,
    ThingKind.ANNOTATION: words.ANNOTATION,
}
_HIDDEN_AS: dict[ThingKind, Kind] = {
    ThingKind.STUDY: "study",
    ThingKind.SLIDE: "slide",
    ThingKind.IMAGE: "image",
    ThingKind.ANNOTATION: "shape",
}
_ANNOTATIONS = frozenset({"userannotation", "algoannotation", "annotationdomain"})


def kind_of(class_name: str) -> ThingKind:
    """Return what kind of thing a class is, by its full name or a short one.

    Raises
    ------
    NotFound
        Nothing is said of such things here.

    Examples
    --------
    >>> kind_of("be.cytomine.domain.image.ImageInstance"), kind_of("annotation")
    (<ThingKind.SLIDE: 'imageinstance'>, <ThingKind.ANNOTATION: 'annotation'>)
    """
    short = class_name.rpartition(".")[2].lower()
    if short in _ANNOTATIONS:
        return ThingKind.ANNOTATION
    try:
        return ThingKind(short)
    except ValueError:
        raise NotFound(f"Nothing is said here of things called '{class_name[:100]}'.") from None


def hidden_as(kind: ThingKind) -> Kind:
    """Return what a kind of thing is called where it is told what is hidden."""
    return _HIDDEN_AS[kind]


def domain_of(kind: ThingKind, thing_id: int) -> words.Told:
    """Return what remarks tell of their thing."""
    return {"domainIdent": thing_id, "domainClassName": CLASS_OF[kind]}


@web.stream_request_body
class ThingHandler(CytomineReceiver):
    """Base of handlers of what is said of a thing in the address."""

    def thing(self, where: Sequence[str]) -> tuple[ThingKind, int]:
        """Return the thing that an address names.

        Parameters
        ----------
        where
            Its class and its id; of annotations the id alone.
        """
        class_name, number = where if len(where) == 2 else (ThingKind.ANNOTATION, where[0])
        return self.thing_named(class_name, whole_id(number, "thing"))

    def thing_named(self, class_name: str, number: int) -> tuple[ThingKind, int]:
        """Return a thing by its class and its id."""
        kind = kind_of(class_name)
        self.name(_HIDDEN_AS[kind], number)
        return kind, number
