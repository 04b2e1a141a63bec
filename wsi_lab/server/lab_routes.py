"""Every address that a lab answers, whichever door it belongs to."""

from __future__ import annotations

from wsi_lab.server.cytomine.routes import CYTOMINE_ROUTES
from wsi_lab.server.phas.routes import PHAS_ROUTES
from wsi_lab.server.reading_page import READING_PAGE_ROUTES
from wsi_lab.server.routes import V1_ROUTES
from wsi_lab.server.routing import Route
from wsi_lab.server.slidescore.routes import SLIDESCORE_ROUTES
from wsi_lab.server.tus.handlers import tus_routes

LAB_ROUTES: tuple[Route, ...] = (
    *V1_ROUTES,
    *READING_PAGE_ROUTES,
    *SLIDESCORE_ROUTES,
    *PHAS_ROUTES,
    *CYTOMINE_ROUTES,
    *tus_routes(),
)
