"""Every address of the door under each access, asked by everybody there is: all cells stated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from wsi_lab.model.people import Actor
from wsi_lab.model.signing import Signer
from wsi_lab.model.source import Source
from wsi_lab.server.base import Handler
from wsi_lab.server.routes import V1_ROUTES
from wsi_lab.server.site import Site, site_of
from wsi_lab.server.streamer.routes import streamer_routes
from wsi_lab.server.streamer.settings import Access, StreamerSettings
from wsi_lab.service.lab import Lab, LabSettings

PEOPLE = (
    "anonymous",
    "signed",  # with the signature of the very address
    "viewer",  # with the viewer token of the slide
    "expired",  # with a signature that was good once
    "forged",  # with one that never was
    "boss",  # the others have tokens of the lab: of a site administrator
    "member",  # of somebody who is none
    "powerless",  # of a site administrator, without capabilities
    "narrow",  # of a site administrator, for one study
    "revoked",
    "host",  # whom the program around the server knows
)

EVERYBODY = "200 200 200 200 200 200 200 200 200 200 200"
SIGNED = "401 200 401 401 401 401 401 401 401 401 401"
SIGNED_TILE = "401 200 200 401 401 401 401 401 401 401 401"
CLOSED = "401 200 401 401 401 200 403 403 403 401 200"
CLOSED_TILE = "401 200 200 401 401 200 403 403 403 401 200"
CLOSED_PAGE = "401 401 401 401 401 200 403 403 403 401 200"

MATRIX = {
    "tiles/{slide_id}/{level}/{x}/{y}": (EVERYBODY, SIGNED_TILE, CLOSED_TILE),
    "slides": (EVERYBODY, SIGNED, CLOSED),
    "slides/{slide_id}": (EVERYBODY, SIGNED, CLOSED),
    "slides/{slide_id}/dzi": (EVERYBODY, SIGNED, CLOSED),
    "slides/{slide_id}/thumbnail": (EVERYBODY, SIGNED, CLOSED),
    "view/{slide_id}": (EVERYBODY, EVERYBODY, CLOSED_PAGE),
    "view/assets/{name}": (EVERYBODY, EVERYBODY, EVERYBODY),
    "health": (EVERYBODY, EVERYBODY, EVERYBODY),
}
SLIDE = "CMU-1-Small-Region.svs"
PARTS = {"slide_id": SLIDE, "level": 0, "x": 1, "y": "1.jpg", "name": "view.css"}
CELLS = [(path, access) for path in MATRIX for access in Access]


class Known:
    """A lab with a source, its people and their tokens."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.owner: Actor = lab.people.owner()
        people = lab.people
        people.add(self.owner, "boss@lab", is_admin=True)
        people.add(self.owner, "member@lab")
        study = lab.studies.create(self.owner, "study")
        revoked, revoked_text = self._token("boss@lab", capabilities=["all"])
        people.revoke_token(self.owner, revoked.id)
        self.tokens = {
            "boss": self._token("boss@lab", capabilities=["all"])[1],
            "member": self._token("member@lab", capabilities=["all"])[1],
            "powerless": self._token("boss@lab", capabilities=[])[1],
            "narrow": self._token("boss@lab", capabilities=["all"], read_studies=[str(study.id)])[
                1
            ],
            "revoked": revoked_text,
        }

    def _token(self, email: str, **limits: Any) -> Any:
        return self.lab.people.create_token(self.owner, name="x", email=email, **limits)

    def ask(self, server: Any, secret: str | bytes, person: str, path: str) -> httpx.Response:
        """Ask for a path with everything that a person has."""
        signer, soon = Signer(secret), 4_000_000_000
        forged = Signer("another")
        params = {
            "signed": {"exp": str(soon), "sig": signer.signature(path, [], soon)},
            "viewer": {"exp": str(soon), "vt": signer.viewer_token(SLIDE, soon)},
            "expired": {"exp": "1000000000", "sig": signer.signature(path, [], 1_000_000_000)},
            "forged": {"exp": str(soon), "sig": forged.signature(path, [], soon)},
        }.get(person)
        headers = {"X-Host-Knows": "1"} if person == "host" else {}
        if person in self.tokens:
            headers["Authorization"] = f"Bearer {self.tokens[person]}"
        answer: httpx.Response = server.get(path, params=params, headers=headers)
        return answer


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[Known]:
    """A lab whose source is the folder."""
    home = tmp_path_factory.mktemp("known") / "home"
    settings = LabSettings(home, workers=1, source=Source.at(str(folder)))
    with Lab.open(settings) as lab:
        yield Known(lab)


def in_a_host(handler: type[Handler]) -> type[Handler]:
    """Return a handler in a program that knows whoever says so."""

    class InHost(handler):  # type: ignore[misc, valid-type]
        async def identify_by_host(self) -> Actor | None:
            await self.site.ready()
            return self.site.owner if "X-Host-Knows" in self.request.headers else None

    return InHost


def at(path: str) -> str:
    """Return an address of a route."""
    return "/" + path.format(**PARTS)


def settings_of(access: Access) -> StreamerSettings:
    """Return settings; the secret of a closed door is derived from the lab's key."""
    return StreamerSettings(access, "secret" if access is Access.SIGNED else None)


def test_every_address_has_its_row() -> None:
    for access in Access:
        routes = streamer_routes(settings_of(access))
        assert {route.path for route in routes} == set(MATRIX)
        assert all(set(route.needs) == {"GET", "HEAD"} for route in routes)


@pytest.mark.parametrize(("path", "access"), CELLS)
def test_answer_is_the_one_stated(known: Known, serve: Any, path: str, access: Access) -> None:
    secret = "secret" if access is Access.SIGNED else known.lab.source_secret()
    site = site_of(known.lab)
    with serve(site, settings_of(access), mount="/a%40b/", dress=in_a_host) as server:
        found = [known.ask(server, secret, person, at(path)) for person in PEOPLE]
    assert (
        " ".join(str(answer.status_code) for answer in found)
        == MATRIX[path][list(Access).index(access)]
    )
    for answer in found:
        if answer.status_code >= 400:
            assert answer.json().keys() == {"error", "message", "status"}


def test_what_is_refused_does_not_tell_what_there_is(known: Known, serve: Any) -> None:
    for access in (Access.SIGNED, Access.CLOSED):
        site = site_of(known.lab)
        secret = "secret" if access is Access.SIGNED else known.lab.source_secret()
        with serve(site, settings_of(access), dress=in_a_host) as server:
            for person in ("anonymous", "expired", "forged", "member", "powerless", "revoked"):
                for route in ("slides/{}", "tiles/{}/0/0/0.jpg", "tiles/{}/9/0/0.jpg"):
                    there, absent = (
                        known.ask(server, secret, person, "/" + route.replace("{}", slide))
                        for slide in (SLIDE, "absent.svs")
                    )
                    assert there.status_code == absent.status_code >= 401
                    assert there.text == absent.text


def test_page_of_a_closed_door_brings_a_token(known: Known, serve: Any) -> None:
    with serve(site_of(known.lab), settings_of(Access.CLOSED), dress=in_a_host) as server:
        for person in ("host", "boss"):
            page = known.ask(server, "-", person, f"/view/{SLIDE}").text
            query = "vt=" + page.split("vt=")[1].split('"')[0].replace("\\u0026", "&")
            assert server.get(f"/tiles/{SLIDE}/0/0/0.jpg?{query}").status_code == 200
            assert server.get(f"/slides/{SLIDE}?{query}").status_code == 401


def test_images_for_one_are_kept_by_one(known: Known, serve: Any) -> None:
    path, secret = f"/tiles/{SLIDE}/0/0/0.jpg", known.lab.source_secret()
    with serve(site_of(known.lab), settings_of(Access.CLOSED), dress=in_a_host) as server:
        for person, kept in (
            *(("signed", "public, max-age=3600"), ("viewer", "public, max-age=3600")),
            *(("boss", "private, max-age=3600"), ("host", "private, max-age=3600")),
        ):
            answer = known.ask(server, secret, person, path)
            assert answer.headers["Cache-Control"] == kept
            # A page of another origin makes the browser send cookies, but no token.
            opened = person != "host"
            assert ("access-control-allow-origin" in answer.headers) == opened
            policy = answer.headers["Cross-Origin-Resource-Policy"]
            assert policy == ("cross-origin" if opened else "same-origin")
        assert known.ask(server, secret, "boss", "/slides").headers["Cache-Control"] == "no-store"


def test_closed_door_asks_for_a_token(known: Known, serve: Any) -> None:
    with serve(site_of(known.lab), settings_of(Access.CLOSED)) as server:
        answer = server.get("/slides")
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="wsi-lab"'
        assert answer.json()["error"] == "missing_expiry"
        assert server.get(f"/view/{SLIDE}").json()["error"] == "not_identified"


def test_lab_beside_the_door_keeps_its_own_words(known: Known, serve: Any) -> None:
    with serve(site_of(known.lab), settings_of(Access.OPEN), more=V1_ROUTES) as server:
        assert server.get("/v1/me").headers["Content-Type"] == "application/problem+json"
        assert server.get("/nothing").headers["Content-Type"] == "application/problem+json"
        unknown = server.get("/tiles/nothing")
        assert unknown.json()["error"] == "not_found"
        assert "access-control-allow-origin" not in server.get("/v1/me").headers


def test_studies_slides_are_not_the_sources(known: Known, serve: Any, demo_slide: Path) -> None:
    study = known.lab.studies.create(known.owner, "another")
    slide = known.lab.slides.add(known.owner, study.id, demo_slide)
    with serve(site_of(known.lab), settings_of(Access.OPEN)) as server:
        for key in (str(demo_slide), str(slide.id), slide.name):
            if key != SLIDE:
                status, _, _ = server.raw(f"/slides/{key.replace('/', '%2F')}")
                assert status == 404


def test_lab_without_a_source_has_no_slides_to_show(tmp_path: Path, serve: Any) -> None:
    with Lab.open(LabSettings(tmp_path / "home")) as lab, serve(site_of(lab)) as server:
        assert server.get("/health").status_code == 200
        for path in ("/slides", f"/slides/{SLIDE}", f"/tiles/{SLIDE}/0/0/0.jpg", f"/view/{SLIDE}"):
            assert server.get(path).json()["error"] == "not_found"


def test_lab_that_is_shut_is_opened_by_whoever_asks_first(
    tmp_path: Path, serve: Any, folder: Path
) -> None:
    settings = LabSettings(tmp_path / "home", workers=1, source=Source.at(str(folder)))
    site = Site(lambda: Lab.open(settings))
    with serve(site) as server:
        assert server.get("/health").status_code == 200
        assert site.lab is None
        assert server.get(f"/tiles/{SLIDE}/0/0/0.jpg").status_code == 200
    site.close()


def test_closed_door_without_a_lab_takes_signatures_alone(site_of_folder: Any, serve: Any) -> None:
    settings = StreamerSettings(Access.CLOSED, "secret")
    with serve(site_of_folder, settings) as server:
        signature = Signer("secret").signature("/slides", [], 4_000_000_000)
        params = {"exp": "4000000000", "sig": signature}
        assert server.get("/slides", params=params).status_code == 200
        for headers in ({}, {"Authorization": "Bearer wsi_x"}, {"Authorization": "Bearer x"}):
            assert server.get("/slides", headers=headers).status_code == 401
            assert server.get(f"/view/{SLIDE}", headers=headers).status_code == 401
