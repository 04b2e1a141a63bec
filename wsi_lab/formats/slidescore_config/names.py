"""Which files configure which study."""

from __future__ import annotations

import re
from typing import NamedTuple

from wsi_lab.errors import Invalid
from wsi_lab.model.study import checked_study_name as any_study_name
from wsi_lab.model.upload import LONGEST_FILE_NAME_BYTES

_STUDY_NAME = re.compile(r"[\w.-]+")
_FILE = re.compile(
    r"study\.(?P<study>[\w.-]+)\.(?P<kind>emails|images|config|scores)", re.IGNORECASE
)
_MAP_FILE = re.compile(
    r"study\.(?P<study>[\w.-]+?)\.(?P<kind>map)(?P<rest>[^/\\\x00-\x1f]*)", re.IGNORECASE
)
_LONGEST_NAME = LONGEST_FILE_NAME_BYTES + 100
# Stands in for a study whose name files cannot have, and has no dots to go wrong about.
_ANY = "x"


class ConfigFile(NamedTuple):
    """What the name of a configuration file tells.

    Attributes
    ----------
    kind
        ``emails``, ``images``, ``config``, ``scores`` or ``map``.
    rest
        Of a map: what follows the word.
    """

    study: str
    kind: str
    rest: str = ""


def checked_study_name(name: str) -> str:
    """Return the name of a study that files may be named after.

    Raises
    ------
    Invalid
        It has other characters than letters, digits, ``_``, ``-`` and ``.``.

    Examples
    --------
    >>> checked_study_name("HTT_2026-07")
    'HTT_2026-07'
    """
    name = any_study_name(name)
    if not _STUDY_NAME.fullmatch(name) or name != name.strip("."):
        raise Invalid(
            "The name of a study with configuration files has letters, digits, '_', '-' and '.' "
            "only, and does not begin or end with a dot."
        )
    return name


def file_kind(name: str, *, study: str | None = None) -> ConfigFile | None:
    """Return what the name of a file tells, or `None` if it is no configuration file.

    Parameters
    ----------
    study
        Ask about this study's files only. Names of studies may hold dots, so that only who
        knows the study can tell for sure where its name ends.

    Examples
    --------
    >>> file_kind("study.HTT.v2.emails")
    ConfigFile(study='HTT.v2', kind='emails', rest='')
    >>> file_kind("study.HTT.map_B.txt").rest
    '_B.txt'
    >>> file_kind("CMU-1.svs") is None
    True
    """
    if len(name) > _LONGEST_NAME:
        return None
    if study is not None:
        own = f"study.{study}."
        if not (name[:6].lower() + name[6:]).startswith(own):
            return None
        name = f"study.{_ANY}.{name[len(own) :]}"
    for match in (_FILE.fullmatch(name), _MAP_FILE.fullmatch(name)):
        if match is not None and (study is None or match["study"] == _ANY):
            rest = match.groupdict().get("rest", "")
            return ConfigFile(study or match["study"], match["kind"].lower(), rest)
    return None
