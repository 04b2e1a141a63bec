import assert from "node:assert/strict";
import { test } from "node:test";

import {
  difference,
  simplified,
  strokeArea,
  union,
  untangled,
} from "../../wsi_lab/front/draw/booleans.mjs";
import { isHit, nearestEdge, nearestVertex, shapeAt } from "../../wsi_lab/front/draw/hitting.mjs";
import { paintShape, trace, viewBox } from "../../wsi_lab/front/draw/painting.mjs";
import {
  areaLike,
  areaOf,
  boxOf,
  ellipse,
  geometryText,
  isUpright,
  moved,
  newKey,
  partsOf,
  rectangle,
  ringOf,
  sameShape,
  shapeOf,
} from "../../wsi_lab/front/draw/shapes.mjs";
import { alike, itemText, shapeOfItem } from "../../wsi_lab/front/draw/wire.mjs";
import { square } from "./drawing_support.mjs";

const FAR = 200_000;

function star(corners = 40_489, x = FAR, y = FAR) {
  const ring = new Float64Array(2 * corners);
  for (let i = 0; i < corners; i += 1) {
    const angle = (2 * Math.PI * i) / corners;
    const reach = 5000 + 300 * Math.sin(200 * angle);
    ring[2 * i] = Math.round(100 * (x + reach * Math.cos(angle))) / 100;
    ring[2 * i + 1] = Math.round(100 * (y + reach * Math.sin(angle))) / 100;
  }
  return shapeOf("polygon", [[ring]]);
}

// What is drawn, as a canvas would be told.
function pen() {
  const told = [];
  const state = { told, save() {}, restore() {}, beginPath() {}, closePath() {}, fill() {} };
  state.moveTo = (x, y) => told.push([x, y]);
  state.lineTo = state.moveTo;
  state.fillRect = (x, y) => told.push([x, y]);
  return Object.assign(state, { stroke() {}, setLineDash() {}, arc() {} });
}

test("GeoJSON goes in and comes out equal, whatever it is", () => {
  const geometries = [
    { type: "Point", coordinates: [200000.01, 0.5] },
    {
      type: "MultiPoint",
      coordinates: [
        [1, 2],
        [3, 4.25],
      ],
    },
    {
      type: "LineString",
      coordinates: [
        [1, 2],
        [3, 4],
        [1e-3, 5],
      ],
    },
    {
      type: "MultiLineString",
      coordinates: [
        [
          [1, 2],
          [3, 4],
        ],
        [
          [5, 6],
          [7, 8],
        ],
      ],
    },
    {
      type: "Polygon",
      coordinates: [
        [
          [0, 0],
          [9, 0],
          [9, 9],
          [0, 0],
        ],
        [
          [2, 1],
          [3, 1],
          [3, 2],
          [2, 1],
        ],
      ],
    },
    {
      type: "MultiPolygon",
      coordinates: [
        [
          [
            [0, 0],
            [9, 0],
            [9, 9],
            [0, 0],
          ],
        ],
        [
          [
            [20, 0],
            [29, 0],
            [29, 9],
            [20, 0],
          ],
        ],
      ],
    },
  ];
  for (const geometry of geometries) {
    const item = { geometry, labels: [{ name: "a" }], properties: { score: 1 } };
    const back = JSON.parse(itemText(shapeOfItem(item, "key")));
    assert.deepEqual(back.geometry, geometry);
    assert.deepEqual([back.labels, back.properties, back.key], [["a"], { score: 1 }, "key"]);
  }
});

test("what has no place is no shape", () => {
  for (const geometry of [
    null,
    { type: "Polygon", coordinates: [] },
    { type: "GeometryCollection" },
  ]) {
    assert.equal(shapeOfItem({ geometry, kind: "other" }, "key"), null);
  }
});

test("keys are version 4 UUIDs, all different", () => {
  const keys = new Set(Array.from({ length: 200 }, newKey));
  assert.equal(keys.size, 200);
  for (const key of keys) {
    assert.match(key, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  }
});

test("rectangles and ellipses touch the sides they were drawn to", () => {
  const box = [FAR + 0.25, 10.5, FAR + 80.75, 90.25];
  assert.deepEqual(boxOf(shapeOf("rectangle", rectangle(...box))), box);
  assert.deepEqual(boxOf(shapeOf("ellipse", ellipse(...box))), box);
  assert.ok(isUpright(shapeOf("ellipse", ellipse(...box))));
  assert.ok(isUpright(shapeOf("rectangle", rectangle(box[2], box[3], box[0], box[1]))));
  assert.ok(
    !isUpright(
      shapeOf("rectangle", [
        [
          ringOf([
            [0, 5],
            [5, 0],
            [10, 5],
            [5, 10],
          ]),
        ],
      ]),
    ),
  );
});

test("moving there and back gives the very same corners at 200,000 pixels", () => {
  const shape = star(500);
  assert.ok(sameShape(moved(moved(shape, 12.34, -7.01), -12.34, 7.01), shape));
});

test("areas take holes off", () => {
  const parts = [[rectangle(0, 0, 10, 10)[0][0], rectangle(2, 2, 4, 4)[0][0]]];
  assert.equal(areaOf(shapeOf("brush", parts)), 96);
});

test("shapes differ by labels, kinds and corners, not by the order of labels", () => {
  const shape = square();
  assert.ok(sameShape({ ...shape, labels: ["a", "b"] }, { ...shape, labels: ["b", "a"] }));
  assert.ok(!sameShape({ ...shape, labels: ["a"] }, shape));
  assert.ok(!sameShape({ ...shape, labels: ["a,b"] }, { ...shape, labels: ["a", "b"] }));
  assert.ok(!sameShape(shape, moved(shape, 0.01, 0)));
  assert.ok(!alike(shape, moved(shape, 0.05, 0)));
  assert.ok(alike(shape, { ...shape, parts: [[shape.parts[0][0].map((v) => v + 0.004)]] }));
});

test("union and difference are exact, and leave corners that stay as they were", () => {
  const one = rectangle(FAR, FAR, FAR + 100.13, FAR + 100.57);
  const joined = shapeOf(
    "polygon",
    union(one, rectangle(FAR + 50, FAR + 50, FAR + 150, FAR + 150)),
  );
  const overlap = 50.13 * 50.57;
  assert.ok(Math.abs(areaOf(joined) - (100.13 * 100.57 + 10_000 - overlap)) < 1e-3);
  const third = 1 / 3;
  const uneven = [[Float64Array.of(third, third, 90.7, third, 90.7, 80.123456, third, 80.123456)]];
  const [[cut]] = difference(uneven, rectangle(80, 70, 200, 200));
  const corners = new Set(
    Array.from({ length: cut.length / 2 }, (_, i) => `${cut[2 * i]},${cut[2 * i + 1]}`),
  );
  for (const corner of [`${third},${third}`, `90.7,${third}`, `${third},80.123456`]) {
    assert.ok(corners.has(corner));
  }
});

test("a hole is a ring of its part, an island in it a part", () => {
  const holed = difference(rectangle(0, 0, 100, 100), rectangle(10, 10, 90, 90));
  assert.deepEqual(
    holed.map((part) => part.length),
    [2],
  );
  const island = union(holed, rectangle(40, 40, 60, 60));
  assert.deepEqual(island.map((part) => part.length).sort(), [1, 2]);
  assert.equal(areaLike(square(), holed).kind, "brush");
  assert.equal(areaLike(square(), rectangle(0, 0, 5, 5)).kind, "polygon");
  assert.deepEqual(difference(rectangle(1, 1, 2, 2), rectangle(0, 0, 3, 3)), []);
});

test("a loop that crosses itself becomes areas that do not", () => {
  const parts = untangled(
    ringOf([
      [0, 0],
      [10, 10],
      [10, 0],
      [0, 10],
    ]),
  );
  assert.equal(areaOf(shapeOf("brush", parts)), 50);
});

test("a stroke is as wide as its brush", () => {
  const area = areaOf(
    shapeOf(
      "brush",
      strokeArea(
        [
          [0, 0],
          [100, 0],
        ],
        10,
      ),
    ),
  );
  assert.ok(Math.abs(area - (2000 + Math.PI * 100)) < 5);
  assert.deepEqual(boxOf(shapeOf("brush", strokeArea([[5, 5]], 3))), [2, 2, 8, 8]);
  const round = strokeArea(
    [
      [0, 0],
      [50, 0],
      [50, 50],
      [0, 50],
      [0, 0],
    ],
    5,
  );
  assert.equal(round[0].length, 2);
});

test("simplifying stays within its tolerance and keeps the ends", () => {
  const points = Array.from({ length: 300 }, (_, i) => [i, 10 * Math.sin(i / 20)]);
  const fewer = simplified(points, 0.5);
  assert.ok(fewer.length < 60);
  assert.deepEqual([fewer[0], fewer.at(-1)], [points[0], points.at(-1)]);
  const line = shapeOf("polyline", [[ringOf(fewer)]]);
  for (const [x, y] of points) assert.ok(nearestEdge(line, x, y, 0.52) !== null);
});

test("hits are those of every corner and edge looked at one by one", () => {
  const shape = star(3001, 0, 0);
  const [ring] = shape.parts[0];
  const random = numbers(7);
  for (let k = 0; k < 300; k += 1) {
    const [x, y] = [random() * 11_000 - 5500, random() * 11_000 - 5500];
    let inside = false;
    let least = Infinity;
    for (let i = 0; i < ring.length; i += 2) {
      const j = (i + 2) % ring.length;
      const isAcross = ring[i + 1] > y !== ring[j + 1] > y;
      const at = ring[i] + ((y - ring[i + 1]) / (ring[j + 1] - ring[i + 1])) * (ring[j] - ring[i]);
      if (isAcross && at > x) inside = !inside;
      least = Math.min(least, Math.hypot(ring[i] - x, ring[i + 1] - y));
    }
    assert.equal(isHit(shape, x, y, 0), inside);
    const found = nearestVertex(shape, x, y, 50)?.distance ?? Infinity;
    assert.ok(least > 50 ? found === Infinity : Math.abs(found - least) < 1e-9);
  }
});

test("the topmost shape is hit, lines and points within reach, holes not", () => {
  const shapes = [square(0, 0), square(50, 50), shapeOf("point", [[ringOf([[300, 300]])]])];
  assert.equal(shapeAt(shapes, 75, 75, 0), shapes[1]);
  assert.equal(shapeAt(shapes, 25, 25, 0), shapes[0]);
  assert.equal(shapeAt(shapes, 303, 304, 5), shapes[2]);
  assert.equal(shapeAt(shapes, 304, 304, 5), null);
  const line = shapeOf("polyline", [
    [
      ringOf([
        [0, 0],
        [100, 0],
        [100, 100],
      ]),
    ],
  ]);
  assert.ok(isHit(line, 50, 3, 4));
  assert.ok(!isHit(line, 50, 50, 4));
  const holed = shapeOf("brush", difference(rectangle(0, 0, 99, 99), rectangle(20, 20, 80, 80)));
  assert.ok(!isHit(holed, 50, 50, 2));
});

test("an outline of 40,489 corners is drawn with as many as the screen can tell", () => {
  const shape = star();
  const whole = { left: FAR - 6000, top: FAR - 6000, scale: 0.05, width: 600, height: 600 };
  const canvas = pen();
  const count = paintShape(canvas, shape, whole, { colour: "red", fill: 0.2, width: 2 });
  assert.ok(count < 20_000 && count > 5000, String(count));
  const close = { left: FAR + 4800, top: FAR - 100, scale: 2, width: 600, height: 400 };
  assert.ok(trace(pen(), shape, close) < 1500);
});

test("what is drawn of an outline in a view is exact to a hundredth of a pixel", () => {
  const shape = star();
  const view = { left: FAR + 4700, top: FAR - 300, scale: 2, width: 1200, height: 1200 };
  const canvas = pen();
  trace(canvas, shape, view);
  const [left, top, right, bottom] = viewBox(view);
  const drawn = new Set(
    canvas.told.map(([x, y]) => `${(x / 2 + left).toFixed(2)},${(y / 2 + top).toFixed(2)}`),
  );
  const [ring] = shape.parts[0];
  let seen = 0;
  for (let i = 0; i < ring.length; i += 2) {
    if (ring[i] < left || ring[i] > right || ring[i + 1] < top || ring[i + 1] > bottom) continue;
    seen += 1;
    assert.ok(drawn.has(`${ring[i].toFixed(2)},${ring[i + 1].toFixed(2)}`));
  }
  assert.ok(seen > 20);
});

test("shapes beside the view are not drawn", () => {
  const view = { left: 0, top: 0, scale: 1, width: 100, height: 100 };
  assert.equal(paintShape(pen(), square(500, 500), view, { colour: "red" }), 0);
});

test("parts of no known type are none", () => {
  assert.equal(partsOf({ type: "Circle", coordinates: [1] }), null);
  assert.equal(JSON.parse(geometryText(square())).type, "Polygon");
});

function numbers(seed) {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}
