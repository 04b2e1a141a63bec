"""Against another implementation of S3: odd keys, long lists, conditions."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest

from wsi_lab.errors import SlideChanged, SlideMissing, SourceRefused
from wsi_lab.model.source import Source
from wsi_lab.slides.stores import ObjectStore

SERVE = """
import logging, time
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print("%s:%d" % server.get_host_and_port(), flush=True)
time.sleep(3600)
"""

ODD_KEYS = [
    " .svs",
    " leading and trailing .svs ",
    "a b.svs",
    "a+b.svs",
    "a%20b.svs",
    "a%2Fb.svs",
    "a%252Fb.svs",
    "a#b.svs",
    "a?b=c&d=e.svs",
    "a&b=c;d.svs",
    "a;b,c:d@e$f!.svs",
    "'\"<>{}[]^`|~*().svs",
    "back\\slash.svs",
    "ü.svs",
    "u\u0308.svs",
    "日本語/スライド.svs",
    "\uffee.svs",
    "\U0001f600.svs",
    "\u202eright-to-left.svs",
    ".hidden.svs",
    "a/.hidden/b.svs",
    "a//b.svs",
    "//a.svs",
    "/a.svs",
    "a/...svs",
    "tab\there.svs",
    "bell\x07here.svs",
    "x" * 1020 + ".svs",
]
UNNAMEABLE = ["a/../b.svs", "a/./b.svs", "folder/"]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The address of a moto server, in a process of its own."""
    process = subprocess.Popen([sys.executable, "-c", SERVE], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("127."):
            yield f"http://{line.strip()}"
            break
    process.terminate()
    process.communicate(timeout=20)


@pytest.fixture
def client(endpoint: str) -> Any:
    return boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")


@pytest.fixture
def bucket(client: Any) -> str:
    name = f"slides-{uuid.uuid4()}"
    client.create_bucket(Bucket=name)
    return name


@pytest.fixture
def store(opened, endpoint: str, bucket: str) -> ObjectStore:
    return opened(Source.at(f"s3://{bucket}", endpoint=endpoint))


@pytest.mark.parametrize("prefix", ["", "some/where ü+%/"])
def test_odd_keys_are_listed_and_read_and_none_stands_for_another(
    client: Any, opened, endpoint: str, bucket: str, prefix: str
) -> None:
    for key in (*ODD_KEYS, *UNNAMEABLE):
        body = json.dumps(key).encode()
        client.put_object(Bucket=bucket, Key=(prefix + key)[-1020:], Body=body)
    store = opened(Source.at(f"s3://{bucket}/{prefix}", endpoint=endpoint))
    kept = [key for key in ODD_KEYS if len(prefix + key) <= 1020]
    listed = list(store.keys())
    assert set(kept) <= set(listed)
    assert not {"folder/", "a/../b.svs", "a/./b.svs"} & set(listed)
    assert listed == sorted(listed, key=str.encode)
    for key in kept:
        data, facts = store.head(key, 100_000)
        assert json.loads(data) == key
        assert store.facts(key) == facts
        assert store.read(key, 1, facts.size - 1, facts) == data[1:]
    for key in UNNAMEABLE[:2]:
        with pytest.raises(SlideMissing):
            store.facts(key)


def test_more_than_a_thousand_keys_are_all_listed_once(
    client: Any, store: ObjectStore, bucket: str
) -> None:
    names = [f"{number:04} +%.svs" for number in range(1100)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda name: client.put_object(Bucket=bucket, Key=name), names))
    assert list(store.keys()) == names
    assert list(store.keys(after=names[999])) == names[1000:]
    assert list(store.keys(prefix="10", after=names[1050])) == names[1051:1100]


def test_a_replaced_object_has_changed(client: Any, store: ObjectStore, bucket: str) -> None:
    client.put_object(Bucket=bucket, Key="a.svs", Body=b"one")
    _, facts = store.head("a.svs", 3)
    client.put_object(Bucket=bucket, Key="a.svs", Body=b"two")
    with pytest.raises(SlideChanged):
        store.read("a.svs", 0, 3, facts)
    client.delete_object(Bucket=bucket, Key="a.svs")
    with pytest.raises(SlideMissing):
        store.read("a.svs", 0, 3, facts)


def test_a_bucket_that_is_not_there_is_refused_and_an_empty_one_is_empty(
    opened, endpoint: str, store: ObjectStore
) -> None:
    assert list(store.keys()) == []
    nowhere = opened(Source.at("s3://not-there", endpoint=endpoint))
    with pytest.raises(SourceRefused, match="no such bucket"):
        list(nowhere.keys())
