// The shapes of a layer on a slide, what was done to them, and how it is undone.

const MOST_STEPS = 200;

export class Drawing {
  shapes = new Map();
  #done = [];
  #undone = [];
  #heard = [];

  // `listener({ keys, isOwn })`: after each change; `isOwn` tells a hand from what came in.
  onChange(listener) {
    this.#heard.push(listener);
  }

  get list() {
    return [...this.shapes.values()];
  }

  get canUndo() {
    return this.#done.length > 0;
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  // One step: shapes by their keys, `null` for those that are removed.
  apply(changes) {
    const step = [];
    for (const [key, after] of changes) {
      const before = this.shapes.get(key) ?? null;
      if (before !== after) step.push({ key, before, after });
    }
    if (step.length === 0) return;
    this.#done.push(step);
    if (this.#done.length > MOST_STEPS) this.#done.shift();
    this.#undone = [];
    this.#go(step, "after");
  }

  undo() {
    return this.#turn(this.#done, this.#undone, "after", "before");
  }

  redo() {
    return this.#turn(this.#undone, this.#done, "before", "after");
  }

  // What the lab says a shape is, or `null`; no step of this hand's.
  receive(key, shape) {
    const before = this.shapes.get(key) ?? null;
    if (before === shape) return;
    this.#set(key, shape);
    // Steps back to what another hand has changed since would overwrite that.
    this.#done = without(this.#done, key);
    this.#undone = without(this.#undone, key);
    this.#tell([key], false);
  }

  #turn(from, to, expected, wanted) {
    const step = from.pop();
    if (!step) return [];
    to.push(step);
    const still = step.filter((each) => (this.shapes.get(each.key) ?? null) === each[expected]);
    this.#go(still, wanted);
    return still.filter((each) => each[wanted]).map((each) => each.key);
  }

  #go(step, side) {
    for (const each of step) this.#set(each.key, each[side]);
    this.#tell(
      step.map((each) => each.key),
      true,
    );
  }

  #set(key, shape) {
    if (shape) this.shapes.set(key, shape);
    else this.shapes.delete(key);
  }

  #tell(keys, isOwn) {
    for (const listener of this.#heard) listener({ keys, isOwn });
  }
}

function without(steps, key) {
  return steps
    .map((step) => step.filter((each) => each.key !== key))
    .filter((step) => step.length > 0);
}
