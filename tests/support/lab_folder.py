"""The lab's own folder, filled as by uploads, and a study made of it."""

from __future__ import annotations

import shutil
from pathlib import Path

from wsi_lab.model.people import Actor
from wsi_lab.model.study import Study
from wsi_lab.service.configuring.configuration import StudyConfig
from wsi_lab.service.lab import Lab


class LabFolder:
    """The lab's folder, into which tests put what would have been uploaded."""

    def __init__(self, lab: Lab, demo_slide: Path) -> None:
        self._root = lab.files.root
        self._slide = demo_slide

    def texts(self, **texts: str) -> None:
        """Write files ``study.HTT.<kind>``."""
        self.named({f"study.HTT.{kind}": text for kind, text in texts.items()})

    def named(self, texts: dict[str, str]) -> None:
        for name, text in texts.items():
            path = self._root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")

    def slide(self, place: str) -> Path:
        path = self._root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(self._slide, path))


def whole_study(lab: Lab, owner: Actor, folder: LabFolder) -> Study:
    """Return a study with something of everything."""
    folder.slide("HTT/a.svs")
    folder.slide("HTT/b.svs")
    folder.slide("old/c.svs")
    folder.texts(
        emails="\nreader@lab\nboss@lab;canedit,cangetresults,admin,private\n",
        images="../old/c.svs;tma.map;90;B 12\n",
        map1="tmas: a.svs\ncontrols: K\n\nA1\tK\n\tB2\n",
        config="FriendlyName: HTT pilot\nfolder: breast/2026\nstainings: HE, CD3\n",
        scores="Grade;DropDown;1;2;3\nTumour\tAnnoShapes\t#e6194b\nRemarks;FreeText\n",
    )
    folder.named({"HTT/more.images": "b.svs;;second\n", "HTT/tma.map": "X\tY\n"})
    made = lab.configuration.reimport(owner, "HTT")
    return lab.studies.get(owner, made.study_id)


def config_of(lab: Lab, owner: Actor, study: Study) -> StudyConfig:
    return lab.configuration.config(owner, study.id)


def content_of(config: StudyConfig) -> dict[str, object]:
    """What of a study its files can say: what two studies of equal files have in common."""
    maps = {each.id: each.name for each in config.maps}
    maps_of = {slide.tma_map_id: maps.get(slide.tma_map_id or 0) for slide in config.slides}
    return {
        "study": (config.study.friendly_name, config.study.folder, dict(config.study.settings)),
        "members": {member.email: member.rights for member in config.members},
        "questions": [(each.name, each.kind, each.configuration) for each in config.questions],
        "maps": {(each.name, each.text, each.row_count, each.column_count) for each in config.maps},
        "slides": [
            (slide.source, slide.name, slide.rotation, maps_of[slide.tma_map_id])
            for slide in config.slides
        ],
    }


def ids_of(config: StudyConfig) -> dict[str, object]:
    return {
        "study": config.study.id,
        "questions": {each.name: (each.id, each.revision) for each in config.questions},
        "slides": {each.name: (each.id, each.revision) for each in config.slides},
        "maps": {each.name: (each.id, each.revision) for each in config.maps},
        "members": {each.email: each.user_id for each in config.members},
    }
