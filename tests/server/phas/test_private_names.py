"""Private names are told to those who may see them, and want to."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

PRIVATE = ("Jane", "John")


@pytest.fixture(scope="module")
def anonymised(phas: Any, phas_world: Any) -> httpx.Client:
    """A session of an administrator of the study that hides private names."""
    client: httpx.Client = phas.signed_in(phas_world.keys["study_admin"])
    assert client.post("/auth/api/set_anonymize/1").status_code == 200
    return client


@pytest.fixture(params=["by the right", "by the flag"])
def hidden(request: pytest.FixtureRequest, phas: Any, anonymised: httpx.Client) -> httpx.Client:
    """A session in which private names are hidden, one way or the other."""
    client: httpx.Client = phas.of("reader") if request.param == "by the right" else anonymised
    return client


def test_nothing_that_is_told_holds_a_private_name(hidden: httpx.Client, phas_world: Any) -> None:
    world, slide = phas_world, phas_world.slide.id
    world.new_region()
    boxes, regions = world.tasks["boxes"].id, world.tasks["regions"].id
    assert world.sample
    for path in (
        "/api/projects",
        "/api/project/HTT pilot/tasks",
        f"/api/task/{boxes}/slide_detailed_manifest.csv",
        f"/api/task/{boxes}/slide_manifest.csv",
        f"/api/task/{boxes}/specimens",
        f"/api/task/{boxes}/slide/{slide}/info",
        f"/api/task/{boxes}/slide/{slide}/tags",
        f"/dltrain/api/task/{boxes}/samples/manifest.csv",
        f"/dltrain/api/task/{regions}/sampling_roi/manifest.csv",
        f"/dzi/HTT pilot/{slide}/header",
        f"/dzi/download/HTT pilot/slide_{slide}_raw_header.json",
    ):
        answer = hidden.get(path)
        assert answer.status_code == 200, answer.text
        assert not any(name in answer.text for name in PRIVATE), path


def test_private_name_cannot_be_guessed_by_a_filter(hidden: httpx.Client, phas_world: Any) -> None:
    path = f"/api/task/{phas_world.tasks['draw'].id}/slide_detailed_manifest.csv"
    for pattern in ("Jane%", "%", "A-17"):
        answer = hidden.get(path, params={"specimen": pattern})
        assert len(answer.text.splitlines()) == 1


def test_where_files_lie_is_for_administrators_who_hide_nothing(
    phas: Any, phas_world: Any, say: Any, anonymised: httpx.Client
) -> None:
    path = f"/dzi/HTT pilot/{phas_world.slide.id}/filepath"
    source = phas_world.slide.source
    assert phas.of("study_admin").get(path).json() == {"remote": source, "local": source}
    for client in (phas.of("private_reader"), phas.of("outsider"), anonymised):
        refused = say(client.get(path), 403)
        assert source not in refused


@pytest.mark.parametrize("name", ["label", "macro"])
def test_label_and_macro_are_shown_to_those_who_may_and_want_to(
    phas: Any, phas_world: Any, say: Any, anonymised: httpx.Client, name: str
) -> None:
    path = f"/dzi/download/HTT pilot/slide_{phas_world.slide.id}_{name}.png"
    shown = phas.of("private_reader").get(path)
    assert shown.headers["Content-Type"] == "image/png"
    assert shown.content.startswith(b"\x89PNG")
    say(anonymised.get(path), 400)
    say(phas.of("reader").get(path), 403)
    plain = phas_world.slides["plain"].id
    without = f"/dzi/download/HTT pilot/slide_{plain}_{name}.png"
    say(phas.of("private_reader").get(without), 404)
