"""Who is nobody: wrong, foreign and ended keys, and whatever opens other doors."""

from __future__ import annotations

from typing import Any

import pytest
from waiting import wait_until

NOBODY = "11111111-2222-3333-4444-555555555555"


def _wrong(world: Any) -> dict[str, dict[str, str]]:
    own, other = world.keys["member"], world.keys["viewer"]
    signed = own.signed("GET")
    public, signature = signed["Authorization"].removeprefix("CYTOMINE ").split(":")
    date = {"Date": signed["Date"]}
    _, token = world.lab.people.create_token(
        world.owner, name=world.name(), capabilities=["all"], email="site_admin@lab"
    )
    phas = world.lab.keys.create(world.owner, "phas", email="site_admin@lab").text
    return {
        "nothing": {},
        "token alone": {"X-Auth-Token": own.public},
        "secret alone": {"X-Auth-Secret": own.private},
        "empty secret": {"X-Auth-Token": own.public, "X-Auth-Secret": ""},
        "wrong secret": {"X-Auth-Token": own.public, "X-Auth-Secret": NOBODY},
        "secret of another": {"X-Auth-Token": own.public, "X-Auth-Secret": other.private},
        "public as secret": {"X-Auth-Token": own.public, "X-Auth-Secret": own.public},
        "unknown": {"X-Auth-Token": NOBODY, "X-Auth-Secret": own.private},
        "letters": {"X-Auth-Token": own.public, "X-Auth-Secret": "ü" * 36},
        "no date": {"Authorization": signed["Authorization"]},
        "no signature": {**date, "Authorization": f"CYTOMINE {public}:"},
        "no colon": {**date, "Authorization": f"CYTOMINE {public}"},
        "no scheme": {**date, "Authorization": f"{public}:{signature}"},
        "another scheme": {**date, "Authorization": f"Basic {public}:{signature}"},
        "another public": {**date, "Authorization": f"CYTOMINE {other.public}:{signature}"},
        "signed by another": {
            **other.signed("GET"),
            "Authorization": other.signed("GET")["Authorization"].replace(other.public, public),
        },
        "another method": own.signed("POST"),
        "another date": {**signed, "Date": signed["Date"].replace("+0000", "GMT")},
        "wrong headers beside a good signature": {**signed, "X-Auth-Token": own.public},
        "bearer token": {"Authorization": f"Bearer {token}"},
        "bearer token as a key": {"X-Auth-Token": token, "X-Auth-Secret": token},
        "key of PHAS": {"X-Auth-Token": phas, "X-Auth-Secret": phas},
        "Jupyter's": {"Authorization": "token 0123456789abcdef", "Cookie": "_xsrf=2|a"},
        "revoked": world.keys["revoked"].plain(),
        "revoked, signed": world.keys["revoked"].signed("GET"),
        "expired": world.keys["expired"].plain(),
        "expired, signed": world.keys["expired"].signed("GET"),
    }


CASES = (
    *("nothing", "token alone", "secret alone", "empty secret", "wrong secret"),
    *("secret of another", "public as secret", "unknown", "letters", "no date", "no signature"),
    *("no colon", "no scheme", "another scheme", "another public", "signed by another"),
    *("another method", "another date", "wrong headers beside a good signature", "bearer token"),
    *("bearer token as a key", "key of PHAS", "Jupyter's", "revoked", "revoked, signed"),
    *("expired", "expired, signed"),
)


@pytest.mark.parametrize("case", CASES)
def test_nobody_is_let_in(door: Any, world: Any, case: str) -> None:
    cases = _wrong(world)
    assert set(cases) == set(CASES)
    headers = {
        name: value if value.isascii() else value.encode() for name, value in cases[case].items()
    }
    for path in ("api/currentuser.json", "/api/project.json", "api/nothing/of/that.json"):
        answer = door.send("GET", path, headers=headers)
        if path.endswith("that.json"):
            assert answer.status_code == 404
            continue
        assert answer.status_code == 401, answer.text
        assert answer.json()["errors"]["message"]
        assert "Set-Cookie" not in answer.headers
        # A browser that is asked for a name and a word would show a window for them.
        assert "basic" not in answer.headers["WWW-Authenticate"].lower()


def test_refusal_does_not_tell_a_wrong_key_from_an_unknown_one(door: Any, world: Any) -> None:
    own = world.keys["member"]
    said = [
        door.send("GET", "api/project.json", headers=headers).json()
        for headers in (
            {"X-Auth-Token": own.public, "X-Auth-Secret": NOBODY},
            {"X-Auth-Token": NOBODY, "X-Auth-Secret": NOBODY},
            own._replace(private=NOBODY).signed("GET"),
            own._replace(public=NOBODY).signed("GET"),
            world.keys["revoked"].signed("GET"),
        )
    ]
    assert all(each == said[0] for each in said)


def test_new_keys_end_the_old_ones(door: Any, world: Any) -> None:
    person = world.new_person()
    old = world.keys[person]
    assert door.send("GET", "api/project.json", headers=old.plain()).status_code == 200
    new = world.new_keys(person)
    assert door.send("GET", "api/project.json", headers=old.plain()).status_code == 401
    assert door.send("GET", "api/project.json", headers=old.signed("GET")).status_code == 401
    assert door.send("GET", "api/project.json", headers=new.plain()).status_code == 200


def test_keys_open_no_other_door(door: Any, world: Any) -> None:
    keys = world.keys["site_admin"]
    for text in keys:
        for path in ("v1/me", "Api/Studies", "api/projects"):
            headers = {"Authorization": f"Bearer {text}", **keys.plain()}
            assert door.send("GET", path, headers=headers).status_code == 401
    assert door.send("GET", "v1/me", headers=keys.signed("GET")).status_code == 401


@pytest.mark.parametrize("path", ["server/ping", "server/ping.json", "/server/ping"])
def test_ping_looks_at_no_keys(everywhere: Any, world: Any, path: str) -> None:
    own = world.keys["member"]
    for headers in (
        {},
        {"X-Auth-Token": own.public, "X-Auth-Secret": NOBODY},
        {"Authorization": "CYTOMINE x:y"},
        {"Authorization": "nonsense"},
        world.keys["revoked"].signed("GET"),
    ):
        answer = everywhere.send("GET", path, headers=headers)
        assert answer.status_code == 200
        said = answer.json()
        assert said.pop("alive") is True
        assert said.pop("serverURL") == everywhere.base
        assert isinstance(said.pop("version"), str)
        assert not said
        assert "Set-Cookie" not in answer.headers


def test_keys_reach_no_log(door: Any, world: Any, caplog: pytest.LogCaptureFixture) -> None:
    keys = world.keys["member"]
    signed = keys.signed("GET")
    with caplog.at_level("DEBUG", logger="wsi_lab"):
        for headers in (keys.plain(), signed, {**keys.plain(), "X-Auth-Secret": NOBODY}):
            door.send("GET", f"api/userkey/{keys.public}/keys.json", headers=headers)
        # The line is written when the answer has gone.
        wait_until(lambda: len(caplog.records) >= 3)
    for secret in (*keys, NOBODY, signed["Authorization"].split(":")[1]):
        assert secret not in caplog.text
