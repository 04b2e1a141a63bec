"""Settings that make no sense are refused before anybody is served."""

from __future__ import annotations

from typing import Any

import pytest

from wsi_lab.errors import Invalid
from wsi_lab.server.streamer.routes import streamer_routes
from wsi_lab.server.streamer.settings import Access, StreamerSettings


@pytest.mark.parametrize(
    "settings",
    [
        {"access": Access.SIGNED},
        {"access": Access.SIGNED, "secret": ""},
        {"access": Access.SIGNED, "secret": b""},
        {"quality": 0},
        {"quality": 101},
        {"cache_max_age": -1},
    ],
)
def test_nonsense_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        StreamerSettings(**settings)


def test_secret_is_not_shown() -> None:
    assert "CANARY" not in repr(StreamerSettings(Access.SIGNED, "CANARY"))


def test_what_is_open_is_stated() -> None:
    def opened(access: Access) -> set[str]:
        settings = StreamerSettings(access, "secret")
        return {
            route.path
            for route in streamer_routes(settings)
            for need in route.needs.values()
            if need.action is None
        }

    always = {"health", "view/assets/{name}"}
    assert opened(Access.CLOSED) == always
    assert opened(Access.SIGNED) == {*always, "view/{slide_id}"}
    assert opened(Access.OPEN) == {route.path for route in streamer_routes(StreamerSettings())}
