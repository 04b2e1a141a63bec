from __future__ import annotations

from collections.abc import Callable

import pytest

from wsi_lab.errors import Conflict, Invalid, NotAllowed, NotFound
from wsi_lab.model.people import Actor
from wsi_lab.model.study import Slide, Study
from wsi_lab.service.lab import Lab
from wsi_lab.service.scoring.tma_maps import map_file_of, map_name_of

TEXT = "controls: K\n\nA1\tK\nB1\n"


@pytest.fixture
def htt(lab: Lab, owner: Actor) -> Study:
    """A study whose name configuration files can have."""
    return lab.studies.create(owner, "HTT")


def test_map_is_made_read_and_listed(lab: Lab, owner: Actor, study: Study) -> None:
    made = lab.tma_maps.create(owner, study.id, "TMA 3", TEXT)
    assert (made.name, made.text, made.row_count, made.column_count) == ("TMA 3", TEXT, 2, 2)
    assert lab.tma_maps.get(owner, made.id) == made
    assert lab.tma_maps.list(owner, study.id) == [made]
    cores = lab.tma_maps.cores(owner, made.id)
    assert [(c.row, c.column, c.sample, c.is_control) for c in cores] == [
        (0, 0, "A1", False),
        (0, 1, "K", True),
        (1, 0, "B1", False),
    ]
    with pytest.raises(Conflict, match="'TMA 3'"):
        lab.tma_maps.create(owner, study.id, "TMA 3", TEXT)
    for name, text in (("a/b", TEXT), ("x" * 101, TEXT), ("ok", "\n")):
        with pytest.raises(Invalid):
            lab.tma_maps.create(owner, study.id, name, text)


def test_map_tells_the_cores_of_a_slide(
    lab: Lab, owner: Actor, study: Study, slide: Slide, htt: Study
) -> None:
    made = lab.tma_maps.create(owner, study.id, "m.map", TEXT)
    assert lab.tma_maps.assign(owner, study.id, slide.id, "m.map").tma_map_id == made.id
    again = lab.tma_maps.assign(owner, study.id, slide.id, "m.map")
    assert again.revision == slide.revision + 1
    assert lab.tma_maps.assign(owner, study.id, slide.id, "").tma_map_id is None
    with pytest.raises(NotFound, match=r"'other\.map'"):
        lab.tma_maps.assign(owner, study.id, slide.id, "other.map")
    with pytest.raises(NotFound, match="no slide"):
        lab.tma_maps.assign(owner, htt.id, slide.id, "")


def test_uploaded_file_becomes_a_map_and_brings_it_up_to_date(
    lab: Lab, owner: Actor, htt: Study
) -> None:
    file = lab.files.root / "study.HTT.map_B"
    file.write_text(TEXT)
    made = lab.tma_maps.create_from_file(owner, htt.id, "study.HTT.map_B")
    assert made.name == "map_B"
    assert lab.tma_maps.create_from_file(owner, htt.id, "study.HTT.map_B") == made
    file.write_text("Z\n")
    changed = lab.tma_maps.create_from_file(owner, htt.id, "./study.HTT.map_B")
    assert (changed.id, changed.revision) == (made.id, made.revision + 1)
    assert [core.sample for core in lab.tma_maps.cores(owner, made.id)] == ["Z"]
    for name in ("study.HTT.map_C", "../lab.sqlite3", ".hidden"):
        with pytest.raises((NotFound, Invalid)):
            lab.tma_maps.create_from_file(owner, htt.id, name)


def test_members_make_maps_of_their_studys_files_only(
    lab: Lab, owner: Actor, htt: Study, as_user: Callable[..., Actor]
) -> None:
    root = lab.files.root
    (root / "HTT").mkdir()
    for name in ("study.HTT.map", "study.Other.map", "plain.map", "HTT/own.map"):
        (root / name).write_text(TEXT)
    editor = as_user("e@lab", rights="edit", study=htt)
    for name, called in (("study.HTT.map", "map"), ("own.map", "own.map")):
        assert lab.tma_maps.create_from_file(editor, htt.id, name).name == called
    for name in ("study.Other.map", "plain.map"):
        with pytest.raises(NotFound):
            lab.tma_maps.create_from_file(editor, htt.id, name)
        assert lab.tma_maps.create_from_file(owner, htt.id, name).name == name


@pytest.mark.parametrize("name", ["HTT/", "./HTT", "HTT\\", "HTT/maps"])
def test_study_that_is_called_like_a_way_to_a_folder_has_no_files_there(
    lab: Lab, owner: Actor, htt: Study, name: str
) -> None:
    (lab.files.root / "HTT" / "maps").mkdir(parents=True)
    for folder in ("HTT", "HTT/maps"):
        (lab.files.root / folder / "own.map").write_text(TEXT)
    other = lab.studies.create(owner, name)
    with pytest.raises(NotFound):
        lab.tma_maps.create_from_file(owner, other.id, "own.map")


def test_maps_are_for_members_and_their_making_for_editors(
    lab: Lab, owner: Actor, study: Study, as_user: Callable[..., Actor]
) -> None:
    made = lab.tma_maps.create(owner, study.id, "m", TEXT)
    reader = as_user("r@lab", rights="view", study=study)
    assert lab.tma_maps.list(reader, study.id) == [made]
    with pytest.raises(NotAllowed):
        lab.tma_maps.create(reader, study.id, "n", TEXT)
    stranger = as_user("s@lab")
    for ask in (lab.tma_maps.get, lab.tma_maps.cores):
        with pytest.raises(NotFound, match="no TMA map"):
            ask(stranger, made.id)
        with pytest.raises(NotFound):
            ask(owner, 1 << 70)


@pytest.mark.parametrize("name", ["map", "map1", "map.x", "tma 3.map", "m", "mapmap.map"])
def test_file_of_a_map_makes_a_map_of_the_same_name(name: str) -> None:
    for study in ("HTT", "a.map.b"):
        assert map_name_of(map_file_of(name, study), study) == name
