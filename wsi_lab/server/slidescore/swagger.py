"""What the door can be asked, for tools that read OpenAPI. Open to everybody."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any, cast

import msgspec

from wsi_lab.server.base import Handler
from wsi_lab.server.routing import OPEN, Route
from wsi_lab.server.slidescore.door import JSON, SlideScoreDoor
from wsi_lab.version import __version__

_ANSWER = {"200": {"description": "The answer."}, "401": {"description": "Who asks may not."}}


class SwaggerHandler(Handler):
    """The description."""

    def get(self) -> None:
        """Return it as JSON."""
        self.set_header("Content-Type", JSON)
        self.finish(cast("SlideScoreDoor", self.route.door).description)


class SwaggerPageHandler(Handler):
    """Where people look for the description."""

    def get(self) -> None:
        """Lead to it."""
        self.redirect(f"{self.mount}swagger/v1/swagger.json")


def description(routes: Iterable[Route]) -> bytes:
    """Return the OpenAPI document of routes.

    Parameters arrive in a form or a query, whatever their case; a document that lists them would
    say less than the contract of the clients does.
    """
    paths: dict[str, Any] = {
        f"/{route.path}": {
            verb.lower(): {
                "summary": (inspect.getdoc(route.handler) or "").partition("\n")[0],
                "responses": _ANSWER,
            }
            for verb in route.needs
        }
        for route in routes
    }
    return msgspec.json.encode(
        {
            "openapi": "3.0.3",
            "info": {"title": "WSI Lab, as Slide Score's clients know it", "version": __version__},
            "paths": paths,
            "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
            "security": [{"bearer": []}],
        }
    )


def routes(door: SlideScoreDoor) -> tuple[Route, ...]:
    """Return the addresses of the description."""
    return (
        Route("swagger", SwaggerPageHandler, {"GET": OPEN}, door),
        Route("swagger/index.html", SwaggerPageHandler, {"GET": OPEN}, door, any_case=True),
        Route("swagger/v1/swagger.json", SwaggerHandler, {"GET": OPEN}, door),
    )
