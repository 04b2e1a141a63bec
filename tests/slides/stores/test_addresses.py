"""Nobody makes this machine ask a host that nobody declared, however the address is spelt."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator

import pytest

from bench.object_server import ObjectServer
from wsi_lab.errors import Invalid, NotAllowed, SourceRefused, SourceUnavailable, WsiLabError
from wsi_lab.model.source import Source
from wsi_lab.slides.stores import StoreLimits, Stores, open_store
from wsi_lab.slides.stores.addresses import Reach, may_be_reached
from wsi_lab.slides.stores.web import WebStore

# Hosts that end at this machine, at its link, or at where clouds hand out credentials.
# fmt: off
LOOPBACK = [
    "127.0.0.1", "127.1", "127.0.1", "127.000.000.001", "127.0.0.2", "127.255.255.254",
    "2130706433", "0x7f000001", "0x7f.1", "0x7f.0.0.1", "017700000001", "0177.0.0.1",
    "0177.1", "00177.0.0.01", "127.0.0.1.", "localhost", "LOCALHOST", "localhost.",
    "localhost.localdomain", "ip6-localhost", "[::1]", "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "0", "00.0",
    "0.0.0.0",  # noqa: S104 (nobody binds to it)
    "0x0", "[::]", "[::ffff:0:0]",
]
LINK_AND_METADATA = [
    "169.254.169.254", "169.254.170.2", "169.254.0.1", "2852039166", "0xa9fea9fe",
    "0xA9.0xFE.0xA9.0xFE", "0251.0376.0251.0376", "169.254.43518", "169.16689662",
    "0251.254.169.254", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]",
    "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]", "[fe80::1]", "[fe80::a9fe:a9fe]",
    "[fd00:ec2::254]", "[fd20:ce::254]", "100.100.100.200", "168.63.129.16", "192.0.0.192",
    "224.0.0.1", "239.255.255.250", "[ff02::1]", "255.255.255.255", "240.0.0.1",
    "metadata.google.internal",
]
PRIVATE = [
    "10.0.0.1", "012.0.0.1", "167772161", "0x0a000001", "172.16.0.1", "172.31.255.254",
    "192.168.0.1", "192.168.1", "3232235521", "0xc0a80001", "100.64.0.1", "[fc00::1]",
    "[fd12:3456::1]", "[::ffff:10.0.0.1]", "[64:ff9b::10.0.0.1]", "[2002:0a00:1::]",
    "198.18.0.1",
]
# fmt: on
DISGUISES = [
    "http://127.0.0.1:{port}@slides.example/a.svs",
    "http://slides.example@127.0.0.1:{port}/a.svs",
    "http://slides.example:80@127.0.0.1:{port}/a.svs",
    "http://slides.example#@127.0.0.1:{port}/a.svs",
    "http://slides.example\\@127.0.0.1:{port}/a.svs",
    "http://127.0.0.1:{port}\\.slides.example/a.svs",
    "http://127.0.0.1:{port}#.slides.example/a.svs",
    "http://127.0.0.1:{port}?.slides.example/a.svs",
    "http://127.0.0.1%2f.slides.example:{port}/a.svs",
    "http://127。0。0。1:{port}/a.svs",
    "http://①②⑦.⓪.⓪.①:{port}/a.svs",
    "http://127.0.0.1 .slides.example:{port}/a.svs",
    "http://127.0.0.1\t:{port}/a.svs",
    "http:/127.0.0.1:{port}/a.svs",
    "http:127.0.0.1:{port}/a.svs",
    "http:///127.0.0.1:{port}/a.svs",
    "http:////127.0.0.1:{port}/a.svs",
    "//127.0.0.1:{port}/a.svs",
    "\\\\127.0.0.1\\share\\a.svs",
    "\\\\127.0.0.1@{port}\\share\\a.svs",
    "file:///etc/passwd",
    "file://127.0.0.1/etc/passwd",
    "FILE:///etc/passwd",
    "ftp://127.0.0.1:{port}/a.svs",
    "gopher://127.0.0.1:{port}/_GET",
    "dict://127.0.0.1:{port}/info",
    "jar:http://127.0.0.1:{port}/a.jar!/a.svs",
    "unix://var/run/docker.sock",
    "HTTP://127.0.0.1:{port}/a.svs",
    "hTTp://127.0.0.1:{port}/a.svs",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/a",
    "s3://127.0.0.1:{port}/a.svs",
    "s3://user@127.0.0.1:{port}/a.svs",
    "s3://",
    "s3:///a.svs",
    "s3://..%2f/a.svs",
    "gs://127.0.0.1:{port}/a.svs",
    "az://[::1]:{port}/a.svs",
]
SPELLINGS = [
    *(f"http://{host}:{{port}}/a.svs" for host in (*LOOPBACK, *LINK_AND_METADATA, *PRIVATE)),
    *DISGUISES,
]


@pytest.fixture
def canary() -> Iterator[socket.socket]:
    """A listener on every address of this machine that nobody may connect to."""
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
        listener.setblocking(False)
        yield listener
        with pytest.raises(BlockingIOError):
            listener.accept()


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


@pytest.fixture
def connects(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that were connected to; no connection is made."""
    connected: list[str] = []

    def connect(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    return connected


def test_there_are_more_than_eighty_spellings() -> None:
    assert len(set(SPELLINGS)) >= 80


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_address_outside_declared_sources_is_never_asked(
    canary: socket.socket, connects: list[str], spelling: str
) -> None:
    address = spelling.format(port=port_of(canary))
    stores = Stores([Source.at("http://slides.example"), Source.at("s3://declared")])
    with pytest.raises((NotAllowed, Invalid)):
        stores.for_address(address)
    assert connects == []
    stores.close()


@pytest.mark.parametrize("host", [*LOOPBACK, *LINK_AND_METADATA, *PRIVATE])
def test_a_declared_host_in_disguise_is_never_asked(
    canary: socket.socket,
    connects: list[str],
    limits: StoreLimits,
    hasty_limits: StoreLimits,
    host: str,
) -> None:
    try:
        source = Source.at(f"http://{host}:{port_of(canary)}")
        written = ipaddress.ip_address(host.strip("[]"))
    except Invalid:
        return
    except ValueError:
        written = None
    is_honest = source.container.startswith("localhost:") or (
        written is not None and may_be_reached(host.strip("[]"), written, Reach.PUBLIC)
    )
    # Names that nobody here can look up are not waited for.
    store = open_store(source, limits if is_honest else hasty_limits)
    with pytest.raises(SourceUnavailable):
        store.facts("a.svs")
    # Who declares the plain number of a host of their own network means it.
    assert bool(connects) == is_honest
    store.close()


@pytest.mark.parametrize("host", LINK_AND_METADATA)
def test_metadata_and_links_are_out_of_reach_even_when_declared_plainly(
    connects: list[str], hasty_limits: StoreLimits, host: str
) -> None:
    for source in (
        Source.at(f"http://{host}"),
        Source.at("s3://bucket", endpoint=f"http://{host}", anonymous=True),
    ):
        store = open_store(source, hasty_limits)
        with pytest.raises(SourceUnavailable):
            store.facts("a.svs")
        store.close()
    assert connects == []


@pytest.mark.parametrize(
    "inner",
    ["127.0.0.1", "::1", "10.1.2.3", "192.168.1.1", "fd00::1", "169.254.169.254", "::"],
)
def test_a_public_name_with_an_inner_address_is_refused(
    connects: list[str], limits: StoreLimits, inner: str
) -> None:
    source = Source.at("http://slides.example")
    store = WebStore(source, limits, resolve=lambda *_: [inner])
    with pytest.raises(SourceRefused):
        store.facts("a.svs")
    assert connects == []


def test_a_name_that_changes_its_address_is_checked_each_time(
    connects: list[str], limits: StoreLimits
) -> None:
    answers = iter([["93.184.215.14"], ["127.0.0.1"]])
    store = WebStore(Source.at("http://slides.example"), limits, resolve=lambda *_: next(answers))
    with pytest.raises(SourceRefused):
        store.facts("a.svs")
    assert connects == ["93.184.215.14"]


def test_of_several_addresses_only_those_that_may_be_reached_are(
    connects: list[str], limits: StoreLimits
) -> None:
    found = ["127.0.0.1", "93.184.215.14", "::ffff:10.0.0.1", "2606:2800:21f:cb07::1"]
    store = WebStore(Source.at("http://slides.example"), limits, resolve=lambda *_: found)
    with pytest.raises(SourceUnavailable):
        store.facts("a.svs")
    assert set(connects) == {"93.184.215.14", "2606:2800:21f:cb07::1"}


def test_the_connection_goes_to_the_address_that_was_checked(
    objects: ObjectServer, content: bytes, limits: StoreLimits, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    # A name of this network, and allowed as such: .internal belongs to nobody outside.
    source = Source.at("s3://slides", endpoint=f"http://minio.internal:{objects.port}")
    from wsi_lab.slides.stores.s3 import S3Store

    store = S3Store(source, limits, resolve=resolve)
    facts = store.facts("a.svs")
    for _ in range(5):
        assert store.read("a.svs", 0, 10, facts) == content[:10]
    store.close()
    assert asked == ["minio.internal"]
    assert objects.take_log()[0].headers["Host"] == f"minio.internal:{objects.port}"


@pytest.mark.parametrize(
    ("host", "address", "is_reached"),
    [
        ("pacs.internal", "10.0.0.1", True),
        ("nas", "192.168.1.2", True),
        ("nas.local", "fd00::2", True),
        ("nas", "127.0.0.1", False),
        ("pacs.internal", "169.254.169.254", False),
        ("hospital.example", "10.0.0.1", False),
        ("167772161", "10.0.0.1", False),
        ("localhost", "10.0.0.1", False),
        ("10.0.0.1", "10.0.0.2", False),
        ("slides.example", "93.184.215.14", True),
    ],
)
def test_names_that_cannot_be_public_may_have_private_addresses(
    host: str, address: str, is_reached: bool
) -> None:
    assert may_be_reached(host, ipaddress.ip_address(address), Reach.PUBLIC) == is_reached


@pytest.mark.parametrize(
    "key",
    [
        "../secret.svs",
        "a/../../secret.svs",
        "./a.svs",
        "//127.0.0.1/a.svs",
        "/a.svs",
        "a//b.svs",
        "..\\secret.svs",
        "\\\\127.0.0.1\\a.svs",
        "a/..",
        "",
    ],
)
def test_a_key_cannot_leave_the_folder_of_a_web_server(
    objects: ObjectServer, web_source: Source, limits: StoreLimits, key: str
) -> None:
    store = open_store(web_source, limits)
    with pytest.raises(WsiLabError):
        store.head(key, 10)
    store.close()
    assert objects.connections == 0


@pytest.mark.parametrize("key", ["%2e%2e/s.svs", "a?b=c", "a#b", "a b", "http://127.0.0.1/", "a;b"])
def test_a_key_is_one_path_and_nothing_else(
    objects: ObjectServer, web_source: Source, limits: StoreLimits, key: str
) -> None:
    store = open_store(web_source, limits)
    with pytest.raises(WsiLabError):
        store.head(key, 10)
    store.close()
    assert {each.key for each in objects.take_log()} <= {key}


def test_no_proxy_of_the_environment_is_used(
    canary: socket.socket,
    web_source: Source,
    limits: StoreLimits,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port_of(canary)}")
    store = open_store(web_source, limits)
    assert store.facts("a.svs").size == 100_000
    store.close()
