"""Pixels as a lab sends them, and what may be asked for."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

from wsi_lab.errors import DamagedSlide, Invalid

if TYPE_CHECKING:
    from PIL import Image


def place(location: Any) -> tuple[float, float]:
    """Return a location as two finite numbers."""
    try:
        x, y = (float(each) for each in location)
    except (TypeError, ValueError):
        x = y = math.nan
    if not (math.isfinite(x) and math.isfinite(y)):
        raise Invalid("A location is (x, y): two finite numbers, in level-0 pixels.")
    return x, y


def size(given: Any) -> tuple[int, int]:
    """Return a size as two whole numbers from 1 on."""
    sentence = "A size is (width, height): two whole numbers from 1 on, in pixels of the result."
    try:
        width, height = (whole(each, sentence) for each in given)
    except (TypeError, ValueError) as error:
        raise Invalid(sentence) from error
    if width < 1 or height < 1:
        raise Invalid(sentence)
    return width, height


def whole(number: Any, sentence: str) -> int:
    """Return a whole number of any type (NumPy's too, and 512.0) as an int."""
    try:
        number_as_int = int(number)
    except (TypeError, ValueError, OverflowError) as error:
        raise Invalid(sentence) from error
    if number_as_int != number:
        raise Invalid(sentence)
    return number_as_int


def opened(body: bytes) -> Image.Image:
    """Return the picture that a lab sent."""
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 (only for those who look)

    try:
        return Image.open(io.BytesIO(body))
    except UnidentifiedImageError as error:
        raise unreadable() from error


def unreadable() -> DamagedSlide:
    """Return what to raise when something is no picture."""
    return DamagedSlide(
        "What the lab sent is not a picture. It and this client may be of different versions."
    )
