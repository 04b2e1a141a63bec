"""A small lab that answers in process: v1 as the plan of the wire says, without a network."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from wsi_lab.client import Connection, Lab
from wsi_lab.connecting import connect

PNG_OF_2_BY_1 = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000002000000010802000000"
    "7b40e8dd0000000f49444154789c63f8cfc00084ff010005fe01ffa67f9db50000000049454e44ae426082"
)

STUDY = {
    "description": "",
    "created_on": "2026-11-01T10:00:00Z",
    "published_on": None,
    "revision": 1,
    "slide_count": 0,
    "rights": ["view", "edit"],
}
SLIDE = {
    "study_id": 1,
    "case_id": None,
    "case": None,
    "block": "",
    "section": "",
    "number": "",
    "stain": "H&E",
    "tags": ["tumour", "training"],
    "format": "Aperio SVS",
    "width": 2220,
    "height": 2967,
    "objective_power": 20.0,
    "mpp_x": 0.499,
    "mpp_y": 0.499,
    "added_on": "2026-11-02T12:30:00Z",
    "revision": 1,
}
PROPERTIES = {
    "slide_id": 1,
    "format": "Aperio SVS",
    "width": 2220,
    "height": 2967,
    "mpp_x": 0.499,
    "mpp_y": 0.499,
    "objective_power": 20.0,
    "levels": [
        {
            "level": 0,
            "width": 2220,
            "height": 2967,
            "tile_width": 240,
            "tile_height": 240,
            "columns": 10,
            "rows": 13,
            "downsample": 1.0,
        }
    ],
    "metadata": {"aperio.AppMag": "20"},
    "version": "v1",
    "grid": {"tile_size": 240, "zooms": 5},
}


class InProcessLab:
    """Answers requests from dictionaries; a test may put an answer of its own in front."""

    def __init__(self) -> None:
        self.studies: dict[int, dict[str, Any]] = {}
        self.slides: dict[int, dict[str, Any]] = {}
        self.requests: list[httpx.Request] = []
        self.page_size: int | None = None
        self.instead: Callable[[httpx.Request], httpx.Response | None] = lambda _: None

    def add_study(self, name: str, **fields: Any) -> int:
        number = len(self.studies) + 1
        self.studies[number] = STUDY | {"id": number, "name": name} | fields
        return number

    def add_slide(self, name: str, **fields: Any) -> int:
        number = len(self.slides) + 1
        self.slides[number] = SLIDE | {"id": number, "name": name} | fields
        return number

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.instead(request) or self._answer(request)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        parts = request.url.path.removeprefix("/lab/v1").strip("/").split("/")
        answer = problem(404, "not_found", "There is no such thing.")
        match (request.method, *parts):
            case ("GET", ""):
                answer = httpx.Response(200, json={"version": "0.1.0", "api": 1})
            case ("GET", "me"):
                user = {"id": 1, "email": "a@lab", "name": "A", "is_admin": True}
                answer = httpx.Response(200, json={"user": user, "door": "v1"})
            case ("GET", "studies"):
                answer = self._page(request, list(self.studies.values()))
            case ("POST", "studies"):
                number = self.add_study(json.loads(request.content)["name"])
                answer = httpx.Response(201, json=self.studies[number])
            case ("GET", "studies", number) if int(number) in self.studies:
                answer = httpx.Response(200, json=self.studies[int(number)])
            case ("GET", "studies", number, "slides"):
                of_study = [s for s in self.slides.values() if s["study_id"] == int(number)]
                answer = self._page(request, of_study)
            case ("POST", "studies", number, "slides"):
                asked = json.loads(request.content)
                path = asked["path"] if "path" in asked else asked["uploaded"]
                name = path.rsplit("/", 1)[-1]
                slide = self.add_slide(name, study_id=int(number), stain=asked.get("stain", ""))
                answer = httpx.Response(201, json=self.slides[slide])
            case ("GET", "slides", number) if int(number) in self.slides:
                answer = httpx.Response(200, json=self.slides[int(number)])
            case ("GET", "slides", number, "properties"):
                answer = httpx.Response(200, json=PROPERTIES | {"slide_id": int(number)})
            case ("GET", "slides", _, "region"):
                query = request.url.params
                shape = (int(query["height"]), int(query["width"]), 3)
                buffer = io.BytesIO()
                np.save(buffer, np.full(shape, 7, np.uint8))
                answer = httpx.Response(200, content=buffer.getvalue())
            case ("GET", "slides", _, "thumbnail"):
                answer = httpx.Response(200, content=PNG_OF_2_BY_1)
        return answer

    def _page(self, request: httpx.Request, things: list[dict[str, Any]]) -> httpx.Response:
        query = request.url.params
        if "name" in query:
            things = [each for each in things if each["name"] == query["name"]]
        start = int(query.get("cursor") or 0)
        end = start + (self.page_size or int(query["limit"]))
        cursor = str(end) if end < len(things) else None
        return httpx.Response(200, json={"items": things[start:end], "next_cursor": cursor})


def problem(status: int, code: str, detail: str, **more: Any) -> httpx.Response:
    body = {"type": "about:blank", "title": "No", "status": status, "code": code, "detail": detail}
    return httpx.Response(
        status,
        content=json.dumps(body | more),
        headers={"Content-Type": "application/problem+json"},
    )


@pytest.fixture
def server() -> InProcessLab:
    return InProcessLab()


@pytest.fixture
def waits() -> list[float]:
    """Seconds the client would have waited between tries."""
    return []


@pytest.fixture
def connection(server: InProcessLab, waits: list[float]) -> Connection:
    return Connection(
        "http://lab.test/lab",
        "wsi_secret",
        transport=httpx.MockTransport(server),
        sleep=waits.append,
    )


@pytest.fixture
def lab(connection: Connection) -> Lab:
    return Lab(connection)


@pytest.fixture
def refuse() -> Callable[..., httpx.Response]:
    """Problem details as the server writes them."""
    return problem


@pytest.fixture(scope="session")
def real_lab(demo_server: Any) -> Iterator[Lab]:
    """The demo's lab in another process, over real HTTP, as its owner sees it."""
    lab = connect(demo_server.url, demo_server.token, environment={})
    yield lab
    lab.close()
