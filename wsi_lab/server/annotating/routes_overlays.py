"""Addresses of overlays."""

from __future__ import annotations

from wsi_lab.server.routing import Route

OVERLAYS_ROUTES: tuple[Route, ...] = ()
