// The levels of a Deep Zoom pyramid, from one pixel up. Each pixel of a level is exactly a power
// of two of the slide's, so that the last one of a row may reach beyond its edge.

import { Pyramid } from "../../../front/pyramid.mjs";

export class DeepZoom extends Pyramid {
  constructor({ width, height, tileSize }) {
    super(levelsOf(width, height, tileSize));
  }

  level(zoom) {
    return zoom;
  }

  scale(zoom) {
    return 2 ** (zoom - this.last);
  }

  bounds(zoom, column, row) {
    const { tile_width: side } = this.zooms[zoom];
    const perPixel = 1 / this.scale(zoom) / this.width;
    const valid = this.valid(zoom, column, row);
    const [x, y] = [column * side * perPixel, row * side * perPixel];
    return {
      x,
      y,
      width: Math.min(valid.width * perPixel, 1 - x),
      height: Math.min(valid.height * perPixel, this.height / this.width - y),
    };
  }

  tileAt(zoom, { x, y }) {
    const { columns, rows } = this.grid(zoom);
    const perTile = (this.width * this.scale(zoom)) / this.zooms[zoom].tile_width;
    return {
      column: Math.min(columns - 1, Math.max(0, Math.floor(x * perTile))),
      row: Math.min(rows - 1, Math.max(0, Math.floor(y * perTile))),
    };
  }
}

// From the full resolution down.
function levelsOf(width, height, side) {
  const last = Math.ceil(Math.log2(Math.max(width, height)));
  return Array.from({ length: last + 1 }, (_, above) => ({
    width: Math.ceil(width / 2 ** above),
    height: Math.ceil(height / 2 ** above),
    tile_width: side,
    tile_height: side,
  }));
}
