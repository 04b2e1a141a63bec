import assert from "node:assert/strict";
import test from "node:test";

import { kindOf, TileFetcher } from "../../wsi_lab/front/fetching.mjs";

const TILE = new Blob(["tile"]);

// A server that gives its answers one after the other, and the last one for ever.
function server(...answers) {
  const asked = [];
  const ask = async (url) => {
    const answer = answers[Math.min(asked.length, answers.length - 1)];
    asked.push(url);
    if (answer instanceof Error) throw answer;
    return typeof answer === "number" ? new Response(null, { status: answer }) : answer;
  };
  return { asked, ask };
}

const good = () => new Response(TILE);

function fetcherOf(ask, options = {}) {
  const waited = [];
  const fetcher = new TileFetcher({
    token: "",
    renew: async () => null,
    isOnline: () => true,
    ask,
    wait: async (milliseconds) => void waited.push(milliseconds),
    ...options,
  });
  return { fetcher, waited };
}

test("a tile is its bytes", async () => {
  const { asked, ask } = server(good());
  const { fetcher, waited } = fetcherOf(ask);
  assert.equal(await (await fetcher.get("t/0/0/0.jpg")).text(), "tile");
  assert.deepEqual(asked, ["t/0/0/0.jpg"]);
  assert.deepEqual(waited, []);
});

test("version and token go into the query, the version escaped", async () => {
  const { asked, ask } = server(good());
  const { fetcher } = fetcherOf(ask, { version: "a&b=c", token: "vt=1&exp=2" });
  await fetcher.get("t");
  assert.deepEqual(asked, ["t?v=a%26b%3Dc&vt=1&exp=2"]);
});

test("a busy server is asked again, later each time", async () => {
  const { asked, ask } = server(503, 503, good());
  const { fetcher, waited } = fetcherOf(ask);
  await fetcher.get("t");
  assert.equal(asked.length, 3);
  assert.deepEqual(waited, [400, 1200]);
});

test("what the server says about waiting is done, within reason", async () => {
  const busy = (after) => new Response(null, { status: 503, headers: { "Retry-After": after } });
  const { ask } = server(busy("2"), busy("99999"), busy("soon"), good());
  const { fetcher, waited } = fetcherOf(ask);
  await fetcher.get("t");
  assert.deepEqual(waited, [2000, 10_000, 3000]);
});

for (const [status, kind, requests] of [
  [400, "changed", 1],
  [403, "access", 1],
  [404, "gone", 1],
  [415, "changed", 1],
  [429, "busy", 4],
  [500, "damaged", 1],
  [502, "store", 2],
  [503, "busy", 4],
  [504, "store", 2],
]) {
  test(`${status} is trouble of the kind ${kind} after ${requests} requests`, async () => {
    const { asked, ask } = server(status);
    await assert.rejects(fetcherOf(ask).fetcher.get("t"), { kind, status });
    assert.equal(asked.length, requests);
    assert.equal(kindOf(status), kind);
  });
}

test("a broken connection is tried once more, but not without a network", async () => {
  const broken = server(new TypeError("network"));
  await assert.rejects(fetcherOf(broken.ask).fetcher.get("t"), { kind: "unreachable" });
  assert.equal(broken.asked.length, 2);
  const offline = server(new TypeError("network"));
  const { fetcher } = fetcherOf(offline.ask, { isOnline: () => false });
  await assert.rejects(fetcher.get("t"), { kind: "unreachable" });
  assert.equal(offline.asked.length, 1);
});

test("a token that ran out is renewed once for all tiles", async () => {
  let renewals = 0;
  const asked = [];
  const ask = async (url) => {
    asked.push(url);
    return url.endsWith("vt=new") ? good() : new Response(null, { status: 401 });
  };
  const renew = async () => {
    renewals += 1;
    return "vt=new";
  };
  const { fetcher } = fetcherOf(ask, { token: "vt=old", renew });
  await Promise.all(["a", "b", "c"].map((address) => fetcher.get(address)));
  assert.equal(renewals, 1);
  await fetcher.get("d");
  assert.equal(asked.at(-1), "d?vt=new");
  assert.equal(asked.length, 7);
});

test("tiles that are asked for while a token is renewed wait for it", async () => {
  const asked = [];
  let renewed;
  const ask = async (url) => {
    asked.push(url);
    return url.endsWith("vt=new") ? good() : new Response(null, { status: 401 });
  };
  const renew = () => new Promise((resolve) => (renewed = resolve));
  const { fetcher } = fetcherOf(ask, { token: "vt=old", renew });
  const first = fetcher.get("a");
  await new Promise(setImmediate);
  const second = fetcher.get("b");
  await new Promise(setImmediate);
  renewed("vt=new");
  await Promise.all([first, second]);
  assert.deepEqual(asked.sort(), ["a?vt=new", "a?vt=old", "b?vt=new"]);
});

test("without another token it is trouble, and so is one that is no good either", async () => {
  const { ask } = server(401);
  const refused = fetcherOf(ask, { token: "vt=old" });
  await assert.rejects(refused.fetcher.get("t"), { kind: "access", status: 401 });
  const useless = fetcherOf(ask, { token: "vt=old", renew: async () => "vt=also-old" });
  await assert.rejects(useless.fetcher.get("t"), { kind: "access", status: 401 });
});

test("views that want the same tile share it, and a failure is not kept", async () => {
  const { asked, ask } = server(500, good());
  const { fetcher } = fetcherOf(ask);
  const both = await Promise.allSettled([fetcher.get("t"), fetcher.get("t")]);
  assert.deepEqual(
    both.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  assert.equal(asked.length, 1);
  assert.equal(await fetcher.get("t").then((blob) => blob.text()), "tile");
});

test("eight are under way at most, and those of the present view come first", async () => {
  const waiting = [];
  const asked = [];
  const ask = (url) => {
    asked.push(url);
    return new Promise((resolve) => waiting.push(() => resolve(good())));
  };
  const { fetcher } = fetcherOf(ask);
  const all = Array.from({ length: 10 }, (_, number) => fetcher.get(`old${number}`));
  fetcher.viewChanged();
  all.push(fetcher.get("new0"), fetcher.get("new1"));
  await new Promise(setImmediate);
  assert.equal(asked.length, 8);
  while (asked.length < 12) {
    waiting.shift()();
    await new Promise(setImmediate);
  }
  assert.deepEqual(asked.slice(8), ["new0", "new1", "old8", "old9"]);
  for (const answer of waiting) answer();
  assert.equal((await Promise.all(all)).length, 12);
});
