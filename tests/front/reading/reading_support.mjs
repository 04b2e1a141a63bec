// A lab as the wire words it, and a browser's store, for the tests of scoring.

import { Refusal } from "../../../wsi_lab/front/draw/saving.mjs";
import { AnswerSaving } from "../../../wsi_lab/front/reading/saving.mjs";
import { Clock } from "../drawing_support.mjs";

export const QUESTIONS = [
  { id: 1, name: "Grade", kind: "DropDown", options: ["1", "2", "3"] },
  { id: 2, name: "Ki-67", kind: "PercentageOnly", options: [] },
  { id: 3, name: "Mitoses", kind: "AnnoPoints", options: [] },
  { id: 4, name: "Comment", kind: "FreeText", options: [] },
].map((each) => ({ configuration: "", colour: "#e6194b", is_needed: each.id !== 4, ...each }));

export const SETTINGS = {
  hides_names: true,
  may_change: true,
  may_jump: true,
  shows_others: false,
  is_timed: false,
  scores_cases: false,
  cores_at_once: false,
};

export function saidReading({ items = 3, questions = QUESTIONS, settings = {} } = {}) {
  const needed = questions.filter(({ is_needed: isNeeded }) => isNeeded).length;
  return {
    study: { id: 7, name: "Grading", description: "" },
    reader: "anna@lab",
    settings: { ...SETTINGS, ...settings },
    questions,
    items: Array.from({ length: items }, (_, at) => ({
      number: at + 1,
      name: `Case ${at + 1}`,
      slides: [{ number: at + 1, name: "Slide 1" }],
      core_count: 0,
      needed,
      answered: 0,
    })),
  };
}

export function saidItem(number, { cores = [], answers = [], others = [] } = {}) {
  return { number, name: `Case ${number}`, slides: [], cores, answers, others };
}

export const place = (item, questionId, core = null) => ({ item, questionId, core });

// Answers with revisions; what is equal is not stored again.
export class FakeReading {
  stored = new Map();
  requests = [];
  failing = null;
  loses = 0;
  held = null;

  async answer(item, { question_id, core, answer, revision }) {
    const key = JSON.stringify([item, question_id, core]);
    this.requests.push([item, question_id, answer, revision]);
    if (this.held) await this.held;
    if (this.failing) throw this.failing;
    const there = this.stored.get(key);
    const current = { question_id, core, answer: "", revision: 0, ...there };
    let now = current;
    if (current.answer !== answer) {
      if (current.revision !== revision) throw new Refusal(409, "Changed since.", current);
      now = { ...current, answer, revision: revision + 1 };
      this.stored.set(key, now);
    }
    if (this.loses > 0) {
      this.loses -= 1;
      throw new Refusal(0);
    }
    return { ...now };
  }

  // What the same reader does in another window.
  putBehind(item, question_id, answer) {
    const key = JSON.stringify([item, question_id, null]);
    const revision = (this.stored.get(key)?.revision ?? 0) + 1;
    this.stored.set(key, { question_id, core: null, answer, revision });
  }

  answers(item) {
    return [...this.stored]
      .filter(([key]) => JSON.parse(key)[0] === item)
      .map(([, each]) => ({ ...each }));
  }

  at(item, questionId) {
    return this.answers(item).find((each) => each.question_id === questionId)?.answer ?? "";
  }
}

export class FakeStorage {
  kept = new Map();
  isFull = false;

  get length() {
    return this.kept.size;
  }

  key(at) {
    return [...this.kept.keys()][at] ?? null;
  }

  getItem(name) {
    return this.kept.get(name) ?? null;
  }

  setItem(name, text) {
    if (this.isFull) throw new Error("full");
    this.kept.set(name, text);
  }

  removeItem(name) {
    this.kept.delete(name);
  }
}

// A page that reads at a lab, maybe with what an earlier one left in the store.
export function newSitting({ lab = new FakeReading(), kept, clock = new Clock(), ...options }) {
  const states = [];
  const saved = [];
  const saving = new AnswerSaving(
    lab,
    clock,
    kept,
    { state: (state) => states.push(state), place: () => {}, saved: (it) => saved.push(it) },
    options,
  );
  return { lab, kept, clock, saving, states, saved, state: () => states.at(-1)?.kind ?? "saved" };
}
