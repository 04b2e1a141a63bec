"""Which handler answers an address; a method that states nothing cannot be reached."""

from __future__ import annotations

import pytest
from tornado import web

from wsi_lab.model.people import Action
from wsi_lab.server.base import Handler
from wsi_lab.server.doors import V1, Door
from wsi_lab.server.routes import V1_ROUTES
from wsi_lab.server.routing import OPEN, Kind, Need, Route


class Reads(Handler):
    """Answers GET."""

    def get(self) -> None:
        """Do nothing."""


class ReadsAndRemoves(Reads):
    """Answers DELETE too."""

    def delete(self) -> None:
        """Do nothing."""


def test_method_that_states_nothing_makes_no_route() -> None:
    with pytest.raises(TypeError, match="DELETE"):
        Route("v1/thing", ReadsAndRemoves, {"GET": OPEN})


def test_stated_method_that_the_handler_lacks_makes_no_route() -> None:
    with pytest.raises(TypeError, match="DELETE"):
        Route("v1/thing", Reads, {"GET": OPEN, "DELETE": OPEN})


def test_inherited_method_is_asked_for_its_own_action() -> None:
    slides = Route("v1/a", Reads, {"GET": Need(Action.SLIDE_VIEW, Kind.SLIDE)})
    studies = Route("v1/b", Reads, {"GET": Need(Action.STUDY_VIEW, Kind.STUDY)})
    assert slides.needs["GET"].action is Action.SLIDE_VIEW
    assert studies.needs["GET"].action is Action.STUDY_VIEW


def test_head_goes_with_get() -> None:
    assert Route("v1/thing", Reads, {"GET": OPEN}).allow == "GET, HEAD, OPTIONS"


def test_only_the_root_and_the_contract_are_open() -> None:
    open_routes = {
        route.path for route in V1_ROUTES for need in route.needs.values() if need.action is None
    }
    assert open_routes == {"v1/", "v1/openapi.yaml"}


def test_no_address_fits_two_routes() -> None:
    def example(path: str) -> str:
        return path.replace("{", "").replace("}", "")

    for route in V1_ROUTES:
        fitting = [each for each in V1_ROUTES if each.pattern.fullmatch(example(route.path))]
        assert fitting == [route]


def test_every_handler_is_ours() -> None:
    for route in V1_ROUTES:
        assert issubclass(route.handler, Handler)
        assert route.handler.verbs() == set(route.needs) - {"HEAD"}


def test_log_shows_numbers_and_no_names() -> None:
    route = Route("v1/studies/{study_id}/members/{email}", Reads, {"GET": OPEN})
    assert route.shown(["7", "wsi_CANARY@lab"]) == "v1/studies/7/members/{email}"
    assert route.shown([]) == "v1/studies/{study_id}/members/{email}"
    assert route.shown(["7", "8"]) == "v1/studies/7/members/{email}"


def test_log_shows_no_number_unless_the_door_may_tell_it() -> None:
    class Silent(V1):
        told = frozenset({"x"})

    route = Route("tiles/{slide_id}/{x}.jpg", Reads, {"GET": OPEN}, Silent())
    assert route.shown(["20240117", "3"]) == "tiles/{slide_id}/3.jpg"
    assert Door.told == frozenset()


def test_base_of_all_handlers_answers_nothing_itself() -> None:
    assert Handler.verbs() == frozenset()
    assert issubclass(Handler, web.RequestHandler)
