"""The Python client: a lab's studies, cases and slides over HTTP, as typed, immutable objects.

`wsi_lab.connect` is the way in. This package draws no widgets and opens no slide file, so it
works the same in a notebook, in a script, and on another machine.
"""

from __future__ import annotations

from wsi_lab.client.areas import areas_mm2, in_micrometres
from wsi_lab.client.cases import Case, Cases
from wsi_lab.client.connection import Connection
from wsi_lab.client.exports import ExportReport, Mask
from wsi_lab.client.imports import AnnotationReport
from wsi_lab.client.lab import Lab
from wsi_lab.client.layers import Layer, Layers
from wsi_lab.client.loads import Load
from wsi_lab.client.named import UnknownKey
from wsi_lab.client.overview import Overview
from wsi_lab.client.people import Member, Token, Tokens, User, Users
from wsi_lab.client.questions import Question, Questions
from wsi_lab.client.reading import Invitation
from wsi_lab.client.scores import Answer, Core, ImportReport
from wsi_lab.client.slide import Slide
from wsi_lab.client.slides import Slides
from wsi_lab.client.studies import Studies, Study
from wsi_lab.client.tma_maps import MapCore, TmaMap, TmaMaps
from wsi_lab.model.layer import Label

__all__ = [
    "AnnotationReport",
    "Answer",
    "Case",
    "Cases",
    "Connection",
    "Core",
    "ExportReport",
    "ImportReport",
    "Invitation",
    "Lab",
    "Label",
    "Layer",
    "Layers",
    "Load",
    "MapCore",
    "Mask",
    "Member",
    "Overview",
    "Question",
    "Questions",
    "Slide",
    "Slides",
    "Studies",
    "Study",
    "TmaMap",
    "TmaMaps",
    "Token",
    "Tokens",
    "UnknownKey",
    "User",
    "Users",
    "areas_mm2",
    "in_micrometres",
]
