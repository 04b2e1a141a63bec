"""Labels, training samples and sampling regions: each answer field by field."""

from __future__ import annotations

import csv
import io
import json
import time
from typing import Any

import httpx
import pytest

from wsi_lab.model.task import TaskMode, TaskSettings

TRAPEZOID = {"type": "trapezoid", "data": [[100, 200, 30], [400.5, 200, 50]], "note": {"a": [1]}}
POLYGON = {"type": "polygon", "data": [[-50, -20.25], [300, -20], [300, 9000]]}


class Place:
    """A study of its own with labels and a task of each mode that has any."""

    def __init__(self, world: Any, server: Any) -> None:
        lab, owner = world.lab, world.owner
        self.study = lab.studies.create(owner, world.name())
        self.slide = lab.slides.add(owner, self.study.id, world.slide.source, name="one").id
        self.client: httpx.Client = server.of("site_admin")
        self.boss = lab.people.actor_for_token(
            lab.people.create_token(
                owner, name="boss", email="site_admin@lab", capabilities=["all"]
            )[1],
            door="v1",
        ).user.id
        self.set = self.post("/dltrain/{p}/add_labelset", {"name": "Tissue", "desc": "of all"})
        self.grey, self.white = (
            self.post(f"/dltrain/api/{{p}}/labelset/{self.set}/add_label", form)
            for form in (
                {"name": "grey", "desc": "grey matter", "color": "#808080"},
                {"name": "white", "desc": "", "color": "#FFFFFF"},
            )
        )
        made = {
            mode: lab.tasks.create(
                owner,
                self.study.id,
                TaskSettings(mode.value, mode, label_set="Tissue", smallest_box=5, largest_box=90),
            ).id
            for mode in (TaskMode.DLTRAIN, TaskMode.SAMPLING)
        }
        self.boxes, self.regions = made[TaskMode.DLTRAIN], made[TaskMode.SAMPLING]

    def post(self, path: str, form: dict[str, Any]) -> int:
        answer = self.client.post(path.format(p=self.study.id), data=form)
        assert answer.status_code == 200, answer.text
        made = answer.json()
        assert set(made) == {"id"}
        number: int = made["id"]
        return number

    def labels(self) -> list[dict[str, Any]]:
        path = f"/dltrain/api/{self.study.name}/labelset/{self.set}/labels"
        found: list[dict[str, Any]] = self.client.get(path).json()
        return found

    def sample(self, act: str, **body: Any) -> httpx.Response:
        path = f"/task/{self.boxes}/slide/{self.slide}/dltrain/sample/{act}"
        return self.client.post(path, **body)

    def samples(self) -> list[dict[str, Any]]:
        path = f"/task/{self.boxes}/slide/{self.slide}/dltrain/samples"
        found: list[dict[str, Any]] = self.client.get(path).json()
        return found

    def region(self, act: str, json: Any) -> httpx.Response:
        raw = "" if act == "delete" else "raw/raw/"
        path = f"/task/{self.regions}/slide/{raw}{self.slide}/dltrain/sampling_roi/{act}"
        return self.client.post(path, json=json)

    def all_regions(self) -> list[dict[str, Any]]:
        path = f"/task/{self.regions}/slide/raw/raw/{self.slide}/sampling_roi/get"
        found: list[dict[str, Any]] = self.client.get(path).json()
        return found


@pytest.fixture
def place(phas_anywhere: Any, phas_world: Any) -> Place:
    """Somewhere to work."""
    return Place(phas_world, phas_anywhere)


def test_labels_are_told_with_how_often_they_are_used(place: Place) -> None:
    geometry = {"label_id": place.grey, "geometry": POLYGON}
    assert place.region("create", geometry).status_code == 200
    place.sample("create", json={"label_id": place.grey, "geometry": [0, 0, 10, 10]})
    assert place.labels() == [
        {
            "id": place.grey,
            "name": "grey",
            "description": "grey matter",
            "color": "#808080",
            "n_samples": 1,
            "n_sampling_rois": 1,
        },
        {
            "id": place.white,
            "name": "white",
            "description": None,
            "color": "#ffffff",
            "n_samples": 0,
            "n_sampling_rois": 0,
        },
    ]
    (told,) = place.client.get(f"/dltrain/api/{place.study.name}/labelsets").json()
    assert told == {"id": place.set, "name": "Tissue", "description": "of all", "n_labels": 2}
    of_task = place.client.get(f"/api/task/{place.boxes}/labelset").json()
    assert of_task == {"name": "Tissue", "id": place.set}


def test_task_without_labels_says_so(phas: Any, phas_world: Any) -> None:
    path = f"/api/task/{phas_world.tasks['browse'].id}/labelset"
    assert phas.of("reader").get(path).json() == {"name": None, "id": None}


def test_label_set_of_another_project_is_not_found(place: Place, phas_world: Any, say: Any) -> None:
    label = phas_world.labels.labels[0].id
    below = f"/dltrain/api/{place.study.id}"
    for path in (
        f"{below}/labelset/{phas_world.labels.id}/add_label",
        f"{below}/label/{label}/update",
        f"{below}/label/{label}/delete",
    ):
        say(place.client.post(path, data={"name": "new"}), 404)
    say(place.client.get(f"{below}/labelset/{phas_world.labels.id}/labels"), 404)
    say(place.client.get(f"{below}/labelset/99999/labels"), 404)


def test_label_is_changed_and_removed_unless_it_is_in_use(place: Place, say: Any) -> None:
    below = f"/dltrain/api/{place.study.id}/label"
    form = {"name": "matter", "desc": "white", "color": "#010203"}
    assert place.post(f"{below}/{place.white}/update", form) == place.white
    changed = place.labels()[1]
    assert (changed["name"], changed["description"], changed["color"]) == tuple(form.values())
    say(place.client.post(f"{below}/{place.white}/update", data={"name": "grey"}), 409)
    say(place.client.post(f"{below}/{place.white}/update", data={"color": "blue-ish"}), 400)
    place.sample("create", json={"label_id": place.grey, "geometry": [0, 0, 10, 10]})
    assert "grey" in say(place.client.post(f"{below}/{place.grey}/delete"), 409)
    assert place.client.post(f"{below}/{place.white}/delete").json() == {"status": "ok"}
    assert [each["id"] for each in place.labels()] == [place.grey]
    say(place.client.post(f"{below}/{place.white}/delete"), 404)


def test_label_needs_a_name_that_is_free(place: Place, say: Any) -> None:
    path = f"/dltrain/api/{place.study.id}/labelset/{place.set}/add_label"
    say(place.client.post(path, data={"desc": "x"}), 400)
    say(place.client.post(path, data={"name": "grey"}), 409)
    say(place.client.post(f"/dltrain/{place.study.id}/add_labelset", data={}), 400)
    again = {"name": "Tissue"}
    say(place.client.post(f"/dltrain/{place.study.id}/add_labelset", data=again), 409)


def test_training_sample_is_told_as_phas_does(place: Place) -> None:
    before = time.time()
    body = {"label_id": place.grey, "geometry": [10.5, 20, 60, 80], "more": 1}
    made = place.sample("create", json=body)
    assert set(made.json()) == {"id"}
    (row,) = place.samples()
    assert before <= row.pop("t_create") == row.pop("t_edit") <= time.time()
    assert row == {
        "id": made.json()["id"],
        "x0": 10.5,
        "y0": 20,
        "x1": 60,
        "y1": 80,
        "label": place.grey,
        "slide": place.slide,
        "task": place.boxes,
        "meta_id": row["meta_id"],
        "have_patch": 1,
        "creator": place.boss,
        "editor": place.boss,
        "color": "#808080",
    }


def test_training_samples_are_moved_and_removed(place: Place) -> None:
    first, second = (
        place.sample("create", json={"label_id": place.grey, "geometry": box}).json()["id"]
        for box in ([0, 0, 10, 10], [20, 20, 30, 30])
    )
    assert [each["id"] for each in place.samples()] == [second, first]
    new = {"id": first, "label_id": place.white, "geometry": [1, 2, 30, 40]}
    changed = place.sample("update", json=new)
    assert changed.content == b"success"
    newest = place.samples()[0]
    assert (newest["id"], newest["label"], newest["x1"]) == (first, place.white, 30)
    assert newest["t_create"] < newest["t_edit"]
    assert place.sample("delete", data={"id": first}).content == b"success"
    assert [each["id"] for each in place.samples()] == [second]


@pytest.mark.parametrize(
    "geometry", [[0, 0, 4, 10], [0, 0, 10, 91], [0, 0, 10], "box", [0, 0, 10, None], [[0], 1, 2, 3]]
)
def test_box_that_the_task_does_not_allow_is_refused(place: Place, say: Any, geometry: Any) -> None:
    say(place.sample("create", json={"label_id": place.grey, "geometry": geometry}), 400)
    assert place.samples() == []


@pytest.mark.parametrize("geometry", [POLYGON, TRAPEZOID], ids=["polygon", "trapezoid"])
def test_sampling_region_is_told_as_phas_does(place: Place, geometry: dict[str, Any]) -> None:
    made = place.region("create", {"label_id": place.white, "geometry": geometry})
    (row,) = place.all_regions()
    assert isinstance(row["json"], str)
    assert json.loads(row.pop("json")) == geometry
    assert row.pop("t_create") == row.pop("t_edit")
    left, top, right, bottom = (
        (-50, -20.25, 300, 9000) if geometry is POLYGON else (100, 150, 400.5, 250)
    )
    assert row == {
        "id": made.json()["id"],
        "x0": left,
        "y0": top,
        "x1": right,
        "y1": bottom,
        "label": place.white,
        "slide": place.slide,
        "task": place.regions,
        "meta_id": row["meta_id"],
        "creator": place.boss,
        "editor": place.boss,
        "color": "#ffffff",
    }


def test_sampling_regions_are_changed_and_removed(place: Place, say: Any) -> None:
    new = {"label_id": place.grey, "geometry": POLYGON}
    ids = [place.region("create", new).json()["id"] for _ in range(4)]
    body = {"id": ids[0], "label_id": place.white, "geometry": TRAPEZOID}
    assert place.region("update", body).json() == {"id": ids[0]}
    changed = place.all_regions()[0]
    assert (changed["id"], changed["label"]) == (ids[0], place.white)
    assert json.loads(changed["json"]) == TRAPEZOID
    removed = place.region("delete", {"id": ids[0]})
    assert removed.content == b"success"
    say(place.region("delete", {"id": ids[0]}), 404)
    path = f"/task/{place.regions}/slide/{place.slide}/dltrain/sampling_roi/delete_all"
    assert place.client.get(path).content == b"success"
    assert place.all_regions() == []
    place.region("create", new)
    assert place.client.post(path).content == b"success"
    assert place.all_regions() == []


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "circle", "data": [[0, 0], [1, 1]]},
        {"type": "polygon"},
        {"type": "polygon", "data": [[0, 0], [1]]},
        {"type": "polygon", "data": [[0, 0], [1, "1"], [2, 2]]},
        {"type": "trapezoid", "data": [[0, 0, 1]]},
        {"type": ["polygon"], "data": []},
        [],
        None,
        "polygon",
    ],
    ids=str,
)
def test_region_that_is_none_is_refused(place: Place, say: Any, geometry: Any) -> None:
    say(place.region("create", {"label_id": place.grey, "geometry": geometry}), 400)
    assert place.all_regions() == []


@pytest.mark.parametrize("label", [0, -1, 99999, 2**63, 10**30, None, "1"])
def test_label_that_the_task_does_not_have_is_refused(place: Place, say: Any, label: Any) -> None:
    say(place.region("create", {"label_id": label, "geometry": POLYGON}), 400)
    say(place.sample("create", json={"label_id": label, "geometry": [0, 0, 9, 9]}), 400)


def test_tables_tell_the_same_as_the_lists(place: Place) -> None:
    place.region("create", {"label_id": place.grey, "geometry": POLYGON})
    place.sample("create", json={"label_id": place.white, "geometry": [0, 0, 10, 10]})
    below = "/dltrain/api/task"
    tables = {
        "samples": (place.boxes, place.samples()),
        "sampling_roi": (place.regions, place.all_regions()),
    }
    for name, (task, rows) in tables.items():
        answer = place.client.get(f"{below}/{task}/{name}/manifest.csv")
        assert answer.headers["Content-Type"].startswith("text/csv")
        (told,) = csv.DictReader(io.StringIO(answer.text))
        assert told.pop("slide_name") == "one"
        assert told.pop("label_name") in {"grey", "white"}
        assert told == {key: str(rows[0][key]) for key in told}
