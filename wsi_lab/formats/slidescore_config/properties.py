"""How a study is shown and scored: ``study.<name>.config``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from wsi_lab.errors import Invalid
from wsi_lab.formats.safe import quoted
from wsi_lab.formats.slidescore_config.lines import each_line, file_of
from wsi_lab.model.study import checked_text
from wsi_lab.model.study_settings import OWN_SETTINGS, SETTINGS, checked_settings

_SLIDE_SCORES = ("friendlyname", "folder", *SETTINGS)
_KNOWN = frozenset({*_SLIDE_SCORES, *OWN_SETTINGS})


@dataclass(frozen=True, slots=True)
class StudyProperties:
    """What a ``.config`` file says; `None` where it does not say."""

    friendly_name: str | None = None
    folder: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


def parse_config(text: str | bytes) -> tuple[StudyProperties, list[str]]:
    r"""Return how a study is shown and scored.

    Examples
    --------
    >>> parse_config("FriendlyName: HTT pilot\nstainings: HE, CD3\n")[0]
    StudyProperties(friendly_name='HTT pilot', folder=None, settings={'stainings': 'HE, CD3'})
    """
    found: dict[str, str] = {}

    def read(_: int, line: str) -> None:
        name, colon, value = line.partition(":")
        name = re.sub(r"\s", "", name).lower()
        if not colon:
            raise Invalid("is no 'property name: value'")
        if name in found:
            raise Invalid(f"names {quoted(name)} a second time")
        if name not in _KNOWN:
            known = ", ".join(_SLIDE_SCORES)
            raise Invalid(f"{quoted(name)} is no setting; known: {known}")
        if name in {"friendlyname", "folder"}:
            found[name] = checked_text(value, f"property '{name}'")
        else:
            found.update(checked_settings({name: value}))

    problems = each_line(text, read)
    friendly_name, folder = found.pop("friendlyname", None), found.pop("folder", None)
    return StudyProperties(friendly_name, folder, found), problems


def config_text(properties: StudyProperties) -> str:
    r"""Return the ``.config`` file of a study.

    Examples
    --------
    >>> config_text(StudyProperties("HTT pilot", None, {"organ": "breast"}))
    'friendlyname: HTT pilot\norgan: breast\n'
    """
    stated = {"friendlyname": properties.friendly_name, "folder": properties.folder}
    named = {name: value for name, value in stated.items() if value is not None}
    return file_of(
        f"{name}: {value}" for name, value in (named | dict(properties.settings)).items()
    )
