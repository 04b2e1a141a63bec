"""``wsi-lab serve`` in processes of its own, over real HTTP, before folders and buckets."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer
from waiting import wait_until

from bench.object_server import Fault, ObjectServer, Trouble

Run = Callable[..., Any]
TILE = "tiles/a.svs/0/0/0.jpg"
ODD_KEYS = ("ü/a b+c.svs", "50%/#1?.SVS", "x=1&y=2.tiff", ".hidden.svs")


@dataclass
class Server:
    """A command that serves."""

    process: subprocess.Popen[str]
    url: str
    told: dict[str, Any]

    def get(self, path: str, token: str | None = None, **more: Any) -> httpx.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.get(self.url + path, headers=headers, timeout=60, **more)

    def stop(self) -> str:
        """End it, and return what it said on standard error."""
        self.process.terminate()
        assert self.process.wait(40) == 0
        assert self.process.stderr is not None
        return self.process.stderr.read()


@contextlib.contextmanager
def started(*words: object, **variables: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "wsi_lab", "serve", *map(str, words)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | variables,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


@contextlib.contextmanager
def serving(*words: object, **variables: str) -> Iterator[Server]:
    address = ("--host", "127.0.0.1", "--port", "0", "--decoders", "1", "--json")
    with started(*words, *address, **variables) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.stderr and process.stderr.read()
        told = json.loads(line)
        yield Server(process, told["url"], told)


@pytest.fixture
def bucket(objects: ObjectServer) -> tuple[str, ...]:
    """How the bucket of the object server is named."""
    return ("s3://slides", "--s3-endpoint", objects.url, "--anonymous")


@pytest.fixture
def s3(demo_slide: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A store with S3's own manners, whose credentials stand in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        client = boto3.client("s3", endpoint_url=url, region_name="us-east-1")
        client.create_bucket(Bucket="lab-slides")
        data = demo_slide.read_bytes()
        for key in (*ODD_KEYS, "note.txt"):
            client.put_object(Bucket="lab-slides", Key=key, Body=data)
        client.close()
        yield url
    finally:
        server.stop()


def test_folder_needs_no_database(home: Path, slides: Path) -> None:
    with serving(slides, "--home", home) as server:
        assert server.told["slides"] == 2
        assert server.get("health").json()["status"] == "healthy"
        assert server.get("slides").json()["slides"] == ["a.svs", "sub/b c.svs"]
        about = server.get("slides/sub%2Fb%20c.svs").json()
        assert (about["width"], about["level_count"]) == (2220, 1)
        tile = server.get(TILE)
        assert (tile.status_code, tile.headers["content-type"]) == (200, "image/jpeg")
        for path in ("v1/", "v1/studies", ""):
            assert server.get(path).json()["error"] == "not_found"
        said = server.stop()
    assert "authentication is off" in said
    assert "Traceback" not in said
    made = {path.name for path in home.iterdir()}
    assert made == {"annotations", "attached", "attachments", "cache", "slides", "uploads"}
    assert (home / "cache" / "slide-indexes.sqlite3").exists()


def test_home_that_cannot_be_used_is_no_obstacle_for_a_source(tmp_path: Path, slides: Path) -> None:
    (tmp_path / "file").touch()
    with serving(slides, "--home", tmp_path / "file" / "home") as server:
        assert server.get(TILE).status_code == 200


def test_signed_addresses_are_those_of_the_command(
    run: Run, home: Path, slides: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WSI_AUTH_SECRET", "s3cret")
    with serving(slides, WSI_AUTH_ENABLED="true") as server:
        assert server.get(TILE).json()["error"] == "missing_expiry"
        words = ("-p", f"/{TILE}", "-P", "quality=50", "-b", server.url)
        url = run("sign", *words).out.strip()
        assert httpx.get(url).headers["X-Tile-Quality"] == "50"
        assert httpx.get(url + "1").status_code in {400, 401}
        assert server.get("health").status_code == 200
        assert "s3cret" not in server.stop()


@pytest.mark.parametrize("workers", [1, 2])
def test_bucket_is_served(home: Path, bucket: tuple[str, ...], slides: Path, workers: int) -> None:
    with serving(*bucket, "--workers", workers) as server, serving(slides) as beside:
        assert server.get("slides").json() == beside.get("slides").json()
        for path in (TILE, "slides/sub%2Fb%20c.svs", "slides/a.svs/thumbnail?max_size=100"):
            assert server.get(path).content == beside.get(path).content
        assert server.get("slides/note.txt").status_code == 415
        assert server.get("slides/none.svs").status_code == 404
        assert "Traceback" not in server.stop()


def test_bucket_that_goes_away_is_a_bad_gateway(home: Path, slides: Path) -> None:
    with ObjectServer(slides) as objects:
        words = ("s3://slides", "--s3-endpoint", objects.url, "--anonymous")
        with serving(*words) as server:
            assert server.get(TILE).status_code == 200
            objects.stop()
            for path in ("tiles/a.svs/0/9/12.jpg", "slides/sub%2Fb%20c.svs", "slides"):
                answer = server.get(path)
                assert answer.status_code == 502
                assert answer.json()["error"] == "connection_error"
                assert objects.url not in answer.text


@pytest.mark.quiet
@pytest.mark.parametrize("workers", [1, 2])
def test_server_ends_in_time_while_its_store_keeps_it_waiting(
    home: Path, slides: Path, workers: int
) -> None:
    with ObjectServer(slides) as objects:
        words = ("s3://slides", "--s3-endpoint", objects.url, "--anonymous")
        stalled = Trouble(Fault.STALL, times=100)
        with (
            serving(*words, "--workers", workers) as server,
            objects.in_trouble(stalled),
            ThreadPoolExecutor(1) as client,
        ):
            asked = client.submit(server.get, TILE)
            wait_until(lambda: stalled.times != 100)
            begun = time.monotonic()
            said = server.stop()
            assert time.monotonic() - begun < 5
            with pytest.raises(httpx.TransportError):
                asked.result()
    assert "Traceback" not in said


def test_real_bucket_with_odd_keys_is_checked_and_served(run: Run, home: Path, s3: str) -> None:
    words = ("s3://lab-slides", "--s3-endpoint", s3)
    ended = run("check", *words, "--list-slides", "--test-slide", ODD_KEYS[1])
    assert ended.code == 0, ended.err
    listed = [line[2:] for line in ended.out.splitlines() if line.startswith("  ")]
    assert listed == sorted(ODD_KEYS, key=str.encode)
    with serving(*words) as server:
        assert server.get("slides").json()["slides"] == sorted(ODD_KEYS, key=str.encode)
        for key in ODD_KEYS:
            name = httpx.URL("http://h", params={"k": key}).query.decode()[2:].replace("+", "%20")
            assert server.get(f"slides/{name}").json()["slide_id"] == key
            assert server.get(f"tiles/{name}/0/0/0.jpg").status_code == 200
    with_prefix = ("s3://lab-slides/ü", "--s3-endpoint", s3)
    with serving(*with_prefix) as server:
        assert server.get("slides").json()["slides"] == ["a b+c.svs"]
        assert server.get("slides/x%3D1&y%3D2.tiff").status_code == 404


def test_study_of_slides_in_a_bucket_beside_the_bucket(
    run: Run, home: Path, bucket: tuple[str, ...], slides: Path
) -> None:
    source, *reached = bucket
    run("study", "create", "HTT")
    run("user", "add", "reader@lab")
    run("member", "add", "HTT", "reader@lab", "--rights", "view,edit")
    words = ("study", "add-slides", "HTT", "s3://slides/sub/b c.svs", slides / "a.svs")
    far, near = run(*words, *reached, "--json").json
    assert far["name"] == "b c"
    tokens = {
        who: run("token", "create", "--user", who, "--name", "t", "--can", "all", "--json").json
        for who in ("anna@localhost", "reader@lab")
    }
    owner, reader = (told["token"] for told in tokens.values())
    words = (source, *reached, "--studies", "--slides", "s3://slides/sub", "--home", home)
    with serving(*words, "--workers", "2") as server:
        for token in (owner, reader):
            for what in ("tiles/0/0/0.jpg", "tiles/3/2/2.jpg", "region?x=9&y=9&width=50&height=50"):
                over = server.get(f"v1/slides/{far['id']}/{what}", token)
                beside = server.get(f"v1/slides/{near['id']}/{what}", token)
                assert (over.status_code, beside.status_code) == (200, 200)
                assert over.content == beside.content
        for address, status in (("s3://slides/sub/b c.svs", 201), ("s3://slides/a.svs", 403)):
            body = {"path": address, "name": "by a member"}
            headers = {"Authorization": f"Bearer {reader}"}
            answer = httpx.post(f"{server.url}v1/studies/1/slides", json=body, headers=headers)
            assert answer.status_code == status
            assert "s3://" not in answer.text
        assert server.get(TILE).status_code == 401
        assert server.get("slides", reader).status_code == 403
        assert server.get("view/a.svs").status_code == 401
        assert server.get(TILE, owner).status_code == 200
        assert server.get("health").status_code == 200
        # Other processes take the same tokens: each knows the lab's own secret.
        page = server.get("view/a.svs", owner)
        assert "vt=" in page.text
        assert "Traceback" not in server.stop()


def test_port_in_use_is_said_in_a_sentence(slides: Path, home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with started(slides, "--host", "127.0.0.1", "-p", port, "--home", home) as process:
            assert process.wait(100) == 1
            assert process.stderr is not None
            said = process.stderr.read()
    assert "cannot be listened at" in said
    assert "Choose another port" in said
    assert "Traceback" not in said


def test_host_of_another_machine_is_no_matter_of_the_port(slides: Path, home: Path) -> None:
    # From the block of addresses that are set aside for documentation.
    with started(slides, "--host", "192.0.2.1", "-p", "0", "--home", home) as process:
        assert process.wait(100) == 1
        assert process.stderr is not None
        assert "Choose a host" in process.stderr.read()


def test_no_tracing_and_verbose(slides: Path, home: Path) -> None:
    for words, is_logged in ((("-v",), True), ((), False), (("--no-tracing",), False)):
        with serving(slides, *words) as server:
            server.get(f"{TILE}?sig=CANARY&vt=CANARY")
            server.get("slides/none.svs")
            said = server.stop()
        assert ("200 GET tiles/{slide_id}/0/0/{y}" in said) == is_logged
        assert ("404 GET slides/{slide_id}" in said) == (words != ("--no-tracing",))
        assert "CANARY" not in said
