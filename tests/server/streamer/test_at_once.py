"""Tiles that are at hand are sent without a handler, and nobody can tell."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from waiting import wait_until

from wsi_lab.server import at_once
from wsi_lab.server.site import LOG

TILE = "/tiles/CMU-1-Small-Region.svs/0/1/1.jpg"
NEVER_SAME = {"date", "server", "x-tile-cache-hit"}
"""`Server` tells what nobody needs to know."""


@pytest.fixture
def sent_at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The paths that were answered so."""
    paths: list[str] = []
    finish = at_once.AnswerDelegate.finish

    def finish_and_tell(delegate: Any) -> None:
        paths.append(delegate._request.path)
        finish(delegate)

    monkeypatch.setattr(at_once.AnswerDelegate, "finish", finish_and_tell)
    return paths


def headers_of(answer: Any) -> dict[str, str]:
    headers = {name.lower(): text for name, text in answer.headers.items()}
    return {name: headers[name] for name in headers if name not in NEVER_SAME}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("query", ["", "?quality=100", "?v=1"])
def test_an_answer_is_the_same_both_ways(
    open_door: Any, sent_at_once: list[str], method: str, query: str
) -> None:
    open_door.get(TILE + query)
    sent_at_once.clear()
    quick = open_door.ask(method, TILE + query)
    assert len(sent_at_once) == 1
    usual = open_door.ask(method, TILE + query, headers={"If-None-Match": '"other"'})
    assert len(sent_at_once) == 1
    assert (quick.status_code, quick.content) == (usual.status_code, usual.content)
    assert headers_of(quick) == headers_of(usual)
    assert {"Date", "X-Tile-Cache-Hit"} <= {name.title() for name in quick.headers}
    assert (len(quick.content) > 0) == (method == "GET")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (TILE, {"If-None-Match": "*"}),
        (TILE + "?quality=0", {}),
        (TILE + "?quality=1&quality=1", {}),
        (TILE.replace("1.jpg", "999.jpg"), {}),
        (TILE.replace("1.jpg", "x.jpg"), {}),
        (TILE.replace("/0/", "/9/"), {}),
        ("/tiles/absent.svs/0/0/0.jpg", {}),
        ("/tiles/%ff/0/0/0.jpg", {}),
        ("/health", {}),
    ],
)
def test_what_is_not_simple_takes_the_usual_way(
    open_door: Any, sent_at_once: list[str], path: str, headers: dict[str, str]
) -> None:
    open_door.get(TILE)
    sent_at_once.clear()
    open_door.get(path, headers=headers)
    assert not sent_at_once


def test_a_signed_tile_is_at_hand_and_an_unsigned_one_is_refused(
    signed_door: Any, sent_at_once: list[str]
) -> None:
    good = [signed_door.query(TILE), signed_door.token("CMU-1-Small-Region.svs")]
    signed_door.get(TILE)
    sent_at_once.clear()
    for query in good:
        answer = signed_door.server.get(TILE, params=query)
        assert (answer.status_code, answer.headers["X-Tile-Cache-Hit"]) == (200, "true")
    assert len(sent_at_once) == len(good)
    sent_at_once.clear()
    for query in good:
        for spoilt in ({}, {**query, "exp": "9999999999"}, {"exp": query["exp"]}):
            assert signed_door.server.get(TILE, params=spoilt).status_code == 401
    elsewhere = TILE.replace("/1/1", "/1/2")
    assert signed_door.server.get(elsewhere, params=good[0]).status_code == 401
    assert not sent_at_once


def test_who_wants_a_log_gets_every_request_in_it(
    open_door: Any, sent_at_once: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    open_door.get(TILE)
    sent_at_once.clear()
    with caplog.at_level(logging.DEBUG, LOG.name):
        open_door.get(TILE)
        # It is written after the answer has gone.
        wait_until(lambda: any("GET tiles/" in line for line in caplog.messages))
    assert not sent_at_once
