"""A served lab as whoever runs it sets it up: people, their keys, studies and slides."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
from lab_processes import Place


class ServedLab:
    """A lab behind an address, and the token of its administrator.

    Attributes
    ----------
    host
        Where it is, with a slash at the end.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.host = place.base
        self._keys: dict[str, tuple[str, str]] = {}
        self._tokens: dict[str, str] = {}
        self._made = 0
        headers = {"Authorization": f"Bearer {place.token}"}
        self._http = httpx.Client(base_url=place.base, headers=headers, timeout=60)

    def close(self) -> None:
        self._http.close()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return what `v1` answers; it must be good."""
        answer = self._http.request(method, f"v1/{path}", json=body)
        assert answer.is_success, (method, path, answer.text)
        return answer.json() if answer.content else None

    @cached_property
    def me(self) -> str:
        """The administrator's e-mail."""
        return str(self.ask("GET", "me")["user"]["email"])

    def name(self, what: str = "made") -> str:
        """Return a name that nothing has."""
        self._made += 1
        return f"{what} {self._made}"

    def add_person(self, email: str) -> str:
        """Add somebody, and return their e-mail."""
        self.ask("POST", "users", {"email": email})
        return email

    def new_person(self, word: str) -> str:
        """Add somebody whom nobody knows, and return their e-mail."""
        return self.add_person(f"{self.name(word).replace(' ', '-')}@lab")

    def set_rights(self, study: int, email: str, rights: Iterable[str]) -> None:
        """Make somebody a member of a study."""
        self.ask("PUT", f"studies/{study}/members/{email}", {"rights": list(rights)})

    def new_study(self, name: str | None = None) -> int:
        """Make a study and return its id."""
        return int(self.ask("POST", "studies", {"name": name or self.name("study")})["id"])

    def add_slide(self, study: int, file: Path, **more: Any) -> int:
        """Add a slide and return its id."""
        body = {"path": str(file), "name": self.name("slide"), **more}
        return int(self.ask("POST", f"studies/{study}/slides", body)["id"])

    def shapes(self, study: int) -> list[dict[str, Any]]:
        """Return the shapes of a study as GeoJSON's features, their y downwards."""
        return list(self.ask("GET", f"studies/{study}/annotations")["features"])

    def token(self, email: str) -> str:
        """Return a bearer token of somebody's."""
        if email not in self._tokens:
            body = {"name": "tests", "email": email, "capabilities": ["all"]}
            self._tokens[email] = self.ask("POST", "tokens", body)["token"]
        return self._tokens[email]

    def cytomine_keys(self, email: str | None = None) -> tuple[str, str]:
        """Return somebody's public and private key; by default the administrator's."""
        email = email or self.me
        # A new pair would end the one before.
        if email not in self._keys:
            made = self.ask("POST", "keys", {"purpose": "cytomine", "email": email})
            self._keys[email] = made["public_key"], made["private_key"]
        return self._keys[email]

    def phas_key(self, email: str, folder: Path) -> Path:
        """Return a file with a key of somebody's for PHAS's client."""
        made = self.ask("POST", "keys", {"purpose": "phas", "email": email})
        file = folder / f"phas_{email}_api_key.json"
        file.write_text(json.dumps({"api_key": made["api_key"]}))
        return file
