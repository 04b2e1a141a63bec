// What one reader reads: the items in their order, the questions, and how far they are answered.
// Knows nothing of the page.

import { familyOf } from "./values.mjs";

export class Reading {
  #details = new Map();

  // `said`: the reading as the lab tells it; `valueOf(place)`: an answer as it was given.
  constructor(said, valueOf) {
    this.study = said.study;
    this.reader = said.reader;
    this.settings = said.settings;
    this.questions = said.questions.map((question) => ({
      ...question,
      isNeeded: question.is_needed,
      isDrawn: familyOf(question.kind) === "drawn",
    }));
    this.items = said.items.map((item) => ({ ...item }));
    this.valueOf = valueOf;
  }

  item(number) {
    return this.items[number - 1] ?? null;
  }

  itemOfSlide(slide) {
    return this.items.find(({ slides }) => slides.some(({ number }) => number === slide)) ?? null;
  }

  detail(number) {
    return this.#details.get(number) ?? null;
  }

  // An item as the lab tells it now.
  receive(detail) {
    const drawn = new Map();
    for (const { question_id, core, shape_count } of detail.answers) {
      if (!core && this.question(question_id)?.isDrawn) drawn.set(question_id, shape_count ?? 0);
    }
    const cores = detail.cores.filter(({ is_control }) => !is_control);
    this.#details.set(detail.number, { ...detail, asked: cores, drawn });
    this.recount(detail.number);
  }

  question(id) {
    return this.questions.find((each) => each.id === id) ?? null;
  }

  // What a question is asked about: the item, or each of its cores but the controls. What is drawn
  // is drawn on the slide.
  places(number, question) {
    const cores = this.detail(number)?.asked ?? [];
    if (!cores.length || question.isDrawn) return [this.place(number, question, null)];
    return cores.map((core) => this.place(number, question, core));
  }

  place(number, question, core) {
    const at = core && !question.isDrawn ? { row: core.row, column: core.column } : null;
    return { item: number, questionId: question.id, core: at };
  }

  // Shapes that were drawn, or `null` where the question is not answered.
  shapeCount(number, question) {
    return this.detail(number)?.drawn.get(question.id) ?? null;
  }

  // That there is nothing to mark is an answer like any other.
  isAnswered(place) {
    const question = this.question(place.questionId);
    if (!question.isDrawn) return this.valueOf(place) !== "";
    return this.valueOf(place) !== "" || this.shapeCount(place.item, question) !== null;
  }

  // Questions that want an answer about an item, or about one of its cores.
  open(number, core = undefined) {
    return this.questions.filter((question) => {
      if (!question.isNeeded) return false;
      const places =
        core === undefined ? this.places(number, question) : [this.place(number, question, core)];
      return places.some((place) => !this.isAnswered(place));
    });
  }

  // Counts anew how much of an item is answered; only of one whose answers are known.
  recount(number) {
    const item = this.item(number);
    if (!item || !this.detail(number)) return;
    const needed = this.questions.filter((question) => question.isNeeded);
    const places = needed.flatMap((question) => this.places(number, question));
    item.needed = places.length;
    item.answered = places.filter((place) => this.isAnswered(place)).length;
  }

  isDone(number) {
    const item = this.item(number);
    return item.answered >= item.needed;
  }

  get progress() {
    const sum = (name) => this.items.reduce((all, each) => all + each[name], 0);
    const done = this.items.filter(({ number }) => this.isDone(number)).length;
    return {
      done,
      items: this.items.length,
      answered: sum("answered"),
      needed: sum("needed"),
    };
  }

  // The next item that is not done, from after one on and round to it; `null` if all others are.
  nextOpen(number) {
    const { length } = this.items;
    for (let step = 1; step < length; step += 1) {
      const next = ((number - 1 + step) % length) + 1;
      if (!this.isDone(next)) return next;
    }
    return null;
  }

  // Where a reader begins, or goes on.
  get first() {
    const open = this.items.find(({ number }) => !this.isDone(number));
    return open?.number ?? this.items[0]?.number ?? null;
  }

  // Why a reader at an item may not go to another one; "" if they may.
  objection(from, to) {
    if (this.settings.may_jump || to === from) return "";
    if (to < from) return "This study is read in order: there is no way back.";
    if (to > from + 1) return "This study is read in order, one after the other.";
    return this.isDone(from) ? "" : "This study is read in order: answer all questions first.";
  }

  isOpenCore(number, core) {
    return this.open(number, core).some(({ isDrawn }) => !isDrawn);
  }

  // The core after or before one; cores that want no answer are left out where `isOpen`.
  coreAfter(number, core, step = 1, isOpen = false) {
    const cores = this.detail(number)?.asked ?? [];
    const at = cores.findIndex((each) => isSameCore(each, core));
    for (let count = 1; count < cores.length; count += 1) {
      const next = cores[(at + step * count + cores.length * count) % cores.length];
      if (!isOpen || this.isOpenCore(number, next)) return next;
    }
    return null;
  }

  // What others answered, each { reader, answer }; only where the study shows it.
  others(place) {
    const said = this.detail(place.item)?.others ?? [];
    return said.filter(
      (each) => each.question_id === place.questionId && isSameCore(each.core, place.core),
    );
  }
}

export function isSameCore(one, other) {
  if (!one || !other) return !one && !other;
  return one.row === other.row && one.column === other.column;
}

// By letter and number, as pathologists call them.
export function coreName({ row, column }) {
  const letters = row < 26 ? String.fromCharCode(65 + row) : `${row + 1}.`;
  return `${letters}${column + 1}`;
}
