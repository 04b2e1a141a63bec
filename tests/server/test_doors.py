"""Another interface fits in beside ours: its own addresses, credentials and words of failure."""

from __future__ import annotations

import json
from typing import Any

import httpx

from wsi_lab.errors import NotIdentified
from wsi_lab.model.people import Action, Actor
from wsi_lab.server.base import Handler
from wsi_lab.server.doors import Door, FailureAnswer
from wsi_lab.server.failures import Failure
from wsi_lab.server.routes import V1_ROUTES
from wsi_lab.server.routing import Kind, Need, Route


class KeyDoor(Door):
    """Takes a key from the query, and says 200 to everything but unknown people."""

    name = "keys"
    trees = ("Api",)

    async def identify(self, handler: Handler) -> Actor | None:
        key = handler.get_query_argument("key", "")
        if not key:
            return None
        return await handler.site.actor_for_token(key, door=self.name)

    def failure(self, handler: Handler, failure: Failure) -> FailureAnswer:
        status = 401 if isinstance(failure.error, NotIdentified) else 200
        said = {"success": False, "method": handler.request.method, "log": failure.error.message}
        return FailureAnswer(status, json.dumps(said).encode(), "application/json")


class StudyName(Handler):
    """Answers in a dialect."""

    async def get(self, study_id: str) -> None:
        study = await self.ask(self.lab.studies.get, self.actor, int(study_id))
        self.finish({"success": True, "name": study.name, "door": self.actor.door})


ROUTES = (
    *V1_ROUTES,
    Route(
        "Api/Study/{study_id}", StudyName, {"GET": Need(Action.STUDY_VIEW, Kind.STUDY)}, KeyDoor()
    ),
)


def test_dialect_keeps_its_own_ways(world: Any, serve_routes: Any) -> None:
    with (
        serve_routes(ROUTES) as server,
        httpx.Client(base_url=server.url, timeout=30) as client,
    ):
        key = {"key": world.tokens["viewer"]}
        path = f"/Api/Study/{world.study.id}"
        assert client.get(path, params=key).json() == {
            "success": True,
            "name": world.study.name,
            "door": "keys",
        }
        unknown = client.get(path)
        assert (unknown.status_code, unknown.json()["success"]) == (401, False)
        for answer in (
            client.get(path, params={"key": world.tokens["stranger"]}),
            client.get("/Api/Nothing", params=key),
            client.post(path, params=key),
            client.post(path, content=b"x" * (2 << 20)),
        ):
            assert answer.status_code == 200
            assert answer.json()["success"] is False
            assert answer.json()["method"] in {"GET", "POST"}
        assert client.get("/v1/nothing").headers["Content-Type"] == "application/problem+json"
        # Credentials of one door are none at another.
        assert client.get("/v1/me", params=key).status_code == 401
        assert client.get(path, headers=world.headers("viewer")).status_code == 401
