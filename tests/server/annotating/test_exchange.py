"""Files of annotations over HTTP: in, out, as masks and as tables."""

from __future__ import annotations

import io
import json
import socket
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from PIL import Image

from tests.support.many_shapes import squares
from tests.support.waiting import wait_until
from wsi_lab.model.feature import Grid
from wsi_lab.model.layer import Layer
from wsi_lab.server.annotating import receiving_files

ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"
FILE = json.dumps(
    {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": {
                    "type": "Polygon",
                    "coordinates": [[[10, 10], [30, 10], [30, 40], [10, 40], [10, 10]]],
                },
                "properties": {"classification": {"name": "tumour"}, "score": 0.5},
            },
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [5.25, 6]},
                "properties": {},
            },
        ],
    }
).encode()


@pytest.fixture
def layer(world: Any) -> Layer:
    made: Layer = world.lab.layers.create(world.owner, world.study.id, world.name())
    return made


@pytest.fixture
def bring(world: Any, boss: httpx.Client, layer: Layer) -> Callable[..., dict[str, Any]]:
    """Return a function that brings a file in and returns the job when it is over."""

    def run(content: Any, **query: Any) -> dict[str, Any]:
        query = {"slide_id": world.slide.id, **query}
        answer = boss.post(f"/v1/layers/{layer.id}/imports", params=query, content=content)
        assert answer.status_code == 202, answer.text
        where = answer.headers["Location"]
        wait_until(lambda: boss.get(where).json()["state"] not in {"waiting", "running"}, 30)
        job: dict[str, Any] = boss.get(where).json()
        return job

    return run


def test_a_file_is_brought_in_by_a_job(bring: Any, schema: Any) -> None:
    job = bring(FILE, name="a.geojson")
    schema("Job", job)
    assert (job["state"], job["progress"], job["error"]) == ("done", 1.0, None)
    assert (job["result"]["shape_count"], job["result"]["drawn_count"]) == (2, 2)


def test_load_is_in_the_report_and_can_be_removed(
    bring: Any, boss: httpx.Client, layer: Layer, schema: Any
) -> None:
    job = bring(FILE, name="a.geojson", as_bulk="true", author="net 1.0")
    schema("Job", job)
    (load,) = job["result"]["loads"]
    found = boss.get(f"/v1/layers/{layer.id}/loads").json()
    schema("LoadPage", found)
    assert found["items"] == [load]
    assert boss.get(f"/v1/loads/{load['id']}").json() == load
    assert load["ranges"]["score"] == [0.5, 0.5]
    assert boss.delete(f"/v1/loads/{load['id']}").status_code == 204
    assert boss.get(f"/v1/loads/{load['id']}").status_code == 404
    assert boss.get(f"/v1/layers/{layer.id}/loads").json()["items"] == []


def test_failure_is_in_the_job_with_its_sentence(bring: Any, schema: Any) -> None:
    job = bring(b'{"type":"FeatureCollection","features":[{', name="broken.geojson")
    schema("Job", job)
    assert (job["state"], job["result"], job["error"]["code"]) == ("failed", None, "invalid")
    assert job["error"]["detail"]


def test_dry_run_stores_nothing(bring: Any, boss: httpx.Client, layer: Layer) -> None:
    assert bring(FILE, dry_run="true")["result"]["is_dry_run"]
    assert boss.get(f"/v1/layers/{layer.id}/counts").json()["items"] == []


def test_large_bodies_go_to_the_disk_piece_by_piece(
    bring: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving_files, "WRITTEN_AT_ONCE", 1 << 16)
    padded = FILE[:-1] + b" " * (3 << 20) + FILE[-1:]

    def pieces() -> Iterator[bytes]:
        for begin in range(0, len(padded), 50_000):
            yield padded[begin : begin + 50_000]

    assert bring(pieces(), format="geojson")["result"]["shape_count"] == 2


def test_whoever_may_not_is_refused_though_the_body_is_large(
    world: Any, http: httpx.Client, layer: Layer
) -> None:
    answer = http.post(
        f"/v1/layers/{layer.id}/imports",
        params={"slide_id": world.slide.id},
        headers=world.headers("viewer"),
        content=b" " * (2 << 20),
    )
    assert answer.status_code == 403


class _Files:
    """Hands out files for what comes in, and remembers them."""

    def __init__(self, world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[Any] = []
        self._new = world.lab.exchange.new_file
        monkeypatch.setattr(world.lab.exchange, "new_file", self._make)

    def _make(self) -> Any:
        self.made.append(self._new())
        return self.made[-1]


def test_a_full_disk_is_told_and_nothing_is_left(
    world: Any, boss: httpx.Client, layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FullDisk(io.BytesIO):
        def writelines(self, _lines: Any) -> None:
            raise OSError(28, "No space left on device")

    file = FullDisk()
    monkeypatch.setattr(world.lab.exchange, "new_file", lambda: file)
    query = {"slide_id": world.slide.id}
    answer = boss.post(f"/v1/layers/{layer.id}/imports", params=query, content=b" " * (9 << 20))
    assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")
    wait_until(lambda: file.closed)


def test_who_hangs_up_leaves_nothing(
    world: Any, layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = _Files(world, monkeypatch)
    monkeypatch.setattr(receiving_files, "WRITTEN_AT_ONCE", 1 << 16)
    address = urllib.parse.urlsplit(world.server.url)
    with socket.create_connection((address.hostname, address.port)) as connection:
        token = world.headers("site_admin")["Authorization"]
        head = (
            f"POST /v1/layers/{layer.id}/imports?slide_id={world.slide.id} HTTP/1.1\r\n"
            f"Host: x\r\nAuthorization: {token}\r\nContent-Length: 9000000\r\n\r\n"
        )
        connection.sendall(head.encode() + b" " * 3_000_000)
        wait_until(lambda: bool(files.made) and files.made[0].tell() > 1_000_000)
    wait_until(lambda: files.made[0].closed)
    wait_until(lambda: world.server.site.in_flight == 0)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"format": "docx"}, "no format"),
        ({"options": "[1]"}, "options"),
        ({"format": "geojson", "options": '{"downsample": 2}'}, "GeoJSON"),
        ({"precision": 7}, "precision"),
        ({"slide_id": "x"}, "slide_id"),
    ],
)
def test_wrong_queries_are_told_before_there_is_a_job(
    world: Any, boss: httpx.Client, layer: Layer, query: dict[str, Any], sentence: str
) -> None:
    query = {"slide_id": world.slide.id, **query}
    answer = boss.post(f"/v1/layers/{layer.id}/imports", params=query, content=FILE)
    assert answer.status_code == 400
    assert sentence in answer.json()["detail"]


def test_export_is_a_file_with_a_name_and_what_it_cannot_say(
    world: Any, bring: Any, boss: httpx.Client, layer: Layer
) -> None:
    bring(FILE)
    query = {"slide_id": world.slide.id, "format": "cytomine-wkt"}
    answer = boss.get(f"/v1/layers/{layer.id}/export", params=query)
    assert answer.status_code == 200
    assert answer.text.startswith("POLYGON")
    assert f"{layer.name}.wkt" in urllib.parse.unquote(answer.headers["Content-Disposition"])
    assert answer.headers["Wsi-Lab-Shapes"] == "2"
    assert "labels" in urllib.parse.unquote(answer.headers["Wsi-Lab-Notices"])
    again = {**query, "format": "geojson", "labels": '["tumour"]', "box": "0,0,100,100"}
    found = boss.get(f"/v1/layers/{layer.id}/export", params=again).json()
    assert len(found["features"]) == 1
    wrong = boss.get(f"/v1/layers/{layer.id}/export", params={**query, "box": "1,2,3"})
    assert wrong.status_code == 400


def test_mask_is_a_png(world: Any, bring: Any, boss: httpx.Client, layer: Layer) -> None:
    bring(FILE)
    query = {"layer_id": layer.id, "left": 0, "top": 0, "width": 40, "height": 40, "downsample": 2}
    answer = boss.get(f"/v1/slides/{world.slide.id}/mask", params=query)
    with Image.open(io.BytesIO(answer.content)) as picture:
        values = np.asarray(picture)
    assert values.shape == (20, 20)
    assert np.count_nonzero(values == 1) == 10 * 15
    assert np.count_nonzero(values == 2) == 1
    only = boss.get(f"/v1/slides/{world.slide.id}/mask", params={**query, "labels": "other"})
    with Image.open(io.BytesIO(only.content)) as picture:
        assert not np.asarray(picture).any()
    too_large = {**query, "width": 1e9, "height": 1e9}
    assert boss.get(f"/v1/slides/{world.slide.id}/mask", params=too_large).status_code == 400


def test_grids_come_as_arrays(world: Any, boss: httpx.Client, layer: Layer, schema: Any) -> None:
    file = io.BytesIO()
    np.save(file, np.array([[0.5, np.nan], [1.0, 2.0]]))
    query = {
        "slide_id": world.slide.id,
        "name": "density",
        "author": "net",
        "left": 0,
        "top": 0,
        "right": 256,
        "bottom": 128,
    }
    path = f"/v1/layers/{layer.id}/grids"
    npy = {"Content-Type": "application/x-npy"}
    answer = boss.post(path, params=query, content=file.getvalue(), headers=npy)
    assert answer.status_code == 201, answer.text
    schema("Load", answer.json())
    assert (answer.json()["kind"], answer.json()["count"]) == ("grid", 4)
    assert answer.json()["ranges"] == {"density": [0.5, 2.0]}
    assert boss.get(answer.headers["Location"]).json() == answer.json()
    for body, headers in (
        (b"no array", npy),
        (file.getvalue(), {"Content-Type": "text/plain"}),
        (file.getvalue()[:90], npy),
    ):
        refused = boss.post(path, params=query, content=body, headers=headers)
        assert refused.status_code in {400, 415}
    other = {**query, "name": "flat", "right": 0}
    assert boss.post(path, params=other, content=file.getvalue(), headers=npy).status_code == 400


def test_job_is_stopped_by_deleting_it(world: Any, boss: httpx.Client, schema: Any) -> None:
    def work(task: Any) -> None:
        wait_until(lambda: task.is_stopped)
        task.check()

    job = world.lab.jobs.start(world.owner, "wait", work)
    schema("Job", boss.delete(f"/v1/jobs/{job.id}").json())
    wait_until(lambda: boss.get(f"/v1/jobs/{job.id}").json()["state"] == "stopped")
    assert boss.get("/v1/jobs/unknown").status_code == 404


class TestTables:
    """``v1/studies/{study_id}/annotations``."""

    @pytest.fixture
    def query(self, world: Any, layer: Layer, bring: Any) -> dict[str, Any]:
        """Two shapes by hand and 300 loaded ones."""
        bring(FILE, as_bulk="false")
        shapes = squares(300)
        world.lab.loads.load(world.owner, layer.id, world.slide.id, shapes, author="net")
        grid = Grid("values", np.zeros((2, 3), np.float32), (0, 0, 30, 20))
        world.lab.loads.load_grid(world.owner, layer.id, world.slide.id, grid)
        return {"layer": layer.id}

    @pytest.fixture
    def ask(self, world: Any, boss: httpx.Client, query: dict[str, Any]) -> Callable[..., Any]:
        """Return a function that returns a table of what is asked for."""

        def run(**more: Any) -> Any:
            path = f"/v1/studies/{world.study.id}/annotations"
            answer = boss.get(path, params={**query, **more}, headers={"Accept": ARROW})
            assert answer.status_code == 200, answer.text
            with pa.ipc.open_stream(answer.content) as reader:
                return reader.read_all()

        return run

    def test_arrow_has_shapes_of_both_tiers(self, ask: Any) -> None:
        table = ask()
        assert len(table) == 302
        assert table["tier"].to_pylist().count("hand") == 2
        assert set(table["reader"].to_pylist()) >= {"net"}
        assert len(ask(tier="bulk")) == 300

    @pytest.mark.parametrize(
        ("conditions", "count"),
        [
            ({"labels": '["neoplastic"]', "tier": "bulk"}, 100),
            ({"labels": '["", "tumour"]'}, 102),
            ({"labels": "tumour"}, 1),
            ({"authors": '["net"]'}, 300),
            ({"author": "nobody@lab"}, 0),
            ({"box": "0,0,25,5", "tier": "bulk"}, 2),
            ({"within": "POLYGON ((0 0, 25 0, 25 5, 0 5, 0 0))", "tier": "bulk"}, 2),
            ({"box": "0,0,24,7", "centroid": "true", "tier": "bulk"}, 1),
            ({"where": '[["score", ">=", 50]]', "authors": "net"}, 100),
            ({"limit": 7}, 7),
        ],
    )
    def test_conditions_hold(self, ask: Any, conditions: dict[str, Any], count: int) -> None:
        assert len(ask(**conditions)) == count

    def test_geoparquet_is_what_geopandas_reads(
        self, world: Any, boss: httpx.Client, query: dict[str, Any]
    ) -> None:
        import geopandas as gpd

        path = f"/v1/studies/{world.study.id}/annotations"
        answer = boss.get(path, params=query, headers={"Accept": PARQUET})
        assert answer.headers["Content-Type"] == PARQUET
        table = gpd.read_parquet(io.BytesIO(answer.content))
        assert len(table) == 302
        assert table.crs is None
        assert pq.read_metadata(io.BytesIO(answer.content)).num_rows == 302

    def test_geojson_is_as_the_contract_says_with_conditions_and_without(
        self, world: Any, boss: httpx.Client, query: dict[str, Any], layer: Layer, schema: Any
    ) -> None:
        path = f"/v1/studies/{world.study.id}/annotations"
        some = boss.get(path, params={**query, "limit": 200}).json()
        schema("FeatureCollection", some)
        assert len(some["features"]) == 200
        plain = boss.get(path, params={"question": layer.name, "tier": "hand"}).json()
        schema("FeatureCollection", plain)
        assert [each["properties"]["labels"] for each in plain["features"]] == [["tumour"], []]
        everything = boss.get(path, params={"question": layer.name}).json()
        assert len(everything["features"]) == 302
        one = shapely.from_geojson(json.dumps(some["features"][0]["geometry"]))
        assert one.equals(shapely.box(10, 10, 30, 40))

    @pytest.mark.parametrize(
        "wrong",
        [
            {"box": "1,2,3"},
            {"box": "9,0,1,1"},
            {"within": "POINT (1 2)"},
            {"within": "nonsense"},
            {"where": "[1]"},
            {"where": '[["score", "~", 1]]'},
            {"labels": "[1"},
            {"layer": "[[]]"},
            {"tier": "none"},
            {"surprise": "1"},
        ],
    )
    def test_wrong_conditions_are_told(
        self, world: Any, boss: httpx.Client, wrong: dict[str, str]
    ) -> None:
        path = f"/v1/studies/{world.study.id}/annotations"
        answer = boss.get(path, params=wrong, headers={"Accept": ARROW})
        assert answer.status_code == 400, answer.text

    def test_unknown_layer_is_told_with_those_that_there_are(
        self, world: Any, boss: httpx.Client, layer: Layer
    ) -> None:
        path = f"/v1/studies/{world.study.id}/annotations"
        answer = boss.get(path, params={"layer": "nuklei"}, headers={"Accept": ARROW})
        assert answer.status_code == 404
        assert layer.name in answer.json()["detail"]

    def test_viewers_see_their_own_and_what_is_shared(
        self, world: Any, http: httpx.Client, query: dict[str, Any], layer: Layer
    ) -> None:
        path = f"/v1/studies/{world.study.id}/annotations"
        headers = {**world.headers("viewer"), "Accept": ARROW}

        def count() -> int:
            answer = http.get(path, params=query, headers=headers)
            with pa.ipc.open_stream(answer.content) as reader:
                return len(reader.read_all())

        assert count() == 0
        revision = world.lab.layers.get(world.owner, layer.id).revision
        world.lab.layers.change(world.owner, layer.id, is_shared=True, revision=revision)
        assert count() == 302
