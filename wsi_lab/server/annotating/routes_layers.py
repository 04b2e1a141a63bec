"""Addresses of layers."""

from __future__ import annotations

from wsi_lab.server.routing import Route

LAYERS_ROUTES: tuple[Route, ...] = ()
