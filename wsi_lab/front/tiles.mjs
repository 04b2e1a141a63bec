// What OpenSeadragon asks for, told from the levels of the slide.

/* global OpenSeadragon */

import { Trouble } from "./fetching.mjs";

export class SlideTiles extends OpenSeadragon.TileSource {
  // `addressOf`: what the fetcher calls a tile, by zoom, column and row.
  constructor(pyramid, addressOf, fetcher) {
    const { width, height, last } = pyramid;
    const { tile_width, tile_height } = pyramid.zooms[last];
    super({ width, height, tileWidth: tile_width, tileHeight: tile_height, maxLevel: last });
    this.pyramid = pyramid;
    this.addressOf = addressOf;
    this.fetcher = fetcher;
  }

  getTileWidth(zoom) {
    return this.pyramid.zooms[zoom].tile_width;
  }

  getTileHeight(zoom) {
    return this.pyramid.zooms[zoom].tile_height;
  }

  getLevelScale(zoom) {
    return this.pyramid.scale(zoom);
  }

  getNumTiles(zoom) {
    const { columns, rows } = this.pyramid.grid(zoom);
    return new OpenSeadragon.Point(columns, rows);
  }

  getTileAtPoint(zoom, point) {
    const { column, row } = this.pyramid.tileAt(zoom, point);
    return new OpenSeadragon.Point(column, row);
  }

  getTileBounds(zoom, column, row, isSource) {
    if (isSource) {
      const { width, height } = this.pyramid.valid(zoom, column, row);
      return new OpenSeadragon.Rect(0, 0, width, height);
    }
    const { x, y, width, height } = this.pyramid.bounds(zoom, column, row);
    return new OpenSeadragon.Rect(x, y, width, height);
  }

  // The token is not part of it: it changes, and the tile does not.
  getTileUrl(zoom, column, row) {
    return this.addressOf(zoom, column, row);
  }

  async downloadTileStart(job) {
    try {
      const blob = await this.fetcher.get(job.src);
      job.finish(await drawn(blob, job.tile.sourceBounds), null, "context2d");
    } catch (error) {
      // OpenSeadragon hands this on to those who listen for failures.
      const trouble = error instanceof Trouble ? error : new Trouble("damaged");
      job.fail(trouble.message, trouble);
    }
  }

  // What is under way is kept: another view may want it, and a browser would ask anew.
  downloadTileAbort() {}
}

// Only the part that shows the slide: what lies beyond would shine through where the slide ends.
async function drawn(blob, { width, height }) {
  const bitmap = await createImageBitmap(blob);
  const canvas = document.createElement("canvas");
  canvas.width = Math.min(width, bitmap.width);
  canvas.height = Math.min(height, bitmap.height);
  const context = canvas.getContext("2d", { alpha: false });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context;
}
