// The slide that is looked at, and behind it those that come next: they load unseen, so that
// going on is only to swap them in.

import { element } from "../dom.mjs";

const MOST_VIEWS = 4;

export class Stage {
  #views = new Map();
  #shown = null;
  #turn = 0;

  // `makeView(el, slide)`: a `MapView`; told: { painted(slide number), state(state), error(text),
  // mark(index) }
  constructor(makeView, told) {
    this.makeView = makeView;
    this.told = told;
    this.el = element("div", "wsr-stage", { role: "region", "aria-label": "Slide" });
  }

  // The view that is seen, or `null`.
  get view() {
    return this.#shown?.view ?? null;
  }

  get number() {
    return this.#shown?.number ?? null;
  }

  // Loads a slide behind the one that is seen. Resolves when its picture is complete.
  prepare(slide) {
    return this.#entry(slide).ready;
  }

  // The view of a slide that was prepared, or `null`.
  viewOf(number) {
    return this.#views.get(number)?.view ?? null;
  }

  // The question that the slide is drawn on for, or `null`.
  get drawn() {
    return this.#shown?.drawn ?? null;
  }

  // Takes the tools of a question out, or with `null` away. `key`: of the tool to begin with.
  draw(id, key = null) {
    const entry = this.#shown;
    if (!entry || entry.drawn === id) return;
    entry.drawn = id;
    entry.toolKey = key;
    entry.view.draw(id);
  }

  // Brings a slide to the front.
  async show(slide) {
    const entry = this.#entry(slide);
    if (this.#shown !== entry) {
      this.#hide(this.#shown);
      this.#shown = entry;
      entry.el.classList.remove("wsr-behind");
      entry.el.inert = false;
    }
    this.#turn += 1;
    entry.turn = this.#turn;
    this.#prune();
    this.told.error(entry.error);
    await entry.ready;
    if (this.#shown === entry) this.told.painted(entry.number);
  }

  // How it stands with what is drawn, over all slides.
  get states() {
    const said = [...this.#views.values()].map(({ state }) => state).filter(Boolean);
    return said.map((state) => ({ ...state, what: "shape" }));
  }

  // The slides whose drawings the lab does not have yet.
  get unsaved() {
    return [...this.#views.values()].filter(isUnsaved).map(({ number }) => number);
  }

  focus() {
    this.view?.focus();
  }

  remove() {
    for (const entry of this.#views.values()) entry.view.remove();
    this.#views.clear();
    this.#shown = null;
    this.el.remove();
  }

  #hide(entry) {
    if (!entry) return;
    entry.el.classList.add("wsr-behind");
    entry.el.inert = true;
  }

  #entry(slide) {
    const there = this.#views.get(slide.number);
    if (there) return there;
    const el = element("div", "wsr-view wsr-behind");
    el.inert = true;
    // What is prepared later is wanted later.
    const entry = {
      number: slide.number,
      el,
      turn: this.#turn,
      drawn: null,
      state: null,
      error: "",
    };
    this.#views.set(slide.number, entry);
    this.el.append(el);
    entry.view = this.makeView(el, slide);
    entry.view.onState = (state) => {
      entry.state = state;
      this.told.state(entry.number, state);
      this.#takeTool(entry);
      if (!isUnsaved(entry)) this.#prune();
    };
    entry.view.onError = (sentence) => {
      entry.error = sentence;
      if (this.#shown === entry) this.told.error(sentence);
    };
    entry.view.onMark = (index) => this.told.mark(index);
    // A picture that cannot be had is told by the view itself.
    entry.ready = Promise.resolve(entry.view.ready).catch(() => {});
    return entry;
  }

  // Tools are there when the layer has been read, and are taken by key as by hand.
  #takeTool(entry) {
    const { toolKey: key, state } = entry;
    if (!key || state.kind === "loading" || state.kind === "failed") return;
    entry.toolKey = null;
    entry.view.key({ key, preventDefault() {} });
  }

  // Takes away what was not seen for the longest time; not where shapes are still on their way.
  #prune() {
    const rest = [...this.#views.values()]
      .filter((entry) => entry !== this.#shown && !isUnsaved(entry))
      .sort((one, other) => one.turn - other.turn);
    while (this.#views.size > MOST_VIEWS && rest.length) {
      const entry = rest.shift();
      this.#views.delete(entry.number);
      entry.view.remove();
      entry.el.remove();
    }
  }
}

function isUnsaved({ state }) {
  return Boolean(state?.kind) && state.kind !== "saved" && state.kind !== "loading";
}
