import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Board } from "../../wsi_lab/front/draw/board.mjs";
import { Drawing } from "../../wsi_lab/front/draw/drawing.mjs";
import { areaOf, boxOf } from "../../wsi_lab/front/draw/shapes.mjs";
import { TOOLS, wishOfKey } from "../../wsi_lab/front/draw/tools.mjs";
import { square } from "./drawing_support.mjs";

// A canvas that is told everything and shows nothing.
const pen = new Proxy(
  {},
  { get: (_, name) => (name in CONSTANTS ? 0 : () => {}), set: () => true },
);
const CONSTANTS = {};

globalThis.document = {
  createElement: () => ({ getContext: () => pen, style: {}, remove() {} }),
};
globalThis.requestAnimationFrame = () => 1;
globalThis.cancelAnimationFrame = () => {};

const VIEW = { left: 0, top: 0, scale: 1, width: 800, height: 600 };
let board;
let drawing;

beforeEach(() => {
  drawing = new Drawing();
  const surface = { element: { append() {}, style: {} }, view: () => VIEW, onMove: () => () => {} };
  surface.centreOn = (place) => {
    surface.centre = place;
  };
  board = new Board(surface, drawing, { mayEdit: () => true, colourOf: () => "#d55e00" });
});

const at = ([x, y], more = {}) => ({ x, y, scale: 1, shift: false, alt: false, ...more });

function drag(...places) {
  const more = typeof places.at(-1).length === "number" ? {} : places.pop();
  if (!board.tool.down(at(places[0], more))) return;
  for (const place of places.slice(1)) board.tool.drag(at(place, more));
  board.tool.up(at(places.at(-1), more));
}

function click(place, more) {
  if (!board.tool.down(at(place, more))) board.tool.click(at(place, more));
  board.tool.up(at(place, more));
}

function key(name, more = {}) {
  const code = /^[0-9]$/.test(name) ? `Digit${name}` : "";
  const none = { shiftKey: false, ctrlKey: false, altKey: false, metaKey: false };
  return board.key({ key: name, code, ...none, ...more });
}

test("every tool has a key of its own, which chooses it", () => {
  assert.equal(new Set(TOOLS.map((tool) => tool.key)).size, TOOLS.length);
  for (const tool of TOOLS) {
    assert.ok(key(tool.key.toLowerCase()));
    assert.equal(board.toolName, tool.name);
  }
});

test("keys of the viewer itself mean nothing to the board", () => {
  for (const name of ["f", "0", "+", "-", "Home", "ArrowLeft", "Tab"]) {
    assert.equal(wishOfKey({ key: name, code: "" }), null);
  }
});

test("a square with Shift is one", () => {
  board.use("rectangle");
  drag([10, 10], [50, 90], { shift: true });
  assert.deepEqual(boxOf(drawing.list[0]), [10, 10, 90, 90]);
});

test("a rectangle may be clicked at its corners, and one of no size is none", () => {
  board.use("rectangle");
  click([10, 10]);
  click([60, 50]);
  assert.deepEqual(boxOf(drawing.list[0]), [10, 10, 60, 50]);
  drag([100, 100], [101, 101]);
  board.tool.cancel();
  assert.equal(drawing.shapes.size, 1);
});

test("a polygon is closed at its first corner, and Backspace takes corners back", () => {
  board.use("polygon");
  for (const place of [
    [0, 0],
    [100, 0],
    [500, 500],
  ]) {
    click(place);
  }
  assert.ok(key("Backspace"));
  click([100, 100]);
  click([3, 3]);
  assert.equal(areaOf(drawing.list[0]), 5000);
});

test("Escape gives up a way first, then what is chosen, then the tool", () => {
  board.use("polygon");
  click([0, 0]);
  assert.ok(key("Escape"));
  assert.equal(board.toolName, "polygon");
  board.add(square());
  assert.ok(key("Escape"));
  assert.equal(board.selected.size, 0);
  assert.ok(key("Escape"));
  assert.equal(board.toolName, "move");
  assert.ok(!key("Escape"));
});

test("the eraser takes off what is chosen, and what it meets where nothing is", () => {
  const [one, other] = [square(0, 0), square(90, 0)];
  drawing.apply([
    [one.key, one],
    [other.key, other],
  ]);
  board.use("eraser");
  board.choose(one);
  drag([95, 50], [96, 50]);
  assert.ok(areaOf(drawing.shapes.get(one.key)) < 10_000);
  assert.equal(areaOf(drawing.shapes.get(other.key)), 10_000);
  board.choose(null);
  drag([95, 20], [96, 20]);
  assert.ok(areaOf(drawing.shapes.get(other.key)) < 10_000);
});

test("an area that is erased altogether is gone, and undo brings it back", () => {
  board.add(square(100, 100, 10));
  board.use("eraser");
  drag([90, 105], [120, 105]);
  assert.equal(drawing.shapes.size, 0);
  key("z", { ctrlKey: true });
  assert.equal(drawing.shapes.size, 1);
});

test("the eraser leaves what it only comes near as it was", () => {
  board.add(square(0, 0, 100));
  const [before] = drawing.list;
  board.use("eraser");
  drag([140, 50], [141, 50]);
  assert.equal(drawing.list[0], before);
});

test("a hole is cut, and a cut through the middle makes two parts of it", () => {
  board.add(square(0, 0, 100));
  board.use("hole");
  drag([20, 20], [60, 20], [60, 60], [20, 60], [20, 24]);
  assert.ok(Math.abs(areaOf(drawing.list[0]) - 8400) < 10);
  drag([-10, 70], [110, 70], [110, 80], [-10, 80], [-10, 74]);
  assert.equal(drawing.list[0].parts.length, 2);
});

test("a corner is dragged, and one more made on an edge", () => {
  board.add(square(0, 0, 100));
  board.use("edit");
  drag([100, 100], [130, 140]);
  assert.deepEqual(boxOf(drawing.list[0]), [0, 0, 130, 140]);
  drag([50, 0], [50, -20]);
  assert.equal(drawing.list[0].parts[0][0].length, 10);
  assert.deepEqual(boxOf(drawing.list[0]), [0, -20, 130, 140]);
});

test("a rectangle stays one when its corner is dragged, an ellipse too", () => {
  for (const kind of ["rectangle", "ellipse"]) {
    board.use(kind);
    drag([10, 10], [110, 60]);
    board.use("edit");
    drag([110, 60], [90, 80]);
    const shape = drawing.list.at(-1);
    assert.equal(shape.kind, kind);
    assert.deepEqual(boxOf(shape), [10, 10, 90, 80]);
  }
});

test("corners are walked and moved by keys, and removed down to the shape itself", () => {
  board.add(square(0, 0, 100));
  board.use("edit");
  key("n");
  key("n");
  key("ArrowRight", { altKey: true });
  assert.deepEqual(boxOf(drawing.list[0]), [0, 0, 101, 100]);
  key("Delete");
  assert.equal(drawing.list[0].parts[0][0].length, 6);
  key("n");
  key("Delete");
  assert.equal(drawing.shapes.size, 0);
});

test("a rectangle's corner is moved by keys too, ten times as far with Shift", () => {
  board.use("rectangle");
  drag([10, 10], [110, 60]);
  assert.ok(key("e"));
  assert.ok(key("n"));
  assert.ok(key("ArrowLeft", { altKey: true, shiftKey: true }));
  assert.deepEqual(boxOf(drawing.list[0]), [0, 10, 110, 60]);
});

test("a click without a drag on a corner changes nothing", () => {
  board.add(square(0, 0, 100));
  const [before] = drawing.list;
  board.use("edit");
  click([50, 0]);
  click([100, 100]);
  assert.equal(drawing.list[0], before);
});

test("Alt takes a corner away", () => {
  board.add(square(0, 0, 100));
  board.use("edit");
  click([100, 100], { alt: true });
  assert.equal(drawing.list[0].parts[0][0].length, 6);
});

test("what is chosen moves with the hand; beside it the map does", () => {
  board.add(square(0, 0, 100));
  board.use("move");
  drag([50, 50], [60, 75]);
  assert.deepEqual(boxOf(drawing.list[0]), [10, 25, 110, 125]);
  assert.equal(board.tool.down(at([400, 400])), false);
});

test("shapes are chosen by clicks, more of them with Shift, and all with Ctrl+A", () => {
  for (const shape of [square(0, 0), square(200, 0)]) drawing.apply([[shape.key, shape]]);
  click([50, 50]);
  assert.equal(board.selected.size, 1);
  click([250, 50], { shift: true });
  assert.equal(board.selected.size, 2);
  click([500, 500]);
  assert.equal(board.selected.size, 0);
  key("a", { ctrlKey: true });
  assert.equal(board.selected.size, 2);
  key("Delete");
  assert.equal(drawing.shapes.size, 0);
});

test("shapes that one may not change are left alone", () => {
  board.rules.mayEdit = () => false;
  const shape = square();
  drawing.apply([[shape.key, shape]]);
  board.choose(shape);
  for (const tool of ["edit", "move", "eraser", "hole"]) {
    board.use(tool);
    drag([50, 50], [70, 70], [50, 90], [45, 55]);
  }
  key("Delete");
  assert.deepEqual(drawing.list, [shape]);
});

test("undo and redo go through all steps, and a new step ends what could be redone", () => {
  board.add(square(0));
  board.add(square(200));
  key("z", { ctrlKey: true });
  key("z", { ctrlKey: true });
  assert.equal(drawing.shapes.size, 0);
  key("Z", { ctrlKey: true, shiftKey: true });
  assert.equal(drawing.shapes.size, 1);
  board.add(square(300));
  assert.ok(!drawing.canRedo);
});

test("labels that are hidden hide shapes with no other", () => {
  const shape = square(0, 0, 100, { labels: ["a", "b"] });
  drawing.apply([[shape.key, shape]]);
  board.hidden = new Set(["a"]);
  assert.equal(board.list.length, 1);
  board.hidden = new Set(["a", "b"]);
  assert.equal(board.list.length, 0);
});

test("the brush grows and shrinks within bounds", () => {
  for (let i = 0; i < 60; i += 1) key("]");
  assert.equal(board.brushRadius, 400);
  for (let i = 0; i < 100; i += 1) key("[");
  assert.equal(board.brushRadius, 2);
});

test("the brush begins a shape, and goes on with the one that is chosen", () => {
  board.use("brush");
  drag([100, 100], [200, 100]);
  drag([200, 100], [200, 200]);
  assert.equal(drawing.shapes.size, 1);
  drag([500, 500], [550, 500]);
  assert.equal(drawing.shapes.size, 2);
  drag([120, 100], [90, 100], { alt: true });
  assert.equal(drawing.shapes.size, 2);
});
