from __future__ import annotations

import base64
import hashlib

import httpx
import pytest

from wsi_lab.client import uploads
from wsi_lab.errors import Invalid, NotAllowed, SourceUnavailable, WsiLabError

DATA = bytes(range(256)) * 100


class TusServer:
    """Takes one file by tus; a test may let it fail."""

    def __init__(self) -> None:
        self.expected = DATA
        self.received = b""
        self.length = -1
        self.metadata = {}
        self.made = 0
        self.failures = []
        self.finished = 0
        self.location = "/lab/files/" + "a" * 32

    def __call__(self, request):
        path = request.url.path
        if path.endswith("/finish"):
            assert self.received == self.expected
            self.finished += 1
            return httpx.Response(200, json={"folder": "a", "file_name": "b", "size": len(DATA)})
        if not path.startswith("/lab/files/"):
            return None
        assert request.headers["Tus-Resumable"] == "1.0.0"
        assert request.headers["Authorization"] == "Bearer wsi_secret"
        if request.method == "POST":
            return self._make(request)
        if request.method == "HEAD":
            return httpx.Response(200, headers={"Upload-Offset": str(len(self.received))})
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            return failure(self, request)
        return self.take(request)

    def _make(self, request):
        self.made += 1
        self.received = b""
        self.length = int(request.headers["Upload-Length"])
        for pair in request.headers["Upload-Metadata"].split(","):
            name, _, value = pair.partition(" ")
            self.metadata[name] = base64.b64decode(value).decode()
        return httpx.Response(201, headers={"Location": self.location})

    def take(self, request):
        assert int(request.headers["Upload-Offset"]) == len(self.received)
        kind, checksum = request.headers["Upload-Checksum"].split(" ")
        assert kind == "sha256"
        assert base64.b64decode(checksum) == hashlib.sha256(request.content).digest()
        self.received += request.content
        return httpx.Response(204, headers={"Upload-Offset": str(len(self.received))})


@pytest.fixture(autouse=True)
def notes(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "_notes", lambda: tmp_path / "notes")
    monkeypatch.setattr(uploads, "CHUNK_BYTES", 10_000)
    return tmp_path / "notes"


@pytest.fixture
def tus(server):
    server.instead = TusServer()
    return server.instead


@pytest.fixture
def study(server, lab, tus):
    server.add_study("pilot")
    return lab.studies["pilot"]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "größe 1.svs"
    path.write_bytes(DATA)
    return path


def test_file_is_sent_in_pieces_and_added(server, study, tus, file, notes):
    seen = []
    slide = study.upload(file, progress=lambda done, whole: seen.append((done, whole)))
    assert slide.study_id == study.id
    assert tus.metadata == {"filename": "größe 1.svs", "folder": "pilot"}
    assert (tus.received, tus.finished) == (DATA, 1)
    assert seen == [(done, 25_600) for done in (0, 10_000, 20_000, 25_600)]
    assert list(notes.iterdir()) == []
    assert b'"uploaded":"pilot/gr' in server.requests[-1].content


def test_configuration_file_goes_into_the_root(study, tus, tmp_path):
    path = tmp_path / "study.pilot.scores"
    path.write_bytes(DATA)
    assert study.upload(path) is None
    assert tus.metadata == {"filename": "study.pilot.scores", "folder": ""}


def test_empty_file_is_complete_at_once(study, tus, tmp_path):
    path = tmp_path / "empty.svs"
    path.write_bytes(b"")
    tus.expected = b""
    study.upload(path, add=False)
    assert (tus.length, tus.received, tus.finished) == (0, b"", 1)


def _lost(tus, request):
    tus.take(request)
    raise httpx.ReadError("The connection was cut.")


def _cut(tus, request):
    tus.received += request.content[:3000]
    raise httpx.WriteError("The connection was cut.")


def _status(number):
    return lambda _tus, _request: httpx.Response(number)


def test_connection_that_is_cut_goes_on_where_it_was(study, tus, file, waits):
    tus.failures = [_lost, None, _cut, _status(502), _status(460), _status(423)]
    study.upload(file, add=False)
    assert (tus.received, tus.made) == (DATA, 1)
    assert len(waits) == 5


def test_server_that_stays_away_is_said_to(study, tus, file, waits, notes):
    tus.failures = [_status(503)] * 20
    with pytest.raises(WsiLabError):
        study.upload(file, add=False)
    assert len(waits) == uploads.TRIES_WITHOUT_PROGRESS - 1
    assert len(list(notes.iterdir())) == 1


def test_upload_goes_on_in_another_process(study, tus, file):
    tus.failures = [None, *[_status(503)] * 6]
    with pytest.raises(WsiLabError):
        study.upload(file, add=False)
    assert len(tus.received) == 10_000
    tus.failures = []
    study.upload(file, add=False)
    assert (tus.received, tus.made) == (DATA, 1)


def test_file_that_was_changed_begins_anew(study, tus, file):
    tus.failures = [None, *[_status(503)] * 6]
    with pytest.raises(WsiLabError):
        study.upload(file, add=False)
    tus.failures = []
    tus.expected = DATA[::-1]
    file.write_bytes(tus.expected)
    study.upload(file, add=False)
    assert (tus.made, tus.received) == (2, DATA[::-1])


def test_refusal_is_not_tried_again(study, tus, file, waits, refuse):
    tus.failures = [lambda *_: refuse(403, "not_allowed", "You may not.")]
    with pytest.raises(NotAllowed):
        study.upload(file)
    assert waits == []


@pytest.mark.parametrize("location", ["https://evil.example/files/x", "//evil.example/x", ""])
def test_token_never_leaves_for_another_place(server, study, tus, file, location):
    tus.location = location
    with pytest.raises(WsiLabError, match="leads away"):
        study.upload(file)
    assert {each.url.host for each in server.requests} == {"lab.test"}


def test_what_is_no_file_is_refused(study, tmp_path):
    for path in (tmp_path / "nothing.svs", tmp_path):
        with pytest.raises(Invalid):
            study.upload(path)


def test_lab_that_does_not_answer_is_unavailable(study, tus, file):
    def away(_request):
        raise httpx.ConnectError("away")

    study.connection._client._transport.handler = away
    with pytest.raises(SourceUnavailable):
        study.upload(file)
