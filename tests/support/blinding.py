"""Studies that are read blind, and whether an answer tells what a reader may not know."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from wsi_lab.errors import Conflict

BLIND = {"hideslidenames": "true", "shufflecases": "true"}


@contextlib.contextmanager
def blinded(
    lab: Any, owner: Any, email: str, rights: Iterable[str] = ("view", "score")
) -> Iterator[None]:
    """Let somebody read every study of a lab, and every study be read blind, for a while."""
    with contextlib.suppress(Conflict):
        lab.people.add(owner, email)
    before = lab.studies.list(owner, limit=1000).items
    for study in before:
        settings = {**study.settings, **BLIND}
        lab.studies.change(owner, study.id, revision=study.revision, settings=settings)
        lab.studies.set_member(owner, study.id, email, rights)
    yield
    was = {each.id: each.settings for each in before}
    for study in lab.studies.list(owner, limit=1000).items:
        settings = was.get(study.id, {})
        lab.studies.change(owner, study.id, revision=study.revision, settings=settings)


def told(answer: Any, secrets: Iterable[str]) -> list[str]:
    """Return which secrets an answer tells, in its body or its headers."""
    headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    where = headers.encode() + b"\n" + answer.content
    return [each for each in secrets if each.encode() in where]
