import assert from "node:assert/strict";
import test from "node:test";

import { wishOf } from "../../wsi_lab/front/keys.mjs";

for (const [key, wish] of [
  ["+", ["zoom", 1]],
  ["=", ["zoom", 1]],
  ["-", ["zoom", -1]],
  ["Home", ["fit"]],
  ["0", ["fit"]],
  ["1", ["fullResolution"]],
  ["r", ["turn", 90]],
  ["R", ["turn", -90]],
  ["f", ["fullScreen"]],
  ["F", ["fullScreen"]],
  ["i", ["facts"]],
  ["?", ["help"]],
  ["ArrowLeft", ["move", -100, 0]],
  ["ArrowDown", ["move", 0, 100]],
]) {
  test(`${key} asks for ${wish.join(" ")}`, () => {
    assert.deepEqual(wishOf({ key }), wish);
  });
}

test("with shift arrows go further", () => {
  assert.deepEqual(wishOf({ key: "ArrowRight", shiftKey: true }), ["move", 400, 0]);
});

test("the browser's own keys stay the browser's", () => {
  for (const held of ["ctrlKey", "altKey", "metaKey"]) {
    assert.equal(wishOf({ key: "r", [held]: true }), null);
    assert.equal(wishOf({ key: "+", [held]: true }), null);
  }
  for (const key of ["Tab", "Enter", " ", "Escape", "a", "constructor", "toString"]) {
    assert.equal(wishOf({ key }), null);
  }
});
