"""What comes out of a lab and goes in again is equal, property by property, and once more."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wsi_lab.errors import Conflict, Invalid, NotAllowed, StorageFull
from wsi_lab.formats.slidescore_results import parse_results
from wsi_lab.model.people import Actor
from wsi_lab.model.source import Source
from wsi_lab.model.study import Study
from wsi_lab.service.lab import Lab, LabSettings

Facts = Callable[..., dict[str, Any]]
Export = Callable[..., Path]


def _contents(path: Path) -> dict[str, Any]:
    """Return what is in an archive, without when it was made and what the lab calls things."""
    found: dict[str, Any] = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            found[name] = archive.read(name)
    manifest = json.loads(found.pop("manifest.json"))
    del manifest["made_on"], manifest["name"]
    found.pop("answers.tsv")
    return {"manifest": manifest, **found}


def test_study_that_is_loaded_is_the_same_and_so_is_its_copy(
    lab: Lab, owner: Actor, rich: Study, facts: Facts, export: Export
) -> None:
    first = export(rich.id)
    once = lab.archives.load(owner, first, name="once")
    assert (once.name, once.id) != (rich.name, rich.id)
    told = facts(rich.id)
    for name, value in facts(once.id).items():
        assert value == told[name], name
    second = export(once.id)
    twice = lab.archives.load(owner, second, name="twice")
    assert facts(twice.id) == told
    assert facts(rich.id) == told
    third = _contents(export(twice.id))
    for name, value in _contents(second).items():
        if not name.endswith(".parquet"):
            assert third[name] == value, name


def test_study_goes_into_another_lab_with_its_slides(
    lab: Lab, owner: Actor, rich: Study, facts: Facts, export: Export, tmp_path: Path
) -> None:
    path = export(rich.id, with_slides=True)
    told = facts(rich.id)
    with Lab.open(LabSettings(tmp_path / "other", workers=1)) as other:
        boss = other.people.owner("tests", name="boss")
        loaded = other.archives.load(boss, path)
        assert loaded.name == rich.name
        assert facts(loaded.id, of=other, by=boss) == told
        users = {each.email: each.is_admin for each in other.people.list(boss)}
        assert users == {"boss@localhost": True, "anna@lab": False, "ben@lab": False}
        for slide in other.slides.list(boss, loaded.id).items:
            assert Path(slide.source).is_relative_to(other.files.root)
        again = export(loaded.id, of=other, by=boss, with_slides=True)
        twice = other.archives.load(boss, again, name="twice")
        assert facts(twice.id, of=other, by=boss) == told


def test_slides_are_found_in_a_folder_by_their_names(
    lab: Lab, owner: Actor, rich: Study, facts: Facts, export: Export, tmp_path: Path
) -> None:
    path = export(rich.id)
    folder = tmp_path / "moved"
    for slide in lab.slides.list(owner, rich.id).items:
        place = folder / slide.name
        place.mkdir(parents=True)
        shutil.copy(slide.source, place)
    with Lab.open(LabSettings(tmp_path / "other", workers=1)) as other:
        boss = other.people.owner("tests", name="boss")
        loaded = other.archives.load(boss, path, folder=folder)
        assert facts(loaded.id, of=other, by=boss) == facts(rich.id)
        shutil.copy(next(folder.rglob("*.svs")), folder)
        with pytest.raises(Invalid, match="several files of that name") as refused:
            other.archives.load(boss, path, name="b", folder=folder)
        assert len(refused.value.problems) == 1
        with pytest.raises(Invalid, match="no such folder"):
            other.archives.load(boss, path, name="b", folder=folder / "gone")
        assert [each.name for each in other.studies.list(boss).items] == [rich.name]


class FullDisk(io.BytesIO):
    """A file on a disk that has room for so many bytes."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self._room = room

    def write(self, piece: Any) -> int:
        if self.tell() + memoryview(piece).nbytes > self._room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(piece)


def test_full_disk_is_named_as_what_it_is(
    lab: Lab, owner: Actor, rich: Study, export: Export
) -> None:
    without_slides = export(rich.id).stat().st_size
    for room, with_slides in ((0, False), (without_slides, True)):
        with pytest.raises(StorageFull, match="disk is full"):
            lab.archives.export(owner, rich.id, FullDisk(room), with_slides=with_slides)


def test_table_in_the_archive_is_slide_scores(
    lab: Lab, owner: Actor, rich: Study, export: Export
) -> None:
    with zipfile.ZipFile(export(rich.id)) as archive:
        rows, problems = parse_results(archive.read("answers.tsv"))
        lines = archive.read("answers.jsonl").splitlines()
    assert problems == []
    assert len(rows) == len(lines) == len(lab.results.rows(owner, rich.id))
    assert ("Q Percentage", "12.5") in {(row.question, row.value) for row in rows}


def test_shapes_in_the_archive_are_geojson(rich: Study, export: Export) -> None:
    geopandas = pytest.importorskip("geopandas")
    path = export(rich.id)
    with zipfile.ZipFile(path) as archive:
        names = [each for each in archive.namelist() if each.endswith(".geojson")]
        frames = [geopandas.read_file(archive.open(each)) for each in names]
    assert len(frames) >= 3
    assert {"Polygon", "Point"} <= {kind for frame in frames for kind in frame.geom_type}


def test_private_names_come_only_with_the_right_to_see_them(
    lab: Lab,
    owner: Actor,
    rich: Study,
    export: Export,
    as_user: Callable[..., Actor],
    facts: Facts,
) -> None:
    editor = as_user("eva@lab", rights="edit results", study=rich)
    path = export(rich.id, by=editor)
    with zipfile.ZipFile(path) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
        manifest = json.loads(archive.read("manifest.json"))
    for secret in ("Müller", "Meier", "slide folder", ".svs"):
        assert secret.encode() not in everything
        assert json.dumps(secret).strip('"').encode() not in everything
    assert [each["name"] for each in manifest["cases"]] == [None, None, None]
    assert manifest["left_out"] == ["The task 'Mitoses', which you may not see all of."]
    folder = Path(lab.slides.list(owner, rich.id).items[0].source).parent
    with pytest.raises(Invalid, match="2 of 3 slides"):
        lab.archives.load(owner, path, name="b", folder=folder)
    for name in "AB":
        shutil.copy(folder / "c ü.svs", folder / f"{name}.svs")
    loaded = lab.archives.load(owner, path, name="b", folder=folder)
    assert [each[:2] for each in facts(loaded.id)["cases"]] == [
        *(("C1", "C1"), ("C2", "C2"), ("C3", "C3")),
    ]


@pytest.mark.parametrize("rights", ["view", "edit", "results", "view results private"])
def test_export_needs_the_rights_to_edit_and_to_see_results(
    rich: Study, export: Export, as_user: Callable[..., Actor], rights: str
) -> None:
    with pytest.raises(NotAllowed):
        export(rich.id, by=as_user("r@lab", rights=rights, study=rich))


def test_slide_files_are_for_those_who_may_download_them(
    rich: Study, export: Export, as_user: Callable[..., Actor]
) -> None:
    editor = as_user("r@lab", rights="edit results", study=rich)
    with pytest.raises(NotAllowed, match="private"):
        export(rich.id, by=editor, with_slides=True)
    limited = as_user("boss@lab", is_admin=True, capabilities=["config", "results"])
    with pytest.raises(NotAllowed, match="download"):
        export(rich.id, by=limited, with_slides=True)


def test_both_ways_are_written_down(
    lab: Lab, owner: Actor, rich: Study, export: Export, entries: Callable
) -> None:
    path = export(rich.id)
    assert (entries()[-1].verb, entries()[-1].kind) == ("export", "study")
    loaded = lab.archives.load(owner, path, name="b")
    last = entries()[-1]
    assert (last.verb, last.kind, last.study_id) == ("load", "study", loaded.id)


def test_only_site_administrators_load(
    lab: Lab, rich: Study, export: Export, as_user: Callable[..., Actor]
) -> None:
    path = export(rich.id)
    head = as_user("head@lab", rights="admin edit results private", study=rich)
    with pytest.raises(NotAllowed):
        lab.archives.load(head, path, name="b")
    limited = as_user("boss@lab", is_admin=True, capabilities=["studies", "upload"])
    with pytest.raises(NotAllowed, match="scores"):
        lab.archives.load(limited, path, name="b")


def test_taken_name_is_a_conflict_before_anything_is_read(
    lab: Lab, owner: Actor, rich: Study, export: Export
) -> None:
    with pytest.raises(Conflict, match="by another name"):
        lab.archives.load(owner, export(rich.id))


def test_progress_goes_up_to_the_end(lab: Lab, owner: Actor, rich: Study, export: Export) -> None:
    out: list[float] = []
    path = export(rich.id, progress=out.append)
    into: list[float] = []
    lab.archives.load(owner, path, name="b", progress=into.append)
    for told in (out, into):
        assert told == sorted(told)
        assert told[-1] == 1.0


def test_empty_study_makes_an_empty_one(
    lab: Lab, owner: Actor, study: Study, export: Export, facts: Facts
) -> None:
    loaded = lab.archives.load(owner, export(study.id), name="b")
    assert facts(loaded.id) == facts(study.id)


def test_remote_slides_cannot_be_part_of_it(
    tmp_path: Path, demo_slide: Path, slide_folder: Path
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    shutil.copy(demo_slide, folder / "a.svs")
    with Lab.open(LabSettings(tmp_path / "h", slide_roots=(Source.at(str(folder)),))) as lab:
        owner = lab.people.owner("tests", name="o")
        study = lab.studies.create(owner, "s")
        lab.slides.add(owner, study.id, folder / "a.svs")
        (folder / "a.svs").unlink()
        with (folder / "x.zip").open("wb") as file, pytest.raises(Invalid, match="1 of 1 slides"):
            lab.archives.export(owner, study.id, file, with_slides=True)
