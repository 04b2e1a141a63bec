"""What is drawn over `v1` is what Slide Score's released client reads, and the other way round."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from lab_processes import Place, alone

slidescore = pytest.importorskip("slidescore", reason="`make test` installs Slide Score's SDK")

FAR = 199_999.99


class Both:
    """One lab, through the vendor's client and through `v1`."""

    def __init__(self, place: Place, slide: Path) -> None:
        self.sdk = slidescore.APIClient(place.base, place.token)
        headers = {"Authorization": f"Bearer {place.token}"}
        # The first slide waits for the process that reads it to start.
        self.v1 = httpx.Client(base_url=f"{place.base.rstrip('/')}/v1", headers=headers, timeout=60)
        me = self.v1.get("/me")
        self.me = me.json()["user"]["email"]
        self.study = self.v1.post("/studies", json={"name": "both"}).json()["id"]
        added = self.v1.post(f"/studies/{self.study}/slides", json={"path": str(slide)})
        assert added.status_code == 201, added.text
        self.slide = added.json()["id"]

    def layer(self, name: str) -> int:
        made = self.v1.post(f"/studies/{self.study}/layers", json={"name": name})
        return int(made.json()["id"])

    def draw(self, layer: int, kind: str, geometry: dict[str, Any]) -> dict[str, Any]:
        answer = self.v1.post(
            f"/layers/{layer}/shapes",
            params={"slide_id": self.slide},
            json={"shapes": [{"kind": kind, "geometry": geometry, "labels": ["tumour"]}]},
        )
        assert answer.status_code == 201, answer.text
        shape: dict[str, Any] = answer.json()["items"][0]
        return shape

    def drawn(self, layer: int) -> list[dict[str, Any]]:
        answer = self.v1.get(f"/layers/{layer}/shapes", params={"slide_id": self.slide})
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    def result(self, question: str) -> Any:
        (found,) = self.sdk.get_results(self.study, question=question)
        return found


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, demo_slide: Path) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("both")
    with alone(folder) as place:
        found = Both(place, demo_slide)
        yield found
        found.v1.close()


def test_polygon_is_read_with_every_vertex(both):
    layer = both.layer("polygon")
    corners = [[10.25, 20.5], [FAR, 20.01], [FAR, 99_999.99], [10.25, 20.5]]
    both.draw(layer, "polygon", {"type": "Polygon", "coordinates": [corners]})
    (shape,) = json.loads(both.result("polygon").answer)
    assert shape["type"] == "polygon"
    assert [[each["x"], each["y"]] for each in shape["points"]] == corners[:-1]


def test_ellipse_and_rectangle_are_read_as_such(both):
    layer = both.layer("figures")
    box = [[[10, 20], [30, 20], [30, 60], [10, 60], [10, 20]]]
    both.draw(layer, "rectangle", {"type": "Polygon", "coordinates": box})
    ellipse = {"type": "ellipse", "center": {"x": 50, "y": 50}, "size": {"x": 7, "y": 3}}
    shapes = [*json.loads(both.result("figures").answer), ellipse]
    new = {"question": "figures", "slide_id": both.slide, "answer": json.dumps(shapes)}
    assert both.v1.post(f"/studies/{both.study}/answers", json=new).status_code == 201
    drawn = both.drawn(layer)
    assert [each["kind"] for each in drawn] == ["rectangle", "ellipse"]
    both.draw(layer, "ellipse", drawn[1]["geometry"])
    first, second, third = json.loads(both.result("figures").answer)
    assert first == {"type": "rect", "corner": {"x": 10, "y": 20}, "size": {"x": 20, "y": 40}}
    assert third["center"] == second["center"]
    assert third["size"] == second["size"]


def test_area_with_a_hole_is_a_brush(both):
    layer = both.layer("brush")
    outer = [[0, 0], [90, 0], [90, 90], [0, 90], [0, 0]]
    hole = [[10, 10], [10, 20.5], [20, 20], [10, 10]]
    both.draw(layer, "brush", {"type": "Polygon", "coordinates": [outer, hole]})
    (shape,) = json.loads(both.result("brush").answer)
    assert shape["type"] == "brush"
    assert len(shape["positivePolygons"]) == 1
    assert {(each["x"], each["y"]) for each in shape["negativePolygons"][0]} == {
        (10, 10),
        (10, 20.5),
        (20, 20),
    }


def test_what_the_client_uploads_is_a_shape_that_can_be_changed(both):
    layer = both.layer("uploaded")
    answer = json.dumps(
        [{"type": "polygon", "points": [{"x": 1.5, "y": 2}, {"x": 9, "y": 2}, {"x": 9, "y": 8.01}]}]
    )
    result = slidescore.SlideScoreResult(
        {
            "id": 0,
            "imageID": both.slide,
            "imageName": "CMU-1-Small-Region",
            "user": both.me,
            "question": "uploaded",
            "answer": answer,
        }
    )
    assert both.sdk.upload_results(both.study, [result])
    (shape,) = both.drawn(layer)
    assert shape["geometry"]["coordinates"] == [[[1.5, 2.0], [9.0, 2.0], [9.0, 8.01], [1.5, 2.0]]]
    after = both.v1.patch(
        f"/annotations/{shape['id']}",
        json={"labels": ["checked"]},
        headers={"If-Match": f'"r{shape["revision"]}"'},
    )
    assert after.status_code == 200
    # What was not changed about it is still told in the words that it came in.
    assert both.result("uploaded").answer == answer


def test_labels_stay_when_the_client_brings_back_what_it_read(both):
    layer = both.layer("kept")
    corners = [[1, 1], [5, 1], [5, 5], [1, 1]]
    drawn = both.draw(layer, "polygon", {"type": "Polygon", "coordinates": [corners]})
    assert both.sdk.upload_results(both.study, [both.result("kept")])
    assert both.drawn(layer) == [drawn]
