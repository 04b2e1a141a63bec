import assert from "node:assert/strict";
import test from "node:test";

import { Pyramid } from "../../wsi_lab/front/pyramid.mjs";

const level = (width, height, side, tall = side) => ({
  width,
  height,
  tile_width: side,
  tile_height: tall,
});
// Sizes of a real slide, whose second level is rounded down, and a third with other tiles.
const LEVELS = [level(4443, 3567, 256), level(2221, 1783, 240), level(555, 445, 512, 128)];
const pyramid = new Pyramid(LEVELS);

test("the viewer's last zoom is the server's level 0", () => {
  assert.deepEqual(
    [0, 1, 2].map((zoom) => pyramid.level(zoom)),
    [2, 1, 0],
  );
  assert.equal(pyramid.scale(2), 1);
  assert.equal(pyramid.scale(1), 2221 / 4443);
});

test("every level has the tiles that its own size and tile size make", () => {
  assert.deepEqual(pyramid.grid(2), { columns: 18, rows: 14 });
  assert.deepEqual(pyramid.grid(1), { columns: 10, rows: 8 });
  assert.deepEqual(pyramid.grid(0), { columns: 2, rows: 4 });
});

test("tiles at the edges end where the slide ends", () => {
  assert.deepEqual(pyramid.valid(2, 17, 13), { width: 4443 - 17 * 256, height: 3567 - 13 * 256 });
  assert.deepEqual(pyramid.valid(0, 1, 3), { width: 43, height: 61 });
  assert.deepEqual(pyramid.valid(2, 0, 0), { width: 256, height: 256 });
});

for (const zoom of [0, 1, 2]) {
  test(`tiles of zoom ${zoom} cover all of the slide without gaps`, () => {
    const { columns, rows } = pyramid.grid(zoom);
    for (let column = 0; column < columns; column += 1) {
      const { x, width } = pyramid.bounds(zoom, column, 0);
      const end = column === columns - 1 ? 1 : pyramid.bounds(zoom, column + 1, 0).x;
      assert.ok(Math.abs(x + width - end) < 1e-12);
    }
    for (let row = 0; row < rows; row += 1) {
      const { y, height } = pyramid.bounds(zoom, 0, row);
      const end = row === rows - 1 ? 3567 / 4443 : pyramid.bounds(zoom, 0, row + 1).y;
      assert.ok(Math.abs(y + height - end) < 1e-12);
    }
  });

  test(`the tile at a point of zoom ${zoom} holds that point`, () => {
    for (const x of [0, 0.1234, 0.5, 0.9999, 1]) {
      for (const y of [0, 0.3, (3567 / 4443) * 0.9999, 3567 / 4443]) {
        const { column, row } = pyramid.tileAt(zoom, { x, y });
        const bounds = pyramid.bounds(zoom, column, row);
        assert.ok(x >= bounds.x - 1e-12 && x <= bounds.x + bounds.width + 1e-12);
        assert.ok(y >= bounds.y - 1e-12 && y <= bounds.y + bounds.height + 1e-12);
      }
    }
  });
}

test("points beyond the slide get the nearest tile", () => {
  assert.deepEqual(pyramid.tileAt(2, { x: -1, y: 9 }), { column: 0, row: 13 });
});
