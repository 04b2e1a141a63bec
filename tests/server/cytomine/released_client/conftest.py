"""Cytomine's released client at a lab, alone and in Jupyter, and a project of its own each time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cytomine import Cytomine
from cytomine.models import ImageInstance, Ontology, Project, Term
from cytomine_client import Watched, connected, watching
from lab_processes import alone, in_jupyter
from served_lab import ServedLab


class Given(NamedTuple):
    """A project with one image and two terms."""

    project: Project
    image: ImageInstance
    ontology: Ontology
    tumour: Term
    stroma: Term


@pytest.fixture(scope="session", params=[alone, in_jupyter], ids=["alone", "in-jupyter"])
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with request.param(tmp_path_factory.mktemp("cytomine")) as place:
        lab = ServedLab(place)
        yield lab
        lab.close()


@pytest.fixture
def watched(lab: ServedLab) -> Iterator[Watched]:
    """What is answered; none of it may be a redirect or something to keep."""
    with watching(lab.host) as watched:
        yield watched


@pytest.fixture
def client(lab: ServedLab, watched: Watched) -> Iterator[Cytomine]:
    """The client of the administrator."""
    with connected(lab) as client:
        yield client


@pytest.fixture
def given(lab: ServedLab, client: Cytomine, demo_slide: Path) -> Given:
    study = lab.new_study()
    slide = lab.add_slide(study, demo_slide)
    project = Project().fetch(study)
    ontology = Ontology().fetch(project.ontology)
    tumour = Term("tumour", ontology.id, "#FF0000").save()
    stroma = Term("stroma", ontology.id, "#00FF00").save()
    return Given(project, ImageInstance().fetch(slide), ontology, tumour, stroma)
