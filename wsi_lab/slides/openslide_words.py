"""What is known of a slide, in OpenSlide's words, as PHAS passes them on."""

from __future__ import annotations

from wsi_lab.model.slide import SlideProperties
from wsi_lab.slides.deident import vendor_of_format
from wsi_lab.slides.tiff_index import GENERIC

_LEFT_OUT = (
    *("mirax.DATAFILE.FILE", "mirax.HIERARCHICAL", "mirax.LAYER", "mirax.NONHIERLAYER"),
    *("openslide.level", "openslide.quickhash", "aperio.Filename", "aperio.User"),
)
"""How properties begin that PHAS keeps back: long lists, and names of files and people."""


def openslide_properties(properties: SlideProperties) -> dict[str, str]:
    """Return a slide's properties by OpenSlide's names.

    Its scale is the one of `properties`, which somebody may have stated.

    Examples
    --------
    >>> from wsi_lab.model.slide import Level
    >>> levels = (Level(512, 512, 256, 256, 1.0),)
    >>> said = {"aperio.MPP": "0.4990", "openslide.mpp-x": "0.499"}
    >>> openslide_properties(SlideProperties("Aperio SVS", levels, 0.25, 0.25, metadata=said))
    {'aperio.MPP': '0.4990', 'openslide.mpp-x': '0.25', 'openslide.mpp-y': '0.25',
     'openslide.vendor': 'aperio'}
    """
    words = {
        name: text
        for name, text in properties.metadata.items()
        if not name.startswith(_LEFT_OUT) and not name.startswith("openslide.mpp-")
    }
    known = {
        "openslide.mpp-x": properties.mpp_x,
        "openslide.mpp-y": properties.mpp_y,
        "openslide.objective-power": properties.objective_power,
    }
    words |= {name: repr(number).removesuffix(".0") for name, number in known.items() if number}
    vendor = "generic-tiff" if properties.format == GENERIC else vendor_of_format(properties.format)
    if vendor:
        words["openslide.vendor"] = vendor
    return dict(sorted(words.items()))
