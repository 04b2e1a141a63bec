// A lab and a clock for the tests of drawing.

import { Drawing } from "../../wsi_lab/front/draw/drawing.mjs";
import { Refusal, Saving } from "../../wsi_lab/front/draw/saving.mjs";
import { rectangle, shapeOf } from "../../wsi_lab/front/draw/shapes.mjs";

export function square(x = 0, y = 0, side = 100, about = {}) {
  return shapeOf("polygon", rectangle(x, y, x + side, y + side), about);
}

// Time that passes when it is told to; requests are answered at once.
export class Clock {
  time = 0;
  #timers = [];

  now() {
    return this.time;
  }

  later(act, milliseconds) {
    const timer = { act, at: this.time + milliseconds };
    this.#timers.push(timer);
    return timer;
  }

  cancelLater(timer) {
    this.#timers = this.#timers.filter((each) => each !== timer);
  }

  async pass(milliseconds) {
    const until = this.time + milliseconds;
    for (;;) {
      await settled();
      const due = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers = this.#timers.filter((each) => each !== due);
      this.time = due.at;
      due.act();
    }
    this.time = until;
    await settled();
  }
}

export async function settled() {
  for (let i = 0; i < 20; i += 1) await Promise.resolve();
}

// A lab as v1 words it: revisions, keys that may be repeated, ids of loads.
export class FakeLab {
  shapes = new Map();
  requests = [];
  failing = null;
  loses = 0;
  #next = 1;
  #gone = new Set();

  async create(text) {
    const item = JSON.parse(text);
    this.#hear("create", item.key);
    const known = [...this.shapes.values()].find(({ key }) => key === item.key);
    const made = known ?? this.#store(this.#next++, item, 1);
    return this.#answered(made);
  }

  async change(id, revision, text) {
    const item = JSON.parse(text);
    this.#hear("change", id);
    if ("key" in item) throw new Refusal(400, "key: is not known here.");
    const isBulk = id >= 2 ** 40;
    if (isBulk && !this.#gone.has(id)) {
      this.#gone.add(id);
      return this.#answered(this.#store(this.#next++, item, 1));
    }
    const there = this.#checked(id, revision);
    return this.#answered(this.#store(id, { ...there, ...item, key: there.key }, revision + 1));
  }

  async remove(id, revision) {
    this.#hear("remove", id);
    if (id >= 2 ** 40 && !this.#gone.has(id)) {
      this.#gone.add(id);
      return this.#answered(null);
    }
    this.#checked(id, revision);
    this.shapes.delete(id);
    return this.#answered(null);
  }

  // What somebody else does.
  changeBehind(id, changes) {
    const there = this.shapes.get(id);
    this.#store(id, { ...there, ...changes, changed_by: "anna@x.org" }, there.revision + 1);
  }

  list() {
    return [...this.shapes.values()].map((each) => structuredClone(each));
  }

  #hear(...request) {
    this.requests.push(request);
    if (this.failing) throw this.failing;
  }

  #answered(item) {
    if (this.loses > 0) {
      this.loses -= 1;
      throw new Refusal(0);
    }
    return item && structuredClone(item);
  }

  #store(id, item, revision) {
    const labels = item.labels.map((label) => ({ name: label.name ?? label }));
    const stored = { author: "me@x.org", ...item, id, labels, revision };
    this.shapes.set(id, stored);
    return stored;
  }

  #checked(id, revision) {
    const there = this.shapes.get(id);
    if (there?.revision === revision) return there;
    throw new Refusal(409, "changed", there ? structuredClone(there) : null);
  }
}

export class Store {
  kept = new Map();

  put(key, value, text) {
    this.kept.set(key, [JSON.stringify(value), text]);
  }

  drop(key) {
    this.kept.delete(key);
  }

  all() {
    return [...this.kept].map(([key, [value, text]]) => [key, JSON.parse(value), JSON.parse(text)]);
  }
}

// A page that draws on a lab, maybe with what an earlier one left.
export function newPage({ lab = new FakeLab(), clock = new Clock(), store = new Store() } = {}) {
  const drawing = new Drawing();
  const said = { states: [], conflicts: [] };
  const saving = new Saving(drawing, lab, clock, store, {
    state: (state) => said.states.push(state),
    conflict: (entry) => said.conflicts.push(entry),
  });
  const state = () => said.states.at(-1)?.kind;
  return { lab, clock, store, drawing, saving, said, state };
}
