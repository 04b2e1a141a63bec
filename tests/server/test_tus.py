"""Uploads by tus: the released client as it is, and the corners of the protocol by hand."""

from __future__ import annotations

import base64
import hashlib
import http.client
import logging
import os
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from lab_log import lab_log
from tusclient.client import TusClient
from waiting import wait_until

from wsi_lab.server.routes import V1_ROUTES
from wsi_lab.server.tus import handlers
from wsi_lab.server.tus.handlers import tus_routes
from wsi_lab.store import partial

TUS = {"Tus-Resumable": "1.0.0"}
PATCH = {**TUS, "Content-Type": "application/offset+octet-stream"}


class Sending:
    """Uploads of a lab, as a client sees them."""

    def __init__(self, world: Any, server: Any) -> None:
        self.world = world
        self.site = server.site
        self.url = server.url
        self.client = httpx.Client(base_url=server.url, timeout=30)
        self.home = world.lab.settings.home
        self.token = world.tokens["site_admin"]
        self.actor = world.lab.people.actor_for_token(self.token, door="tests")

    def request(self, name: str = "1.bin", folder: str = "sent") -> str:
        return self.world.lab.uploads.request(self.actor, name, folder)

    def metadata(self, upload_token: str, api_token: str | None = None) -> str:
        return encoded(uploadtoken=upload_token, apitoken=api_token or self.token)

    def create(self, length: int, **kwargs: Any) -> httpx.Response:
        headers = {
            **TUS,
            "Upload-Length": str(length),
            "Upload-Metadata": self.metadata(kwargs.pop("upload_token", None) or self.request()),
            **kwargs.pop("headers", {}),
        }
        return self.client.post("/files/", headers=headers, **kwargs)

    def begun(self, length: int) -> str:
        answer = self.create(length)
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"]

    def patch(self, where: str, offset: int, data: Any, **headers: str) -> httpx.Response:
        return self.client.patch(
            where, headers={**PATCH, "Upload-Offset": str(offset), **headers}, content=data
        )

    def offset(self, where: str) -> int:
        return int(self.client.head(where, headers=TUS).headers["Upload-Offset"])

    def bytes_of(self, where: str) -> bytes:
        return (self.home / "uploads" / where.rpartition("/")[2]).read_bytes()

    def start(self, where: str, offset: int, announced: int) -> socket.socket:
        """Send the head of a PATCH only."""
        address = urlsplit(self.url)
        connection = socket.create_connection((address.hostname, address.port))
        connection.sendall(
            f"PATCH {where} HTTP/1.1\r\nHost: lab\r\nTus-Resumable: 1.0.0\r\n"
            f"Content-Type: application/offset+octet-stream\r\nUpload-Offset: {offset}\r\n"
            f"Content-Length: {announced}\r\n\r\n".encode()
        )
        return connection


def encoded(**values: str) -> str:
    return ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in values.items()
    )


@pytest.fixture
def server(world: Any, serve_routes: Any) -> Iterator[Any]:
    with serve_routes((*tus_routes(), *V1_ROUTES)) as server:
        yield server


@pytest.fixture
def sending(world: Any, server: Any) -> Iterator[Sending]:
    sending = Sending(world, server)
    with sending.client:
        yield sending
    wait_until(lambda: server.site.in_flight == 0, 30)


def test_released_client_sends_a_file_in_pieces(sending: Sending, tmp_path: Path) -> None:
    data = os.urandom(300_000)
    (tmp_path / "a.svs").write_bytes(data)
    upload_token = sending.request("a.svs")
    metadata = {"uploadtoken": upload_token, "apitoken": sending.token}
    with (tmp_path / "a.svs").open("rb") as file:
        uploader = TusClient(f"{sending.url}/files/").uploader(
            file_stream=file, chunk_size=70_000, metadata=metadata, upload_checksum=True
        )
        uploader.upload()
    sending.world.lab.uploads.finish(sending.actor, uploader.url[-32:], upload_token)
    assert (sending.home / "slides" / "sent" / "a.svs").read_bytes() == data
    assert not (sending.home / "uploads" / uploader.url[-32:]).exists()


def test_creation_says_where_the_upload_is(sending: Sending) -> None:
    for path in ("/files/", "/files"):
        headers = {
            **TUS,
            "Upload-Length": "3",
            "Upload-Metadata": sending.metadata(sending.request()),
        }
        answer = sending.client.post(path, headers=headers)
        assert answer.status_code == 201
        assert answer.headers["Tus-Resumable"] == "1.0.0"
        assert answer.headers["Location"].startswith("/files/")
        assert len(answer.headers["Location"].rpartition("/")[2]) == 32


def test_empty_file_is_complete_at_once(sending: Sending) -> None:
    upload_token = sending.request("empty.txt")
    where = sending.create(0, upload_token=upload_token).headers["Location"]
    sending.world.lab.uploads.finish(sending.actor, where[-32:], upload_token)
    assert (sending.home / "slides" / "sent" / "empty.txt").read_bytes() == b""


def test_options_tells_what_is_known(sending: Sending) -> None:
    for path in ("/files/", "/files/" + "0" * 32):
        answer = sending.client.options(path)
        assert answer.status_code == 204
        assert answer.headers["Tus-Version"] == "1.0.0"
        assert "checksum" in answer.headers["Tus-Extension"].split(",")
        assert int(answer.headers["Tus-Max-Size"]) >= 1 << 40
        assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256,md5"


def test_head_tells_offset_and_length_and_no_secret(sending: Sending) -> None:
    where = sending.begun(5)
    sending.patch(where, 0, b"abc")
    answer = sending.client.head(where, headers=TUS)
    assert answer.status_code == 200
    assert answer.headers["Upload-Offset"] == "3"
    assert answer.headers["Upload-Length"] == "5"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Upload-Metadata"] == encoded(filename="1.bin")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"Upload-Offset": "2"}, 409),
        ({"Upload-Offset": "4"}, 409),
        ({"Upload-Offset": "-1"}, 400),
        ({"Upload-Offset": "x"}, 400),
        ({"Content-Type": "application/octet-stream"}, 415),
        ({"Tus-Resumable": "0.2.2"}, 412),
        ({"Upload-Checksum": "crc32 AAAA"}, 400),
    ],
)
def test_wrong_continuations_change_nothing(
    sending: Sending, change: dict[str, str], status: int
) -> None:
    where = sending.begun(5)
    assert sending.patch(where, 0, b"abc").headers["Upload-Offset"] == "3"
    assert sending.patch(where, 3, b"de", **change).status_code == status
    assert sending.offset(where) == 3
    assert sending.patch(where, 3, b"de").status_code == 204
    assert sending.bytes_of(where) == b"abcde"


def test_other_version_is_told_which_one_is_known(sending: Sending) -> None:
    answer = sending.client.post("/files/", headers={"Upload-Length": "1"})
    assert answer.status_code == 412
    assert answer.headers["Tus-Version"] == "1.0.0"


def test_unknown_upload_is_not_found(sending: Sending) -> None:
    for upload_id in ("0" * 32, "x", "..%2f..%2flab.sqlite3"):
        where = f"/files/{upload_id}"
        assert sending.client.head(where, headers=TUS).status_code == 404
        assert sending.patch(where, 0, b"a").status_code == 404
        assert sending.client.delete(where, headers=TUS).status_code == 404


@pytest.mark.parametrize("length", ["", "-1", "1.5", "9" * 30])
def test_length_must_be_a_number(sending: Sending, length: str) -> None:
    assert sending.create(0, headers={"Upload-Length": length}).status_code == 400


def test_length_must_be_known_and_not_too_much(sending: Sending) -> None:
    assert sending.create(1, headers={"Upload-Defer-Length": "1"}).status_code == 400
    assert sending.create((1 << 40) + 1).status_code == 413


def test_file_that_does_not_fit_on_the_disk_is_refused_when_announced(sending: Sending) -> None:
    assert sending.create(1 << 40).status_code == 507


def test_creation_needs_both_tokens_and_that_they_match(sending: Sending, world: Any) -> None:
    upload_token = sending.request()
    other = world.tokens["editor"]
    for metadata, status in (
        ("", 401),
        (encoded(uploadtoken=upload_token), 401),
        (encoded(apitoken=sending.token), 403),
        (encoded(apitoken=sending.token, filename="a.txt"), 403),
        (encoded(apitoken=sending.token, uploadtoken="wsi_unknown"), 403),
        (encoded(apitoken="wsi_unknown", uploadtoken=upload_token), 401),
        (encoded(apitoken=other, uploadtoken=upload_token), 403),
        (encoded(apitoken=world.token("boss@lab"), uploadtoken=upload_token), 403),
        ("uploadtoken !!!", 400),
    ):
        headers = {**TUS, "Upload-Length": "1", "Upload-Metadata": metadata}
        assert sending.client.post("/files/", headers=headers).status_code == status, metadata


def test_bearer_token_and_a_name_begin_an_upload_at_once(sending: Sending) -> None:
    metadata = encoded(filename="by-bearer.txt", folder="sent")
    headers = {**TUS, "Upload-Length": "2", "Upload-Metadata": metadata}
    headers["Authorization"] = f"Bearer {sending.token}"
    where = sending.client.post("/files/", headers=headers).headers["Location"]
    sending.patch(where, 0, b"ok")
    sending.world.lab.uploads.finish(sending.actor, where[-32:])
    assert (sending.home / "slides" / "sent" / "by-bearer.txt").read_bytes() == b"ok"


def test_first_bytes_may_come_with_the_creation(sending: Sending) -> None:
    headers = {"Content-Type": PATCH["Content-Type"]}
    answer = sending.create(5, headers=headers, content=b"abc")
    assert answer.status_code == 201
    assert answer.headers["Upload-Offset"] == "3"
    assert sending.offset(answer.headers["Location"]) == 3


def test_post_may_stand_for_other_methods(sending: Sending) -> None:
    where = sending.begun(3)
    headers = {**PATCH, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert sending.client.post(where, headers=headers, content=b"abc").status_code == 204
    assert sending.client.post(where, headers=TUS).status_code == 405
    headers = {**TUS, "X-HTTP-Method-Override": "DELETE"}
    assert sending.client.post(where, headers=headers).status_code == 204
    assert sending.client.head(where, headers=TUS).status_code == 404


def test_ended_upload_leaves_nothing(sending: Sending) -> None:
    where = sending.begun(3)
    sending.patch(where, 0, b"a")
    assert sending.client.delete(where, headers=TUS).status_code == 204
    assert not (sending.home / "uploads" / where[-32:]).exists()
    assert sending.patch(where, 1, b"bc").status_code == 404


@pytest.mark.parametrize("name", ["sha1", "sha256", "md5"])
def test_bytes_that_do_not_add_up_are_taken_back(sending: Sending, name: str) -> None:
    data = os.urandom(3_000_000)
    where = sending.begun(len(data) + 2)
    sending.patch(where, 0, b"ab")
    right = base64.b64encode(hashlib.new(name, data).digest()).decode()
    wrong = base64.b64encode(hashlib.new(name, b"else").digest()).decode()
    answer = sending.patch(where, 2, data, **{"Upload-Checksum": f"{name} {wrong}"})
    assert answer.status_code == 460
    assert sending.offset(where) == 2
    answer = sending.patch(where, 2, data, **{"Upload-Checksum": f"{name} {right}"})
    assert answer.status_code == 204
    assert sending.bytes_of(where) == b"ab" + data


def test_bytes_whose_checksum_never_came_are_not_counted(sending: Sending) -> None:
    where = sending.begun(100)
    sending.patch(where, 0, b"ab")
    path = sending.home / "uploads" / where[-32:]
    # What a server leaves that is killed in the middle.
    with partial.Partial(path) as writing:
        writing.doubt()
        writing.append([b"unsure"])
    assert path.stat().st_size == 8
    assert sending.offset(where) == 2
    assert sending.patch(where, 2, b"c").headers["Upload-Offset"] == "3"
    assert sending.bytes_of(where) == b"abc"


def test_more_than_announced_is_refused(sending: Sending) -> None:
    where = sending.begun(4)
    assert sending.patch(where, 0, b"abcde").status_code == 413
    assert sending.patch(where, 0, iter([b"ab", b"cde"])).status_code == 413
    assert sending.offset(where) <= 2
    assert sending.bytes_of(where) == b"abcd"[: sending.offset(where)]


def test_body_of_unknown_length_is_received(sending: Sending) -> None:
    pieces = [os.urandom(400_000) for _ in range(9)]
    where = sending.begun(3_600_000)
    answer = sending.patch(where, 0, iter(pieces))
    assert answer.headers["Upload-Offset"] == "3600000"
    assert sending.bytes_of(where) == b"".join(pieces)


def test_what_came_before_a_cut_is_kept(sending: Sending, monkeypatch: pytest.MonkeyPatch) -> None:
    # However long it takes here to hear of the cut.
    monkeypatch.setattr(handlers, "SECONDS_FOR_THE_OTHER", 30.0)
    data = os.urandom(2_500_000)
    where = sending.begun(len(data))
    connection = sending.start(where, 0, len(data))
    connection.sendall(data[:2_000_000])
    wait_until(lambda: len(sending.bytes_of(where)) > 0)
    connection.close()
    offset = sending.offset(where)
    assert 0 < offset <= 2_000_000
    assert sending.patch(where, offset, data[offset:]).status_code == 204
    assert sending.bytes_of(where) == data


def test_second_writer_is_turned_away(sending: Sending) -> None:
    where = sending.begun(10)
    connection = sending.start(where, 0, 10)
    connection.sendall(b"abcde")
    wait_until(lambda: sending.world.lab.uploads.progress(where[-32:]).is_being_sent)
    answer = sending.patch(where, 0, b"xxxxxxxxxx")
    assert answer.status_code == 423
    assert answer.headers["Retry-After"] == "1"
    assert sending.client.delete(where, headers=TUS).status_code == 423
    connection.sendall(b"fghij")
    assert b" 204 " in connection.recv(1000)
    connection.close()
    assert sending.bytes_of(where) == b"abcdefghij"


def test_many_writers_at_a_time_mix_nothing(sending: Sending) -> None:
    size = 2_000_000
    where = sending.begun(size)
    statuses: list[int] = []

    def send(letter: bytes) -> None:
        with httpx.Client(base_url=sending.url, timeout=30) as client:
            headers = {**PATCH, "Upload-Offset": "0"}
            statuses.append(client.patch(where, headers=headers, content=letter * size).status_code)

    threads = [threading.Thread(target=send, args=(bytes([65 + n]),)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses.count(204) == 1
    assert set(statuses) <= {204, 409, 423}
    assert len(set(sending.bytes_of(where))) == 1


def test_client_that_hardly_sends_loses_its_connection_and_no_byte(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough for the bytes to come in before the first look.
    monkeypatch.setattr(handlers, "SECONDS_PER_LOOK", 1.0)
    where = sending.begun(1000)
    with sending.start(where, 0, 1000) as connection:
        connection.sendall(b"abc")
        assert connection.recv(100) == b""
    assert sending.offset(where) == 3


def test_dribbling_clients_hold_no_thread(sending: Sending) -> None:
    slow = []
    for _ in range(30):
        where = sending.begun(1000)
        connection = sending.start(where, 0, 1000)
        connection.sendall(b"a")
        slow.append(connection)
    where = sending.begun(3_000_000)
    assert sending.patch(where, 0, bytes(3_000_000)).status_code == 204
    for connection in slow:
        connection.close()


def test_full_disk_is_said_and_the_offset_stays_true(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = [1_500_000]
    writev = os.writev

    def until_full(descriptor: int, pieces: list[memoryview]) -> int:
        if room[0] <= 0:
            raise OSError(28, "No space left on device")
        count = writev(descriptor, [pieces[0][: room[0]]])
        room[0] -= count
        return count

    data = os.urandom(5_000_000)
    where = sending.begun(len(data))
    monkeypatch.setattr(os, "writev", until_full)
    answer = sending.patch(where, 0, data)
    assert answer.status_code == 507
    assert sending.offset(where) == 1_500_000
    room[0] = 1 << 40
    assert sending.patch(where, 1_500_000, data[1_500_000:]).status_code == 204
    assert sending.bytes_of(where) == data


def test_finished_upload_cannot_be_gone_on_with(sending: Sending) -> None:
    where = sending.begun(1)
    sending.patch(where, 0, b"a")
    sending.world.lab.uploads.finish(sending.actor, where[-32:])
    assert sending.patch(where, 1, b"").status_code == 410
    assert sending.offset(where) == 1
    assert sending.client.delete(where, headers=TUS).status_code == 404


def test_revoked_token_ends_its_uploads(sending: Sending, world: Any) -> None:
    made, text = world.lab.people.create_token(
        world.owner, name="soon revoked", email="boss@lab", capabilities=["all"]
    )
    actor = world.lab.people.actor_for_token(text, door="tests")
    upload_token = world.lab.uploads.request(actor, "1.bin", "sent")
    headers = {**TUS, "Upload-Length": "3", "Upload-Metadata": sending.metadata(upload_token, text)}
    where = sending.client.post("/files/", headers=headers).headers["Location"]
    assert sending.patch(where, 0, b"a").status_code == 204
    world.lab.people.revoke_token(world.owner, made.id)
    assert sending.patch(where, 1, b"bc").status_code == 401


def test_upload_is_gone_a_day_after_anybody_went_on_with_it(sending: Sending) -> None:
    where = sending.begun(3)
    path = sending.home / "uploads" / where[-32:]
    before = sending.world.clock.ahead
    try:
        sending.world.clock.ahead = before + timedelta(hours=23)
        assert sending.patch(where, 0, b"a").status_code == 204
        sending.world.clock.ahead = before + timedelta(hours=46)
        assert sending.offset(where) == 1
        sending.world.clock.ahead = before + timedelta(hours=48)
        assert sending.client.head(where, headers=TUS).status_code == 404
        sending.request()
        assert not path.exists()
    finally:
        sending.world.clock.ahead = before


def test_no_secret_is_logged(sending: Sending, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    upload_token = sending.request()
    where = sending.create(3, upload_token=upload_token).headers["Location"]
    sending.patch(where, 0, b"abc")
    sending.patch(where, 0, b"abc")
    sending.create(3, upload_token="wsi_wrong")
    logged = lab_log(caplog, "403 POST files/", logger="wsi_lab")
    wrong = base64.b64encode(b"wsi_wrong").decode()
    for secret in (upload_token, sending.token, where[-32:], wrong):
        assert secret not in "\n".join(logged)


def test_expecting_client_is_refused_before_it_sends(sending: Sending) -> None:
    where = sending.begun(5)
    connection = http.client.HTTPConnection(urlsplit(sending.url).netloc, timeout=10)
    connection.putrequest("PATCH", where)
    for name, value in {**PATCH, "Upload-Offset": "3", "Expect": "100-continue"}.items():
        connection.putheader(name, value)
    connection.putheader("Content-Length", str(100 << 20))
    connection.endheaders()
    assert connection.getresponse().status == 409
    connection.close()
