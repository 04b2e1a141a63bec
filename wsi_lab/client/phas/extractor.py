"""Patches of a slide, where a sampling ROI is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wsi_lab.client.phas import regions
from wsi_lab.client.phas.slide import Slide
from wsi_lab.client.pictures import whole
from wsi_lab.errors import Invalid, NotFound, TooLarge

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

MOST_SUB_TILES = 1 << 28


class SamplingROIPatchExtractor:
    """Divides a sampling ROI into square tiles and cuts patches around them.

    The tiles cover the box around the ROI, with the same margin on opposite sides; a patch is a
    tile with padding all round. All this is at level 0. The ROI and the tiles may lie off the
    slide, where patches are black.

    Parameters
    ----------
    slide
        Where pixels are taken from.
    geom
        The geometry of the sampling ROI: the parsed ``json`` of a row of
        `SamplingROITask.slide_sampling_rois`.
    tile_size
        Side of a tile, a multiple of `sub_tiles_per_tile`.
    padding
        Pixels added on each side of a tile.
    sub_tiles_per_tile
        Tiles are divided by this, in both directions, to find out how much of them is covered.

    Attributes
    ----------
    tx, ty
        The upper left corner of the first tile; may be negative.

    Examples
    --------
    >>> row = task.slide_sampling_rois(slide.slide_id)[0]  # doctest: +SKIP
    >>> extractor = SamplingROIPatchExtractor(slide, json.loads(row["json"]))  # doctest: +SKIP
    >>> tiles, densities = extractor.tiles()  # doctest: +SKIP
    >>> patch, mask = extractor.get_tile_patch_and_mask(tiles[0])  # doctest: +SKIP
    """

    def __init__(
        self,
        slide: Slide,
        geom: Mapping[str, Any],
        tile_size: int = 1024,
        padding: int = 32,
        sub_tiles_per_tile: int = 16,
    ) -> None:
        sentence = "Sizes of tiles are whole numbers from 1 on, and padding is one from 0 on."
        self.slide = slide
        self.geom = geom
        self.tile_size = whole(tile_size, sentence)
        self.padding = whole(padding, sentence)
        self.sub_tiles_per_tile = whole(sub_tiles_per_tile, sentence)
        if self.tile_size < 1 or self.padding < 0 or self.sub_tiles_per_tile < 1:
            raise Invalid(sentence)
        left, top, right, bottom = regions.box(geom)
        if left == right or top == bottom:
            raise Invalid("This sampling ROI has no area.")
        across = math.ceil((right - left) / self.tile_size)
        down = math.ceil((bottom - top) / self.tile_size)
        self.tx = _start(left, right, across * self.tile_size)
        self.ty = _start(top, bottom, down * self.tile_size)
        self._sub_tiles = self._drawn_sub_tiles(across, down)
        n = self.sub_tiles_per_tile
        blocks = self._sub_tiles.reshape(down, n, across, n)
        self._tiles: NDArray[np.float64] = blocks.mean(axis=(1, 3)) / 255.0

    def _drawn_sub_tiles(self, across: int, down: int) -> NDArray[np.uint8]:
        import numpy as np  # noqa: PLC0415 (only for those who sample)
        from PIL import Image  # noqa: PLC0415 (the same)

        n = self.sub_tiles_per_tile
        if across * down * n * n > MOST_SUB_TILES:
            raise TooLarge("These are too many tiles; take larger ones, or fewer sub-tiles.")
        canvas = Image.new("L", (across * n, down * n))
        at_origin = regions.shifted(self.geom, -self.tx, -self.ty)
        regions.draw(canvas, at_origin, n / self.tile_size, is_outlined=True)
        return np.array(canvas)

    def tiles(self) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return which tiles the ROI covers, and how much of each.

        Returns
        -------
        indices, densities
            N rows of ``(column, row)`` of a tile, row by row; and the N parts of their areas that
            are covered, greater than 0 and at most 1.
        """
        import numpy as np  # noqa: PLC0415 (only for those who sample)

        rows, columns = np.nonzero(self._tiles)
        return np.column_stack([columns, rows]), self._tiles[rows, columns]

    def get_tile_patch_and_mask(self, tile_index: Any) -> tuple[Image.Image, Image.Image]:
        """Return the pixels around a tile, RGB, and where in them the ROI is.

        The mask is 255 where the ROI covers the tile and 0 elsewhere, in the padding, too.

        Parameters
        ----------
        tile_index
            ``(column, row)``: one of the rows of `tiles`.
        """
        from PIL import Image  # noqa: PLC0415 (only for those who sample)

        left, top = self._corner(tile_index)
        half, side = self.tile_size // 2, self.tile_size + 2 * self.padding
        patch = self.slide.get_patch((left + half, top + half), 0, (side, side), tile_size=0)
        tile = Image.new("L", (self.tile_size, self.tile_size))
        regions.draw(tile, regions.shifted(self.geom, -left, -top), is_outlined=False)
        mask = Image.new("L", (side, side))
        mask.paste(tile, (self.padding, self.padding))
        return patch.convert("RGB"), mask

    def tile_patch_origin(self, tile_index: Any) -> NDArray[np.float64]:
        """Return where the centre of a patch's first pixel is, in millimetres, as ITK has it.

        Parameters
        ----------
        tile_index
            ``(column, row)``: one of the rows of `tiles`.

        Raises
        ------
        NotFound
            The size of the slide's pixels is not known.
        """
        import numpy as np  # noqa: PLC0415 (only for those who sample)

        spacing = self.slide.spacing
        if spacing is None:
            raise NotFound("The size of this slide's pixels is not known.")
        corner = np.array(self._corner(tile_index)) - self.padding
        origin: NDArray[np.float64] = np.array(spacing, float) * (corner + 0.5)
        return origin

    def tile_mask_density(self) -> NDArray[np.float64]:
        """Return how much of each tile is covered, from 0 to 1, by row and column."""
        return self._tiles

    def subtile_mask_density(self) -> NDArray[np.uint8]:
        """Return which sub-tiles are covered, 255 or 0, by row and column."""
        return self._sub_tiles

    def translate_geom(self, geom: Mapping[str, Any], dx: float, dy: float) -> dict[str, Any]:
        """Return the same geometry elsewhere."""
        return regions.shifted(geom, dx, dy)

    def _corner(self, tile_index: Any) -> tuple[int, int]:
        sentence = "A tile is (column, row): one of the rows that tiles() gives."
        try:
            column, row = (whole(each, sentence) for each in tile_index)
        except (TypeError, ValueError) as error:
            raise Invalid(sentence) from error
        return self.tx + column * self.tile_size, self.ty + row * self.tile_size


def _start(low: float, high: float, length: int) -> int:
    """Return where tiles of that length together begin, to have their middle where it has to be."""
    return int((low + high) // 2 - length // 2)
