"""Links to a slide, made for whoever gets them."""

from __future__ import annotations

from typing import Any

import pytest


def _link(door: Any, name: str, who: str = "site_admin") -> Any:
    return door.post("GenerateSlideFileURL", who, filename=name, user="guest@elsewhere")


def test_link_opens_the_page_of_the_slide_without_a_token(root_door: Any, world: Any) -> None:
    answer = _link(root_door, str(world.slide_file))
    assert (answer.status_code, answer.json().get("success")) == (404, False)
    folder = world.lab.files.root / "linked"
    folder.mkdir()
    (folder / "a.svs").write_bytes(world.slide_file.read_bytes())
    study = world.lab.studies.create(world.owner, "linked")
    slide = world.lab.slides.add_uploaded(world.owner, study.id, "linked/a.svs")
    for name in ("linked/a.svs", "images/linked/a.svs", str(folder / "a.svs")):
        link = _link(root_door, name).json()["link"]
        assert link.startswith(f"Image/Details?imageId={slide.id}&studyId={study.id}&access=")
        page = root_door.send("GET", f"/{link}", "anonymous")
        assert page.status_code == 200
        assert "openseadragon" in page.text


@pytest.mark.parametrize("name", ["/etc/passwd", "../../etc/passwd", "linked/none.svs"])
def test_files_that_are_no_slides_have_no_link(root_door: Any, name: str) -> None:
    answer = _link(root_door, name)
    assert "link" not in answer.json()
    assert answer.json()["success"] is False
    assert "/etc" not in answer.text


def test_only_who_may_know_paths_gets_links(root_door: Any) -> None:
    assert _link(root_door, "linked/a.svs", "study_admin").status_code == 404
    assert _link(root_door, "linked/a.svs", "anonymous").status_code == 401
