import assert from "node:assert/strict";
import test from "node:test";

import { listen } from "../../wsi_lab/front/keys.mjs";
import { TileFetcher } from "../../wsi_lab/front/fetching.mjs";

// Returns what keys ask for on a page with further ones.
function pressed(more, ...keys) {
  const asked = [];
  const acts = { layers: () => asked.push("layers"), fit: () => asked.push("fit") };
  const before = globalThis.addEventListener;
  globalThis.addEventListener = (_, hear) => {
    for (const key of keys) hear({ preventDefault() {}, ...key });
  };
  listen(acts, () => false, more);
  globalThis.addEventListener = before;
  return asked;
}

test("a page has further keys, whatever their case", () => {
  const more = { l: ["layers"] };
  assert.deepEqual(pressed(more, { key: "l" }, { key: "L" }, { key: "0" }), [
    "layers",
    "layers",
    "fit",
  ]);
  assert.deepEqual(pressed(more, { key: "l", ctrlKey: true }, { key: "x" }), []);
  assert.deepEqual(pressed({}, { key: "l" }, { key: "toString" }), []);
});

test("a page says where tiles are and what a refusal means", async () => {
  const asked = [];
  const answers = [
    { ok: false, status: 503, headers: new Headers() },
    { ok: true, blob: () => 7 },
  ];
  const fetcher = new TileFetcher({
    token: "old",
    renew: async () => "new",
    locate: (tile, leave) => `i/${leave}/${tile}`,
    kindOf: () => "access",
    ask: async (url) => {
      asked.push(url);
      return answers.shift();
    },
  });
  assert.equal(await fetcher.get("3/0_0.jpeg"), 7);
  assert.deepEqual(asked, ["i/old/3/0_0.jpeg", "i/new/3/0_0.jpeg"]);
});
