from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_arrays import DrawnArray, drawn_array
from PIL import Image

from wsi_lab.errors import Conflict, Invalid, NotAllowed, NotFound
from wsi_lab.model.people import Actor
from wsi_lab.model.study import Slide, Study
from wsi_lab.model.tma import CoreBox
from wsi_lab.service.lab import Lab
from wsi_lab.service.page import CoreWish
from wsi_lab.service.scoring.tma_boxes import row_letters

TEXT = "controls: K\n\nA1\tK\nB1\n"


@pytest.fixture(scope="module")
def drawn() -> DrawnArray:
    """A microarray on which the core in the first row and second column lacks."""
    for seed in range(20):
        made = drawn_array(seed, rows=4, columns=6, longest=500, missing=0.1, debris=3)
        if not made.has_core[0, 1] and made.has_core[0, 0]:
            return made
    raise AssertionError("no such picture among the first twenty")


@pytest.fixture(scope="module")
def enlarged(drawn: DrawnArray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The picture five times as large as it was drawn."""
    file = tmp_path_factory.mktemp("arrays") / "array.png"
    picture = Image.fromarray(drawn.picture)
    picture.resize((picture.width * 5, picture.height * 5)).save(file)
    return file


@pytest.fixture
def array(lab: Lab, owner: Actor, study: Study, slide_folder: Path, enlarged: Path) -> Slide:
    """A slide that is a microarray."""
    file = shutil.copy(enlarged, slide_folder)
    return lab.slides.add(owner, study.id, file, name="TMA: 3/ü")


def test_cores_are_found_on_the_slide_and_get_a_map(
    lab: Lab, owner: Actor, study: Study, array: Slide, drawn: DrawnArray
) -> None:
    assert max(array.width, array.height) > 2000
    found = lab.tma_maps.fit(owner, array.id)
    assert (found.tma_map.name, found.tma_map.row_count, found.tma_map.column_count) == (
        "TMA_ 3_ü",
        4,
        6,
    )
    assert lab.slides.get(owner, array.id).tma_map_id == found.tma_map.id
    assert found.fit is not None
    assert found.fit.confidence is not None
    assert found.fit.confidence > 0.8
    boxes = np.array([each.box for each in found.places])
    off = boxes[:, :2] + boxes[:, 2:] / 2 - 5 * drawn.centres.reshape(-1, 2)
    assert (np.hypot(*off.T) < 5 * drawn.radius / 3).all()
    names = {(each.row, each.column): each.sample for each in found.places}
    assert (names[0, 0], names[0, 1], names[1, 0]) == ("A1", "", "B1" if names[1, 0] else "")
    assert [bool(each.sample) for each in found.places] == [each.is_found for each in found.places]
    assert lab.tma_maps.slide_cores(owner, array.id) == found
    assert [each.sample for each in lab.tma_maps.cores(owner, found.tma_map.id)] == [
        each.sample for each in found.places if each.sample
    ]


def test_page_shows_a_core_where_it_was_found(lab: Lab, owner: Actor, array: Slide) -> None:
    found = lab.tma_maps.fit(owner, array.id)
    shown = lab.pages.open(owner, slide_id=array.id, core=CoreWish(row=2, column=3)).core
    assert shown is not None
    assert shown.box == found.places[15].box
    lab.tma_maps.clear(owner, array.id)
    shown = lab.pages.open(owner, slide_id=array.id, core=CoreWish(row=2, column=3)).core
    assert shown is not None
    assert shown.box == (array.width / 2, array.height / 2, array.width / 6, array.height / 4)


def test_readers_go_to_cores_where_they_were_found(
    lab: Lab, owner: Actor, study: Study, array: Slide
) -> None:
    found = lab.tma_maps.fit(owner, array.id)
    read = lab.readings.item(owner, study.id, 1).cores
    assert [each.box for each in read] == [each.box for each in found.places if each.sample]


def test_map_of_the_slide_says_how_many_there_are(
    lab: Lab, owner: Actor, study: Study, array: Slide
) -> None:
    lab.tma_maps.create(owner, study.id, "small", TEXT)
    lab.tma_maps.assign(owner, study.id, array.id, "small")
    with pytest.raises(Invalid, match="has 2 rows and 2 columns; leave"):
        lab.tma_maps.fit(owner, array.id, rows=4)
    with pytest.raises(Invalid, match="seems to have 4 rows and 6 columns"):
        lab.tma_maps.fit(owner, array.id)
    text = "\n".join("\t".join(f"s{row}{column}" for column in range(6)) for row in range(4))
    lab.tma_maps.create(owner, study.id, "right", text)
    lab.tma_maps.assign(owner, study.id, array.id, "right")
    found = lab.tma_maps.fit(owner, array.id, 4, 6)
    assert found.tma_map.name == "right"
    assert [each.sample for each in found.places][6:8] == ["s10", "s11"]
    assert len(lab.tma_maps.list(owner, study.id)) == 2


def test_maps_that_are_made_have_names_of_their_own(
    lab: Lab, owner: Actor, study: Study, array: Slide
) -> None:
    first = lab.tma_maps.fit(owner, array.id)
    lab.tma_maps.assign(owner, study.id, array.id, "")
    second = lab.tma_maps.fit(owner, array.id)
    assert (first.tma_map.name, second.tma_map.name) == ("TMA_ 3_ü", "TMA_ 3_ü 2")
    assert (first.fit is None, second.fit is None) == (False, False)


def test_ordinary_slide_is_refused_and_nothing_is_made(
    lab: Lab, owner: Actor, study: Study, slide: Slide, entries: Callable[[], Any]
) -> None:
    before = len(entries())
    with pytest.raises(Invalid, match="No grid of cores was found"):
        lab.tma_maps.fit(owner, slide.id)
    with pytest.raises(Invalid, match="from 1 to 200"):
        lab.tma_maps.fit(owner, slide.id, rows=0)
    assert lab.tma_maps.list(owner, study.id) == []
    assert len(entries()) == before
    with pytest.raises(NotFound, match="no TMA map"):
        lab.tma_maps.slide_cores(owner, slide.id)


def test_some_cores_are_put_by_hand(
    lab: Lab, owner: Actor, study: Study, slide: Slide, entries: Callable[[], Any]
) -> None:
    lab.tma_maps.create(owner, study.id, "m", TEXT)
    lab.tma_maps.assign(owner, study.id, slide.id, "m")
    even = lab.tma_maps.slide_cores(owner, slide.id)
    assert even.fit is None
    assert [each.is_found for each in even.places] == [None] * 4
    assert even.places[3].box == (1110.0, 1483.5, 1110.0, 1483.5)
    put = lab.tma_maps.set_boxes(
        owner, slide.id, [CoreBox(0, 1, (1, 2, 3, 4), is_found=False)], revision=0
    )
    assert put.fit is not None
    assert (put.fit.revision, put.fit.confidence) == (1, None)
    assert [each.box for each in put.places] == [
        (0.0, 0.0, 1110.0, 1483.5),
        (1.0, 2.0, 3.0, 4.0),
        *(each.box for each in even.places[2:]),
    ]
    assert (put.places[1].sample, put.places[1].is_control) == ("K", True)
    moved = lab.tma_maps.set_boxes(owner, slide.id, [CoreBox(0, 1, (5, 6, 7, 8))], revision=1)
    assert (moved.places[1].box, moved.places[1].is_found) == ((5.0, 6.0, 7.0, 8.0), False)
    count = len(entries())
    assert lab.tma_maps.set_boxes(owner, slide.id, [CoreBox(0, 1, (5, 6, 7, 8))]) == moved
    assert len(entries()) == count
    with pytest.raises(Conflict, match="grid of cores"):
        lab.tma_maps.set_boxes(owner, slide.id, [CoreBox(0, 0, (1, 2, 3, 4))], revision=1)


def test_boxes_that_are_none_are_all_named(
    lab: Lab, owner: Actor, study: Study, slide: Slide
) -> None:
    lab.tma_maps.create(owner, study.id, "m", TEXT)
    with pytest.raises(NotFound, match="no TMA map"):
        lab.tma_maps.set_boxes(owner, slide.id, [])
    lab.tma_maps.assign(owner, study.id, slide.id, "m")
    wrong = [
        CoreBox(2, 0, (1, 2, 3, 4)),
        CoreBox(0, 0, (1, 2, 0, 4)),
        CoreBox(0, 1, (float("nan"), 2, 3, 4)),
        CoreBox(1, 1, (1, 2, 3, 4)),
        CoreBox(1, 1, (1, 2, 3, 4)),
    ]
    with pytest.raises(Invalid) as caught:
        lab.tma_maps.set_boxes(owner, slide.id, wrong)
    assert len(caught.value.problems) == 4
    assert lab.tma_maps.slide_cores(owner, slide.id).fit is None


def test_boxes_of_an_earlier_map_are_told_as_far_as_the_map_goes(
    lab: Lab, owner: Actor, study: Study, slide: Slide
) -> None:
    lab.tma_maps.create(owner, study.id, "m", TEXT)
    lab.tma_maps.create(owner, study.id, "one", "A1\n")
    lab.tma_maps.assign(owner, study.id, slide.id, "m")
    boxes = [CoreBox(0, 0, (1, 2, 3, 4)), CoreBox(1, 1, (5, 6, 7, 8))]
    lab.tma_maps.set_boxes(owner, slide.id, boxes)
    lab.tma_maps.assign(owner, study.id, slide.id, "one")
    assert [each.box for each in lab.tma_maps.slide_cores(owner, slide.id).places] == [
        (1.0, 2.0, 3.0, 4.0)
    ]


def test_only_editors_say_where_cores_lie(
    lab: Lab, owner: Actor, study: Study, array: Slide, as_user: Callable[..., Actor]
) -> None:
    lab.tma_maps.fit(owner, array.id)
    viewer = as_user("viewer@lab", rights="view", study=study)
    stranger = as_user("stranger@lab")
    assert lab.tma_maps.slide_cores(viewer, array.id).places
    for verb in (
        lambda actor: lab.tma_maps.fit(actor, array.id),
        lambda actor: lab.tma_maps.set_boxes(actor, array.id, []),
        lambda actor: lab.tma_maps.clear(actor, array.id),
    ):
        with pytest.raises(NotAllowed):
            verb(viewer)
        with pytest.raises(NotFound):
            verb(stranger)


def test_all_of_it_is_in_the_audit(
    lab: Lab, owner: Actor, array: Slide, entries: Callable[[], Any]
) -> None:
    lab.tma_maps.fit(owner, array.id)
    lab.tma_maps.set_boxes(owner, array.id, [CoreBox(0, 0, (1, 2, 3, 4))])
    lab.tma_maps.clear(owner, array.id)
    lab.tma_maps.clear(owner, array.id)
    told = [(each.verb, each.kind) for each in entries()]
    assert told[-5:] == [
        ("create", "tma-map"),
        ("change", "slide"),
        ("fit", "tma-boxes"),
        ("change", "tma-boxes"),
        ("remove", "tma-boxes"),
    ]


def test_map_that_changes_while_cores_are_looked_for_is_not_overwritten(
    lab: Lab, owner: Actor, study: Study, array: Slide, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.tma_maps.create(owner, study.id, "m", TEXT)
    look = lab.tma_maps._look

    def slow(*given: Any) -> Any:
        grid = look(*given)
        one = threading.Thread(target=lab.tma_maps.assign, args=(owner, study.id, array.id, "m"))
        one.start()
        one.join()
        return grid

    monkeypatch.setattr(lab.tma_maps, "_look", slow)
    with pytest.raises(Conflict, match="meanwhile"):
        lab.tma_maps.fit(owner, array.id)
    assert [each.name for each in lab.tma_maps.list(owner, study.id)] == ["m"]


def test_slide_that_is_removed_takes_its_boxes_along(
    lab: Lab, owner: Actor, study: Study, array: Slide
) -> None:
    lab.tma_maps.fit(owner, array.id)
    now = lab.slides.get(owner, array.id)
    lab.slides.remove(owner, array.id, revision=now.revision)
    counts = lab._database.read(
        lambda connection: [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("tma_boxes", "tma_fits")
        ]
    )
    assert counts == [0, 0]


def test_rows_are_called_as_in_a_spreadsheet() -> None:
    assert [row_letters(row) for row in (0, 25, 26, 51, 52, 199)] == [
        "A",
        "Z",
        "AA",
        "AZ",
        "BA",
        "GR",
    ]
