"""What S3 adds to HTTP: lists, signatures, regions, and where a bucket's host is."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

from bench.object_faults import Fault, Trouble
from bench.object_server import ObjectServer
from wsi_lab.errors import Invalid, SourceRefused, SourceTimeout, SourceUnavailable
from wsi_lab.model.source import Source
from wsi_lab.slides.stores import ObjectStore, StoreLimits
from wsi_lab.slides.stores.s3 import S3Store

NAMES = ["a+b.svs", "b/c d.svs", "b/c%20d.svs", "b/ü.svs", "b.svs", "c/é/😀.tif", "￮.tif", "z"]


@pytest.fixture
def store(opened, s3_source: Source) -> ObjectStore:
    return opened(s3_source)


@pytest.fixture
def names(folder: Path) -> list[str]:
    """Keys in the order a store lists them."""
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return sorted(["a.svs", *NAMES], key=str.encode)


@pytest.mark.parametrize("page", [1, 3, 1000])
def test_keys_come_in_byte_order_over_all_pages(
    store: ObjectStore, names: list[str], objects: ObjectServer, page: int
) -> None:
    objects.page_keys = page
    assert list(store.keys()) == names
    assert names.index("b.svs") < names.index("b/c d.svs"), "not folder by folder"


def test_a_prefix_is_one_of_the_text_and_not_of_folders(
    store: ObjectStore, names: list[str]
) -> None:
    for prefix in ("b", "b/", "b/c", "b/c%", "B", "ü", "c/é"):
        assert list(store.keys(prefix=prefix)) == [n for n in names if n.startswith(prefix)]


def test_a_list_goes_on_after_any_key_whether_it_is_there_or_not(
    store: ObjectStore, names: list[str], objects: ObjectServer
) -> None:
    objects.page_keys = 2
    for after in (*names, "a", "b/", "~", "b/c d"):
        expected = [name for name in names if name.encode() > after.encode()]
        assert list(store.keys(after=after)) == expected


def test_only_what_is_taken_is_listed(
    store: ObjectStore, names: list[str], objects: ObjectServer
) -> None:
    objects.page_keys = 2
    keys = store.keys()
    assert [next(keys), next(keys)] == names[:2]
    assert len(objects.take_log()) == 1


def test_a_source_with_a_prefix_knows_no_key_outside(
    opened, names: list[str], objects: ObjectServer
) -> None:
    store = opened(Source.at("s3://slides/b", endpoint=objects.url))
    inside = [name.removeprefix("b/") for name in names if name.startswith("b/")]
    assert list(store.keys()) == inside
    assert list(store.keys(prefix="c", after=inside[0])) == [inside[1]]
    assert store.head(inside[0], 100)[0] == f"b/{inside[0]}".encode()


def listing(more: str, *keys: str) -> bytes:
    entries = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in keys)
    return f"<ListBucketResult>{more}{entries}</ListBucketResult>".encode()


def more(number: int) -> str:
    token = f"<NextContinuationToken>{number}</NextContinuationToken>"
    return f"<IsTruncated>true</IsTruncated>{token}"


def answer_with(monkeypatch: pytest.MonkeyPatch, body_of: Callable[[int], bytes]) -> None:
    """Let the server answer each request for a list, counted from 0, with this body."""
    numbers = count()

    def answer(handler: Any, _asked: dict[str, str]) -> None:
        body = body_of(next(numbers))
        handler._send(200, [("Content-Length", str(len(body)))], body, "")

    monkeypatch.setattr("bench.object_server._Handler._list", answer)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html></html>",
        b"<ListBucketResult>",
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><ListBucketResult/>',
        '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><ListBucketResult/>'.encode("utf-16"),
        '<?xml version="1.0" encoding="utf-16"?><ListBucketResult/>'.encode("utf-16"),
        b'<?xml version="1.0" encoding="latin-1"?><ListBucketResult a="\xfc"/>',
        b"<ListBucketResult>" + b" " * (4 << 20) + b"</ListBucketResult>",
        b"<Other/>",
        listing("", "b", "a"),
        listing("<IsTruncated>true</IsTruncated>", "a"),
        listing(
            "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>", "a"
        ),
    ],
    ids=[
        *("empty", "page", "cut", "entities", "utf-16-entities", "utf-16", "latin-1", "long"),
        *("other", "unordered", "no-token", "in-circles"),
    ],
)
def test_what_is_no_list_is_refused(
    store: ObjectStore, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with(monkeypatch, lambda _number: body)
    with pytest.raises(SourceRefused):
        list(store.keys())


def test_a_store_that_promises_more_for_ever_is_refused(
    store: ObjectStore, objects: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with(monkeypatch, lambda number: listing(more(number) if number < 40 else ""))
    with pytest.raises(SourceRefused, match="again and again"):
        list(store.keys())
    assert len(objects.take_log()) == 16


def test_pages_without_a_slide_go_by_one_at_a_time(
    store: ObjectStore, objects: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Folder marks are no slides; a bucket may hold any number of them.
    answer_with(
        monkeypatch,
        lambda number: listing(more(number), f"{number:03}/") if number < 40 else listing("", "a"),
    )
    keys = store.keys()
    assert next(keys) is None
    assert len(objects.take_log()) == 1
    assert [key for key in keys if key is not None] == ["a"]


def test_the_longest_list_that_there_is_is_read(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{number:04}" + "ü" * 510 for number in range(1000)]
    beside = "<EncodingType>url</EncodingType>" + f"<Etag>{'x' * 300_000}</Etag>"
    body = "\ufeff" + listing(beside, *map(quote_plus, names)).decode()
    answer_with(monkeypatch, lambda _number: body.encode())
    assert list(store.keys()) == names


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Trouble(Fault.STATUS, status=403, code="AccessDenied"), SourceRefused),
        (Trouble(Fault.STATUS, status=404, code="NoSuchBucket"), SourceRefused),
        (Trouble(Fault.STATUS, status=404, code="NoSuchKey"), SourceRefused),
        (Trouble(Fault.STATUS, status=503), SourceUnavailable),
        (Trouble(Fault.STALL, after=100), SourceTimeout),
        (Trouble(Fault.SLOW), SourceTimeout),
        (Trouble(Fault.SHORT), SourceUnavailable),
    ],
    ids=["403", "no-bucket", "404", "503", "stall", "slow", "short"],
)
def test_a_store_that_does_not_list_says_why(
    store: ObjectStore,
    hasty: ObjectStore,
    objects: ObjectServer,
    fault: Trouble,
    error: type[Exception],
) -> None:
    asked = hasty if error is SourceTimeout else store
    with objects.in_trouble(fault), pytest.raises(error):
        list(asked.keys())


def test_no_such_bucket_is_no_missing_slide(opened, objects: ObjectServer) -> None:
    store = opened(Source.at("s3://other", endpoint=objects.url))
    with pytest.raises(SourceRefused, match="no such bucket"):
        store.head("a.svs", 10)


def test_every_request_is_signed_and_the_secret_stays_here(
    store: ObjectStore, objects: ObjectServer
) -> None:
    store.head("a.svs", 10)
    next(store.keys())
    for asked in objects.take_log():
        signature = asked.headers["Authorization"]
        assert signature.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
        assert "/us-east-1/s3/aws4_request, " in signature
        assert "wJalrXUtnFEMI" not in str(asked.headers)


def test_an_anonymous_source_signs_nothing(opened, objects: ObjectServer) -> None:
    store = opened(Source.at("s3://slides", endpoint=objects.url, anonymous=True))
    store.head("a.svs", 10)
    assert "Authorization" not in objects.take_log()[0].headers


def test_without_credentials_a_store_is_refused_before_it_is_asked(
    store: ObjectStore, objects: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(SourceRefused, match="credentials"):
        store.head("a.svs", 10)
    assert objects.connections == 0


def test_the_region_that_a_store_tells_is_used_from_then_on(
    store: ObjectStore, objects: ObjectServer, content: bytes
) -> None:
    elsewhere = Trouble(
        Fault.STATUS,
        times=1,
        status=301,
        code="PermanentRedirect",
        headers=(("x-amz-bucket-region", "eu-west-1"), ("Location", "http://127.0.0.1:1/")),
    )
    with objects.in_trouble(elsewhere):
        assert store.head("a.svs", 10)[0] == content[:10]
    store.facts("a.svs")
    regions = [each.headers["Authorization"].split("/")[2] for each in objects.take_log()]
    assert regions == ["us-east-1", "eu-west-1", "eu-west-1"]


@pytest.mark.parametrize("region", ["us-east-1", "evil.example/", "", "A B"])
def test_a_region_that_is_none_or_no_other_changes_nothing(
    store: ObjectStore, objects: ObjectServer, region: str
) -> None:
    headers = (("x-amz-bucket-region", region),)
    elsewhere = Trouble(Fault.STATUS, status=400, code="PermanentRedirect", headers=headers)
    with objects.in_trouble(elsewhere), pytest.raises(SourceRefused):
        store.head("a.svs", 10)
    assert len(objects.take_log()) == 1


@pytest.mark.parametrize(
    ("source", "environment", "host"),
    [
        (Source.at("s3://slides"), {}, "slides.s3.us-east-1.amazonaws.com"),
        (Source.at("s3://my.slides"), {}, "s3.us-east-1.amazonaws.com"),
        (
            Source.at("s3://slides", region="eu-west-1"),
            {"AWS_REGION": "x"},
            "slides.s3.eu-west-1.amazonaws.com",
        ),
        (
            Source.at("s3://slides"),
            {"AWS_REGION": "eu-north-1", "AWS_DEFAULT_REGION": "x"},
            "slides.s3.eu-north-1.amazonaws.com",
        ),
        (
            Source.at("s3://slides"),
            {"AWS_ENDPOINT_URL": "http://minio:9000"},
            "minio",
        ),
        (
            Source.at("s3://slides", endpoint="https://ceph.example/s3/"),
            {"AWS_ENDPOINT_URL_S3": "http://minio:9000"},
            "ceph.example",
        ),
    ],
    ids=["virtual", "dots", "region", "environment", "endpoint", "own-endpoint"],
)
def test_the_host_follows_from_bucket_region_and_endpoint(
    limits: StoreLimits, source: Source, environment: dict[str, str], host: str
) -> None:
    asked: list[str] = []

    def resolve(name: str, _port: int) -> list[str]:
        asked.append(name)
        raise OSError

    store = S3Store(source, limits, environment=environment, resolve=resolve)
    store._is_signed = False
    with pytest.raises(SourceUnavailable):
        store.facts("a.svs")
    assert set(asked) == {host}


@pytest.mark.parametrize(
    "endpoint",
    ["minio:9000", "ftp://minio", "http://", "http://u:p@minio", "http://minio:x", "http://a?b=c"],
)
def test_an_endpoint_that_is_none_is_said_at_once(limits: StoreLimits, endpoint: str) -> None:
    with pytest.raises(Invalid, match="endpoint"):
        S3Store(Source.at("s3://slides", endpoint=endpoint), limits)


def test_buckets_of_one_name_are_told_apart_by_their_endpoints(limits: StoreLimits) -> None:
    def origin(environment: dict[str, str] | None = None, **where: str) -> str:
        source = Source.at("s3://slides", **where)
        return S3Store(source, limits, environment=environment or {}).origin

    amazon = origin()
    assert origin(region="eu-west-1") == origin({"AWS_REGION": "eu-north-1"}) == amazon
    minio = origin(endpoint="http://minio:9000")
    assert origin({"AWS_ENDPOINT_URL": "http://minio:9000/"}) == minio != amazon
