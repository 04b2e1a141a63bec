"""The lab as a program of its own: it says where it is, and ends when it is told to."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import httpx
import pytest

PROGRAM = """
import sys
from pathlib import Path
from wsi_lab.errors import WsiLabError
from wsi_lab.server.app import serve
from wsi_lab.service.lab import Lab, LabSettings

settings = LabSettings(Path(sys.argv[1]), workers=1)
with Lab.open(settings) as lab:
    owner = lab.people.owner()
    print(lab.people.create_token(owner, name="test", capabilities=["all"])[1], flush=True)
try:
    sys.exit(serve(settings, port=int(sys.argv[2])))
except WsiLabError as error:
    sys.exit(error.message)
"""


@contextlib.contextmanager
def running(home: Path, port: int = 0) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", PROGRAM, str(home), str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline().strip()


@pytest.mark.quiet
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_server_ends_soon_after_the_signal(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path / "home") as process:
        token, url = line(process.stdout), line(process.stdout)
        assert url.startswith("http://127.0.0.1:")
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
            assert client.post("v1/studies", json={"name": "kept"}).status_code == 201
            begun = time.monotonic()
            process.send_signal(number)
            assert process.wait(10) == 0
            assert time.monotonic() - begun < 5
        assert process.stderr is not None
        assert process.stderr.read() == ""
    with running(tmp_path / "home") as process:
        token, url = line(process.stdout), line(process.stdout)
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx.get(f"{url}v1/studies", headers=headers, timeout=30)
        assert [study["name"] for study in answer.json()["items"]] == ["kept"]


def test_request_that_is_under_way_is_answered(tmp_path: Path, demo_slide: Path) -> None:
    with running(tmp_path / "home") as process:
        token, url = line(process.stdout), line(process.stdout)
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
            study = client.post("v1/studies", json={"name": "s"}).json()["id"]
            slide = client.post(f"v1/studies/{study}/slides", json={"path": str(demo_slide)})
            query = "x=0&y=0&width=2220&height=2967&format=png"
            path = f"v1/slides/{slide.json()['id']}/region?{query}"
            with client.stream("GET", path) as answer:
                process.send_signal(signal.SIGTERM)
                assert answer.read().endswith(b"IEND\xaeB\x60\x82")
        assert process.wait(30) == 0


def test_port_in_use_is_said_in_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with running(tmp_path / "home", port) as process:
            assert process.wait(60) == 1
            assert process.stderr is not None
            said = process.stderr.read()
    assert f"127.0.0.1:{port} cannot be listened at" in said
    assert "Traceback" not in said


def test_server_starts_without_image_libraries() -> None:
    program = (
        "import sys, wsi_lab.server.app, wsi_lab.extension;"
        "heavy = {'large_image', 'openslide', 'pandas', 'geopandas', 'PIL', 'ipyleaflet'};"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert (ended.stdout, ended.stderr) == ("\n", "")
