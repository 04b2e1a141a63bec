"""Studies that are read over HTTP."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from read_study import SECRET, Read

from wsi_lab.model.question import QuestionKind, QuestionSpec

_numbers = itertools.count()


@pytest.fixture
def read(world: Any) -> Iterator[Callable[..., Read]]:
    """Return a function that makes a study of three slides in two cases with these settings."""
    lab, owner = world.lab, world.owner
    # Ids that no other number in an answer is by accident.
    lab._database.write(
        lambda connection: connection.execute(
            "UPDATE sqlite_sequence SET seq = max(seq, 7000000) WHERE name IN ('slides', 'cases')"
        )
    )
    opened: list[httpx.Client] = []

    def make(**settings: str) -> Read:
        number = next(_numbers)
        study = lab.studies.create(owner, f"read {number}", "Look closely.")
        slides = [
            lab.slides.add(
                owner,
                study.id,
                world.slide_file,
                name=f"{SECRET} {each}",
                case=f"{SECRET} case {each % 2}",
                case_public=f"{SECRET} public {each % 2}",
            )
            for each in range(3)
        ]
        for spec in (
            QuestionSpec("Grade", QuestionKind.DROP_DOWN, "1;2;3"),
            QuestionSpec("Remark", QuestionKind.FREE_TEXT),
            QuestionSpec("Mitoses", QuestionKind.ANNO_POINTS, "#00ff00"),
        ):
            lab.questions.add(owner, study.id, spec)
        revision = lab.studies.get(owner, study.id).revision
        lab.studies.change(owner, study.id, revision=revision, settings=settings)
        lab.studies.publish(owner, study.id)
        token = lab.invitations.invite(owner, study.id, f"anna{number}@lab").token
        headers = {"Authorization": f"Bearer {token}"}
        opened.append(httpx.Client(base_url=world.server.url, timeout=30, headers=headers))
        actor = lab.people.actor_for_token(token, door="v1")
        numbers = lab.readings.numbers(actor, study.id)
        return Read(
            study,
            slides,
            {each.name: each for each in lab.questions.list(owner, study.id)},
            opened[-1],
            {number: slide_id for slide_id, number in numbers.items()},
        )

    yield make
    for client in opened:
        client.close()
