import assert from "node:assert/strict";
import test from "node:test";

import { clampToSlide, toMap, toPixels, zoomOf } from "../../../wsi_lab/front/map/frame.mjs";
import { clipOf, sharpestUseful, snapped } from "../../../wsi_lab/front/map/tiles.mjs";

const SLIDE = { width: 2220, height: 2967, tileSize: 240, zooms: 5 };

test("tiles within the slide are not cut, those at its edge end where it ends", () => {
  assert.equal(clipOf({ x: 0, y: 0, z: 0 }, SLIDE), "");
  // 2967 pixels end 87 pixels into the thirteenth row: 153 of 240 lie beyond.
  assert.equal(clipOf({ x: 0, y: 12, z: 0 }, SLIDE), "inset(0 0.0000% 63.7500% 0)");
  assert.equal(clipOf({ x: 9, y: 0, z: 0 }, SLIDE), "inset(0 75.0000% 0.0000% 0)");
});

test("neighbouring tiles on the screen neither overlap nor leave a gap", () => {
  for (const ratio of [1, 1.25, 1.5, 2, 3]) {
    for (let scale = 0.3; scale < 8; scale *= 1.0371) {
      for (let tile = -3; tile < 4; tile += 1) {
        const here = snapped(tile * 240, 240, scale, ratio);
        const next = snapped((tile + 1) * 240, 240, scale, ratio);
        assert.ok(Math.abs(here.at + here.side - next.at) < 1e-9);
        assert.ok(Math.abs(here.at - tile * 240 * scale) <= 0.5 / ratio + 1e-9);
        assert.ok(Math.abs(here.at * ratio - Math.round(here.at * ratio)) < 1e-9);
      }
    }
  }
});

test("tiles are sharp enough and no sharper than can be seen", () => {
  assert.equal(sharpestUseful(0, 1), 0);
  assert.equal(sharpestUseful(-2, 1), -2);
  assert.equal(sharpestUseful(-2, 2), -1);
  assert.equal(sharpestUseful(-1.8, 1), -2);
  assert.equal(sharpestUseful(-1.7, 1), -1);
  for (let zoom = -8; zoom < 0; zoom += 0.01) {
    const enlarged = 2 ** (zoom - sharpestUseful(zoom, 1));
    assert.ok(enlarged <= 2 ** 0.25 + 1e-9 && enlarged > 2 ** -0.75 - 1e-9);
  }
});

test("level-0 pixels become map units and come back unchanged", () => {
  for (const point of [
    { x: 0, y: 0 },
    { x: 123456.75, y: 98765.25 },
    { x: -3, y: 7 },
  ]) {
    assert.deepEqual(toPixels(toMap(point)), point);
  }
  assert.equal(zoomOf(8), -3);
  assert.equal(zoomOf(0.5), 1);
});

test("a point beyond the slide is brought to its edge", () => {
  assert.deepEqual(clampToSlide({ x: -5, y: 3000 }, SLIDE), { x: 0, y: 2967 });
});
