"""A worker keeps its limits, tells refusals from damage, and never outlives its server."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import psutil
import pytest
from waiting import wait_until

from wsi_lab.errors import Busy, DamagedSlide, NotFound, SlideMissing, UnsupportedSlide
from wsi_lab.model.slide import Patch, Region
from wsi_lab.slides import limits, worker
from wsi_lab.slides.frames import (
    DecodeTile,
    Disconnected,
    Line,
    NotUnderstood,
    Opened,
    OpenFile,
    Picture,
    ReadAssociated,
    ReadPatch,
    ReadRegion,
    Ready,
    Refused,
)
from wsi_lab.slides.worker import Shelf, respond

CORNER = Region(x=0, y=0, width=20, height=10, downsample=1.0)


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    """Return a shelf of two places, run in this process."""
    shelf = Shelf(2)
    yield shelf
    shelf.close_all()


@pytest.fixture
def ends() -> Iterator[tuple[Line, Line]]:
    """Return both ends of a line."""
    here, there = socket.socketpair()
    lines = Line(here), Line(there)
    yield lines
    for line in lines:
        line.close()


def opened(shelf: Shelf, path: Path) -> Opened:
    """Open a slide on a shelf."""
    answer, body = respond(OpenFile(path=str(path)), b"", shelf)
    assert isinstance(answer, Opened)
    assert not body
    return answer


def files_open() -> set[Path]:
    """Return what this process has open."""
    return {Path(file.path) for file in psutil.Process().open_files()}


@pytest.fixture
def plain_tiff(shared_data: Path) -> Path:
    """Return a slide whose reader keeps the file open; OpenSlide opens it for each read."""
    return shared_data / "slides" / "kidney-48-5.tif"


def test_a_slide_is_opened_read_and_forgotten(
    shelf: Shelf, demo_slide: Path, plain_tiff: Path
) -> None:
    slide = opened(shelf, demo_slide)
    assert slide.properties.width == 2220
    request = ReadRegion(path=str(demo_slide), identity=slide.identity, region=CORNER)
    answer, pixels = respond(request, b"", shelf)
    assert answer == Picture(rows=10, columns=20)
    assert len(pixels) == 600
    label = ReadAssociated(path=str(demo_slide), identity=slide.identity, name="label")
    assert respond(label, b"", shelf)[0] == Picture(rows=463, columns=387)
    opened(shelf, plain_tiff)
    assert plain_tiff in files_open()
    forgetting = DecodeTile(
        compression=1, photometric=1, predictor=1, rows=1, columns=1, samples=1,
        forget=(str(plain_tiff), "never open"),
    )  # fmt: skip
    assert respond(forgetting, b"\x05", shelf)[0] == Picture(rows=1, columns=1)
    assert plain_tiff not in files_open()


def test_a_slide_may_be_read_by_openslide_beside_its_own_reader(
    shelf: Shelf, shared_data: Path
) -> None:
    # OpenSlide turns each tile of it by itself; the lab's own reader turns the whole.
    path = shared_data / "tiff-variants" / "test_orient6.tif"
    upright = opened(shelf, path)
    answer, _ = respond(OpenFile(path=str(path), by_openslide=True), b"", shelf)
    assert isinstance(answer, Opened)
    assert answer.identity == upright.identity
    assert (answer.properties.width, answer.properties.height) == (120, 180)
    assert (upright.properties.width, upright.properties.height) == (180, 120)
    patch = Patch(0, 100, 150, 30, 40)
    for by_openslide, right, bottom in ((False, 30, 0), (True, 20, 30)):
        request = ReadPatch(
            path=str(path), identity=answer.identity, patch=patch, by_openslide=by_openslide
        )
        answered, pixels = respond(request, b"", shelf)
        assert answered == Picture(rows=40, columns=30)
        opacity = np.frombuffer(pixels, np.uint8).reshape(40, 30, 4)[..., 3]
        expected = np.zeros((40, 30))
        expected[:bottom, :right] = 255
        assert np.array_equal(opacity, expected)
    shelf.close([str(path)])
    assert not shelf._slides


def test_a_shelf_keeps_the_slides_used_last(shelf: Shelf, tmp_path: Path, plain_tiff: Path) -> None:
    paths = [tmp_path / f"{name}.tif" for name in "abc"]
    for path in paths:
        shutil.copy(plain_tiff, path)
        opened(shelf, path)
    assert files_open() & set(paths) == set(paths[1:])


def test_a_file_replaced_while_it_is_read_is_noticed(
    shelf: Shelf, tmp_path: Path, demo_slide: Path
) -> None:
    path = tmp_path / "slide.svs"
    shutil.copy(demo_slide, path)
    slide = opened(shelf, path)

    def read_and_replace(reader: object) -> np.ndarray:
        # Not now, which may be the moment of its copy.
        os.utime(path, ns=(1, 1))
        return np.zeros((1, 1, 3), np.uint8)

    with pytest.raises(Busy):
        shelf.read(str(path), slide.identity, read_and_replace)


def test_a_replaced_file_is_never_mixed_with_the_old_one(
    shelf: Shelf, tmp_path: Path, demo_slide: Path, shared_data: Path
) -> None:
    path = tmp_path / "slide.svs"
    shutil.copy(demo_slide, path)
    old = opened(shelf, path)
    shutil.copy(shared_data / "slides" / "tcga-cr-7395-01a-01-ts1.svs", tmp_path / "new")
    (tmp_path / "new").replace(path)
    request = ReadRegion(path=str(path), identity=old.identity, region=CORNER)
    answer, _ = respond(request, b"", shelf)
    assert isinstance(answer, Refused)
    assert answer.code == Busy.code
    new = opened(shelf, path)
    assert new.identity != old.identity
    assert new.properties.width == 4443


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound("No."), NotFound.code),
        (MemoryError(), DamagedSlide.code),
        (ImportError("no module named openslide"), UnsupportedSlide.code),
        (ZeroDivisionError("/home/jane/secret.svs"), DamagedSlide.code),
        (RecursionError(), DamagedSlide.code),
    ],
)
def test_whatever_goes_wrong_becomes_an_answer_without_secrets(
    shelf: Shelf, demo_slide: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    slide = opened(shelf, demo_slide)

    def fail(*request: object) -> None:
        raise error

    monkeypatch.setattr(shelf, "read", fail)
    request = ReadRegion(path=str(demo_slide), identity=slide.identity, region=CORNER)
    answer, _ = respond(request, b"", shelf)
    assert isinstance(answer, Refused)
    assert answer.code == code
    assert "/" not in answer.message + answer.surprise


def test_a_missing_file_is_missing(shelf: Shelf, tmp_path: Path) -> None:
    answer, _ = respond(OpenFile(path=str(tmp_path / "none.svs")), b"", shelf)
    assert isinstance(answer, Refused)
    assert answer.code == SlideMissing.code
    assert str(tmp_path) not in answer.message


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_only_regular_files_are_opened(shelf: Shelf, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "slide.svs"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path = Path("/dev/zero")
    answer, _ = respond(OpenFile(path=str(path)), b"", shelf)
    assert isinstance(answer, Refused)
    assert answer.code == UnsupportedSlide.code


def framed(header: bytes) -> bytes:
    """Return a frame of a header without a body."""
    return struct.pack("<IQ", len(header), 0) + header


def test_frames_of_any_size_arrive_as_they_were_sent(ends: tuple[Line, Line]) -> None:
    ours, theirs = ends
    for size in (0, 1, 4095, 4096, 4097, 3_000_000):
        body = np.random.default_rng(size).bytes(size)
        request = OpenFile(path="ü" * (size % 5000), forget=("x",))
        sender = threading.Thread(target=ours.ask, args=(request, body))
        sender.start()
        assert theirs.next_request() == (request, body)
        sender.join()
        sender = threading.Thread(target=theirs.answer, args=(Picture(rows=1, columns=2), body))
        sender.start()
        assert ours.next_answer() == (Picture(rows=1, columns=2), size)
        received = bytearray(size)
        ours.receive_body(memoryview(received))
        sender.join()
        assert received == body


@pytest.mark.parametrize(
    "frame",
    [
        framed(b"\xc1"),
        b"\xff\xff\xff\xff" + bytes(8),
        framed(msgspec.msgpack.encode("abc")),
        framed(msgspec.msgpack.encode({"type": "Run", "code": "1+1"})),
        framed(msgspec.msgpack.encode({"type": "Opened"})),
        framed(msgspec.msgpack.encode({"type": "Picture", "rows": "1", "columns": 1})),
    ],
    ids=["garbage", "endless", "text", "unknown", "incomplete", "mistyped"],
)
def test_what_is_no_answer_is_not_understood(frame: bytes) -> None:
    here, there = socket.socketpair()
    line = Line(here)
    with there:
        there.sendall(frame)
        with pytest.raises(NotUnderstood):
            line.next_answer()
    line.close()


def test_a_line_knows_when_the_other_end_is_gone_or_silent(ends: tuple[Line, Line]) -> None:
    ours, theirs = ends
    ours.set_deadline(time.monotonic() + 0.05)
    with pytest.raises(TimeoutError):
        ours.next_answer()
    theirs.close()
    ours.set_deadline(time.monotonic() + 5)
    with pytest.raises(Disconnected):
        ours.next_answer()
    with pytest.raises(Disconnected):
        ours.ask(OpenFile(path=""))


def test_a_worker_that_holds_too_much_closes_its_slides_and_retires(
    plain_tiff: Path, ends: tuple[Line, Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = ends
    # The alarm of a worker would be that of the test.
    monkeypatch.setattr(limits, "end_after", lambda *_: None)

    def serve() -> None:
        with contextlib.suppress(Disconnected):
            worker.serve(theirs, Shelf(2), memory_bytes=1, seconds=60.0)

    server = threading.Thread(target=serve)
    server.start()
    ours.ask(OpenFile(path=str(plain_tiff)))
    assert ours.next_answer() == (Ready(), 0)
    answer, _ = ours.next_answer()
    assert isinstance(answer, Opened)
    assert answer.retire
    assert plain_tiff not in files_open()
    ours.close()
    server.join(10)


def run(code: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Run Python code as a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **options,
    )


def test_limits_hold_for_memory_files_and_core_dumps(tmp_path: Path) -> None:
    code = f"""
import json, resource
from wsi_lab.slides import limits
limits.limit_this_process(512 << 20)
found = {{}}
try:
    bytearray(600 << 20)
except MemoryError:
    found["memory"] = True
try:
    open({str(tmp_path / "file")!r}, "wb", buffering=0).write(b"x")
except OSError:
    found["files"] = True
found["core"] = resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
found["meter"] = 10 << 20 < limits.AddressMeter().bytes_in_use() < 512 << 20
print(json.dumps(found))
"""
    done = run(code)
    assert json.loads(done.stdout) == {"memory": True, "files": True, "core": True, "meter": True}


def test_the_system_ends_a_request_that_never_ends() -> None:
    started = time.monotonic()
    done = run("from wsi_lab.slides import limits\nlimits.end_after(0.3)\nwhile True: pass")
    assert done.returncode == -signal.SIGALRM
    assert time.monotonic() - started < 30


def test_secrets_of_the_server_do_not_reach_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "JUPYTER_TOKEN", "WSI_LAB_TOKEN", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "CANARY")
    environment = limits.worker_environment()
    assert "CANARY" not in environment.values()
    assert environment["OMP_NUM_THREADS"] == "1"
    assert environment["PATH"] == os.environ["PATH"]


def test_a_worker_ends_when_its_server_is_killed(demo_slide: Path) -> None:
    code = f"""
import sys, time
from wsi_lab.slides.pool import WorkerPool
pool = WorkerPool()
slide = pool.open({str(demo_slide)!r})
print(*pool.pids(), flush=True)
sys.stdin.read()
"""
    server = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with server:
        assert server.stdout is not None
        pid = int(server.stdout.readline())
        assert psutil.pid_exists(pid)
        server.kill()
    wait_until(lambda: not is_running(pid))


def is_running(pid: int) -> bool:
    """Return whether a process is there and no zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_server_that_reads_slides_imports_no_large_decoder(demo_slide: Path) -> None:
    code = f"""
import sys
from wsi_lab.model.slide import Region
from wsi_lab.slides.pool import WorkerPool
with WorkerPool() as pool:
    slide = pool.open({str(demo_slide)!r})
    slide.read_region(Region(x=0, y=0, width=9, height=9, downsample=1.0))
    pool.decode_tile(
        b"0", compression=1, photometric=1, predictor=1, rows=1, columns=1, samples=1
    )
heavy = ("PIL", "imagecodecs", "large_image", "openslide", "tifffile", "zarr", "pandas")
print([name for name in heavy if name in sys.modules])
"""
    done = run(code)
    assert done.stderr == ""
    assert done.stdout.strip() == "[]"


def test_a_worker_imports_only_what_the_request_needs() -> None:
    code = """
import sys
from wsi_lab.slides import worker
print([name for name in ("numpy", "openslide", "imagecodecs", "PIL") if name in sys.modules])
answer, _ = worker.respond(worker.DecodeTile(
    compression=1, photometric=1, predictor=1, rows=1, columns=1, samples=1
), b"0", worker.Shelf(1))
print(answer.rows, [n for n in ("openslide", "large_image", "tifffile") if n in sys.modules])
"""
    assert run(code).stdout.splitlines() == ["[]", "1 []"]


def test_resource_limits_of_this_process_are_untouched() -> None:
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY
