import assert from "node:assert/strict";
import test from "node:test";

import { TileLoader } from "../../../wsi_lab/front/map/loader.mjs";

const URLS = {
  bundle: (z, tiles) => `bundle/${z}/${tiles.map(({ x, y }) => `${x}.${y}`).join(",")}`,
  single: (z, x, y) => `single/${z}/${x}/${y}`,
};

// A server that answers when told to, and a clock that moves when told to.
class World {
  constructor() {
    this.asked = [];
    this.timers = [];
    this.troubles = [];
    this.delivered = [];
    this.failed = [];
    this.well = 0;
    this.time = 0;
    this.answer = null;
    this.loader = new TileLoader(
      URLS,
      {
        fetch: (url, options) => this.#fetch(url, options),
        headers: () => ({ "X-XSRFToken": "t" }),
        now: () => this.time,
        later: (act, wait) => this.timers.push({ act, wait }) && this.timers.at(-1),
        cancelLater: (timer) => {
          this.timers = this.timers.filter((each) => each !== timer);
        },
      },
      {
        trouble: (trouble) => this.troubles.push(trouble),
        well: () => (this.well += 1),
        activity: () => {},
      },
    );
  }

  ask(z, x, y) {
    const name = `${z}/${x}/${y}`;
    return this.loader.request(
      { z, x, y },
      () => this.delivered.push(name),
      (trouble) => this.failed.push([name, trouble.kind]),
    );
  }

  askMany(z, count) {
    return Array.from({ length: count }, (_, x) => this.ask(z, x, 0));
  }

  get urls() {
    return this.asked.map(({ url }) => url);
  }

  #fetch(url, options) {
    return new Promise((resolve, reject) => {
      const request = { url, options, resolve, reject };
      this.asked.push(request);
      options.signal.addEventListener("abort", () => {
        request.aborted = true;
        reject(new DOMException("gone", "AbortError"));
      });
      const answer = this.answer?.(url);
      if (answer instanceof Error) reject(answer);
      else if (answer) resolve(answer);
    });
  }
}

async function settle() {
  for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

function bundle(count) {
  const view = new DataView(new ArrayBuffer(4 + 5 * count));
  view.setUint32(0, count, true);
  for (let i = 0; i < count; i += 1) view.setUint32(4 * (i + 1), 1, true);
  return new Response(view.buffer);
}

function bundleFor(url) {
  return bundle(url.split(",").length);
}

function refusal(status, headers = {}) {
  return new Response(JSON.stringify({ detail: "Because." }), { status, headers });
}

test("all new tiles of a view share one request", async () => {
  const world = new World();
  world.answer = bundleFor;
  world.askMany(3, 12);
  await settle();
  assert.equal(world.asked.length, 1);
  assert.equal(world.delivered.length, 12);
  assert.deepEqual(world.loader.counts, { waiting: 0, parked: 0, bundles: 0, singles: 0 });
});

test("a request carries the token that JupyterHub wants, and follows no redirect", async () => {
  const world = new World();
  world.ask(3, 0, 0);
  await settle();
  const [{ options }] = world.asked;
  assert.equal(options.headers["X-XSRFToken"], "t");
  assert.equal(options.redirect, "manual");
  assert.equal(options.credentials, "same-origin");
});

test("no more than three bundles are on their way, and what waits is merged", async () => {
  const world = new World();
  for (let z = 0; z < 8; z += 1) {
    world.ask(z % 4, z, 0);
    await settle();
  }
  assert.equal(world.asked.length, 3);
  assert.equal(world.loader.counts.waiting, 5);
});

test("a large view is asked for in several bundles", async () => {
  const world = new World();
  world.answer = bundleFor;
  world.askMany(5, 150);
  await settle();
  assert.deepEqual(
    world.urls.map((url) => url.split(",").length),
    [64, 64, 22],
  );
  assert.equal(world.delivered.length, 150);
});

test("the zoom that was asked for last comes first", async () => {
  const world = new World();
  world.ask(1, 0, 0);
  world.ask(2, 0, 0);
  await settle();
  assert.deepEqual(world.urls, ["bundle/2/0.0", "bundle/1/0.0"]);
});

test("a tile that left the view before its turn is never asked for", async () => {
  const world = new World();
  world.answer = bundleFor;
  const ticket = world.ask(3, 0, 0);
  world.ask(3, 1, 0);
  world.loader.cancel(ticket);
  await settle();
  assert.deepEqual(world.urls, ["bundle/3/1.0"]);
  assert.deepEqual(world.delivered, ["3/1/0"]);
});

test("a request ends when nobody wants any of its tiles, and not before", async () => {
  const world = new World();
  const [first, second] = world.askMany(3, 2);
  await settle();
  world.loader.cancel(first);
  assert.ok(!world.asked[0].aborted);
  world.loader.cancel(second);
  await settle();
  assert.ok(world.asked[0].aborted);
  assert.deepEqual(world.troubles, []);
  assert.equal(world.loader.counts.bundles, 0);
});

test("where bundles do not get through tiles are asked for one by one, for a minute", async () => {
  const world = new World();
  world.answer = (url) => (url.startsWith("bundle") ? refusal(404) : new Response("x"));
  world.askMany(3, 3);
  await settle();
  assert.deepEqual(world.urls, [
    "bundle/3/0.0,1.0,2.0",
    "single/3/0/0",
    "single/3/1/0",
    "single/3/2/0",
  ]);
  assert.equal(world.delivered.length, 3);
  assert.deepEqual(world.troubles, []);
  world.answer = (url) => (url.startsWith("bundle") ? bundleFor(url) : new Response("x"));
  world.ask(3, 9, 0);
  await settle();
  assert.equal(world.urls.at(-1), "single/3/9/0");
  world.time += 61_000;
  world.ask(3, 10, 0);
  await settle();
  assert.equal(world.urls.at(-1), "bundle/3/10.0");
});

test("one damaged tile in a bundle costs only itself", async () => {
  const world = new World();
  world.answer = (url) =>
    url.startsWith("bundle") || url === "single/3/1/0" ? refusal(422) : new Response("x");
  world.askMany(3, 3);
  await settle();
  assert.deepEqual(world.delivered, ["3/0/0", "3/2/0"]);
  assert.deepEqual(world.failed, [["3/1/0", "refused"]]);
  assert.equal(world.troubles[0].detail, "Because.");
});

test("a bundle that breaks off loses nothing", async () => {
  const world = new World();
  world.answer = (url) => {
    if (url.startsWith("single")) return new Response("x");
    const whole = bundle(3);
    return new Response(whole.body.pipeThrough(cutAfter(17)));
  };
  world.askMany(3, 3);
  await settle();
  assert.deepEqual(world.urls.slice(1), ["single/3/1/0", "single/3/2/0"]);
  assert.equal(world.delivered.length, 3);
});

function cutAfter(length) {
  return new TransformStream({
    transform(chunk, controller) {
      controller.enqueue(chunk.subarray(0, length));
    },
  });
}

test("a tile the bundle leaves out is asked for by itself", async () => {
  const world = new World();
  world.answer = (url) => {
    if (url.startsWith("single")) return new Response("x");
    return new Response(new Uint8Array([2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7]));
  };
  world.askMany(3, 2);
  await settle();
  assert.equal(world.urls.at(-1), "single/3/1/0");
  assert.equal(world.delivered.length, 2);
});

for (const status of [401, 403]) {
  test(`status ${status} waits for the user, who may try again`, async () => {
    const world = new World();
    world.answer = () => refusal(status);
    world.askMany(3, 2);
    await settle();
    assert.equal(world.asked.length, 1);
    assert.equal(world.troubles[0].kind, "identity");
    assert.equal(world.timers.length, 0);
    assert.equal(world.loader.counts.parked, 2);
    world.answer = bundleFor;
    world.loader.retry();
    await settle();
    assert.equal(world.delivered.length, 2);
    assert.equal(world.well, 1);
  });
}

test("a lab that does not answer is asked again, less and less often, until it does", async () => {
  const world = new World();
  world.answer = () => new TypeError("Failed to fetch");
  world.askMany(3, 2);
  const waits = [];
  for (let i = 0; i < 7; i += 1) {
    await settle();
    const timer = world.timers.pop();
    waits.push(timer.wait);
    timer.act();
  }
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16000, 30000, 30000]);
  assert.equal(world.troubles[0].kind, "unreachable");
  world.answer = bundleFor;
  await settle();
  world.loader.retry();
  await settle();
  assert.equal(world.delivered.length, 2);
  assert.equal(world.well, 1);
  assert.deepEqual(world.timers, []);
});

test("a busy lab is asked again when it says", async () => {
  const world = new World();
  world.answer = () => refusal(503, { "Retry-After": "3" });
  world.ask(3, 0, 0);
  await settle();
  assert.equal(world.timers[0].wait, 3000);
});

test("a tile that left the view is not asked for again after trouble", async () => {
  const world = new World();
  world.answer = () => new TypeError("Failed to fetch");
  const ticket = world.ask(3, 0, 0);
  await settle();
  world.loader.cancel(ticket);
  world.answer = bundleFor;
  world.loader.retry();
  await settle();
  assert.equal(world.asked.length, 1);
  assert.deepEqual(world.delivered, []);
});

test("a closed loader ends what is on its way and says nothing more", async () => {
  const world = new World();
  world.askMany(3, 2);
  await settle();
  world.loader.close();
  await settle();
  assert.ok(world.asked[0].aborted);
  assert.deepEqual(world.troubles, []);
  world.ask(3, 5, 5);
  await settle();
  assert.equal(world.asked.length, 1);
});
