import assert from "node:assert/strict";
import { test } from "node:test";

import { tokenHeaders } from "../../../wsi_lab/front/dom.mjs";
import { Kept, LabCalls } from "../../../wsi_lab/front/map/calls.mjs";
import { areaText, sentenceOf } from "../../../wsi_lab/front/map/cards.mjs";
import { overlayUrl } from "../../../wsi_lab/front/map/overlays.mjs";

globalThis.document = { cookie: "_xsrf=a|b; other=1" };

const SLIDE = "/a%40b/wsi-lab/v1/slides/4";
const LAYER = {
  id: 7,
  revision: "3c90",
  bulk_revision: "b7",
  labels: [
    { id: 3, name: "tumour & co" },
    { id: 5, name: "stroma" },
  ],
};

function storage() {
  const kept = new Map();
  return {
    get length() {
      return kept.size;
    },
    key: (i) => [...kept.keys()][i],
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, text) => kept.set(name, text),
    removeItem: (name) => kept.delete(name),
  };
}

// A lab that gives these answers, and what it was asked.
function labThat(...answers) {
  const asked = [];
  const calls = new LabCalls(SLIDE, tokenHeaders, async (url, options) => {
    asked.push({ url, ...options });
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  });
  return { calls, asked };
}

const json = (body, init = {}) => Response.json(body, init);

test("an overlay's address carries revision, style, and ids of what is hidden", () => {
  const style = { by: "score", map: "magma", low: 0, high: null };
  const view = { tier: "bulk", hidden: new Set(["", "stroma"]), skip: [2 ** 40 + 1] };
  const url = overlayUrl(SLIDE, LAYER, style, view);
  const [path, query] = url.split("?");
  assert.equal(path, `${SLIDE}/overlay/7/{z}/{x}/{y}.png`);
  assert.deepEqual(Object.fromEntries(new URLSearchParams(query)), {
    v: "b7",
    by: "score",
    map: "magma",
    low: "0",
    tier: "bulk",
    hide: "0,5",
    skip: String(2 ** 40 + 1),
  });
  const all = { tier: "all", hidden: new Set(), skip: [] };
  assert.ok(overlayUrl(SLIDE, LAYER, {}, all).endsWith("?v=3c90&tier=all"));
});

test("every call has the token, changes the revision they were made from", async () => {
  const { calls, asked } = labThat(
    json({ id: 1 }),
    json({ items: [{ id: 2 }] }),
    new Response(null, { status: 204 }),
  );
  const lab = calls.of(7);
  await lab.change(1, 5, '{"kind":"point"}');
  assert.deepEqual(await lab.create('{"kind":"point","key":"k"}'), { id: 2 });
  await lab.remove(1, 6);
  assert.deepEqual(
    asked.map(({ method, url, headers, body }) => [method, url, headers["If-Match"], body]),
    [
      ["PATCH", "/a%40b/wsi-lab/v1/annotations/1", '"r5"', '{"kind":"point"}'],
      [
        "POST",
        "/a%40b/wsi-lab/v1/layers/7/shapes?slide_id=4",
        undefined,
        '{"shapes":[{"kind":"point","key":"k"}]}',
      ],
      ["DELETE", "/a%40b/wsi-lab/v1/annotations/1", '"r6"', undefined],
    ],
  );
  assert.ok(asked.every(({ headers }) => headers["X-XSRFToken"] === "a|b"));
});

test("a refusal tells its kind, its sentence and whose change was first", async () => {
  const problem = {
    detail: "This shape was changed.",
    current: { id: 1 },
    changed_by: "anna@x.org",
    changed_on: "2026-01-01T00:00:00Z",
  };
  const { calls } = labThat(
    json(problem, { status: 409 }),
    new TypeError("network"),
    new Response("<html>", { status: 502 }),
  );
  const lab = calls.of(7);
  await assert.rejects(lab.remove(1, 1), (refusal) => {
    assert.deepEqual(
      [refusal.kind, refusal.detail, refusal.current],
      ["conflict", problem.detail, { id: 1 }],
    );
    assert.equal(refusal.winner.changed_by, "anna@x.org");
    return true;
  });
  await assert.rejects(lab.remove(1, 1), { kind: "unreachable" });
  await assert.rejects(lab.remove(1, 1), { kind: "unreachable", status: 502 });
});

test("the list of layers is asked for with what is known of it", async () => {
  const first = json({ items: [] }, { headers: { ETag: '"x"' } });
  const { calls, asked } = labThat(first, new Response(null, { status: 304 }));
  assert.deepEqual(await calls.layers(), { items: [] });
  assert.equal(await calls.layers(), null);
  assert.equal(asked[1].headers["If-None-Match"], '"x"');
});

test("shapes come page by page", async () => {
  const { calls, asked } = labThat(
    json({ items: [1], next_cursor: "a&b" }),
    json({ items: [2], next_cursor: null }),
  );
  assert.deepEqual(await calls.shapes(7), [1, 2]);
  assert.ok(asked[1].url.endsWith("&cursor=a%26b"));
});

test("what is kept is of one layer of one slide, removals too", () => {
  const store = storage();
  const kept = new Kept(SLIDE, 7, store);
  kept.put("k", { key: "k", id: 1, revision: 2 }, '{"kind":"point"}');
  kept.put("gone", { key: "gone", id: 3, revision: 1 }, null);
  new Kept(SLIDE, 70, store).put("other", {}, null);
  assert.deepEqual(kept.all(), [
    ["k", { key: "k", id: 1, revision: 2 }, { kind: "point" }],
    ["gone", { key: "gone", id: 3, revision: 1 }, null],
  ]);
  kept.drop("k");
  assert.equal(kept.all().length, 1);
});

test("a store that is full or broken is told and breaks nothing", () => {
  const store = storage();
  store.setItem = () => {
    throw new Error("quota");
  };
  const kept = new Kept(SLIDE, 7, store);
  kept.put("k", {}, "{}");
  assert.ok(kept.isFull);
  store.setItem = () => {};
  kept.put("another", {}, "{}");
  assert.ok(kept.isFull);
  kept.drop("k");
  assert.ok(!kept.isFull);
  const broken = storage();
  broken.setItem(`wsi-lab/unsent/${SLIDE}/7/k`, "{");
  assert.deepEqual(new Kept(SLIDE, 7, broken).all(), []);
});

test("where a browser forbids its store, a shape is said not to be kept", () => {
  const own = Object.getOwnPropertyDescriptor(globalThis, "localStorage");
  const get = () => {
    throw new Error("forbidden");
  };
  Object.defineProperty(globalThis, "localStorage", { configurable: true, get });
  const kept = new Kept(SLIDE, 7);
  kept.put("k", {}, "{}");
  assert.ok(kept.isFull);
  assert.deepEqual(kept.all(), []);
  if (own) Object.defineProperty(globalThis, "localStorage", own);
  else delete globalThis.localStorage;
});

test("areas are told in units that suit them", () => {
  assert.equal(areaText(4000, 0.5), "1000 µm²");
  assert.equal(areaText(4e6, 0.5), "1 mm²");
  assert.equal(areaText(123.456, null), "123.5 px²");
});

test("a conflict says who, what and when", () => {
  const on = "2026-01-01T00:00:00Z";
  const now = Date.parse(on) + 12_000;
  const winner = { changed_by: "anna@x.org", changed_on: on };
  const say = (conflict) => sentenceOf({ mine: {}, theirs: {}, winner, ...conflict }, now);
  assert.equal(say({}), "anna@x.org changed this shape 12 s ago.");
  assert.equal(say({ mine: null }), "anna@x.org changed this shape 12 s ago; you had removed it.");
  assert.equal(say({ theirs: null }), "anna@x.org removed this shape that you changed.");
  assert.equal(say({ winner: {} }), "Somebody changed this shape.");
});
