import assert from "node:assert/strict";
import test from "node:test";

import { hashOf, limited, nextDownsample, placeIn, turned } from "../../wsi_lab/front/places.mjs";

const SLIDE = { width: 2220, height: 2967 };

test("a place survives the address", () => {
  const place = { x: 1100, y: 1500, downsample: 2.5, rotation: 90 };
  assert.deepEqual(placeIn(hashOf(place), SLIDE), place);
});

test("an upright view does not say so", () => {
  assert.equal(hashOf({ x: 1.4, y: 2.6, downsample: 1, rotation: 360 }), "#x=1&y=3&downsample=1");
});

for (const hash of [
  "",
  "#",
  "#x=1&y=2",
  "#x=1&y=2&downsample=0",
  "#x=1&y=2&downsample=-3",
  "#x=1&y=2&downsample=Infinity",
  "#x=a&y=2&downsample=1",
  "#x=-1&y=2&downsample=1",
  "#x=1&y=2968&downsample=1",
  "#<img src=x onerror=alert(1)>",
  "#x=%zz&y=%&downsample=%00",
]) {
  test(`an address that ends with "${hash}" names no place`, () => {
    assert.equal(placeIn(hash, SLIDE), null);
  });
}

test("a senseless rotation is none", () => {
  assert.equal(placeIn("#x=1&y=2&downsample=1&rotation=NaN", SLIDE).rotation, 0);
  assert.equal(placeIn("#x=1&y=2&downsample=1&rotation=-90", SLIDE).rotation, 270);
  assert.equal(turned(-450), 270);
});

test("steps of the zoom go from one halving to the next", () => {
  assert.equal(nextDownsample(4, 1), 2);
  assert.equal(nextDownsample(4, -1), 8);
  assert.equal(nextDownsample(3.4, 1), 2);
  assert.equal(nextDownsample(3.4, -1), 4);
  assert.equal(nextDownsample(1, 1), 0.5);
});

test("one cannot lose the slide by zooming", () => {
  assert.equal(limited(1e9, 12), 24);
  assert.equal(limited(1e-9, 12), 1 / 8);
  assert.equal(limited(3, 12), 3);
  assert.equal(limited(0.9, 0.2), 0.9);
});
