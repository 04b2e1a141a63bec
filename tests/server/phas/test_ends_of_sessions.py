"""Sessions and keys end by themselves. In a lab of its own, whose clock goes no way but forward."""

from __future__ import annotations

from datetime import timedelta
from typing import Any


def test_session_ends_after_a_month_and_its_key_after_a_year(
    phas: Any, phas_world: Any, say: Any
) -> None:
    key = phas_world.keys["reader"]
    client = phas.signed_in(key)
    phas_world.clock.ahead = timedelta(days=30)
    assert client.get("/api/projects").status_code == 200
    phas_world.clock.ahead = timedelta(days=31, minutes=1)
    say(client.get("/api/projects"), 401)
    assert client.get("/auth/api/anonymize").json() == {"anonymize": False}
    assert phas.signed_in(key).get("/api/projects").status_code == 200
    phas_world.clock.ahead = timedelta(days=366)
    say(client.post("/auth/api/login", data={"api_key": key}), 401)
