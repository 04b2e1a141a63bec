"""Links to a slide, made for whoever gets them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from wsi_lab.model.answer import ResultRow
from wsi_lab.model.question import checked_question


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


def test_link_for_others_shows_the_slide_and_not_what_was_drawn_on_it(
    root_door: Any, world: Any
) -> None:
    folder = world.lab.files.root / "guests"
    folder.mkdir()
    (folder / "a.svs").write_bytes(world.slide_file.read_bytes())
    study = world.lab.studies.create(world.owner, "guests")
    slide = world.lab.slides.add_uploaded(world.owner, study.id, "guests/a.svs")
    spec = checked_question("Tumour", "AnnoShapes", "#ff8800")
    world.lab.questions.add(world.owner, study.id, spec)
    shape = '[{"type":"rect","corner":{"x":1,"y":1},"size":{"x":9,"y":9}}]'
    row = ResultRow(slide.id, "reader-7@lab", "Tumour", shape)
    world.lab.results.import_rows(world.owner, study.id, [row])
    page = root_door.send("GET", f"/{_link(root_door, 'guests/a.svs').json()['link']}", "anonymous")
    found = re.search(r'<script type="application/json" id="slide">(.*?)</script>', page.text)
    assert found is not None
    below = f"/i/{slide.id}/{json.loads(found[1])['token']}"
    cookie = {"Cookie": page.headers["Set-Cookie"].partition(";")[0]}

    def ask(verb: str, tail: str, **how: Any) -> Any:
        return root_door.send(verb, f"{below}/{tail}", "anonymous", headers=cookie, **how)

    assert ask("GET", "i.dzi").status_code == 200
    assert ask("GET", "i_files/0/0_0.jpeg").status_code == 200
    layers = ask("GET", "Layers.json")
    assert layers.status_code == 503
    assert "reader-7" not in layers.text + page.text
    assert ask("POST", "Viewing.json", json={"events": []}).status_code == 503
    assert world.lab.sessions.list(world.owner, study.id) == []
