"""Which store an address leads to."""

from __future__ import annotations

import pytest

from wsi_lab.errors import Invalid, NotAllowed
from wsi_lab.model.source import Source
from wsi_lab.slides.stores import Stores


def test_the_closest_declared_source_holds_an_address() -> None:
    outer = Source.at("s3://slides", endpoint="http://outer:9000")
    inner = Source.at("s3://slides/2026", endpoint="http://inner:9000")
    folder = Source.at("/data")
    stores = Stores([outer, inner, folder])
    fetcher, key = stores.for_address("s3://slides/2026/a/b.svs")
    assert (fetcher.store.source, key) == (inner, "a/b.svs")
    fetcher, key = stores.for_address("s3://slides/2026-private/b.svs")
    assert (fetcher.store.source, key) == (outer, "2026-private/b.svs")
    stores.close()


def test_slides_of_one_source_share_its_connections() -> None:
    stores = Stores([Source.at("http://slides.example/a")])
    one, _ = stores.for_address("http://slides.example/a/1.svs")
    two, _ = stores.for_address("http://slides.example/a/2.svs")
    assert one is two
    stores.close()


def test_buckets_need_not_be_declared() -> None:
    stores = Stores()
    fetcher, key = stores.for_address("s3://anybody/a//b ü.svs")
    assert (fetcher.store.source, key) == (Source.at("s3://anybody"), "a//b ü.svs")
    stores.close()


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("http://slides.example/other/a.svs", NotAllowed),
        ("http://slides.example/open", NotAllowed),
        ("http://slides.example/open/", NotAllowed),
        ("http://slides.example:81/open/a.svs", NotAllowed),
        ("https://slides.example/open/a.svs", NotAllowed),
        ("http://slides.example.evil/open/a.svs", NotAllowed),
        ("http://other.example/open/a.svs", NotAllowed),
        ("ftp://slides.example/open/a.svs", NotAllowed),
        ("s3://anybody", Invalid),
        ("s3://anybody/", Invalid),
        ("s3://x y/a.svs", Invalid),
        ("/data/a.svs", Invalid),
        ("a.svs", Invalid),
    ],
)
def test_other_addresses_lead_nowhere(address: str, error: type[Exception]) -> None:
    stores = Stores([Source.at("http://slides.example/open")])
    with pytest.raises(error):
        stores.for_address(address)
    stores.close()


def test_closed_stores_open_nothing() -> None:
    stores = Stores()
    stores.close()
    stores.close()
    with pytest.raises(ValueError, match="closed"):
        stores.for_address("s3://anybody/a.svs")


def test_of_sources_with_one_address_the_first_counts() -> None:
    here = Source.at("s3://slides", endpoint="http://here:9000")
    stores = Stores([here, Source.at("s3://slides")])
    assert stores.for_address("s3://slides/a.svs")[0].store.source == here
    stores.close()


def test_buckets_of_one_name_at_two_endpoints_share_nothing() -> None:
    stores = Stores()
    here, there = (Source.at("s3://slides", endpoint=f"http://{name}:9000") for name in "ab")
    assert stores._fetcher(here) is not stores._fetcher(there)
    assert stores._fetcher(here) is stores._fetcher(here)
    stores.close()
