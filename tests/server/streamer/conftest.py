"""The door over real HTTP, at the root and below a hostile prefix; real slides of all kinds."""

from __future__ import annotations

import http.client
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
import tifffile
from site_server import MOUNTS, Dress, SiteServer

from wsi_lab.model.signing import Signer
from wsi_lab.model.source import Source
from wsi_lab.server.routing import Route
from wsi_lab.server.site import Site
from wsi_lab.server.streamer.door import StreamerDoor
from wsi_lab.server.streamer.routes import streamer_routes
from wsi_lab.server.streamer.settings import Access, StreamerSettings
from wsi_lab.service.sources import SourceSlides
from wsi_lab.slides.engine import EngineSettings, SlideEngine

SECRET = "CANARY-streamer-secret"

SVS = "CMU-1-Small-Region.svs"
BOARD = "folder/board pyramid.tif"
JPEG_2000 = "folder/tcga.svs"
ODD = "ü ä/100% #1+?&=.TIFF"

UNSUPPORTED = {
    "strips.tif": "kidney-48-5.tif",
    "ome.tif": "multi-channel.ome.tif",
    "picture.tif": "test_slide.png",
    "dicom.tif": "dicom-tiny-sm.dcm",
    "single.tif": "../tiff-variants/tiled-jpeg-ycbcr.tif",
    "text.tif": "../corrupt/notanimage.txt",
    "broken.svs": "../corrupt/broken.svs",
    "zero.tif": "../corrupt/zero_gi.tif",
}


class Served(SiteServer):
    """The door, and ways to ask it."""

    @property
    def url(self) -> str:
        """Up to the mount, with a slash at its end."""
        return f"{self.base}/"

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Ask for a path below the mount."""
        return self.ask("GET", path, **options)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Ask for a path below the mount, which begins with a slash."""
        with httpx.Client(timeout=30) as client:
            return client.request(method, self.url + path[1:], **options)

    def raw(self, target: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        """Ask for exactly these bytes; ``{}`` in them is the mount without its last slash."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            address = target.replace("{}", self.mount[:-1])
            connection._validate_path = lambda _: None  # type: ignore[attr-defined]
            connection.putrequest(method, address, skip_accept_encoding=True)
            connection.endheaders()
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, headers, answer.read()
        finally:
            connection.close()


Serve = Callable[..., AbstractContextManager[Served]]


@contextmanager
def served(
    site: Site,
    settings: StreamerSettings | None = None,
    *,
    mount: str = "/",
    now: Callable[[], float] | None = None,
    more: tuple[Route, ...] = (),
    dress: Dress = lambda handler: handler,
) -> Iterator[Served]:
    """Serve a site, and leave open what is behind it."""
    settings = settings or StreamerSettings()
    door = StreamerDoor(settings) if now is None else StreamerDoor(settings, now)
    routes = (*streamer_routes(settings, door), *more)
    with Served(site, mount, routes, dress=dress) as server:
        yield server


def write_lzw(path: Path) -> None:
    """Write a pyramid of three levels whose tiles are compressed without loss."""
    picture = np.random.default_rng(1).integers(0, 255, (1024, 1024, 3), np.uint8)
    with tifffile.TiffWriter(path) as writer:
        for step in (1, 2, 4):
            writer.write(
                picture[::step, ::step],
                tile=(256, 256),
                photometric="rgb",
                compression="lzw",
                subfiletype=int(step > 1),
                metadata=None,
            )


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Path:
    """A folder of slides, of files that are none, and of what nobody may see."""
    outside = tmp_path_factory.mktemp("streamer")
    root, slides = outside / "root", shared_data / "slides"
    for name, file in {
        SVS: SVS,
        BOARD: "bigtiff-pyramid-board.tif",
        JPEG_2000: "tcga-cr-7395-01a-01-ts1.svs",
        ODD: "slidescore-test-image.tiff",
        "slide without ending": "slidescore-test-image.tiff",
        ".hidden.svs": SVS,
        ".hidden/a.svs": SVS,
        "../outside.svs": SVS,
        "../root-private/a.svs": SVS,
        **{f"odd/{name}": file for name, file in UNSUPPORTED.items()},
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(slides / file, root / name)
    write_lzw(root / "odd" / "lzw.tif")
    (root / "odd" / "tiny.tif").write_bytes(b"II*\0\x08\0")
    (root / "odd" / "empty.tif").write_bytes(b"")
    (root / "link out.svs").symlink_to(outside / "outside.svs")
    (root / "folder out").symlink_to(outside / "root-private")
    (root / "link in.svs").symlink_to(root / SVS)
    return root


@pytest.fixture
def engine() -> Iterator[SlideEngine]:
    """An engine that has seen nothing yet."""
    engine = SlideEngine(EngineSettings(workers=1))
    yield engine
    engine.close()


@pytest.fixture
def site_of(engine: SlideEngine) -> Callable[[Path | Source], Site]:
    """Return a function that gives a site without a lab for a folder or another source."""

    def site(place: Path | Source) -> Site:
        source = place if isinstance(place, Source) else Source.at(str(place))
        return Site(None, source=SourceSlides(lambda: engine, source))

    return site


@pytest.fixture
def site_of_folder(site_of: Callable[[Path | Source], Site], folder: Path) -> Site:
    """A site without a lab whose source is the folder."""
    return site_of(folder)


@pytest.fixture
def serve() -> Serve:
    """`served`."""
    return served


@pytest.fixture(params=MOUNTS, ids=["root", "prefix"])
def mount(request: pytest.FixtureRequest) -> str:
    """Where the door is."""
    return str(request.param)


@pytest.fixture
def open_door(site_of_folder: Site, mount: str) -> Iterator[Served]:
    """The folder, open to everybody."""
    with served(site_of_folder, mount=mount) as server:
        yield server


class Signed:
    """A door that wants signatures, and somebody who can make them."""

    def __init__(self, server: Served) -> None:
        self.server = server
        self.signer = Signer(SECRET)
        self.expiry = 4_000_000_000

    def query(self, path: str, params: dict[str, str] | None = None) -> dict[str, str]:
        """Return parameters and signature of a path."""
        params = params or {}
        signature = self.signer.signature(path, list(params.items()), self.expiry)
        return {**params, "exp": str(self.expiry), "sig": signature}

    def token(self, slide_id: str) -> dict[str, str]:
        """Return the query of a viewer token."""
        token = self.signer.viewer_token(slide_id, self.expiry)
        return {"vt": token, "exp": str(self.expiry)}

    def get(self, path: str, params: dict[str, str] | None = None) -> httpx.Response:
        """Ask for a path with its signature."""
        return self.server.get(path, params=self.query(path, params))


@pytest.fixture
def signed_door(site_of_folder: Site, mount: str) -> Iterator[Signed]:
    """The folder, for whoever has a signature."""
    settings = StreamerSettings(Access.SIGNED, SECRET)
    with served(site_of_folder, settings, mount=mount) as server:
        assert urlsplit(server.url).path == mount
        yield Signed(server)


@pytest.fixture(scope="session")
def names() -> Any:
    """Keys of the slides in the folder."""

    class Names:
        svs, board, jpeg_2000, odd = SVS, BOARD, JPEG_2000, ODD
        unsupported = sorted([*(f"odd/{name}" for name in UNSUPPORTED), "odd/lzw.tif"])
        too_small = ("odd/tiny.tif", "odd/empty.tif")
        listed = sorted(
            [SVS, BOARD, JPEG_2000, ODD, "link in.svs", *unsupported, *too_small],
            key=str.encode,
        )
        secret = SECRET

    return Names
