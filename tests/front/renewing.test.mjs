import assert from "node:assert/strict";
import test from "node:test";

import { factsIn, renewal } from "../../wsi_lab/front/renewing.mjs";

const SLIDE = { tiles: "../tiles/a", token: "vt=1&exp=1", version: "v1", levels: [{ width: 1 }] };

function pageOf(slide) {
  const facts = JSON.stringify(slide).replaceAll("&", "\\u0026");
  return `<!doctype html><p>a</p><script type="application/json" id="slide">${facts}</script></html>`;
}

test("a page's facts are found in its text", () => {
  assert.deepEqual(JSON.parse(factsIn(pageOf(SLIDE))), SLIDE);
});

test("another page has none", () => {
  assert.equal(factsIn("<html>Sign in</html>"), null);
  assert.equal(factsIn('<script type="application/json" id="slide">{'), null);
});

test("a new token is taken from the page of the same slide", async () => {
  const renew = renewal(SLIDE, async () => pageOf({ ...SLIDE, token: "vt=2&exp=2" }));
  assert.equal(await renew(), "vt=2&exp=2");
});

for (const [what, ask] of [
  ["the slide was replaced", async () => pageOf({ ...SLIDE, version: "v2" })],
  ["it has other levels", async () => pageOf({ ...SLIDE, levels: [] })],
  ["somebody must sign in", async () => "<html>Sign in</html>"],
  ["the page is refused", async () => ""],
  ["the page is broken", async () => pageOf(SLIDE).replace("{", "{,")],
  ["nobody answers", () => Promise.reject(new TypeError("network"))],
]) {
  test(`there is no new token where ${what}`, async () => {
    assert.equal(await renewal(SLIDE, ask)(), null);
  });
}
