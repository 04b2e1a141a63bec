"""Whose keys a request shows: signatures of both forms, two headers, the time of signing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from wsi_lab.errors import NotIdentified
from wsi_lab.server.cytomine.dates import require_now, signed_on
from wsi_lab.server.cytomine.door import CYTOMINE_DOOR
from wsi_lab.server.cytomine.signing import is_signed

PRIVATE = "11111111-2222-3333-4444-555555555555"
DATE = "Mon, 01 Jan 2024 00:00:00 +0000"
JSON = "application/json"
ADDRESS = "/api/project.json?max=0&offset=0"


@pytest.mark.parametrize(
    ("signature", "method", "content_type", "address"),
    [
        ("w9a0lezIifKMedkiws4odSyOMWc=", "GET", None, "/api/whatever.json"),
        ("ZPBUl+mP78bRoqbSc6UMmYb6gTY=", "POST", JSON, "/api/whatever.json"),
        ("yOCBmHisvfkgeF6ddnbzpDgi2hg=", "GET", None, ADDRESS),
        ("PPSgPxlPRS6Yath9EbYb2CTpygw=", "POST", JSON, "/api/annotation.json"),
    ],
)
def test_vectors_of_the_contract(
    signature: str, method: str, content_type: str | None, address: str
) -> None:
    headers = {"Date": DATE} | ({} if content_type is None else {"Content-Type": content_type})
    assert is_signed(PRIVATE, signature, method, headers, address)
    assert not is_signed(PRIVATE[:-1] + "6", signature, method, headers, address)
    assert not is_signed(PRIVATE, signature, "PUT", headers, address)
    assert not is_signed(PRIVATE, signature, method, headers | {"Date": DATE + " "}, address)
    assert not is_signed(PRIVATE, signature[:-2] + "A=", method, headers, address)


def test_older_signature_is_for_one_address_only() -> None:
    headers = {"Date": DATE}
    signature = "yOCBmHisvfkgeF6ddnbzpDgi2hg="
    assert is_signed(PRIVATE, signature, "GET", headers, ADDRESS)
    for other in ("/api/project.json", ADDRESS + "0", ADDRESS.replace("max", "%6dax")):
        assert not is_signed(PRIVATE, signature, "GET", headers, other)


def test_type_of_the_body_may_be_left_out_of_the_signature() -> None:
    headers = {"Date": DATE, "Content-Type": "multipart/form-data; boundary=x"}
    assert is_signed(PRIVATE, "w9a0lezIifKMedkiws4odSyOMWc=", "GET", headers, "/upload")


WAYS: dict[str, Callable[..., dict[str, str]]] = {
    "headers": lambda keys, *_: keys.plain(),
    "4.x": lambda keys, method, _, kind: keys.signed(method, content_type=kind),
    "3.x": lambda keys, method, address, kind: keys.signed(
        method, address=address, content_type=kind
    ),
    "md5": lambda keys, method, _, kind: keys.signed(method, content_type=kind, md5="abc"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("slashes", ["", "/", "//"], ids=["one", "two", "three"])
def test_each_way_in_is_open_at_every_address(
    everywhere: Any, world: Any, way: str, slashes: str
) -> None:
    keys = world.keys["member"]
    for path in (
        "api/currentuser.json",
        "api/user/current.json?max=0&offset=0&x=%C3%BC+%2C",
        f"api/project/{world.study.id}.json",
    ):
        headers = WAYS[way](keys, "GET", f"/{path}", "")
        answer = everywhere.send("GET", slashes + path, headers=headers)
        assert answer.status_code == 200, answer.text
    path, body = f"api/domain/project/{world.study.id}/property.json", '{"key": "a", "value": 1}'
    headers = WAYS[way](world.keys["editor"], "POST", f"/{path}", JSON)
    answer = everywhere.send(
        "POST", slashes + path, headers={"Content-Type": JSON, **headers}, data=body
    )
    assert answer.status_code == 200, answer.text
    assert world.lab.people.me(world.actor("member")).email == "member@lab"


def test_signature_may_be_used_again_while_it_is_fresh(door: Any, world: Any) -> None:
    # The client's parallel requests are signed in the same second, and so alike.
    headers = world.keys["member"].signed("GET")
    for path in ("api/currentuser.json", "api/project.json", "api/currentuser.json"):
        assert door.send("GET", path, headers=headers).status_code == 200


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """The time, which stands still at the door however long a request is on its way."""
    now = datetime.now(UTC)
    monkeypatch.setattr(CYTOMINE_DOOR, "_now", lambda: now)
    return now


@pytest.mark.parametrize("minutes", [-4.8, 4.8])
def test_signature_is_good_for_five_minutes(
    door: Any, world: Any, now: datetime, minutes: float
) -> None:
    date = (now + timedelta(minutes=minutes)).strftime("%a, %d %b %Y %H:%M:%S +0000")
    headers = world.keys["member"].signed("GET", date=date)
    assert door.send("GET", "api/currentuser.json", headers=headers).status_code == 200


@pytest.mark.parametrize("minutes", [-60 * 24 * 365, -5.2, 5.2, 60 * 24 * 31])
@pytest.mark.parametrize("address", [None, "/api/currentuser.json"], ids=["4.x", "3.x"])
def test_signature_of_another_time_is_refused(
    door: Any, world: Any, now: datetime, minutes: float, address: str | None
) -> None:
    date = (now + timedelta(minutes=minutes)).strftime("%a, %d %b %Y %H:%M:%S +0000")
    headers = world.keys["member"].signed("GET", address=address, date=date)
    answer = door.send("GET", "api/currentuser.json", headers=headers)
    assert answer.status_code == 401
    assert "5 minutes" in answer.json()["errors"]["message"]
    assert "Set-Cookie" not in answer.headers


MOMENT = datetime(2026, 8, 5, 13, 23, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "Wed, 05 Aug 2026 13:23:11 +0000",
        "Wed, 5 Aug 2026 13:23:11 GMT",
        "Wednesday, 05-Aug-2026 13:23:11 UTC",
        "05 Aug 2026 13:23:11",
        "Wed, 05 Aug 2026 15:23:11 +0200",
        "Wed, 05 Aug 2026 07:53:11 -0530",
        "Mi, 05 Aug 2026 13:23:11 +0000",
        "mer., 05 août 2026 13:23:11 +0000",
        "mié, 05 ago 2026 13:23:11 +0000",
        "mer, 05 ago 2026 13:23:11 +0000",
        "qua, 05 ago 2026 13:23:11 +0000",
        "wo, 05 aug 2026 13:23:11 +0000",
        "ons, 05 aug. 2026 13:23:11 +0000",
        "ke, 05 elo 2026 13:23:11 +0000",
        "dc., 05 de ag. de 2026 13:23:11 +0000",
        "2026-08-05T13:23:11Z",
        "2026-08-05 13:23:11+00:00",
    ],
)
def test_date_is_read_as_machines_of_many_places_write_it(text: str) -> None:
    assert signed_on(text) == MOMENT


@pytest.mark.parametrize(
    ("word", "month"),
    [
        *(("Jän", 1), ("ene", 1), ("gen", 1), ("tammi", 1), ("févr.", 2), ("Mär", 3), ("mars", 3)),
        *(("mrt", 3), ("maalis", 3), ("avr.", 4), ("abr", 4), ("huhti", 4), ("Mai", 5), ("mag", 5)),
        *(("maj", 5), ("mei", 5), ("touko", 5), ("juin", 6), ("giu", 6), ("kesä", 6), ("juil.", 7)),
        *(("lug", 7), ("heinä", 7), ("set", 9), ("syys", 9), ("Okt", 10), ("ott", 10), ("out", 10)),
        *(("loka", 10), ("marras", 11), ("Dez", 12), ("dic", 12), ("déc.", 12), ("joulu", 12)),
    ],
)
def test_months_of_other_languages(word: str, month: int) -> None:
    assert signed_on(f"x, 05 {word} 2026 13:23:11 +0000").month == month


@pytest.mark.parametrize(
    "text",
    [
        *("", "yesterday", "05 2026", "Wed, 05 Qqq 2026 13:23:11 +0000", "11月 05 2026"),
        *("Wed, 32 Aug 2026 13:23:11 +0000", "Wed, 05 Aug 2026 25:00:00 +0000"),
        *("Wed, 05 Aug 2026 13:23:11 +9999", "Wed, 05 Aug 2026 13:23:11 EST5EDT", "9" * 5000),
    ],
)
def test_date_that_cannot_be_read_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(NotIdentified, match="Date header"):
        require_now(text, MOMENT)


def test_letters_of_the_date_may_be_signed_in_either_coding(door: Any, world: Any) -> None:
    keys = world.keys["member"]
    months = ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept."]
    months += ["oct.", "nov.", "déc."]
    now = datetime.now(UTC)
    date = f"lún., {now:%d} {months[now.month - 1]} {now:%Y %H:%M:%S} +0000"
    headers = keys.signed("GET", date=date)
    for coding in ("utf-8", "latin-1"):
        sent = {name: value.encode(coding) for name, value in headers.items()}
        answer = door.send("GET", "api/currentuser.json", headers=sent)
        assert answer.status_code == 200, (coding, answer.text)
