"""Who is measured: servers, and the requests that bring the same tiles out of each of them."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.load import Request
from bench.machine import program
from bench.stored import StoredLevel, StoredTiles
from bench.walk import Tile, View

TOKEN = "bench"


@dataclass(frozen=True)
class Server:
    """How a server is started on a port; one process after the other."""

    name: str
    commands: Callable[[int], Sequence[Sequence[str]]]
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Subject:
    """One row of the table: a server, and one way to ask it.

    Attributes
    ----------
    path
        The request of a view; called with views of a single tile unless `bundles`.
    bundles
        All tiles of a view in one answer.
    login
        A path that answers with cookies, which all requests then carry.
    beside
        The name of a subject that this one is measured right before or after in every round,
        because a small difference between the two is what matters.
    """

    name: str
    server: Server
    path: Callable[[View], str]
    headers: dict[str, str] = field(default_factory=dict)
    bundles: bool = False
    login: str = ""
    beside: str = ""

    def requests(self, views: list[View]) -> list[Request]:
        if self.bundles:
            return [Request(self.path(view), len(view)) for view in views]
        return [Request(self.path((tile,))) for view in views for tile in view]


NGINX = "nginx, one static file per tile"
TORNADO = "tornado, fixed bytes"
JUPYTER = "jupyter_server, fixed bytes, cookie"
LARGE_IMAGE = "large_image, its Jupyter tile server"
OPENSLIDE = "OpenSlide DeepZoom in tornado"
IIPIMAGE = "IIPImage (iipsrv + nginx)"


@dataclass(frozen=True)
class Addresses:
    """The same tile in the words of different servers."""

    levels: list[StoredLevel]

    def map_zoom(self, tile: Tile) -> int:
        """Zoom 0 shows the whole slide in one tile."""
        full = self.levels[0]
        return (max(full.columns, full.rows) - 1).bit_length() - tile.level

    def deepzoom_level(self, tile: Tile) -> int:
        """Level 0 shows the whole slide in one pixel."""
        full = self.levels[0]
        return (max(full.width, full.height) - 1).bit_length() - tile.level


def peers(
    slide: Path, stored: StoredTiles, views: list[View], *, body: Path, folder: Path
) -> tuple[list[Subject], list[str]]:
    """Return the peers that can run here, and sentences about those that cannot.

    Parameters
    ----------
    body
        What those answer with that have no slide.
    folder
        For what lives as long as the run. The tiles that nginx serves stay beside the slide.
    """
    addresses = Addresses(stored.levels)

    def python(name: str, file: Path) -> Callable[[int], Sequence[Sequence[str]]]:
        command = [sys.executable, "-m", "bench.peers", name, "--file", str(file), "--port"]
        return lambda port: [[*command, str(port)]]

    def plain(view: View) -> str:
        return f"/{view[0].level}/{view[0].column}/{view[0].row}"

    def xyz(view: View) -> str:
        tile = view[0]
        # As its own map asks; the answer is a JPEG whatever it is called.
        return f"/tile?z={addresses.map_zoom(tile)}&x={tile.column}&y={tile.row}&encoding=png"

    def deepzoom(view: View) -> str:
        return f"/{addresses.deepzoom_level(view[0])}/{view[0].column}/{view[0].row}"

    def iip(view: View) -> str:
        place = f"{addresses.deepzoom_level(view[0])}/{view[0].column}_{view[0].row}.jpg"
        return f"/iip?DeepZoom={slide}_files/{place}"

    found = [
        Subject(TORNADO, Server("tornado", python("memory", body)), plain),
        jupyter_with_fixed_bytes(body, folder),
        Subject(LARGE_IMAGE, Server("large_image", python("large_image", slide)), xyz),
        Subject(OPENSLIDE, Server("openslide", python("openslide", slide)), deepzoom),
    ]
    left_out = []
    nginx, iipsrv = program("nginx"), program("iipsrv")
    if nginx is None:
        left_out.append(
            "nginx, the limit of any server: apt-get install nginx-light (Debian, Ubuntu)."
        )
    else:
        static = _export(stored, views, slide.with_suffix(".tiles"))
        server = Server("nginx", lambda port: [_nginx(nginx, folder, port, static=static)])
        found.insert(0, Subject(NGINX, server, lambda view: f"{plain(view)}.jpg"))
    if nginx is None or iipsrv is None:
        left_out.append("IIPImage: apt-get install iipimage-server nginx-light (Debian, Ubuntu).")
    else:

        def commands(port: int) -> list[list[str]]:
            socket = folder / f"iipsrv-{port}.socket"
            return [
                [iipsrv, "--bind", str(socket)],
                _nginx(nginx, folder, port, fastcgi=socket),
            ]

        env = {"JPEG_QUALITY": "80", "VERBOSITY": "0", "LOGFILE": os.devnull}
        found.append(Subject(IIPIMAGE, Server("iipimage", commands, env), iip))
    return found, left_out


def jupyter(
    name: str,
    folder: Path,
    extension: str,
    *,
    python: Sequence[str] = (sys.executable, "-m"),
    options: Sequence[str] = (),
    env: dict[str, str] | None = None,
) -> Server:
    """Return a Jupyter server with full authentication and one single extension.

    It reads no configuration of this machine or person, so that nothing else is loaded.
    """
    config = folder / f"config-{name}"
    config.mkdir(exist_ok=True)
    places = {
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTER_DATA_DIR": str(config / "data"),
        "JUPYTER_RUNTIME_DIR": str(config / "runtime"),
        "JUPYTER_NO_CONFIG": "1",
    }
    common = [
        f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.jpserver_extensions={{{extension!r}: True}}",
        f"--ServerApp.root_dir={config}",
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.port_retries=0",
        "--no-browser",
        "--allow-root",
    ]
    command = [*python, "jupyter_server", *common, *options]
    return Server(name, lambda port: [[*command, f"--port={port}"]], places | (env or {}))


JUPYTER_LOGIN = f"/api/status?token={TOKEN}"


def jupyter_with_fixed_bytes(body: Path, folder: Path) -> Subject:
    from bench.fixed_extension import BODY_VARIABLE

    env = {BODY_VARIABLE: str(body)}
    server = jupyter("jupyter", folder, "bench.fixed_extension", env=env)

    def path(view: View) -> str:
        return f"/fixed/{view[0].level}/{view[0].column}/{view[0].row}"

    return Subject(JUPYTER, server, path, login=JUPYTER_LOGIN)


def typical_tile(stored: StoredTiles, views: list[View]) -> bytes:
    """Return the tile whose size is nearest to the mean of all that are asked for."""
    asked = Counter(tile for view in views for tile in view)
    sizes = {tile: len(stored.jpeg(tile.level, tile.column, tile.row)) for tile in asked}
    mean = sum(sizes[tile] * times for tile, times in asked.items()) / asked.total()
    nearest = min(asked, key=lambda tile: abs(sizes[tile] - mean))
    return stored.jpeg(nearest.level, nearest.column, nearest.row)


def _export(stored: StoredTiles, views: list[View], root: Path) -> Path:
    """Write the tiles of the walk as files, the way a web server would have them lying about."""
    for tile in {tile for view in views for tile in view}:
        path = root / str(tile.level) / str(tile.column) / f"{tile.row}.jpg"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(stored.jpeg(tile.level, tile.column, tile.row))
    return root


def _nginx(
    nginx: str,
    folder: Path,
    port: int,
    *,
    static: Path | None = None,
    fastcgi: Path | None = None,
) -> list[str]:
    if static is not None:
        location = f"location / {{ root {static}; }}"
    else:
        location = (
            f"location /iip {{ fastcgi_pass unix:{fastcgi}; "
            "fastcgi_param QUERY_STRING $query_string; "
            "fastcgi_param REQUEST_METHOD $request_method; }"
        )
    temporary = "\n".join(
        f"  {kind}_temp_path {folder}/nginx-temporary/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx-temporary").mkdir(exist_ok=True)
    # Started by root, nginx would become another user, who may not read this folder.
    user = "user root;" if os.geteuid() == 0 else ""
    configuration = folder / f"nginx-{port}.conf"
    configuration.write_text(f"""{user}
daemon off;
worker_processes 1;
pid {folder}/nginx-{port}.pid;
error_log stderr error;
events {{ worker_connections 256; }}
http {{
{temporary}
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 100000000;
  types {{ image/jpeg jpg; }}
  server {{ listen 127.0.0.1:{port}; {location} }}
}}
""")
    return [nginx, "-e", "stderr", "-c", str(configuration)]
