import assert from "node:assert/strict";
import { test } from "node:test";

import { itemsAhead } from "../../../wsi_lab/front/reading/ahead.mjs";
import { Items } from "../../../wsi_lab/front/reading/items.mjs";
import { ReadingLab, refusalSentence } from "../../../wsi_lab/front/reading/lab.mjs";
import { linkToken } from "../../../wsi_lab/front/reading/link.mjs";
import { Reading } from "../../../wsi_lab/front/reading/reading.mjs";
import { Clock } from "../drawing_support.mjs";
import { FakeStorage, saidItem, saidReading } from "./reading_support.mjs";

function labThat(...answers) {
  const asked = [];
  const lab = new ReadingLab({
    base: "/a%40b/wsi-lab/",
    study: "7",
    headers: () => ({ Authorization: "Bearer wsi_x" }),
    ask: async (url, options) => {
      asked.push({ url, ...options });
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  return { lab, asked };
}

const refused = (promise) =>
  promise.then(
    () => assert.fail("it was not refused"),
    (error) => error,
  );

test("every request says who asks, and goes below the mount", async () => {
  const { lab, asked } = labThat(Response.json({ items: [] }), Response.json({ revision: 1 }));
  await lab.reading();
  await lab.answer(3, { question_id: 1, answer: "2" });
  assert.deepEqual(
    asked.map(({ method, url, headers }) => [method, url, headers.Authorization]),
    [
      ["GET", "/a%40b/wsi-lab/v1/studies/7/reading", "Bearer wsi_x"],
      ["PUT", "/a%40b/wsi-lab/v1/studies/7/reading/items/3/answers", "Bearer wsi_x"],
    ],
  );
  assert.equal(asked[1].body, '{"question_id":1,"answer":"2"}');
});

test("a refusal tells what the lab has; no answer and a page to sign in at are told apart", async () => {
  const current = { answer: "3", revision: 2 };
  const conflict = Response.json({ detail: "Changed since.", current }, { status: 409 });
  const { lab } = labThat(conflict, new TypeError("network"), new Response("", { status: 401 }));
  const first = await refused(lab.answer(1, {}));
  assert.deepEqual(
    [first.kind, first.detail, first.current],
    ["conflict", "Changed since.", current],
  );
  assert.equal((await refused(lab.reading())).kind, "unreachable");
  assert.equal((await refused(lab.reading())).kind, "signedOut");
});

test("whoever cannot begin is told why, and what to do", () => {
  const said = (kind, status, detail = "", hasToken = false) =>
    refusalSentence({ kind, status, detail }, hasToken);
  assert.match(said("signedOut", 401, "", true), /link has ended/);
  assert.match(said("signedOut", 401), /Nobody is signed in/);
  assert.match(said("unreachable", 0), /tried again by itself/);
  assert.equal(said("refused", 403, "This study is not open."), "This study is not open.");
  assert.match(said("gone", 404), /no such study/);
});

test("a link's token leaves the address at once and lasts as long as the tab", () => {
  const storage = new FakeStorage();
  const shown = [];
  const history = { replaceState: (state, title, address) => shown.push(address) };
  const at = (hash) => ({ hash, pathname: "/a%40b/wsi-lab/read/7", search: "" });
  assert.equal(linkToken(at(""), history, storage), null);
  assert.equal(linkToken(at("#wsi_abc"), history, storage), "wsi_abc");
  assert.deepEqual(shown, ["/a%40b/wsi-lab/read/7"]);
  assert.equal(linkToken(at(""), history, storage), "wsi_abc");
  assert.equal(linkToken({ ...at(""), pathname: "/read/8" }, history, storage), null);
  assert.equal(linkToken(at("#elsewhere"), history, null), null);
  storage.isFull = true;
  assert.equal(linkToken(at("#wsi_new"), history, storage), "wsi_new");
});

test("what is loaded ahead is what is open next; in order, only what may be seen", () => {
  const free = new Reading(saidReading({ items: 5 }), () => "");
  assert.deepEqual(itemsAhead(free, 4), [5, 1]);
  const inOrder = new Reading(saidReading({ items: 5, settings: { may_jump: false } }), () => "");
  assert.deepEqual(itemsAhead(inOrder, 1), []);
  const done = new Reading(saidReading({ items: 3, settings: { may_jump: false } }), () => "2");
  const answer = { question_id: 3, core: null, answer: "", revision: 1, shape_count: 1 };
  done.receive(saidItem(1, { answers: [answer] }));
  assert.deepEqual(itemsAhead(done, 1), [2]);
});

test("an item is asked for once at a time, and anew when something may have changed", async () => {
  const clock = new Clock();
  const asked = [];
  const taken = [];
  const lab = {
    item: async (number) => {
      asked.push(number);
      return saidItem(number);
    },
  };
  const items = new Items(lab, clock, {
    take: ({ number }) => taken.push(number),
    refreshed: (number) => taken.push(`${number} anew`),
  });
  assert.equal(items.isStale(1), true);
  await Promise.all([items.load(1), items.load(1)]);
  assert.deepEqual([asked, items.isStale(1)], [[1], false]);
  items.refreshSoon(1);
  items.refreshSoon(1);
  await clock.pass(1000);
  assert.deepEqual(taken, [1, 1, "1 anew"]);
  await clock.pass(60_000);
  assert.equal(items.isStale(1), true);
});
