import assert from "node:assert/strict";
import { test } from "node:test";

import { readingCommand, whereIs } from "../../../wsi_lab/front/reading/keys.mjs";
import { savingSentence } from "../../../wsi_lab/front/reading/progress.mjs";
import { Timing } from "../../../wsi_lab/front/reading/timing.mjs";
import { Clock, settled } from "../drawing_support.mjs";

const command = (key, where = "question", more = {}) => readingCommand({ key, ...more }, where);

test("letters are commands, but not where they are written", () => {
  assert.deepEqual(
    ["n", "p", "u", "c", "m", "?", "N"].map((key) => command(key)),
    ["next", "previous", "open", "comment", "slide", "help", "next"],
  );
  for (const where of ["text", "list"]) assert.equal(command("n", where), null);
  assert.equal(command("n", "number"), "next");
  for (const where of ["text", "list", "number", "slide"]) {
    assert.equal(command("PageDown", where), "next");
    assert.equal(command("Escape", where), "form");
  }
});

test("Enter confirms, but presses buttons, begins lines and runs cells where these are meant", () => {
  assert.equal(command("Enter", "text"), "confirm");
  assert.equal(command("Enter", "choice"), "confirm");
  assert.equal(command("Enter", "button"), null);
  assert.equal(command("Enter", "text", { shiftKey: true }), null);
});

test("arrows lead from question to question, but not out of lists, lines, slide and grid", () => {
  assert.equal(command("ArrowDown", "choice"), "questionAfter");
  assert.equal(command("ArrowUp", "number"), "questionBefore");
  for (const where of ["list", "slide", "cores"]) assert.equal(command("ArrowDown", where), null);
  assert.equal(readingCommand({ key: "ArrowDown" }, "text", true), null);
  assert.equal(command("ArrowLeft", "choice"), null);
});

test("keys with Ctrl, Alt or the command key are somebody else's", () => {
  for (const held of ["ctrlKey", "altKey", "metaKey"]) {
    assert.equal(command("n", "question", { [held]: true }), null);
  }
});

test("where the focus is decides what keys mean", () => {
  const at = (tagName, more = {}) => ({ tagName, closest: () => null, ...more });
  const inside = (...targets) => ({ contains: (target) => targets.includes(target) });
  const [map, cell] = [at("DIV"), at("BUTTON")];
  const where = (target) => whereIs(target, inside(map), inside(cell));
  assert.equal(where(map), "slide");
  assert.equal(where(cell), "cores");
  assert.equal(where(at("INPUT", { type: "radio" })), "choice");
  assert.equal(where(at("INPUT", { type: "text", inputMode: "decimal" })), "number");
  assert.equal(where(at("INPUT", { type: "text", inputMode: "" })), "text");
  assert.equal(where(at("SELECT")), "list");
  assert.equal(where(at("FIELDSET")), "question");
});

test("Saved is said of nothing but what is saved", () => {
  const kinds = ["saving", "draft", "unreachable", "signedOut", "conflict", "refused"];
  const said = kinds.map((kind) => savingSentence({ kind, count: 1, detail: "" }));
  assert.deepEqual(
    said.filter((sentence) => /^Saved/.test(sentence)),
    [],
  );
  assert.equal(savingSentence({ kind: "saved", count: 0, detail: "" }), "Saved");
  assert.match(savingSentence({ kind: "unreachable", count: 3, detail: "" }), /trying again/);
});

function timed() {
  const clock = new Clock();
  const sent = [];
  const page = { clock, sent, isSeen: true, fails: false };
  let keys = 0;
  page.timing = new Timing(
    async (item, { key, seconds }, isLast) => {
      if (page.fails) throw new Error("away");
      sent.push([item, key, seconds, isLast]);
    },
    clock,
    () => page.isSeen,
    () => `visit ${(keys += 1)}`,
  );
  return page;
}

test("seconds count while the page can be seen, and are told now and then and at the end", async () => {
  const page = timed();
  page.timing.open(1);
  await page.clock.pass(16_000);
  assert.deepEqual(page.sent, [[1, "visit 1", 15, false]]);
  page.isSeen = false;
  page.timing.seen();
  await page.clock.pass(60_000);
  page.isSeen = true;
  page.timing.seen();
  await page.clock.pass(1000);
  page.timing.open(2);
  await settled();
  assert.deepEqual(page.sent.at(-1), [1, "visit 1", 17, false]);
  await page.clock.pass(3000);
  page.timing.leave();
  await settled();
  assert.deepEqual(page.sent.at(-1), [2, "visit 2", 3, true]);
});

test("what was not heard is said again", async () => {
  const page = timed();
  page.fails = true;
  page.timing.open(1);
  await page.clock.pass(2000);
  page.timing.open(2);
  await settled();
  page.fails = false;
  await page.clock.pass(20_000);
  assert.deepEqual(
    new Set(page.sent.map(([item, , seconds]) => `${item} ${seconds}`)),
    new Set(["1 2", "2 15"]),
  );
});
