"""wsi-lab itself, alone and inside Jupyter, beside the same handlers returning fixed bytes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.stored import StoredLevel
from bench.subjects import JUPYTER_LOGIN, TOKEN, Addresses, Server, Subject, jupyter
from bench.walk import View

ALONE = "wsi-lab alone, token"
JUPYTER_COOKIE = "wsi-lab in Jupyter, cookie"
JUPYTER_TOKEN = "wsi-lab in Jupyter, token"
ALONE_BUNDLE = "wsi-lab alone, token, a view per request"
JUPYTER_BUNDLE = "wsi-lab in Jupyter, cookie, a view per request"
SINGLE_TILES = (ALONE, JUPYTER_COOKIE, JUPYTER_TOKEN)


def fixed(name: str) -> str:
    """Return the name of the same handler returning fixed bytes."""
    return f"{name}, fixed bytes"


@dataclass(frozen=True)
class _Prepared:
    """A lab with the slide in it."""

    home: Path
    slide_id: int
    version: str
    token: str


def subjects(slide: Path, levels: list[StoredLevel], body: Path, folder: Path) -> list[Subject]:
    """Return the ways to ask wsi-lab, after making a lab that has the slide.

    The servers with fixed bytes are the same programs in which only the last step of a tile is
    replaced; see `bench.constant`.
    """
    prepared = _prepare(folder / "home", slide)
    addresses = Addresses(levels)
    root = f"/v1/slides/{prepared.slide_id}/tiles"
    version = prepared.version

    def tile(view: View) -> str:
        place = view[0]
        address = f"{addresses.map_zoom(place)}/{place.column}/{place.row}"
        return f"{root}/{address}.jpg?v={version}"

    def bundle(view: View) -> str:
        places = ",".join(f"{place.column}.{place.row}" for place in view)
        return f"{root}/{addresses.map_zoom(view[0])}?tiles={places}&v={version}"

    def in_jupyter(path):
        return lambda view: f"/wsi-lab{path(view)}"

    bearer = {"Authorization": f"Bearer {prepared.token}"}
    # A browser's own pages send this with every request.
    page = {"Sec-Fetch-Site": "same-origin"}
    jupyter_token = {"Authorization": f"token {TOKEN}"}
    alone = _alone("wsi-lab", prepared.home)
    alone_fixed = _alone("wsi-lab-fixed", prepared.home, body)
    inside = _inside("jupyter-wsi-lab", prepared.home, folder)
    inside_fixed = _inside("jupyter-wsi-lab-fixed", prepared.home, folder, body)
    tile_inside, bundle_inside = in_jupyter(tile), in_jupyter(bundle)
    found = [
        Subject(ALONE_BUNDLE, alone, bundle, bearer, bundles=True),
        Subject(JUPYTER_BUNDLE, inside, bundle_inside, page, bundles=True, login=JUPYTER_LOGIN),
    ]
    for name, server, server_fixed, path, headers, login in (
        (ALONE, alone, alone_fixed, tile, bearer, ""),
        (JUPYTER_COOKIE, inside, inside_fixed, tile_inside, page, JUPYTER_LOGIN),
        (JUPYTER_TOKEN, inside, inside_fixed, tile_inside, jupyter_token, ""),
    ):
        real = Subject(name, server, path, headers, login=login)
        found += [real, replace(real, name=fixed(name), server=server_fixed, beside=name)]
    return found


def _prepare(home: Path, slide: Path) -> _Prepared:
    from wsi_lab.model.people import Capability
    from wsi_lab.service.lab import Lab, LabSettings

    with Lab.open(LabSettings(home=home)) as lab:
        owner = lab.people.owner()
        study = lab.studies.create(owner, "Benchmark")
        added = lab.slides.add(owner, study.id, slide)
        _, token = lab.people.create_token(owner, name="bench", capabilities=tuple(Capability))
        version = lab.tiles.shown(owner, added.id).version
    return _Prepared(home, added.id, version, token)


def _alone(name: str, home: Path, body: Path | None = None) -> Server:
    command = [*_python(body), "bench.serve", "--home", str(home), "--port"]
    return Server(name, lambda port: [[*command, str(port)]])


def _inside(name: str, home: Path, folder: Path, body: Path | None = None) -> Server:
    options = [f"--WsiLab.home={home}"]
    return jupyter(name, folder, "wsi_lab", python=_python(body), options=options)


def _python(body: Path | None) -> Sequence[str]:
    """Return how a module is run: as it is, or with fixed bytes in place of tiles."""
    if body is None:
        return [sys.executable, "-m"]
    return [sys.executable, "-m", "bench.constant", str(body)]
