"""The configuration files of a study as it is now."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from wsi_lab.formats.slidescore_config import (
    ImageLine,
    StudyProperties,
    config_text,
    emails_text,
    images_text,
    parse_map,
    scores_text,
)
from wsi_lab.model.question import QuestionSpec
from wsi_lab.model.study import Slide
from wsi_lab.model.tma import TmaMap
from wsi_lab.service.configuring.reimport import names_of
from wsi_lab.service.scoring.tma_maps import map_file_of
from wsi_lab.service.uploading.folders import ROOT_WORD

if TYPE_CHECKING:
    from wsi_lab.service.configuring.configuration import StudyConfig

_NOT_IN_A_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def study_texts(config: StudyConfig) -> dict[str, str]:
    """Return the files that make an equal study, by their names."""
    study = config.study
    properties = StudyProperties(study.friendly_name, study.folder, study.settings)
    specs = [QuestionSpec(q.name, q.kind, q.configuration) for q in config.questions]
    start = f"study.{study.name}"
    texts = {
        f"{start}.emails": emails_text((each.email, each.rights) for each in config.members),
        f"{start}.images": images_text(_lines(config)),
        f"{start}.config": config_text(properties),
        f"{start}.scores": scores_text(specs),
    }
    for each in config.maps:
        texts[map_file_of(each.name, study.name)] = _map_text(each, config.slides)
    return texts


def _lines(config: StudyConfig) -> list[ImageLine]:
    maps = {each.id: each.name for each in config.maps}
    lines: list[ImageLine] = []
    for slide in config.slides:
        path = config.paths.get(slide.id)
        if path is None or _NOT_IN_A_LINE.search(path):
            continue
        lines.append(
            ImageLine(
                len(lines) + 1,
                _from_study_folder(path),
                _map_word(maps, slide),
                slide.rotation,
                slide.name,
            )
        )
    return lines


def _from_study_folder(path: str) -> str:
    # Always by way of the folder above, so that a study of another name finds the same files.
    inside = path.removeprefix(f"{ROOT_WORD}/")
    return path if inside == path else f"../{inside}"


def _map_word(maps: Mapping[int, str], slide: Slide) -> str:
    return "" if slide.tma_map_id is None else maps[slide.tma_map_id]


def _map_text(tma_map: TmaMap, slides: tuple[Slide, ...]) -> str:
    """Return the file of a map; where it names slides that have no map now, without them."""
    bare = [names_of(slide) for slide in slides if slide.tma_map_id is None]
    named = parse_map(tma_map.text).slides
    kept = [name for name in named if not any(name.casefold() in names for names in bare)]
    if len(kept) == len(named):
        return tma_map.text
    line = f"tmas: {', '.join(kept)}"
    return re.sub(r"(?im)^[ \t]*tmas[ \t]*:.*$", lambda _: line, tma_map.text, count=1)
