"""A lab with a study that readers score, served; and what is stored of their answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streaming import serving

from wsi_lab.model.people import Actor
from wsi_lab.model.question import checked_question
from wsi_lab.model.source import Source
from wsi_lab.model.study import Study
from wsi_lab.server.lab_routes import LAB_ROUTES
from wsi_lab.server.site import site_of
from wsi_lab.service.lab import Lab, LabSettings

# Escaped and odd on purpose: an address that is put together by hand breaks on it.
MOUNT = "/a%40b/wsi-lab/"
READER = "anna@lab"
QUESTIONS: tuple[tuple[str, str, str], ...] = (
    ("Tumour grade", "DropDown", "1 well differentiated;2 moderately;3 poorly differentiated"),
    ("Ki-67", "PercentageOnly", ""),
    ("ER", "HScoreOnly", ""),
    ("Mitoses", "AnnoPoints", "#e6550d"),
    ("Comment", "FreeText", ""),
)


@dataclass
class ReadLab:
    """A lab whose study is read."""

    lab: Lab
    url: str
    owner: Actor

    def study(
        self,
        slide: Path,
        count: int,
        *,
        questions: Sequence[tuple[str, str, str]] = QUESTIONS,
        settings: Mapping[str, str] | None = None,
        name: str = "Grading",
        tma: str = "",
    ) -> Study:
        """Return a new study of so many slides, published, that `READER` scores."""
        lab, owner = self.lab, self.owner
        study = lab.studies.create(owner, name)
        for at in range(count):
            added = lab.slides.add(owner, study.id, slide, name=f"case-{at + 1:03}")
            if tma:
                if at == 0:
                    lab.tma_maps.create(owner, study.id, "tma.map", tma)
                lab.tma_maps.assign(owner, study.id, added.id, "tma.map")
        for question in questions:
            lab.questions.add(owner, study.id, checked_question(*question))
        if settings:
            study = lab.studies.get(owner, study.id)
            lab.studies.change(owner, study.id, revision=study.revision, settings=dict(settings))
        lab.studies.set_member(owner, study.id, READER, ["view", "score"])
        return lab.studies.publish(owner, study.id)

    def link(self, study: Study, email: str = READER, **more: Any) -> str:
        """Return the address that a reader is sent."""
        sent = self.lab.invitations.invite(self.owner, study.id, email, **more)
        return f"{self.url}{sent.address}"

    def answers(self, study: Study, question: str) -> dict[str, str]:
        """Return the answers that are stored to a question, by slide."""
        rows = self.lab.results.rows(self.owner, study.id)
        return {row.slide_name: row.value for row in rows if row.question == question}


@contextmanager
def read_lab(home: Path, slide: Path) -> Iterator[ReadLab]:
    """Serve a lab for readers until the block ends."""
    settings = LabSettings(home, slide_roots=(Source.at(str(slide.parent)),), workers=1)
    with Lab.open(settings) as lab:
        owner = lab.people.owner()
        lab.people.add(owner, READER)
        with serving(site_of(lab), LAB_ROUTES, mount=MOUNT) as url:
            yield ReadLab(lab, url, owner)
