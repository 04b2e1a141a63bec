import assert from "node:assert/strict";
import test from "node:test";

import {
  lengthText,
  magnification,
  position,
  resolution,
  scaleBar,
} from "../../wsi_lab/front/readouts.mjs";

test("a scale bar is round, fits, and fills at least two fifths of its room", () => {
  for (let exponent = -12; exponent <= 12; exponent += 0.01) {
    const perPixel = 2 ** exponent;
    const { width, length } = scaleBar(perPixel, 150, true);
    assert.ok(width <= 150.0001, `${perPixel}: ${width}`);
    assert.ok(width > 59.99, `${perPixel}: ${width}`);
    assert.ok(Math.abs(width * perPixel - length) < 1e-9 * length);
    const digits = length / 10 ** Math.floor(Math.log10(length) + 1e-9);
    assert.ok([1, 2, 5].some((step) => Math.abs(digits - step) < 1e-6));
  }
});

test("lengths are written as a microscopist writes them", () => {
  assert.equal(lengthText(0.5), "500 nm");
  assert.equal(lengthText(1), "1 µm");
  assert.equal(lengthText(200), "200 µm");
  assert.equal(lengthText(1000), "1 mm");
  assert.equal(lengthText(20000), "20 mm");
});

test("where the scale is not known the bar is in pixels", () => {
  assert.equal(scaleBar(4, 150, false).label, "500 px");
});

test("magnification is the objective's, times how much it is enlarged", () => {
  assert.equal(magnification(20, 0.5, 1), "20×");
  assert.equal(magnification(20, 0.5, 16), "1.25×");
  assert.equal(magnification(40, 0.25, 0.25), "160×");
});

test("without an objective magnification is told from the scale, and says so", () => {
  assert.equal(magnification(null, 0.5, 1), "≈ 20×");
});

test("without any scale it is how large pixels are drawn", () => {
  assert.equal(magnification(null, null, 4), "25 %");
  assert.equal(resolution(null, 4), "4 px/px");
});

test("resolution has three digits", () => {
  assert.equal(resolution(0.499, 1), "0.499 µm/px");
  assert.equal(resolution(0.499, 5.9435), "2.97 µm/px");
});

test("a position is a whole pixel", () => {
  assert.equal(position({ x: 0.99, y: 1234567.5 }), "x 0  y 1\u202f234\u202f567");
});
