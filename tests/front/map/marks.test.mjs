import assert from "node:assert/strict";
import { test } from "node:test";

import { markAt, nameOfMark } from "../../../wsi_lab/front/map/marks.mjs";

const MARKS = [{ box: [0, 0, 100, 100] }, { box: [40, 40, 20, 20] }, { box: [200, 0, 10, 10] }];

test("the smallest mark around a place is meant, beside all of them none", () => {
  assert.equal(markAt(MARKS, { x: 10, y: 10 }), 0);
  assert.equal(markAt(MARKS, { x: 50, y: 50 }), 1);
  assert.equal(markAt([...MARKS].reverse(), { x: 50, y: 50 }), 1);
  assert.equal(markAt(MARKS, { x: 100, y: 10 }), -1);
  assert.equal(markAt([], { x: 0, y: 0 }), -1);
});

test("a mark is called by its label and how far it is", () => {
  assert.equal(nameOfMark({ label: "A1", state: "todo" }), "A1, to do");
  assert.equal(nameOfMark({ label: "A1", state: "current" }), "A1, current");
  assert.equal(nameOfMark({ label: "A1" }), "A1");
});
