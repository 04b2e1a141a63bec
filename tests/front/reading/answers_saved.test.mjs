import assert from "node:assert/strict";
import { test } from "node:test";

import { Refusal } from "../../../wsi_lab/front/draw/saving.mjs";
import { KeptAnswers, unsentDrawings } from "../../../wsi_lab/front/reading/kept.mjs";
import { placeKey, placeOfKey } from "../../../wsi_lab/front/reading/saving.mjs";
import { settled } from "../drawing_support.mjs";
import { FakeReading, FakeStorage, newSitting, place } from "./reading_support.mjs";

const URL = "/a%40b/wsi-lab/v1/studies/7/reading";
const ENOUGH = 120_000;

function pageOn(storage = new FakeStorage(), options = {}) {
  return newSitting({ kept: new KeptAnswers(URL, "anna@lab", storage), storage, ...options });
}

test("an answer is sent at once, and only said to be saved when the lab has acknowledged it", async () => {
  const page = pageOn();
  let acknowledge;
  page.lab.held = new Promise((resolve) => (acknowledge = resolve));
  page.saving.set(place(1, 1), "2");
  await settled();
  assert.deepEqual(page.lab.requests, [[1, 1, "2", 0]]);
  assert.equal(page.state(), "saving");
  assert.equal(page.kept.all().length, 1);
  acknowledge();
  await settled();
  assert.equal(page.state(), "saved");
  assert.deepEqual(page.kept.all(), []);
  assert.deepEqual(page.saved, [place(1, 1)]);
});

test("an answer that changes while it is sent is sent once more, with the revision that came", async () => {
  const page = pageOn();
  page.saving.set(place(1, 1), "2");
  page.saving.set(place(1, 1), "3");
  page.saving.set(place(1, 1), "1");
  await page.clock.pass(10);
  assert.deepEqual(page.lab.requests, [
    [1, 1, "2", 0],
    [1, 1, "1", 1],
  ]);
  assert.equal(page.lab.at(1, 1), "1");
  assert.equal(page.state(), "saved");
});

test("a lab that does not answer is asked again until it does; nothing is lost", async () => {
  const page = pageOn();
  page.lab.failing = new Refusal(0);
  page.saving.set(place(1, 1), "2");
  page.saving.set(place(2, 1), "3");
  await page.clock.pass(5000);
  assert.equal(page.state(), "unreachable");
  assert.equal(page.states.at(-1).count, 2);
  page.lab.failing = null;
  await page.clock.pass(ENOUGH);
  assert.equal(page.state(), "saved");
  assert.deepEqual([page.lab.at(1, 1), page.lab.at(2, 1)], ["2", "3"]);
});

test("somebody who is signed out is told, and what they answered is sent when they are back", async () => {
  const page = pageOn();
  page.lab.failing = new Refusal(401);
  page.saving.set(place(1, 1), "2");
  await settled();
  assert.equal(page.state(), "signedOut");
  page.lab.failing = null;
  page.saving.retry();
  await settled();
  assert.equal(page.state(), "saved");
});

test("what a killed page had not sent is sent by the next one", async () => {
  const storage = new FakeStorage();
  const before = pageOn(storage);
  before.lab.failing = new Refusal(0);
  before.saving.set(place(1, 1), "2");
  before.saving.draft(place(1, 2), "3");
  await settled();
  const after = pageOn(storage);
  assert.equal(after.saving.restore(), 2);
  await settled();
  assert.equal(after.lab.at(1, 1), "2");
  assert.equal(after.saving.about(place(1, 2)).draft, "3");
  assert.equal(after.lab.at(1, 2), "");
  assert.equal(after.state(), "draft");
  after.saving.set(place(1, 2), "35");
  await settled();
  assert.equal(after.state(), "saved");
  assert.equal(storage.kept.size, 0);
});

test("an answer whose acknowledgement was lost is no conflict with itself", async () => {
  const storage = new FakeStorage();
  const before = pageOn(storage);
  before.lab.loses = 1;
  before.saving.set(place(1, 1), "2");
  await settled();
  assert.equal(before.state(), "unreachable");
  const after = pageOn(storage, { lab: before.lab });
  after.saving.restore();
  after.saving.set(place(1, 1), "3");
  await after.clock.pass(10);
  assert.equal(after.state(), "saved");
  assert.equal(after.lab.at(1, 1), "3");
});

test("a lost acknowledgement and a second thought end with the second thought", async () => {
  const page = pageOn();
  page.lab.loses = 1;
  page.saving.set(place(1, 1), "2");
  await settled();
  page.saving.set(place(1, 1), "3");
  await page.clock.pass(ENOUGH);
  assert.equal(page.lab.at(1, 1), "3");
  assert.equal(page.state(), "saved");
});

test("an answer changed in another window is shown with both values, and one is chosen", async () => {
  for (const [choice, expected] of [
    ["mine", "2"],
    ["theirs", "3"],
  ]) {
    const page = pageOn();
    page.saving.receive(1, []);
    page.lab.putBehind(1, 1, "3");
    page.saving.set(place(1, 1), "2");
    await settled();
    assert.equal(page.state(), "conflict");
    assert.deepEqual(page.saving.about(place(1, 1)).conflict, { mine: "2", theirs: "3" });
    assert.equal(page.saving.valueOf(place(1, 1)), "3");
    page.saving.resolve(place(1, 1), choice);
    await settled();
    assert.equal(page.state(), "saved");
    assert.equal(page.lab.at(1, 1), expected);
    assert.deepEqual(page.kept.all(), []);
  }
});

test("a conflict that nobody decided on is there again after a restart", async () => {
  const storage = new FakeStorage();
  const before = pageOn(storage);
  before.lab.putBehind(1, 1, "3");
  before.saving.set(place(1, 1), "2");
  await settled();
  const after = pageOn(storage, { lab: before.lab });
  after.saving.restore();
  await settled();
  assert.deepEqual(after.saving.about(place(1, 1)).conflict, { mine: "2", theirs: "3" });
  assert.equal(after.lab.at(1, 1), "3");
});

test("what the lab refuses is said with its sentence, not sent again, and can be put back", async () => {
  const page = pageOn();
  page.saving.receive(1, [{ question_id: 1, core: null, answer: "1", revision: 1 }]);
  page.lab.failing = new Refusal(409, "This study lets no answer be changed.");
  page.saving.set(place(1, 1), "2");
  await page.clock.pass(ENOUGH);
  assert.equal(page.lab.requests.length, 1);
  assert.deepEqual(page.states.at(-1), {
    kind: "refused",
    count: 1,
    detail: "This study lets no answer be changed.",
  });
  page.saving.giveUp(place(1, 1));
  assert.equal(page.saving.valueOf(place(1, 1)), "1");
  assert.equal(page.state(), "saved");
});

test("an older list of answers does not take back what was saved since", async () => {
  const page = pageOn();
  const before = page.lab.answers(1);
  page.saving.set(place(1, 1), "2");
  await settled();
  page.saving.receive(1, before);
  assert.equal(page.saving.valueOf(place(1, 1)), "2");
});

test("a study that is read in order hears about an item after those before it", async () => {
  const page = pageOn(new FakeStorage(), { inOrder: true });
  page.lab.failing = new Refusal(503);
  page.saving.set(place(1, 1), "2");
  page.saving.set(place(2, 1), "3");
  await settled();
  assert.deepEqual(new Set(page.lab.requests.map(([item]) => item)), new Set([1]));
  page.lab.failing = null;
  await page.clock.pass(ENOUGH);
  assert.deepEqual([page.lab.at(1, 1), page.lab.at(2, 1)], ["2", "3"]);
});

test("a thousand quick changes end with the last ones, whatever is lost on the way", async () => {
  let seed = 7;
  const random = (most) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % most;
  };
  const page = pageOn();
  const last = new Map();
  for (let turn = 0; turn < 1000; turn += 1) {
    const at = place(1 + random(3), 1 + random(3));
    const answer = String(random(4));
    page.lab.loses = random(5) === 0 ? 1 : 0;
    page.lab.failing = random(7) === 0 ? new Refusal(503) : null;
    page.saving.set(at, answer);
    last.set(placeKey(at), answer);
    if (random(3) === 0) await page.clock.pass(random(400));
  }
  page.lab.failing = null;
  page.lab.loses = 0;
  await page.clock.pass(ENOUGH);
  assert.equal(page.state(), "saved");
  for (const [key, answer] of last) {
    const { item, questionId } = placeOfKey(key);
    assert.equal(page.lab.at(item, questionId), answer, key);
  }
});

test("a place and its key are one", () => {
  for (const each of [place(1, 2), place(3, 4, { row: 0, column: 11 })]) {
    assert.deepEqual(placeOfKey(placeKey(each)), each);
  }
});

test("another window's newer answer is not dropped from the store with an older one", () => {
  const storage = new FakeStorage();
  const [one, other] = [0, 1].map(() => new KeptAnswers(URL, "anna@lab", storage));
  one.put("1/1", { wanted: "2" });
  other.put("1/1", { wanted: "3" });
  one.drop("1/1");
  assert.deepEqual(one.all(), [["1/1", { wanted: "3" }]]);
  assert.deepEqual(new KeptAnswers(URL, "ben@lab", storage).all(), []);
});

test("a store that is full or forbidden is no error, and is known", () => {
  const storage = new FakeStorage();
  storage.isFull = true;
  const kept = new KeptAnswers(URL, "anna@lab", storage);
  kept.put("1/1", { wanted: "2" });
  assert.equal(kept.isFull, true);
  kept.drop("1/1");
  assert.equal(kept.isFull, false);
  const none = new KeptAnswers(URL, "anna@lab", null);
  none.put("1/1", {});
  assert.deepEqual([none.isFull, none.all()], [true, []]);
});

test("drawings that an earlier page could not send are found by their slide", () => {
  const storage = new FakeStorage();
  storage.setItem("wsi-lab/unsent/anna@lab v1 …/reading/slides/3/9/key", "{}\nnull");
  storage.setItem("wsi-lab/unsent/anna@lab v1 …/reading/slides/31/8/key", "{}\nnull");
  assert.deepEqual(unsentDrawings("anna@lab", "…/reading/slides/3", storage), [9]);
  assert.deepEqual(unsentDrawings("anna@lab", "…/reading/slides/2", storage), []);
  assert.deepEqual(unsentDrawings("ben@lab", "…/reading/slides/3", storage), []);
});

test("a lab that lost its own memory of an answer is asked again with what it says", async () => {
  const page = pageOn(new FakeStorage(), { lab: new FakeReading() });
  page.saving.receive(1, [{ question_id: 1, core: null, answer: "1", revision: 4 }]);
  page.lab.stored.set(JSON.stringify([1, 1, null]), {
    question_id: 1,
    core: null,
    answer: "2",
    revision: 5,
  });
  page.saving.set(place(1, 1), "2");
  await settled();
  assert.equal(page.state(), "saved");
});
