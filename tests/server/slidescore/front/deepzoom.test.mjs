import assert from "node:assert/strict";
import test from "node:test";

import { DeepZoom } from "../../../../wsi_lab/server/slidescore/front/deepzoom.mjs";

const pyramid = new DeepZoom({ width: 2220, height: 2967, tileSize: 240 });

test("levels are those of Deep Zoom, from one pixel up", () => {
  assert.equal(pyramid.last, 12);
  assert.deepEqual([pyramid.level(12), pyramid.scale(12), pyramid.scale(10)], [12, 1, 1 / 4]);
  assert.deepEqual(pyramid.zooms[0], { width: 1, height: 1, tile_width: 240, tile_height: 240 });
  assert.deepEqual(pyramid.grid(12), { columns: 10, rows: 13 });
  assert.deepEqual(pyramid.valid(12, 9, 12), { width: 60, height: 87 });
});

for (const zoom of [12, 11, 9, 0]) {
  test(`tiles of level ${zoom} lie on exact powers of two and end with the slide`, () => {
    const { columns, rows } = pyramid.grid(zoom);
    for (let column = 0; column < columns; column += 1) {
      const { x, width } = pyramid.bounds(zoom, column, 0);
      assert.ok(Math.abs(x * 2220 - column * 240 * 2 ** (12 - zoom)) < 1e-9);
      assert.deepEqual(pyramid.tileAt(zoom, { x: x + width / 2, y: 0 }), { column, row: 0 });
    }
    const last = pyramid.bounds(zoom, columns - 1, rows - 1);
    assert.ok(Math.abs(last.x + last.width - 1) < 1e-12);
    assert.ok(Math.abs(last.y + last.height - 2967 / 2220) < 1e-12);
    assert.deepEqual(pyramid.tileAt(zoom, { x: 1, y: 9 }), { column: columns - 1, row: rows - 1 });
  });
}
