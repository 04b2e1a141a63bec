"""The store of a source, whatever kind it is."""

from __future__ import annotations

from wsi_lab.errors import Invalid
from wsi_lab.model.source import WEB_SCHEMES, Source
from wsi_lab.slides.stores.objects import ObjectStore, StoreLimits


def open_store(source: Source, limits: StoreLimits | None = None) -> ObjectStore:
    """Return the store of a source. Nothing is asked yet.

    Raises
    ------
    Invalid
        The source is a folder, or its endpoint or region cannot be one.
    """
    limits = limits if limits is not None else StoreLimits()
    # Their libraries take a while to load, and most labs have no such store.
    if source.scheme in WEB_SCHEMES:
        from wsi_lab.slides.stores.web import WebStore  # noqa: PLC0415

        return WebStore(source, limits)
    if source.scheme == "s3":
        from wsi_lab.slides.stores.s3 import S3Store  # noqa: PLC0415

        return S3Store(source, limits)
    if source.is_remote:
        from wsi_lab.slides.stores.bucket import BucketStore  # noqa: PLC0415

        return BucketStore(source, limits)
    raise Invalid("A folder is no store of objects.")
