"""Pixels of slides by their numbers."""

from __future__ import annotations

from wsi_lab.server.api.pixels import BundleHandler, MapTileHandler, ThumbnailHandler
from wsi_lab.server.reading.handling import SlideByNumber


class NumberedTileHandler(SlideByNumber, MapTileHandler):
    """A tile of the map grid."""


class NumberedBundleHandler(SlideByNumber, BundleHandler):
    """Many tiles of one zoom in one answer."""


class NumberedThumbnailHandler(SlideByNumber, ThumbnailHandler):
    """The whole slide, small."""
