from __future__ import annotations

import json

import httpx
import pytest

from wsi_lab.client import Connection
from wsi_lab.errors import (
    Busy,
    Conflict,
    Invalid,
    NotFound,
    NotIdentified,
    OutOfRange,
    SourceTimeout,
    SourceUnavailable,
    WsiLabError,
    error_class,
)

EVERY_CODE = [
    "invalid",
    "out_of_range",
    "not_identified",
    "not_allowed",
    "not_found",
    "conflict",
    "too_large",
    "unsupported_slide",
    "damaged_slide",
    "slide_missing",
    "busy",
    "source_unavailable",
    "source_timeout",
    "storage_full",
    "home_unusable",
]


@pytest.mark.parametrize("code", EVERY_CODE)
def test_refusal_becomes_the_class_of_its_code(server, connection, refuse, code):
    server.instead = lambda _: refuse(418, code, "No, because.", current=3)
    with pytest.raises(error_class(code)) as caught:
        connection.get("v1/slides/3")
    assert type(caught.value) is error_class(code)
    assert str(caught.value) == "No, because."
    assert caught.value.request == "GET v1/slides/3"
    assert caught.value.details == {"current": 3}


def test_code_from_a_newer_lab_is_still_an_error_with_its_sentence(server, connection, refuse):
    server.instead = lambda _: refuse(400, "from_the_future", "Not like that.")
    with pytest.raises(WsiLabError, match="Not like that"):
        connection.get("v1/x")


def test_every_problem_of_an_invalid_request_is_kept(server, connection, refuse):
    server.instead = lambda _: refuse(400, "invalid", "Two.", problems=["a", "b"])
    with pytest.raises(Invalid) as caught:
        connection.post("v1/studies", {})
    assert caught.value.problems == ("a", "b")


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, NotIdentified), (404, NotFound), (502, SourceUnavailable), (302, NotIdentified)],
)
def test_answer_of_a_proxy_is_understood_by_its_status(server, connection, status, kind):
    server.instead = lambda _: httpx.Response(status, text="<html>")
    with pytest.raises(kind):
        connection.get("v1/me")


def test_page_that_is_no_lab_is_said_to_be_none(server, connection):
    server.instead = lambda _: httpx.Response(200, text="<html>Jupyter</html>")
    with pytest.raises(WsiLabError, match="not a lab"):
        connection.get("v1/me")


def test_answer_that_is_not_a_list_is_refused(server, connection):
    server.instead = lambda _: httpx.Response(200, json={"items": 3})
    with pytest.raises(WsiLabError, match="not a lab"):
        list(connection.items("v1/studies"))


def test_token_travels_in_a_header_and_nowhere_else(server, connection):
    connection.get("v1/me")
    (request,) = server.requests
    assert request.headers["Authorization"] == "Bearer wsi_secret"
    assert "wsi_secret" not in str(request.url)
    assert "wsi_secret" not in repr(connection)


def test_change_names_the_revision_it_was_made_from(server, connection, refuse):
    server.instead = lambda _: refuse(409, "conflict", "Changed.", current=5)
    with pytest.raises(Conflict):
        connection.json("PATCH", "v1/studies/1", body={"name": "x"}, revision=4)
    assert server.requests[0].headers["If-Match"] == '"r4"'
    assert json.loads(server.requests[0].content) == {"name": "x"}


def busy(seconds: str) -> httpx.Response:
    return httpx.Response(
        503, json={"code": "busy", "detail": "Busy."}, headers={"Retry-After": seconds}
    )


def test_busy_lab_is_asked_again_after_the_time_it_names(server, connection, waits):
    server.instead = lambda _: busy("2") if len(server.requests) < 3 else None
    assert connection.get("v1/me")["door"] == "v1"
    assert waits == [2.0, 2.0]


def test_lab_that_stays_busy_is_not_asked_for_ever(server, connection, waits):
    server.instead = lambda _: busy("1")
    with pytest.raises(Busy):
        connection.get("v1/me")
    assert len(server.requests) == 4
    assert len(waits) == 3


def test_request_that_makes_something_is_never_sent_twice(server, connection):
    server.instead = lambda _: busy("0")
    with pytest.raises(Busy):
        connection.post("v1/studies", {"name": "x"})
    assert len(server.requests) == 1


@pytest.mark.parametrize("seconds", ["3600", "-1", "nan", "Wed, 21 Oct 2026 07:28:00 GMT", ""])
def test_wait_that_is_too_long_or_unclear_is_left_to_the_user(server, connection, waits, seconds):
    server.instead = lambda _: busy(seconds)
    with pytest.raises(Busy):
        connection.get("v1/me")
    assert waits == []


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (httpx.ConnectError, SourceUnavailable),
        (httpx.RemoteProtocolError, SourceUnavailable),
        (httpx.ReadError, SourceUnavailable),
        (httpx.ReadTimeout, SourceTimeout),
        (httpx.ConnectTimeout, SourceTimeout),
        (httpx.PoolTimeout, SourceTimeout),
    ],
)
def test_no_answer_is_a_sentence_that_advises(connection, server, failure, kind):
    def fail(request):
        raise failure("[Errno 111] /private/path", request=request)

    server.instead = fail
    with pytest.raises(kind) as caught:
        connection.get("v1/me")
    assert type(caught.value) is kind
    assert "lab" in str(caught.value)
    assert "Errno" not in str(caught.value)
    assert caught.value.request == "GET v1/me"


def test_every_network_error_of_httpx_is_one_of_ours():
    pending = [httpx.TransportError]
    while pending:
        kind = pending.pop()
        pending.extend(kind.__subclasses__())

        def fail(request, kind=kind):
            raise kind("broken")

        connection = Connection("http://lab.test/", transport=httpx.MockTransport(fail))
        with pytest.raises(SourceUnavailable):
            connection.get("v1/me")


@pytest.mark.parametrize("url", ["ftp://lab/", "lab", "http://", "http://[::1", "file:///etc"])
def test_address_that_cannot_be_a_lab_is_refused(url):
    with pytest.raises(Invalid, match="address"):
        Connection(url)


def test_lists_are_read_page_by_page(server, connection):
    for number in range(7):
        server.add_study(f"s{number}")
    server.page_size = 3
    assert [each["name"] for each in connection.items("v1/studies")] == [
        f"s{number}" for number in range(7)
    ]
    assert len(server.requests) == 3


def test_out_of_range_is_also_invalid(server, connection, refuse):
    server.instead = lambda _: refuse(400, "out_of_range", "No level 9.")
    with pytest.raises(Invalid) as caught:
        connection.get_bytes("v1/slides/1/region")
    assert isinstance(caught.value, OutOfRange)
