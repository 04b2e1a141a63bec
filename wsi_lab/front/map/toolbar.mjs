// What one draws with: tools, labels, undo, and whether it is saved.

import { button, element } from "../dom.mjs";
import { TOOLS } from "../draw/tools.mjs";

const MORE = {
  undo: "M6 4L3 7l3 3M3 7h6.5a3.5 3.5 0 0 1 0 7H7",
  redo: "M10 4l3 3-3 3M13 7H6.5a3.5 3.5 0 0 0 0 7H9",
  remove: "M3 4.5h10M6.5 4V2.5h3V4M4.5 4.5l.6 9h5.8l.6-9M7 7v4M9 7v4",
};
const STATES = {
  saved: () => "Saved",
  saving: () => "Saving…",
  unreachable: ({ count }) => `Not saved, trying again (${count})`,
  refused: ({ count, detail }) => `Not saved (${count}): ${detail || "the lab refused it."}`,
  signedOut: ({ count }) => `You are signed out: not saved (${count})`,
  conflict: ({ count }) => (count === 1 ? "Somebody else was first" : `${count} to decide`),
  loading: () => "Loading…",
  failed: ({ detail }) => detail || "The layer cannot be loaded.",
};

export class Toolbar {
  constructor(board, layer, acts) {
    this.board = board;
    this.acts = acts;
    this.tools = new Map();
    this.el = this.#build();
    this.relabel(layer);
  }

  update() {
    const { board } = this;
    for (const [name, each] of this.tools) {
      each.setAttribute("aria-pressed", String(name === board.toolName));
    }
    this.undo.disabled = !board.drawing.canUndo;
    this.redo.disabled = !board.drawing.canRedo;
    const chosen = board.chosen();
    this.remove.disabled = !chosen.some(({ key }) => board.mayEdit(key));
    const has = new Set(chosen.length ? chosen.flatMap(({ labels }) => labels) : board.current);
    for (const [name, chip] of this.chips) chip.setAttribute("aria-pressed", String(has.has(name)));
    this.size.textContent =
      board.tool.cursor === "none" ? `⌀ ${Math.round(2 * board.brushRadius)} px` : "";
  }

  relabel(layer) {
    this.name.textContent = layer.name;
    this.chips = new Map();
    const chips = layer.labels.map((label, i) => {
      const key = i < 9 ? ` (${i + 1})` : "";
      const chip = element("button", "wsl-label", {
        type: "button",
        title: `${label.name}${key}. With Shift: as well as other labels`,
      });
      chip.append(swatch(label.colour));
      if (i < 9) chip.append(element("kbd", "wsl-key", {}, [String(i + 1)]));
      chip.append(element("span", "wsl-label-name", {}, [label.name]));
      chip.addEventListener("click", (event) => this.acts.label(i + 1, event.shiftKey));
      this.chips.set(label.name, chip);
      return chip;
    });
    this.palette.replaceChildren(...chips);
    this.palette.hidden = chips.length === 0;
    this.update();
  }

  say(state) {
    this.state.textContent = STATES[state.kind](state);
    this.state.title = this.state.textContent;
    this.state.dataset.kind = state.kind;
    this.again.hidden = !["unreachable", "refused", "signedOut", "failed"].includes(state.kind);
  }

  #build() {
    const row = element("div", "wsl-tool-row", { role: "toolbar", "aria-label": "Drawing" });
    for (const { name, key, title, icon } of TOOLS) {
      const made = button(titled(title, key), icon, () => this.board.use(name));
      made.dataset.tool = name;
      this.tools.set(name, made);
      row.append(made);
    }
    row.append(element("span", "wsl-gap"));
    this.undo = button("Undo (Ctrl+Z)", MORE.undo, () => this.board.acts.undo());
    this.redo = button("Redo (Ctrl+Shift+Z)", MORE.redo, () => this.board.acts.redo());
    this.remove = button("Remove (Delete)", MORE.remove, () => this.board.acts.remove());
    this.size = element("span", "wsl-brush-size", {
      title: "Brush: [ and ], or Alt with the wheel",
    });
    row.append(this.undo, this.redo, this.remove, this.size);
    this.name = element("strong", "wsl-layer-name", { title: "The layer that is drawn on" });
    this.state = element("span", "wsl-state", { role: "status" });
    this.again = element("button", "wsl-again", { type: "button" }, ["Try again"]);
    this.again.addEventListener("click", () => this.acts.retry());
    this.again.hidden = true;
    const line = element("div", "wsl-tool-line", {}, [this.name, this.state, this.again]);
    this.palette = element("div", "wsl-palette", { role: "group", "aria-label": "Labels" });
    const el = element("div", "wsl-panel wsl-toolbar", {}, [row, this.palette, line]);
    // A tool that was clicked leaves the keys to the picture.
    el.addEventListener("click", (event) => {
      if (event.detail > 0) this.acts.focus();
    });
    return el;
  }
}

export function swatch(colour) {
  const made = element("span", "wsl-swatch", { "aria-hidden": "true" });
  made.style.background = colour;
  return made;
}

function titled(title, key) {
  return title.includes("(") ? title.replace("(", `(${key}; `) : `${title} (${key})`;
}
