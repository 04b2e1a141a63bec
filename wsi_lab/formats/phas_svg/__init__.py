"""Drawings as SVG: those of PHAS, and those of any program, in level-0 pixels."""

from wsi_lab.formats.phas_svg.reading import read
from wsi_lab.formats.phas_svg.writing import write

__all__ = ["read", "write"]
