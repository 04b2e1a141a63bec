"""How a study is shown and scored: the properties of Slide Score's configuration file."""

from __future__ import annotations

from collections.abc import Mapping

from wsi_lab.errors import Invalid
from wsi_lab.model.study import checked_text

SETTINGS: tuple[str, ...] = (
    "allowchangingscores",
    "allowresultscomparisonforeveryone",
    "allowsharingslidesanonymously",
    "artid",
    "disallownavigation",
    "disallowrewritingscores",
    "disease",
    "hideslidenames",
    "organ",
    "scoretmacoresatonce",
    "showduplicates",
    "showlabels",
    "showotherpeoplesscores",
    "showslidenames",
    "showthumbnails",
    "showtmasampleids",
    "stainings",
)
"""Beside ``friendlyname`` and ``folder``, which are the study's own attributes."""


def checked_settings(settings: Mapping[str, str]) -> dict[str, str]:
    """Return settings by their names in small letters.

    Raises
    ------
    Invalid
        There is no such setting, or a value holds line breaks; ``problems`` names each.

    Examples
    --------
    >>> checked_settings({"HideSlideNames": "true"})
    {'hideslidenames': 'true'}
    """
    problems, found = [], {}
    for name, value in settings.items():
        known = name.strip().lower()
        if known not in SETTINGS:
            problems.append(f"'{name.strip()[:60]}' is not a setting of a study")
            continue
        try:
            found[known] = checked_text(value, f"setting '{known}'")
        except Invalid as error:
            problems.append(error.message)
    if problems:
        raise Invalid("; ".join(problems) + ".", problems=problems)
    return found
