// The levels of a slide as the viewer counts them: zoom 0 is the smallest, each with a size and
// tiles of its own. In the viewer's frame a slide is 1 wide; every level spans all of it.

export class Pyramid {
  // `levels` as the server counts them, from the full resolution down.
  constructor(levels) {
    this.width = levels[0].width;
    this.height = levels[0].height;
    this.zooms = [...levels].reverse();
  }

  get last() {
    return this.zooms.length - 1;
  }

  // What the server calls a zoom.
  level(zoom) {
    return this.last - zoom;
  }

  scale(zoom) {
    return this.zooms[zoom].width / this.width;
  }

  grid(zoom) {
    const { width, height, tile_width, tile_height } = this.zooms[zoom];
    return { columns: Math.ceil(width / tile_width), rows: Math.ceil(height / tile_height) };
  }

  // The part of a stored tile that shows the slide, in the tile's own pixels. Tiles are whole,
  // also where the slide ends within them.
  valid(zoom, column, row) {
    const { width, height, tile_width, tile_height } = this.zooms[zoom];
    return {
      width: Math.min(tile_width, width - column * tile_width),
      height: Math.min(tile_height, height - row * tile_height),
    };
  }

  bounds(zoom, column, row) {
    const { width, height, tile_width, tile_height } = this.zooms[zoom];
    const valid = this.valid(zoom, column, row);
    const down = this.height / this.width / height;
    return {
      x: (column * tile_width) / width,
      y: row * tile_height * down,
      width: valid.width / width,
      height: valid.height * down,
    };
  }

  tileAt(zoom, { x, y }) {
    const { width, height, tile_width, tile_height } = this.zooms[zoom];
    const { columns, rows } = this.grid(zoom);
    const across = Math.floor((x * width) / tile_width);
    const down = Math.floor((y * this.width * height) / this.height / tile_height);
    return {
      column: Math.min(columns - 1, Math.max(0, across)),
      row: Math.min(rows - 1, Math.max(0, down)),
    };
  }
}
