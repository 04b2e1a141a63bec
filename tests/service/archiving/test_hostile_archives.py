"""What strangers may send as an archive: refused as a whole, in words, and nothing is left."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wsi_lab.errors import Invalid
from wsi_lab.model.people import Actor
from wsi_lab.model.study import Study
from wsi_lab.service.lab import Lab

Change = Callable[[dict[str, bytes]], None]


@pytest.fixture
def archive(lab: Lab, owner: Actor, rich: Study, export: Callable[..., Path]) -> dict[str, bytes]:
    """The entries of an archive, with its slides."""
    with zipfile.ZipFile(export(rich.id, with_slides=True)) as file:
        return {name: file.read(name) for name in file.namelist()}


def _zip(entries: dict[str, bytes]) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in entries.items():
            target.writestr(name, data)
    file.seek(0)
    return file


def _with(entries: dict[str, bytes], **changes: Any) -> dict[str, bytes]:
    manifest = json.loads(entries["manifest.json"])
    for path, value in changes.items():
        *where, last = [int(part) if part.isdigit() else part for part in path.split("__")]
        thing = manifest
        for part in where:
            thing = thing[part]
        thing[last] = value
    return {**entries, "manifest.json": json.dumps(manifest).encode()}


def _left(lab: Lab, owner: Actor) -> tuple[Any, ...]:
    return (
        [each.name for each in lab.studies.list(owner).items],
        [each.email for each in lab.people.list(owner)],
        sorted(map(str, lab.files.root.rglob("*"))),
        sorted(each.name for each in (lab.settings.home / "annotations").iterdir()),
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": 2},
        {"schema": "x"},
        {"name": "12"},
        {"settings": {"colour": "red"}},
        {"slides__0__case": 99},
        {"slides__0__tma_map": 1},
        {"slides__0__tma_map": None},
        {"slides__0__cores__0__row": 2},
        {"slides__0__cores__0__box": [0, 0, 0, 9]},
        {"slides__0__cores__0__box": [0, 0, 9]},
        {"slides__0__rotation": 45},
        {"slides__0__width": 7},
        {"slides__0__entry": "slides/9/none.svs"},
        {"slides__0__entry": "answers.jsonl"},
        {"slides__0__stated_mpp_x": -1},
        {"slides__1__name": "A"},
        {"cases__0__name": "Meier"},
        {"cases__0__public_name": ""},
        {"questions__0__kind": "Nothing"},
        {"questions__0__kind": "AnnoShapes"},
        {"questions__1__name": "Q FreeText"},
        {"questions__3__configuration": "a\nb"},
        {"members__0__email": "nobody"},
        {"members__0__rights": ["fly"]},
        {"label_sets__0__labels": [{"name": "a", "colour": "red"}]},
        {"tma_maps__0__text": ""},
        {"published_on": "yesterday"},
        {"published_on": "2026-07-01T12:00:00"},
    ],
    ids=lambda changes: str(next(iter(changes.items()))),
)
def test_manifest_that_is_wrong_makes_nothing(
    lab: Lab, owner: Actor, archive: dict[str, bytes], changes: dict[str, Any]
) -> None:
    before = _left(lab, owner)
    with pytest.raises(Exception) as refused:  # noqa: PT011 (checked below)
        lab.archives.load(owner, _zip(_with(archive, **{"name": "b", **changes})))
    assert type(refused.value).__module__ == "wsi_lab.errors", refused.value
    assert _left(lab, owner) == before


def _drop(name: str) -> Change:
    return lambda entries: entries.pop(name) and None


def _put(name: str, data: bytes) -> Change:
    return lambda entries: entries.update({name: data})


def _answer(**changes: Any) -> Change:
    def change(entries: dict[str, bytes]) -> None:
        first, *rest = entries["answers.jsonl"].splitlines(keepends=True)
        line = json.dumps({**json.loads(first), **changes}).encode() + b"\n"
        entries["answers.jsonl"] = b"".join([line, *rest])

    return change


def _shape(**changes: Any) -> Change:
    def change(entries: dict[str, bytes]) -> None:
        name = next(each for each in sorted(entries) if each.endswith(".geojson"))
        found = json.loads(entries[name])
        feature = found["features"][0]
        geometry = changes.pop("geometry", feature["geometry"])
        feature["properties"].update(changes)
        feature["geometry"] = geometry
        entries[name] = json.dumps(found).encode()

    return change


def _spoil(ending: str) -> Change:
    def change(entries: dict[str, bytes]) -> None:
        name = next(each for each in entries if each.endswith(ending))
        entries[name] = b"PAR1" + entries[name][:40]

    return change


@pytest.mark.parametrize(
    "change",
    [
        _drop("manifest.json"),
        _drop("answers.jsonl"),
        _put("answers.jsonl", b"{"),
        _put("manifest.json", b"[" * 100_000),
        _answer(question=999),
        _answer(slide=999),
        _answer(author=" "),
        _answer(author="a\nb"),
        _answer(answered_on="2026-07-01"),
        _answer(file="manifest.json"),
        _shape(answer=10_000),
        _shape(original="[]"),
        _shape(original='{"type":"rect"}, {"x":1,"y":2}'),
        _shape(original="no JSON"),
        _shape(labels=["nobody knows it"]),
        _shape(kind="cube"),
        _shape(geometry={"type": "Point", "coordinates": [1e300, 0]}),
        _shape(geometry={"type": "Polygon", "coordinates": "x"}),
        _shape(geometry={"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}),
        _spoil(".parquet"),
        _spoil(".npy"),
        _spoil(".svs"),
        lambda entries: entries.update({"../x": b""}),
    ],
    ids=range(23),
)
def test_entries_that_are_wrong_make_nothing_and_leave_nothing(
    lab: Lab, owner: Actor, archive: dict[str, bytes], change: Change
) -> None:
    before = _left(lab, owner)
    entries = dict(archive)
    change(entries)
    with pytest.raises(Exception) as refused:  # noqa: PT011 (checked below)
        lab.archives.load(owner, _zip(entries), name="b")
    assert type(refused.value).__module__ == "wsi_lab.errors", refused.value
    assert _left(lab, owner) == before


def test_what_is_no_zip_is_refused(lab: Lab, owner: Actor) -> None:
    for data in (b"", b"PK", b"x" * 1000):
        with pytest.raises(Invalid):
            lab.archives.load(owner, io.BytesIO(data))


def test_scripts_in_descriptions_do_not_come_in(
    lab: Lab, owner: Actor, archive: dict[str, bytes]
) -> None:
    bad = "<b>x</b><script>alert(1)</script><img src=x onerror=alert(1)>"
    entries = _with(archive, slides__0__description=bad, cases__0__description=bad)
    loaded = lab.archives.load(owner, _zip(entries), name="b")
    told = [
        *(each.description for each in lab.slides.list(owner, loaded.id).items),
        *(each.description for each in lab.cases.list(owner, loaded.id).items),
    ]
    assert any("<b>x</b>" in each for each in told)
    assert not any("script" in each or "onerror" in each for each in told)


def test_nobody_becomes_a_site_administrator(
    lab: Lab, owner: Actor, archive: dict[str, bytes]
) -> None:
    members = [{"email": "evil@lab", "rights": ["view"], "is_admin": True}]
    lab.archives.load(owner, _zip(_with(archive, members=members)), name="b")
    evil = next(each for each in lab.people.list(owner) if each.email == "evil@lab")
    assert not evil.is_admin
