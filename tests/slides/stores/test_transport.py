"""Answers of hosts that do not keep to HTTP, or keep to it in odd ways."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from waiting import wait_until

from bench.object_faults import Fault, Trouble
from bench.object_server import ObjectServer
from wsi_lab.errors import SourceRefused, SourceTimeout, SourceUnavailable
from wsi_lab.model.source import Source
from wsi_lab.slides.stores import ObjectFacts, ObjectStore, StoreLimits, open_store
from wsi_lab.slides.stores.web import WebStore

FACTS = ObjectFacts(10, '"e"')
HEAD = b'HTTP/1.1 206 P\r\nETag: "e"\r\nContent-Range: bytes 2-5/10\r\n'
GOOD = HEAD + b"Content-Length: 4\r\n\r\n2345"

Answering = Callable[[bytes], ObjectStore]


@pytest.fixture
def answering(limits: StoreLimits) -> Iterator[Answering]:
    """Opens a store whose host answers each connection with the same bytes, whatever it is."""
    ends: list[Callable[[], None]] = []

    def serve(answer: bytes) -> ObjectStore:
        listener = socket.create_server(("127.0.0.1", 0))

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    try:
                        connection.recv(65536)
                        connection.sendall(answer)
                    except OSError:
                        continue

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        source = Source.at(f"http://127.0.0.1:{listener.getsockname()[1]}")
        store = open_store(source, limits)
        ends.extend([store.close, lambda: listener.shutdown(socket.SHUT_RDWR), listener.close])
        ends.append(thread.join)
        return store

    yield serve
    for end in ends:
        end()


def test_a_plain_answer_is_read(answering: Answering) -> None:
    assert answering(GOOD).read("a", 2, 4, FACTS) == b"2345"


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"\r\n2345",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n23\r\n2\r\n45\r\n0\r\n\r\n",
        HEAD + b"Content-Length: 4\r\n\r\n2345 and something nobody asked for",
        b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD,
        GOOD.replace(b"1.1", b"1.0"),
        GOOD.replace(b'ETag: "e"\r\n', b""),
        GOOD.replace(b"\r\n", b"\n", 3),
    ],
    ids=["ends-with-connection", "chunked", "more", "continue", "1.0", "no-etag", "lf"],
)
def test_odd_but_complete_answers_are_read(answering: Answering, answer: bytes) -> None:
    assert answering(answer).read("a", 2, 4, FACTS) == b"2345"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\0" * 100,
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 206\r\n",
        b"HTTP/1.1 99999 P\r\n\r\n",
        b"HTTP/1.1 206 P\r\n" + b"X: y\r\n" * 500 + b"\r\n",
        b"HTTP/1.1 206 P\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        GOOD.replace(b": 4", b": 40"),
        GOOD.replace(b": 4", b": 3"),
        GOOD.replace(b": 4", b": 5") + b"6",
        GOOD.replace(b"bytes 2-5", b"bytes 3-6"),
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffff\r\n23",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n23",
        HEAD + b"\r\n234",
        HEAD + b"\r\n23456",
    ],
    ids=range(15),
)
def test_broken_answers_are_no_bytes_and_no_other_error(
    answering: Answering, answer: bytes
) -> None:
    store = answering(answer)
    started = time.monotonic()
    with pytest.raises(SourceUnavailable):
        store.read("a", 2, 4, FACTS)
    # To wait for what does not come any more takes twenty.
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    "answer",
    [
        GOOD.replace(b"bytes 2-5/10", b"bytes 2-5/*"),
        GOOD.replace(b"Content-Range: bytes 2-5/10\r\n", b""),
        GOOD.replace(b"ETag:", b"Content-Encoding: gzip\r\nETag:"),
        GOOD.replace(b"206", b"204"),
        b"HTTP/1.1 101 Switching\r\n\r\n",
    ],
    ids=["no-size", "no-range", "compressed", "204", "101"],
)
def test_answers_that_cannot_be_used_are_refused(answering: Answering, answer: bytes) -> None:
    with pytest.raises(SourceRefused):
        answering(answer).read("a", 2, 4, FACTS)


def test_an_endless_object_is_not_read_to_its_end(answering: Answering) -> None:
    head = b'HTTP/1.1 200 P\r\nETag: "a"\r\nContent-Length: 99999999999\r\n\r\n'
    answer = head + b"x" * 3_000_000
    data, facts = answering(answer).head("a", 1000)
    assert (data, facts.size) == (b"x" * 1000, 99_999_999_999)


@pytest.mark.parametrize("etag", [b'"a\r\n X-Evil: 1"', b'"\xff"', b'"a b"', b"e" * 600])
def test_an_etag_that_could_harm_a_request_is_none(answering: Answering, etag: bytes) -> None:
    dated = b"HTTP/1.1 200 P\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    answer = dated + b"ETag: " + etag + b"\r\nContent-Length: 3\r\n\r\nabc"
    assert answering(answer).head("a", 10)[1].etag is None


def test_a_server_that_tells_no_versions_is_refused(answering: Answering) -> None:
    # A slide that is replaced by one of the same size would stay the old one for ever.
    store = answering(b"HTTP/1.1 200 P\r\nLast-Modified: today\r\nContent-Length: 3\r\n\r\nabc")
    for ask in (store.facts, lambda key: store.head(key, 10)):
        with pytest.raises(SourceRefused, match="ETag"):
            ask("a")
    part = b"HTTP/1.1 206 P\r\nContent-Range: bytes 0-2/9\r\nContent-Length: 3\r\n\r\nabc"
    with pytest.raises(SourceRefused, match="ETag"):
        answering(part).read("a", 0, 3, ObjectFacts(9, 'W/"a"'))


def test_a_weak_etag_is_compared_but_is_no_condition() -> None:
    facts = ObjectFacts(3, 'W/"a"')
    assert facts.strong_etag is None
    assert not facts.is_of(ObjectFacts(3, 'W/"b"'))


def test_a_host_that_does_not_accept_is_given_up_in_time(hasty_limits: StoreLimits) -> None:
    # A full queue: the system answers no further connection.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        source = Source.at(f"http://127.0.0.1:{listener.getsockname()[1]}")
        store = open_store(source, hasty_limits)
        started = time.monotonic()
        with pytest.raises(SourceTimeout):
            store.facts("a")
        assert time.monotonic() - started < hasty_limits.call_seconds + 7
        for each in waiting:
            each.close()
        store.close()


def test_a_name_that_nobody_can_look_up_in_time_is_too_slow(hasty_limits: StoreLimits) -> None:
    released = threading.Event()

    def never(host: str, port: int) -> list[str]:
        released.wait()
        return []

    store = WebStore(Source.at("http://slides.example"), hasty_limits, resolve=never)
    started = time.monotonic()
    with pytest.raises(SourceTimeout):
        store.facts("a")
    assert time.monotonic() - started < hasty_limits.call_seconds + 7
    released.set()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that is signed by itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "certificate.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


@pytest.mark.parametrize(
    ("host", "is_trusted", "error"),
    [
        ("127.0.0.1", True, None),
        ("127.0.0.1", False, "certificate"),
        ("localhost", True, "certificate"),
    ],
    ids=["good", "untrusted", "other-name"],
)
def test_a_host_in_tls_is_known_by_its_certificate(
    objects: ObjectServer,
    content: bytes,
    certificate: Path,
    opened: Callable[[Source], ObjectStore],
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    is_trusted: bool,
    error: str | None,
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    listener = objects._http
    listener.socket = context.wrap_socket(
        listener.socket, server_side=True, do_handshake_on_connect=False
    )
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    store = opened(Source.at(f"https://{host}:{objects.port}/slides"))
    if error is None:
        data, facts = store.head("a.svs", 10)
        assert data == content[:10]
        assert store.read("a.svs", 90_000, 10_000, facts) == content[90_000:]
        assert objects.connections == 1
    else:
        with pytest.raises(SourceRefused, match=error):
            store.head("a.svs", 10)


def test_a_host_that_does_not_speak_tls_is_unavailable(
    objects: ObjectServer, opened: Callable[[Source], ObjectStore]
) -> None:
    with pytest.raises(SourceUnavailable):
        opened(Source.at(f"https://127.0.0.1:{objects.port}/slides")).head("a.svs", 10)


def test_descriptors_stay_flat_over_many_stores(
    objects: ObjectServer, web_source: Source, limits: StoreLimits
) -> None:
    def open_descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    def use_one() -> None:
        store = open_store(web_source, limits)
        facts = store.facts("a.svs")
        store.read("a.svs", 0, 100, facts)
        with objects.in_trouble(Trouble(Fault.SHORT, times=1)):
            store.read("a.svs", 0, 100, facts)
        store.close()

    use_one()
    wait_until(lambda: not objects._http._open)
    before = open_descriptors()
    for _ in range(50):
        use_one()
    wait_until(lambda: not objects._http._open)
    assert open_descriptors() <= before


def test_closing_lets_those_finish_who_read_and_keeps_no_connection(
    objects: ObjectServer, web_source: Source, content: bytes, limits: StoreLimits
) -> None:
    store = open_store(web_source, limits)
    facts = store.facts("a.svs")
    objects.latency = 0.3
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(store.read, "a.svs", 0, 100, facts) for _ in range(4)]
        wait_until(lambda: objects.connections == 4)
        store.close()
        assert [each.result() for each in asked] == [content[:100]] * 4
    assert objects.connections == 4
    wait_until(lambda: not objects._http._open)
    objects.latency = 0
    assert store.read("a.svs", 0, 100, facts) == content[:100]
    wait_until(lambda: not objects._http._open)


def test_many_connections_that_died_unseen_cost_one_more_try_and_no_waiting(
    limits: StoreLimits,
) -> None:
    """The host answers once over each of three connections, and hangs up when asked again."""
    accepted = []
    together = threading.Barrier(3)

    def answer(connection: socket.socket, number: int) -> None:
        with connection:
            connection.recv(65536)
            if number < 3:
                together.wait(50)
            connection.sendall(GOOD)
            while connection.recv(65536) and number >= 3:
                connection.sendall(GOOD)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            accepted.append(connection)
            threading.Thread(
                target=answer, args=(connection, len(accepted) - 1), daemon=True
            ).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        source = Source.at(f"http://127.0.0.1:{listener.getsockname()[1]}")
        patient = StoreLimits(first_wait_seconds=30.0, silence_seconds=50.0, call_seconds=60.0)
        store = open_store(source, patient)
        with ThreadPoolExecutor(3) as threads:
            list(threads.map(lambda _: store.read("a", 2, 4, FACTS), range(3)))
        started = time.monotonic()
        assert store.read("a", 2, 4, FACTS) == b"2345"
        assert store.read("a", 2, 4, FACTS) == b"2345"
        # To wait before another try takes twenty at least.
        assert time.monotonic() - started < 10
        assert len(accepted) == 4
        store.close()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
