"""Addresses of files of annotations and the work on them."""

from __future__ import annotations

from wsi_lab.server.routing import Route

EXCHANGE_ROUTES: tuple[Route, ...] = ()
