// The cores of a tissue microarray as they lie on the slide, and how far each is answered.

import { element } from "../dom.mjs";
import { coreName, isSameCore } from "./reading.mjs";

const ARROW_STEPS = {
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
};

// The nearest core from one on in a direction, or `null`; cores may be missing on the way.
export function coreTowards(cores, from, [down, across]) {
  const inLine = cores.filter((core) => {
    const [rows, columns] = [core.row - from.row, core.column - from.column];
    return down ? columns === 0 && rows * down > 0 : rows === 0 && columns * across > 0;
  });
  const distance = (core) => Math.abs(core.row - from.row) + Math.abs(core.column - from.column);
  return inLine.sort((one, other) => distance(one) - distance(other))[0] ?? null;
}

export class Cores {
  #buttons = [];
  #cores = [];

  // told: { go(core, isByKey) }
  constructor(told) {
    this.told = told;
    this.current = null;
    this.table = element("div", "wsr-grid", { role: "group", "aria-label": "Cores" });
    this.title = element("h2", "", {}, []);
    this.el = element("section", "wsr-cores", { "aria-label": "Cores" }, [this.title, this.table]);
    this.el.hidden = true;
  }

  // The cores of an item; `stateOf(core)`: { answered, needed }.
  show(cores, stateOf) {
    this.#cores = cores;
    this.stateOf = stateOf;
    this.el.hidden = !cores.length;
    const rows = [...new Set(cores.map(({ row }) => row))].sort((a, b) => a - b);
    const columns = [...new Set(cores.map(({ column }) => column))].sort((a, b) => a - b);
    this.#buttons = cores.map((core) => {
      const button = element("button", "wsr-core", { type: "button" }, [coreName(core)]);
      button.style.gridRow = 1 + rows.indexOf(core.row);
      button.style.gridColumn = 1 + columns.indexOf(core.column);
      button.addEventListener("click", () => this.told.go(core, false));
      return button;
    });
    this.table.replaceChildren(...this.#buttons);
    this.refresh();
  }

  go(core) {
    this.current = core;
    this.refresh();
  }

  refresh() {
    for (const [at, core] of this.#cores.entries()) {
      const button = this.#buttons[at];
      const isCurrent = isSameCore(core, this.current);
      const { answered, needed } = this.stateOf(core);
      const state = answered >= needed ? "done" : answered ? "begun" : "open";
      button.dataset.state = state;
      button.tabIndex = isCurrent ? 0 : -1;
      if (isCurrent) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
      const sample = hasOwnName(core) ? `, sample ${core.sample}` : "";
      const label = `Core ${coreName(core)}${sample}: ${answered} of ${needed} answered`;
      button.setAttribute("aria-label", label);
      button.title = label;
    }
    this.title.textContent = this.current ? this.#words() : "";
  }

  focus() {
    const at = this.#cores.findIndex((core) => isSameCore(core, this.current));
    this.#buttons[Math.max(at, 0)]?.focus();
  }

  // What the view marks on the slide.
  get marks() {
    return this.#cores.map((core) => {
      const { answered, needed } = this.stateOf(core);
      const isCurrent = isSameCore(core, this.current);
      const state = isCurrent ? "current" : answered >= needed ? "done" : "todo";
      return { box: core.box, label: coreName(core), state };
    });
  }

  coreAt(index) {
    return this.#cores[index] ?? null;
  }

  // Arrows, while the grid has the focus.
  key({ key }) {
    if (!Object.hasOwn(ARROW_STEPS, key) || !this.current) return false;
    const next = coreTowards(this.#cores, this.current, ARROW_STEPS[key]);
    if (next) this.told.go(next, true);
    return true;
  }

  #words() {
    const done = this.#cores.filter((core) => {
      const { answered, needed } = this.stateOf(core);
      return answered >= needed;
    });
    const sample = hasOwnName(this.current) ? ` · ${this.current.sample}` : "";
    return `Core ${coreName(this.current)}${sample} · ${done.length} of ${this.#cores.length} done`;
  }
}

// Maps that nobody gave names to call cores by their places.
function hasOwnName(core) {
  return core.sample !== "" && core.sample !== coreName(core);
}
