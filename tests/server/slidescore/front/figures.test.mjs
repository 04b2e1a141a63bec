import assert from "node:assert/strict";
import test from "node:test";

import {
  dotsIn,
  heatPixels,
  letterHeight,
  magnified,
  placed,
  wordsShown,
} from "../../../../wsi_lab/server/slidescore/front/figures.mjs";

const HALF = [0.5, 0, 0, 0.5, 10, 20];
const QUARTER_TURN = [0, 2, -2, 0, 100, 0];

test("a matrix tells where a pixel of the slide is on the screen, and how large", () => {
  assert.deepEqual(placed(HALF, 100, 200), [60, 120]);
  assert.deepEqual(placed(QUARTER_TURN, 10, 5), [90, 20]);
  assert.deepEqual([magnified(HALF), magnified(QUARTER_TURN)], [0.5, 2]);
});

test("points beside the screen are left out, and those of one pixel drawn once", () => {
  const points = [0, 0, 0.2, 0.2, 200, 0, -400, 0];
  assert.deepEqual(dotsIn(points, HALF, { width: 100, height: 100 }, 4), [[10, 20]]);
});

test("words wait until somebody points at their shape", () => {
  const always = { text: "a", always: true, box: [0, 0, 0, 0] };
  const sometimes = { text: "b", always: false, box: [100, 100, 50, 50] };
  const shown = (pointer) =>
    wordsShown([always, sometimes], pointer, 1)
      .map(({ text }) => text)
      .join("");
  assert.equal(shown(null), "a");
  assert.equal(shown({ x: 125, y: 125 }), "ab");
  assert.equal(shown({ x: 94, y: 125 }), "ab");
  assert.equal(shown({ x: 80, y: 125 }), "a");
});

test("letters are as large as stated, as long as one can read them", () => {
  assert.deepEqual(
    [0, 100, 1, 1e6].map((height) => letterHeight(height, 0.5)),
    [14, 50, 11, 60],
  );
});

test("a heat map is the more opaque the higher its values", () => {
  const pixels = heatPixels(btoa("\x00\xff\x64"), "#ff8000");
  assert.deepEqual([...pixels], [255, 128, 0, 0, 255, 128, 0, 153, 255, 128, 0, 60]);
});
