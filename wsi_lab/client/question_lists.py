"""Questions as they are sent to a lab, whatever somebody has them as."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from wsi_lab.client.local_files import content_of
from wsi_lab.errors import Invalid
from wsi_lab.formats.slidescore_config import parse_scores

_LARGEST_SCORES = 4 << 20


@runtime_checkable
class _Asked(Protocol):
    """A question that is asked already, or that is to be asked."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def configuration(self) -> str: ...


def questions_of(given: Any) -> list[dict[str, str]]:
    """Return questions as they are sent to a lab: from constructors or a ``.scores`` file.

    Raises
    ------
    Invalid
        The file cannot be read, or lines of it are wrong; ``problems`` names each.
    TypeError
        Something is no question.
    """
    if given is None:
        return []
    if isinstance(given, str | os.PathLike):
        specs, problems = parse_scores(_scores_text(given))
        if problems:
            raise Invalid(f"The questions have a problem: {problems[0]}.", problems=problems)
        return [_question(each) for each in specs]
    if isinstance(given, _Asked):
        given = [given]
    asked = list(given.values()) if isinstance(given, Mapping) else list(given)
    for each in asked:
        if not isinstance(each, _Asked):
            raise TypeError(
                f"{each!r} is no question; make one with wsi_lab.client.question_kinds, such as "
                'Choice("Grade", ["1", "2", "3"]).'
            )
    return [_question(each) for each in asked]


def _question(one: _Asked) -> dict[str, str]:
    return {"name": one.name, "kind": str(one.kind), "configuration": one.configuration}


def _scores_text(given: str | os.PathLike[str]) -> str | bytes:
    if isinstance(given, str) and any(mark in given for mark in "\n\t;"):
        return given
    return content_of(Path(given).expanduser(), _LARGEST_SCORES)
