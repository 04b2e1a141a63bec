"""Projects: the studies of the lab."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec
from tornado import web

from wsi_lab.model.image import ImageCounts
from wsi_lab.model.ontology import Ontology
from wsi_lab.model.people import Action, Actor, Resource, may
from wsi_lab.model.study import Study
from wsi_lab.server.cytomine import words
from wsi_lab.server.cytomine.handlers import CytomineHandler, CytomineReceiver
from wsi_lab.server.cytomine.reading import Said, text_of
from wsi_lab.service.colleagues import MANAGER
from wsi_lab.service.lab import Lab

LONGEST_PAGE = 1000
PROJECT = "project"


class _Project(msgspec.Struct):
    name: Said
    ontology: int | None = None


class _Changed(msgspec.Struct):
    name: Said | None = None


@web.stream_request_body
class ProjectsHandler(CytomineReceiver):
    """All projects."""

    async def get(self) -> None:
        """Return those that the asker may see."""
        await self.nothing()
        found = await self.ask(_projects, self.lab, self.actor)
        await self.send_page(found, lambda each: each)

    async def post(self) -> None:
        """Make one."""
        new = await self.object(_Project)
        if new.ontology is not None:
            self.name("ontology", new.ontology)
        name = text_of(new.name)
        made = await self.ask(_create, self.lab, self.actor, name, new.ontology)
        await self.send_json(words.done(PROJECT, made, "Add"))


class ProjectsOfOntologyHandler(CytomineHandler):
    """The projects of an ontology: one, or none."""

    async def get(self, ontology_id: str) -> None:
        """Return them."""
        number = self.id_of("ontology", ontology_id)
        found = await self.ask(self.lab.ontologies.get, self.actor, number)
        studies = [] if found.study_id is None else [found.study_id]
        told = await self.ask(_projects, self.lab, self.actor, studies)
        await self.send_page(told, lambda each: each)


class ProjectsOfUserHandler(CytomineHandler):
    """The projects that a user is in, and the asker too."""

    async def get(self, user_id: str) -> None:
        """Return them."""
        number = self.id_of("user", user_id)
        found = await self.ask(_projects_of_user, self.lab, self.actor, number)
        await self.send_page(found, lambda each: each)


@web.stream_request_body
class ProjectHandler(CytomineReceiver):
    """One project."""

    async def get(self, project_id: str) -> None:
        """Return it."""
        await self.nothing()
        study = self.id_of("study", project_id)
        await self.send_json(await self.ask(_project, self.lab, self.actor, study))

    async def put(self, project_id: str) -> None:
        """Change its name."""
        changed = await self.object(_Changed)
        study = self.id_of("study", project_id)
        name = None if changed.name is None else text_of(changed.name)
        told = await self.ask(_rename, self.lab, self.actor, study, name)
        await self.send_json(words.done(PROJECT, told, "Edit"))

    async def delete(self, project_id: str) -> None:
        """Remove it, with its images and annotations; the slides' files stay."""
        await self.nothing()
        study = self.id_of("study", project_id)
        told = await self.ask(_remove, self.lab, self.actor, study)
        await self.send_json(words.done(PROJECT, told, "Delete"))


def all_studies(lab: Lab, actor: Actor) -> list[Study]:
    """Return the studies that the asker may view, the newest first."""
    found: list[Study] = []
    cursor: str | None = None
    while True:
        page = lab.studies.list(actor, limit=LONGEST_PAGE, cursor=cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found[::-1]


def _projects(lab: Lab, actor: Actor, study_ids: Collection[int] | None = None) -> list[words.Told]:
    wanted = all_studies(lab, actor)
    if study_ids is not None:
        wanted = [each for each in wanted if each.id in study_ids]
    return _told(lab, actor, wanted)


def _projects_of_user(lab: Lab, actor: Actor, user_id: int) -> list[words.Told]:
    return _projects(lab, actor, lab.colleagues.study_ids(actor, user_id))


def _project(lab: Lab, actor: Actor, study_id: int) -> words.Told:
    return _told(lab, actor, [lab.studies.get(actor, study_id)])[0]


def _told(lab: Lab, actor: Actor, studies: Iterable[Study]) -> list[words.Told]:
    wanted = list(studies)
    if len(wanted) == 1:
        ontologies = {wanted[0].id: lab.ontologies.of_study(actor, wanted[0].id)}
    else:
        ontologies = {
            each.study_id: each for each in lab.ontologies.list(actor) if each.study_id is not None
        }
    counts = lab.images.counts(actor, [each.id for each in wanted])
    return [
        project_object(actor, each, ontologies[each.id], counts[each.id])
        for each in wanted
        if each.id in ontologies and each.id in counts
    ]


def project_object(
    actor: Actor, study: Study, ontology: Ontology, counts: ImageCounts
) -> words.Told:
    """Return what is told of a project."""
    downloads = may(actor, Action.SLIDE_DOWNLOAD, Resource(study.id, study.name))
    return {
        **words.told(study.id, words.PROJECT, study.created_on),
        "name": study.name,
        "ontology": ontology.id,
        "ontologyName": ontology.name,
        "numberOfImages": counts.slides,
        "numberOfAnnotations": counts.annotations,
        "numberOfSlides": 0,
        "numberOfJobAnnotations": 0,
        "numberOfReviewedAnnotations": 0,
        "blindMode": False,
        "areImagesDownloadable": downloads.allowed,
        "isClosed": False,
        "isReadOnly": False,
        "isRestricted": False,
        "hideUsersLayers": False,
        "hideAdminsLayers": False,
    }


def _create(lab: Lab, actor: Actor, name: str, ontology_id: int | None) -> words.Told:
    study = lab.studies.create(actor, name, ontology_id=ontology_id)
    lab.studies.set_member(actor, study.id, actor.user.email, MANAGER)
    return _project(lab, actor, study.id)


def _rename(lab: Lab, actor: Actor, study_id: int, name: str | None) -> words.Told:
    study = lab.studies.get(actor, study_id)
    # Nothing is changed by the same name; but whether the asker may change it is asked.
    changed = study.name if name is None else name
    lab.studies.change(actor, study_id, revision=study.revision, name=changed)
    return _project(lab, actor, study_id)


def _remove(lab: Lab, actor: Actor, study_id: int) -> words.Told:
    told = _project(lab, actor, study_id)
    study = lab.studies.get(actor, study_id)
    lab.studies.remove(actor, study_id, revision=study.revision)
    return told
