import assert from "node:assert/strict";
import test from "node:test";

import { groups, Link } from "../../../wsi_lab/front/map/linking.mjs";

// A viewer that only remembers where it is, and tells its link when it moves, as the map does.
class Still {
  constructor(place, mpp) {
    this.at = place;
    this.slide = { mpp };
    this.moves = 0;
  }

  join(name) {
    this.link = new Link(name, this);
  }

  place() {
    return { ...this.at };
  }

  follow(place, isLast) {
    this.at = { ...place };
    this.moves += 1;
    this.link?.moved(isLast);
  }

  move(change) {
    this.at = { ...this.at, ...change };
    this.link.moved(true);
  }
}

let count = 0;
function linked(...viewers) {
  count += 1;
  for (const viewer of viewers) viewer.join(`group ${count}`);
  for (const viewer of viewers) viewer.moves = 0;
  return viewers;
}

test("others go as far in micrometres and keep their distance", () => {
  const [a, b] = linked(
    new Still({ x: 1000, y: 1000, downsample: 2 }, 0.5),
    new Still({ x: 300, y: 400, downsample: 8 }, 0.25),
  );
  a.move({ x: 1100, y: 950 });
  assert.deepEqual([b.at.x, b.at.y], [500, 300]);
});

test("all show the same micrometres per pixel of the screen", () => {
  const [a, b] = linked(
    new Still({ x: 0, y: 0, downsample: 2 }, 0.5),
    new Still({ x: 0, y: 0, downsample: 8 }, 0.25),
  );
  assert.equal(b.at.downsample, 4);
  a.move({ downsample: 1 });
  assert.equal(b.at.downsample, 2);
});

test("one move is one move of each other, with no echo", () => {
  const [a, b, c] = linked(...[0, 1, 2].map(() => new Still({ x: 0, y: 0, downsample: 1 }, 0.5)));
  b.move({ x: 10 });
  assert.deepEqual([a.moves, b.moves, c.moves], [1, 0, 1]);
  assert.deepEqual([a.at.x, c.at.x], [10, 10]);
});

test("many moves do not drift", () => {
  const [a, b] = linked(
    new Still({ x: 1000.1, y: 1000.7, downsample: 3 }, 0.499),
    new Still({ x: 17.3, y: 4.9, downsample: 3 }, 0.2528),
  );
  for (let i = 0; i < 1000; i += 1) (i % 2 ? a : b).move({ x: 5000 * Math.sin(i), y: i });
  b.move({ x: 17.3, y: 4.9 });
  assert.ok(Math.hypot(a.at.x - 1000.1, a.at.y - 1000.7) < 1e-6);
});

test("a slide of unknown scale moves as far in pixels", () => {
  const [a, b] = linked(
    new Still({ x: 0, y: 0, downsample: 2 }, 0.5),
    new Still({ x: 0, y: 0, downsample: 2 }, null),
  );
  a.move({ x: 100, downsample: 1 });
  assert.deepEqual([b.at.x, b.at.downsample], [100, 1]);
});

test("a viewer moved alone is lined up anew", () => {
  const [a, b] = linked(
    new Still({ x: 0, y: 0, downsample: 1 }, 0.5),
    new Still({ x: 0, y: 0, downsample: 1 }, 0.5),
  );
  a.move({ x: 50 });
  b.at.x = 80;
  b.link.realign();
  assert.equal(a.at.x, 50);
  a.move({ x: 60 });
  assert.equal(b.at.x, 90);
});

test("a viewer that left is left alone, and an empty group is forgotten", () => {
  const [a, b] = linked(
    new Still({ x: 0, y: 0, downsample: 1 }, 0.5),
    new Still({ x: 0, y: 0, downsample: 1 }, 0.5),
  );
  const { name } = a.link;
  b.link.leave();
  a.move({ x: 50 });
  assert.equal(b.at.x, 0);
  a.link.leave();
  assert.ok(!groups().has(name));
});
