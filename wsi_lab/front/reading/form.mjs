// The questions about an item, or about one core of it.

import { element } from "../dom.mjs";
import { Field } from "./field.mjs";
import { placeKey } from "./saving.mjs";

const REST_AFTER_TYPING_MS = 700;

export class Form {
  #fields = new Map();
  #places = new Map();
  #at = { number: null, core: null };
  #resting = new Map();

  // told: { draw(question), nothing(place), drawing() -> id of the question that is drawn for,
  // said(sentence) }
  constructor(reading, saving, told) {
    this.reading = reading;
    this.saving = saving;
    this.told = told;
    this.current = null;
    const { may_change: mayChange } = reading.settings;
    for (const question of reading.questions) {
      const field = new Field(question, this.#hand(question), { mayChange });
      field.el.addEventListener("focusin", () => this.#entered(question));
      field.el.addEventListener("focusout", (event) => this.#left(field, event));
      this.#fields.set(question.id, field);
    }
    const fields = [...this.#fields.values()].map(({ el }) => el);
    this.el = element("section", "wsr-form", { "aria-label": "Questions", tabindex: "-1" }, fields);
  }

  get field() {
    return this.current && this.#fields.get(this.current.id);
  }

  // Shows the answers about an item, after those about another are given.
  show(number, core) {
    this.giveAll();
    this.#at = { number, core };
    this.#places.clear();
    for (const question of this.reading.questions) {
      this.#places.set(question.id, this.reading.place(number, question, core));
      this.#fields.get(question.id).complain("");
    }
    this.refreshAll();
    this.#mark(this.current ?? this.#first());
  }

  refreshAll() {
    for (const question of this.reading.questions) this.#refresh(question);
  }

  // An answer may look otherwise now.
  refresh(place) {
    const shown = this.#places.get(place.questionId);
    if (shown && placeKey(shown) === placeKey(place)) {
      this.#refresh(this.reading.question(place.questionId));
    }
  }

  focus(question = this.current ?? this.#first()) {
    if (!question) return;
    this.#mark(question);
    this.#fields.get(question.id).focus();
  }

  focusOpen() {
    this.focus(this.#firstOpen());
  }

  markOpen() {
    this.#mark(this.#firstOpen());
  }

  // The next or the one before, of those that can be answered.
  step(by) {
    this.give();
    const asked = this.#asked();
    const at = asked.indexOf(this.current);
    const next = asked[Math.min(Math.max(at + by, 0), asked.length - 1)];
    if (next) this.focus(next);
  }

  comment() {
    const text = this.reading.questions.find(({ kind }) => kind === "FreeText");
    if (text) this.focus(text);
    return Boolean(text);
  }

  // The next question after the current one that wants an answer, or `null`.
  nextOpen() {
    const open = this.reading.open(this.#at.number, this.#at.core);
    const at = this.reading.questions.indexOf(this.current);
    const after = open.find((each) => this.reading.questions.indexOf(each) > at);
    return after ?? open[0] ?? null;
  }

  // Gives what is typed. Whether it could be given: `false` says what is wrong with it.
  give(question = this.current) {
    const field = question && this.#fields.get(question.id);
    const place = field && this.#places.get(question.id);
    if (!place) return true;
    clearTimeout(this.#resting.get(question.id));
    const { draft } = this.saving.about(place);
    if (draft === null) return true;
    const typed = field.typed ?? { value: draft };
    if (typed.problem) {
      field.complain(typed.problem);
      this.told.said(typed.problem);
      return false;
    }
    this.saving.set(place, typed.value);
    return true;
  }

  giveAll() {
    for (const question of this.reading.questions) this.give(question);
  }

  key(event, where) {
    const { field } = this;
    if (!field) return false;
    if (where !== "text" && field.cardKey(event)) return true;
    if (where === "text") return false;
    if (where === "list" || this.#isLocked(this.current)) return false;
    return field.control.key(event, where);
  }

  #asked() {
    return this.reading.questions.filter(({ id }) => this.#fields.get(id).isAsked);
  }

  #first() {
    return this.#asked()[0] ?? null;
  }

  #firstOpen() {
    const [open] = this.reading.open(this.#at.number, this.#at.core);
    return open ?? this.#first();
  }

  #mark(question) {
    this.current = question;
    for (const [id, { el }] of this.#fields) {
      el.classList.toggle("wsr-current", id === question?.id);
    }
  }

  #entered(question) {
    if (question !== this.current) this.#mark(question);
  }

  #left(field, { relatedTarget }) {
    if (field.el.contains(relatedTarget)) return;
    this.give(field.question);
  }

  #isLocked(question) {
    if (this.reading.settings.may_change || question.isDrawn) return false;
    const place = this.#places.get(question.id);
    const { draft, isSaved } = this.saving.about(place);
    return draft === null && isSaved && this.saving.valueOf(place) !== "";
  }

  #refresh(question) {
    const place = this.#places.get(question.id);
    if (!place) return;
    const answer = this.saving.valueOf(place);
    const drawn = question.isDrawn && {
      count: answer === "[]" ? 0 : this.reading.shapeCount(place.item, question),
      isDrawing: this.told.drawing() === question.id,
    };
    this.#fields.get(question.id).show(place, {
      answer,
      drawn,
      about: this.saving.about(place),
      isAnswered: this.reading.isAnswered(place),
      isLocked: this.#isLocked(question),
      others: this.reading.others(place),
    });
  }

  #hand(question) {
    const place = () => this.#places.get(question.id);
    const isFinal = !this.reading.settings.may_change;
    return {
      // Where nothing can be taken back, a slip of the hand is not given at once.
      choose: (answer) => {
        if (isFinal) this.#draft(place(), answer);
        else this.saving.set(place(), answer);
      },
      type: (text) => {
        this.#draft(place(), text);
        clearTimeout(this.#resting.get(question.id));
        if (isFinal || question.kind !== "FreeText") return;
        const rest = setTimeout(() => this.give(question), REST_AFTER_TYPING_MS);
        this.#resting.set(question.id, rest);
      },
      draw: () => this.told.draw(question),
      nothing: () => this.told.nothing(place()),
      resolve: (choice) => this.saving.resolve(place(), choice),
      giveUp: () => this.saving.giveUp(place()),
      retry: () => this.saving.retry(),
    };
  }

  #draft(place, text) {
    this.saving.draft(place, text === this.saving.valueOf(place) ? null : text);
  }
}
