"""What is told of images: instances in projects, abstract ones, and their one slice."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from wsi_lab.model.image import AbstractImage, Instance
from wsi_lab.server.cytomine import words

TILE_SIZE = 256
THUMB, PREVIEW = 512, 1024
"""Pixels of the longer side."""

_ONE_PLANE = {
    "depth": 1,
    "duration": 1,
    "channels": 1,
    "extrinsicChannels": 1,
    "physicalSizeZ": None,
    "fps": None,
    "bitPerSample": 8,
    "samplePerPixel": 3,
    "colorspace": "rgb",
    "tileSize": TILE_SIZE,
    "isVirtual": False,
}


def instance_object(instance: Instance, host: str) -> words.Told:
    """Return what is told of a slide in a project.

    Parameters
    ----------
    host
        What addresses begin with.
    """
    slide = instance.slide
    return {
        **words.told(slide.id, words.IMAGE_INSTANCE, slide.added_on),
        "baseImage": instance.image_id,
        "project": slide.study_id,
        "user": instance.added_by,
        **_named(instance.file_name),
        "instanceFilename": slide.name,
        **_ONE_PLANE,
        **_size(slide.width, slide.height),
        **_scale(slide.mpp_x, slide.mpp_y, slide.objective_power),
        "reviewed": False,
        "inReview": False,
        "numberOfAnnotations": instance.annotation_count,
        "numberOfReviewedAnnotations": 0,
        **_pictures(f"{host}api/imageinstance/{slide.id}"),
    }


def abstract_object(image: AbstractImage, host: str) -> words.Told:
    """Return what is told of an image apart from projects."""
    return {
        **words.told(image.id, words.ABSTRACT_IMAGE, image.added_on),
        "uploadedFile": image.id,
        "user": image.added_by,
        **_named(image.name),
        **_ONE_PLANE,
        "dimensions": "XY",
        **_size(image.width, image.height),
        **_scale(image.mpp_x, image.mpp_y, image.objective_power),
        **_pictures(f"{host}api/abstractimage/{image.id}"),
    }


def slice_object(instance: Instance) -> words.Told:
    """Return what is told of the one plane of a slide."""
    slide = instance.slide
    return {
        **words.told(slide.id, words.SLICE_INSTANCE, slide.added_on),
        "image": slide.id,
        "project": slide.study_id,
        "baseSlice": instance.image_id,
        "path": instance.file_name,
        "channel": 0,
        "zStack": 0,
        "time": 0,
        "rank": 0,
    }


def media_type(name: str) -> str:
    """Return what kind of file it is that is called so.

    Examples
    --------
    >>> media_type("a.svs"), media_type("a")
    ('SVS', 'UNKNOWN')
    """
    return PurePosixPath(name).suffix.lstrip(".").upper() or "UNKNOWN"


def halvings(width: int, height: int) -> int:
    """Return how often an image is halved until it fits into a tile.

    Examples
    --------
    >>> halvings(2220, 2967), halvings(256, 256), halvings(257, 1)
    (4, 0, 1)
    """
    return max(0, (-(-max(width, height) // TILE_SIZE) - 1).bit_length())


def _named(file_name: str) -> dict[str, Any]:
    # Where the file lies is told to nobody here.
    return {
        "filename": file_name,
        "originalFilename": file_name,
        "path": file_name,
        "contentType": media_type(file_name),
    }


def _size(width: int, height: int) -> dict[str, Any]:
    return {"width": width, "height": height, "zoom": halvings(width, height)}


def _scale(mpp_x: float | None, mpp_y: float | None, power: float | None) -> dict[str, Any]:
    return {
        "physicalSizeX": mpp_x,
        "physicalSizeY": mpp_y,
        "magnification": None if power is None else round(power),
    }


def _pictures(address: str) -> dict[str, Any]:
    return {
        "thumb": f"{address}/thumb.png?maxSize={THUMB}",
        "preview": f"{address}/preview.png?maxSize={PREVIEW}",
        "macroURL": None,
    }
