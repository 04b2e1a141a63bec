"""Readers, as those who run a study see them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
import pandas as pd
import pytest

from wsi_lab.client import Lab

READERS = [
    {
        "reader": "anna@lab",
        "answered": 4,
        "needed": 15,
        "items_done": 1,
        "items": 5,
        "answered_on": "2026-11-26T10:58:47.065910Z",
        "seconds": 6.5,
    },
    {
        "reader": "ben@lab",
        "answered": 0,
        "needed": 15,
        "items_done": 0,
        "items": 5,
        "answered_on": None,
        "seconds": None,
    },
]
VISIT = {
    "reader": "anna@lab",
    "slide_id": None,
    "case_id": 3,
    "opened_on": "2026-11-26T10:58:47Z",
    "seconds": 4,
}
TYPES_OF_PROGRESS = ["str", *["int64"] * 4, "datetime64[us, UTC]", "float64"]


@pytest.fixture
def study(server, lab):
    server.add_study("a")
    return lab.studies["a"]


@pytest.fixture
def tell(server):
    """Return a function that lets the lab answer with a list, one item a page."""

    def tell(items):
        def answer(request):
            start = int(request.url.params.get("cursor", 0))
            cursor = str(start + 1) if start + 1 < len(items) else None
            return httpx.Response(200, json={"items": items[start:][:1], "next_cursor": cursor})

        server.instead = answer

    return tell


def test_progress_is_a_table_of_all_readers(study, tell, server):
    tell(READERS)
    found = study.reading_progress()
    assert list(found.columns) == list(READERS[0])
    assert [str(each) for each in found.dtypes] == TYPES_OF_PROGRESS
    assert found["reader"].tolist() == ["anna@lab", "ben@lab"]
    assert found["answered_on"][0] == pd.Timestamp("2026-11-26T10:58:47.065910Z")
    assert found[["answered_on", "seconds"]].isna().to_numpy().tolist() == [[False] * 2, [True] * 2]
    assert server.requests[-1].url.path == "/lab/v1/studies/1/readers"


def test_times_are_a_table_of_all_visits(study, tell):
    tell([VISIT, VISIT | {"slide_id": 7, "case_id": None}])
    found = study.reading_times()
    assert found["slide_id"].isna().tolist() == [True, False]
    assert found["case_id"].tolist()[0] == 3
    assert found["seconds"].sum() == 8


@pytest.mark.parametrize("table", ["reading_progress", "reading_times"])
def test_empty_tables_have_the_same_types(study, tell, table):
    tell([READERS[0] | VISIT])
    full = getattr(study, table)()
    tell([])
    empty = getattr(study, table)()
    assert len(empty) == 0
    assert empty.dtypes.to_dict() == full.dtypes.to_dict()


def test_invitation_is_a_whole_address_that_repr_hides(study, server):
    told = {"email": "anna@lab", "token": "wsi_abc", "link": "/lab/read/1#wsi_abc"}
    server.instead = lambda _: httpx.Response(201, json=told | {"expires_on": None})
    made = study.invite("anna@lab", "Anna")
    assert made.link == "http://lab.test/lab/read/1#wsi_abc"
    assert (made.email, made.token, made.expires_on) == ("anna@lab", "wsi_abc", None)
    assert "wsi_abc" not in repr(made)
    sent = json.loads(server.requests[-1].content)
    assert sent == {"email": "anna@lab", "name": "Anna", "expires_on": None}


def test_link_that_the_lab_knows_as_a_whole_is_left_as_it_is(study, server):
    link = "https://lab.example/wsi/read/1#wsi_abc"
    told = {"email": "anna@lab", "token": "wsi_abc", "link": link, "expires_on": None}
    server.instead = lambda _: httpx.Response(201, json=told)
    assert study.invite("anna@lab").link == link


def test_readers_are_invited_and_reported_by_a_real_lab(real_lab: Lab) -> None:
    study = real_lab.studies.create("invited")
    try:
        ends = datetime.now(UTC) + timedelta(days=1)
        made = study.invite("invited@lab", expires=ends)
        assert made.link.startswith(real_lab.url)
        assert made.link.endswith(f"read/{study.id}#{made.token}")
        assert made.expires_on == ends
        assert study.reading_progress()["reader"].tolist() == ["invited@lab"]
        assert study.reading_times().empty
    finally:
        study.remove()
