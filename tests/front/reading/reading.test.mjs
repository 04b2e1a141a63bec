import assert from "node:assert/strict";
import { test } from "node:test";

import { coreTowards } from "../../../wsi_lab/front/reading/cores.mjs";
import { Reading, coreName } from "../../../wsi_lab/front/reading/reading.mjs";
import { placeKey } from "../../../wsi_lab/front/reading/saving.mjs";
import { place, saidItem, saidReading } from "./reading_support.mjs";

function readingOf(options) {
  const given = new Map();
  const reading = new Reading(saidReading(options), (at) => given.get(placeKey(at)) ?? "");
  const give = (at, answer) => {
    given.set(placeKey(at), answer);
    reading.recount(at.item);
  };
  return { reading, give };
}

const drawn = (shape_count) => ({
  question_id: 3,
  core: null,
  answer: "",
  revision: 1,
  shape_count,
});
const core = (row, column, more = {}) => ({ row, column, sample: "", is_control: false, ...more });

test("an item is done when all that is needed is answered, a comment is not", () => {
  const { reading, give } = readingOf();
  reading.receive(saidItem(1, { answers: [drawn(2)] }));
  assert.deepEqual(
    reading.open(1).map(({ name }) => name),
    ["Grade", "Ki-67"],
  );
  give(place(1, 1), "2");
  give(place(1, 2), "0");
  assert.equal(reading.isDone(1), true);
  assert.deepEqual(reading.progress, { done: 1, items: 3, answered: 3, needed: 9 });
});

test("nothing to mark is an answer", () => {
  const { reading } = readingOf();
  reading.receive(saidItem(1, { answers: [drawn(0)] }));
  assert.equal(reading.isAnswered(place(1, 3)), true);
  reading.receive(saidItem(1));
  assert.equal(reading.isAnswered(place(1, 3)), false);
});

test("the next open item is looked for after the present one and round", () => {
  const { reading, give } = readingOf();
  for (const number of [1, 2, 3]) reading.receive(saidItem(number, { answers: [drawn(1)] }));
  assert.equal(reading.nextOpen(3), 1);
  for (const question of [1, 2]) give(place(1, question), "1");
  assert.deepEqual([reading.nextOpen(3), reading.first], [2, 2]);
  for (const number of [2, 3]) for (const question of [1, 2]) give(place(number, question), "1");
  assert.deepEqual([reading.nextOpen(3), reading.first], [null, 1]);
});

test("where reading is in order there is one way, and a sentence for the others", () => {
  const { reading, give } = readingOf({ settings: { may_jump: false } });
  reading.receive(saidItem(1, { answers: [drawn(0)] }));
  assert.match(reading.objection(1, 2), /answer all questions first/);
  assert.match(reading.objection(1, 3), /one after the other/);
  assert.match(reading.objection(2, 1), /no way back/);
  for (const question of [1, 2]) give(place(1, question), "1");
  assert.equal(reading.objection(1, 2), "");
  assert.equal(readingOf().reading.objection(1, 3), "");
});

test("questions are asked about each core but controls; what is drawn, about the slide", () => {
  const { reading, give } = readingOf();
  const cores = [core(0, 0), core(0, 1), core(1, 0, { is_control: true }), core(1, 1)];
  reading.receive(saidItem(1, { cores, answers: [drawn(0)] }));
  assert.deepEqual([reading.item(1).needed, reading.item(1).answered], [7, 1]);
  for (const question of [1, 2]) give(place(1, question, { row: 0, column: 1 }), "1");
  assert.equal(reading.item(1).answered, 3);
  assert.deepEqual(reading.open(1, cores[1]), []);
  assert.equal(reading.coreAfter(1, cores[0], 1, true), cores[3]);
  assert.equal(reading.coreAfter(1, cores[0]), cores[1]);
  assert.equal(reading.coreAfter(1, cores[0], -1), cores[3]);
});

test("arrows find the next core in their direction over gaps", () => {
  const cores = [core(0, 0), core(0, 3), core(2, 0)];
  assert.equal(coreTowards(cores, cores[0], [0, 1]), cores[1]);
  assert.equal(coreTowards(cores, cores[0], [1, 0]), cores[2]);
  assert.equal(coreTowards(cores, cores[0], [0, -1]), null);
  assert.equal(coreName(cores[1]), "A4");
});

test("what others answered is told by question and core", () => {
  const { reading } = readingOf();
  const others = [
    { reader: "ben@lab", question_id: 1, core: null, answer: "2" },
    { reader: "ben@lab", question_id: 2, core: null, answer: "5" },
  ];
  reading.receive(saidItem(1, { others }));
  assert.deepEqual(reading.others(place(1, 1)), [others[0]]);
});
