import assert from "node:assert/strict";
import { test } from "node:test";

import { Refusal } from "../../wsi_lab/front/draw/saving.mjs";
import { geometryText, moved } from "../../wsi_lab/front/draw/shapes.mjs";
import { FakeLab, newPage, square } from "./drawing_support.mjs";

const ENOUGH = 120_000;

async function pageWithSquare(options) {
  const page = newPage(options);
  page.saving.receive([], page.saving.mark);
  const shape = square();
  page.drawing.apply([[shape.key, shape]]);
  await page.clock.pass(1000);
  return { ...page, key: shape.key };
}

const change = (page, dx = 5) => {
  const shape = page.drawing.shapes.get(page.key);
  page.drawing.apply([[page.key, moved(shape, dx, 0)]]);
};
const leftOf = (item) => item.geometry.coordinates[0][0][0];

test("what is drawn is sent by itself and then said to be saved", async () => {
  const page = await pageWithSquare();
  assert.deepEqual(page.lab.requests, [["create", page.key]]);
  assert.deepEqual(
    page.said.states.map(({ kind }) => kind).filter((kind, i, all) => kind !== all[i - 1]),
    ["saved", "saving", "saved"],
  );
  assert.equal(page.store.kept.size, 0);
});

test("edits that follow each other quickly are one request, with the revision they began at", async () => {
  const page = await pageWithSquare();
  change(page);
  change(page);
  await page.clock.pass(1000);
  assert.deepEqual(page.lab.requests.slice(1), [["change", 1]]);
  assert.deepEqual([leftOf(page.lab.shapes.get(1)), page.lab.shapes.get(1).revision], [10, 2]);
});

test("undo of a new shape removes it, redo makes it anew", async () => {
  const page = await pageWithSquare();
  page.drawing.undo();
  await page.clock.pass(1000);
  assert.equal(page.lab.shapes.size, 0);
  page.drawing.redo();
  await page.clock.pass(1000);
  assert.equal(page.lab.shapes.size, 1);
  assert.equal(page.state(), "saved");
});

test("a lab that does not answer is asked again, and what was drawn stays in the browser", async () => {
  const page = await pageWithSquare();
  page.lab.failing = new Refusal(503, "busy");
  change(page);
  await page.clock.pass(1000);
  assert.equal(page.state(), "unreachable");
  assert.equal(page.store.kept.size, 1);
  page.lab.failing = null;
  await page.clock.pass(ENOUGH);
  assert.equal(page.state(), "saved");
  assert.equal(page.store.kept.size, 0);
  assert.equal(leftOf(page.lab.shapes.get(1)), 5);
});

test("a shape whose answer was lost is stored once, with the edits made since", async () => {
  const lab = new FakeLab();
  lab.loses = 1;
  const page = newPage({ lab });
  const shape = square();
  page.key = shape.key;
  page.drawing.apply([[shape.key, shape]]);
  await page.clock.pass(500);
  change(page, 7);
  await page.clock.pass(ENOUGH);
  assert.equal(lab.shapes.size, 1);
  assert.equal(leftOf(lab.shapes.get(1)), 7);
  assert.equal(page.state(), "saved");
});

test("a change whose answer was lost is no conflict with oneself", async () => {
  const page = await pageWithSquare();
  page.lab.loses = 1;
  change(page, 3);
  await page.clock.pass(ENOUGH);
  assert.equal(page.said.conflicts.length, 0);
  assert.equal(page.state(), "saved");
  change(page, 3);
  await page.clock.pass(ENOUGH);
  assert.equal(leftOf(page.lab.shapes.get(1)), 6);
});

test("what the lab refuses is not asked again until it is changed", async () => {
  const page = await pageWithSquare();
  page.lab.failing = new Refusal(422, "This is no shape.");
  change(page);
  await page.clock.pass(ENOUGH);
  assert.equal(page.lab.requests.length, 2);
  assert.deepEqual(page.said.states.at(-1), {
    kind: "refused",
    count: 1,
    detail: "This is no shape.",
  });
  assert.equal(leftOf({ geometry: { coordinates: [[[page.drawing.list[0].parts[0][0][0]]]] } }), 5);
  page.lab.failing = null;
  change(page);
  await page.clock.pass(1000);
  assert.equal(page.state(), "saved");
});

test("somebody else's change is never overwritten: theirs is shown, mine is kept", async () => {
  const page = await pageWithSquare();
  const theirs = {
    type: "Polygon",
    coordinates: [
      [
        [50, 0],
        [60, 0],
        [60, 9],
        [50, 0],
      ],
    ],
  };
  page.lab.changeBehind(1, { geometry: theirs });
  change(page);
  await page.clock.pass(1000);
  assert.deepEqual(page.lab.shapes.get(1).geometry, theirs);
  assert.equal(page.drawing.shapes.get(page.key).parts[0][0][0], 50);
  const [{ conflict }] = page.said.conflicts;
  assert.equal(conflict.mine.parts[0][0][0], 5);
  assert.equal(conflict.winner.changed_by, "anna@x.org");
  assert.equal(page.state(), "conflict");
  assert.equal(page.store.kept.size, 1);
});

test("both can be kept", async () => {
  const page = await pageWithSquare();
  page.lab.changeBehind(1, { labels: ["theirs"] });
  change(page);
  await page.clock.pass(1000);
  page.saving.resolve(page.key, "both");
  await page.clock.pass(1000);
  assert.equal(page.lab.shapes.size, 2);
  assert.deepEqual([...page.lab.shapes.values()].map(leftOf), [0, 5]);
  assert.equal(page.state(), "saved");
  assert.equal(page.store.kept.size, 0);
});

test("theirs can be kept, and edited from there", async () => {
  const page = await pageWithSquare();
  page.lab.changeBehind(1, { labels: ["theirs"] });
  change(page);
  await page.clock.pass(1000);
  page.saving.resolve(page.key, "theirs");
  assert.equal(page.state(), "saved");
  change(page, 9);
  await page.clock.pass(1000);
  assert.equal(leftOf(page.lab.shapes.get(1)), 9);
  assert.equal(page.lab.shapes.get(1).labels[0].name, "theirs");
});

test("a shape that somebody else removed can be kept as a new one", async () => {
  const page = await pageWithSquare();
  page.lab.shapes.delete(1);
  change(page);
  await page.clock.pass(1000);
  assert.equal(page.drawing.shapes.size, 0);
  page.saving.resolve(page.key, "both");
  await page.clock.pass(1000);
  assert.equal(leftOf([...page.lab.shapes.values()][0]), 5);
});

test("removing what somebody else changed brings it back", async () => {
  const page = await pageWithSquare();
  page.lab.changeBehind(1, { labels: ["theirs"] });
  page.drawing.apply([[page.key, null]]);
  await page.clock.pass(1000);
  assert.equal(page.lab.shapes.size, 1);
  assert.deepEqual(page.drawing.shapes.get(page.key).labels, ["theirs"]);
  assert.equal(page.said.conflicts.length, 1);
});

test("a page that was closed before all was sent goes on where it was", async () => {
  const page = await pageWithSquare();
  page.lab.failing = new Refusal(0);
  change(page, 4);
  const other = square(500);
  page.drawing.apply([[other.key, other]]);
  await page.clock.pass(1000);
  page.saving.close();
  page.lab.failing = null;
  const next = newPage({ lab: page.lab, store: page.store });
  next.saving.receive(page.lab.list(), next.saving.mark);
  next.saving.restore();
  await next.clock.pass(ENOUGH);
  assert.deepEqual([...page.lab.shapes.values()].map(leftOf), [4, 500]);
  assert.equal(next.state(), "saved");
  assert.equal(next.store.kept.size, 0);
});

test("a conflict that nobody decided is there again on the next page", async () => {
  const page = await pageWithSquare();
  page.lab.changeBehind(1, { labels: ["theirs"] });
  change(page, 4);
  await page.clock.pass(1000);
  page.saving.close();
  const next = newPage({ lab: page.lab, store: page.store });
  next.saving.receive(page.lab.list(), next.saving.mark);
  next.saving.restore();
  await next.clock.pass(ENOUGH);
  assert.equal(next.said.conflicts.length, 1);
  assert.equal(page.lab.shapes.get(1).labels[0].name, "theirs");
});

test("lists bring in what others did, and leave alone what was drawn since they were asked for", async () => {
  const page = await pageWithSquare();
  const early = page.saving.mark;
  const list = page.lab.list();
  const own = square(300);
  page.drawing.apply([[own.key, own]]);
  await page.clock.pass(1000);
  page.saving.receive(list, early);
  assert.equal(page.drawing.shapes.size, 2);
  page.lab.changeBehind(1, { labels: ["theirs"] });
  page.saving.receive(page.lab.list(), page.saving.mark);
  assert.deepEqual(page.drawing.shapes.get(page.key).labels, ["theirs"]);
  page.lab.shapes.delete(2);
  page.saving.receive(page.lab.list(), page.saving.mark);
  assert.equal(page.drawing.shapes.size, 1);
});

test("a list from before a removal does not bring the shape back", async () => {
  const page = await pageWithSquare();
  const early = page.saving.mark;
  const list = page.lab.list();
  page.drawing.apply([[page.key, null]]);
  await page.clock.pass(1000);
  page.saving.receive(list, early);
  assert.equal(page.drawing.shapes.size, 0);
});

test("steps back to what somebody else has changed since are no longer there", async () => {
  const page = await pageWithSquare();
  change(page, 5);
  await page.clock.pass(1000);
  page.lab.changeBehind(1, { labels: ["theirs"] });
  page.saving.receive(page.lab.list(), page.saving.mark);
  page.drawing.undo();
  await page.clock.pass(1000);
  assert.equal(page.lab.shapes.get(1).labels[0].name, "theirs");
});

const ITEM_OF_LOAD = {
  id: 2 ** 40 + 3,
  kind: "polygon",
  labels: [],
  revision: 1,
  geometry: JSON.parse(geometryText(square(1, 1, 8))),
};

test("a shape of a load becomes hand-made with its first change, and goes back without one", async () => {
  const page = newPage();
  const { id } = ITEM_OF_LOAD;
  page.key = page.saving.adopt(ITEM_OF_LOAD, true);
  assert.equal(page.state() ?? "saved", "saved");
  assert.ok(page.saving.release(page.key));
  assert.equal(page.drawing.shapes.size, 0);
  page.key = page.saving.adopt(ITEM_OF_LOAD, true);
  change(page);
  await page.clock.pass(1000);
  assert.deepEqual(page.lab.requests, [["change", id]]);
  change(page);
  await page.clock.pass(1000);
  assert.deepEqual(page.lab.requests[1], ["change", 1]);
  assert.ok(!page.saving.release(page.key));
});

for (const [what, left] of [
  ["changed", [6]],
  ["removed", []],
]) {
  test(`a shape of a load that was ${what} on a page that closed is so on the next one`, async () => {
    const page = newPage();
    page.key = page.saving.adopt(ITEM_OF_LOAD, true);
    page.lab.failing = new Refusal(0);
    if (what === "changed") change(page, 5);
    else page.drawing.apply([[page.key, null]]);
    await page.clock.pass(1000);
    page.saving.close();
    page.lab.failing = null;
    const next = newPage({ lab: page.lab, store: page.store });
    next.saving.receive([], next.saving.mark);
    next.saving.restore();
    await next.clock.pass(ENOUGH);
    assert.equal(page.lab.requests.at(-1)[1], ITEM_OF_LOAD.id);
    assert.deepEqual([...page.lab.shapes.values()].map(leftOf), left);
    assert.deepEqual([next.said.conflicts.length, next.state()], [0, "saved"]);
    assert.equal(next.store.kept.size, 0);
  });
}

test("what was to be removed and somebody else removed is not kept any longer", async () => {
  const page = await pageWithSquare();
  page.lab.failing = new Refusal(0);
  page.drawing.apply([[page.key, null]]);
  await page.clock.pass(1000);
  page.saving.close();
  assert.equal(page.store.kept.size, 1);
  const next = newPage({ store: page.store });
  next.saving.receive([], next.saving.mark);
  next.saving.restore();
  await next.clock.pass(ENOUGH);
  assert.deepEqual([next.lab.requests, next.state(), next.store.kept.size], [[], "saved", 0]);
});

test("a new shape on what is gone is refused, and not said to be on its way", async () => {
  const page = newPage();
  page.lab.failing = new Refusal(404, "There is no such layer.");
  const shape = square();
  page.drawing.apply([[shape.key, shape]]);
  await page.clock.pass(ENOUGH);
  const detail = "There is no such layer.";
  assert.deepEqual(page.said.states.at(-1), { kind: "refused", count: 1, detail });
  assert.equal(page.lab.requests.length, 1);
});

test("two pages in any order lose nothing that one was told is saved", async () => {
  for (let seed = 1; seed <= 40; seed += 1) {
    const random = numbers(seed);
    const lab = new FakeLab();
    const first = await pageWithSquare({ lab });
    const second = newPage({ lab });
    second.saving.receive(lab.list(), second.saving.mark);
    second.key = [...second.drawing.shapes.keys()][0];
    const pages = [first, second];
    for (let step = 0; step < 25; step += 1) {
      const page = pages[random(2)];
      const act = random(3);
      if (act === 0 && page.drawing.shapes.has(page.key)) change(page, 1 + random(50));
      else if (act === 1) await page.clock.pass(300 + random(600));
      else page.saving.receive(lab.list(), page.saving.mark);
    }
    for (const page of pages) await page.clock.pass(ENOUGH);
    for (const page of pages) {
      if (page.state() !== "saved") continue;
      page.saving.receive(lab.list(), page.saving.mark);
      const [shape] = page.drawing.list;
      assert.equal(shape.parts[0][0][0], leftOf(lab.shapes.get(1)), `seed ${seed}`);
    }
    const decided = pages.every((page) => ["saved", "conflict"].includes(page.state()));
    assert.ok(decided, `seed ${seed}`);
  }
});

function numbers(seed) {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
}

test("what is left is sent once more when the drawing ends, and nothing after that", async () => {
  const page = await pageWithSquare();
  change(page);
  assert.ok(page.saving.isUnderWay);
  page.saving.leave();
  await page.clock.pass(0);
  assert.equal(leftOf(page.lab.shapes.get(1)), 5);
  assert.equal(page.store.kept.size, 0);
  assert.ok(!page.saving.isUnderWay);
  const other = await pageWithSquare();
  other.lab.failing = new Refusal(503, "busy");
  change(other);
  other.saving.leave();
  await other.clock.pass(ENOUGH);
  assert.deepEqual(other.lab.requests.slice(1), [["change", 1]]);
  assert.equal(other.store.kept.size, 1);
});

test("what the lab refused is not under way", async () => {
  const page = await pageWithSquare();
  page.lab.failing = new Refusal(422, "This is no shape.");
  change(page);
  await page.clock.pass(1000);
  assert.equal(page.saving.unsaved.length, 1);
  assert.ok(!page.saving.isUnderWay);
});
