"""Pictures as a server sends them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsi_lab.client.pictures import opened, unreadable
from wsi_lab.errors import TooLarge

if TYPE_CHECKING:
    from PIL import Image


def picture(content: bytes, size: tuple[int, int] | None = None) -> Image.Image:
    """Return a picture, read to its end.

    Parameters
    ----------
    size
        What it has to be.
    """
    from PIL import Image  # noqa: PLC0415 (only for those who look)

    try:
        image = opened(content)
        if size is not None and image.size != size:
            raise unreadable()
        image.load()
    except Image.DecompressionBombError as error:
        raise TooLarge(
            "This picture has too many pixels for one; get_patch asks for it in tiles "
            "when tile_size is not 0."
        ) from error
    except (OSError, SyntaxError, ValueError) as error:
        raise unreadable() from error
    return image
