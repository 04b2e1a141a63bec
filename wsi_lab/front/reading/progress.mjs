// The bar over the page: where one is, how far one got, and whether it is saved.

import { button, element } from "../dom.mjs";

const ARROW = { back: "M10 3 5 8l5 5", on: "M6 3l5 5-5 5" };
const HELP = "M5.8 6a2.3 2.3 0 1 1 3.2 2.1c-.7.3-1 .8-1 1.5M8 12.3v.1";

export class ProgressBar {
  #options = new Map();

  // told: { go(number), step(by), open(), help(), retry() }
  constructor(reading, told) {
    this.reading = reading;
    this.list = element("select", "wsr-items", { "aria-label": "Go to" });
    this.list.addEventListener("change", () => told.go(Number(this.list.value)));
    for (const { number } of reading.items) {
      const option = element("option", "", { value: number });
      this.#options.set(number, option);
      this.list.append(option);
    }
    this.list.disabled = !reading.settings.may_jump;
    this.back = button("Previous (P)", ARROW.back, () => told.step(-1));
    this.on = button("Next (N)", ARROW.on, () => told.step(1));
    const total = { max: reading.items.length, value: 0, "aria-label": "Done" };
    this.bar = element("progress", "", total);
    this.words = element("span", "wsr-done");
    const open = { type: "button", title: "The next that is not done" };
    this.open = element("button", "wsr-plain", open, ["Next unanswered", hint("u")]);
    this.open.addEventListener("click", () => told.open());
    this.state = element("p", "wsr-saving", { role: "status" });
    this.again = element("button", "wsr-plain", { type: "button" }, ["Try again"]);
    this.again.addEventListener("click", () => told.retry());
    const heading = element("h1", "", {}, [reading.study.name]);
    const help = button("Keys (?)", HELP, () => told.help());
    this.help = help;
    this.el = element("header", "wsr-bar", {}, [
      heading,
      element("div", "wsr-moves", {}, [this.back, this.list, this.on]),
      element("div", "wsr-progress", {}, [this.bar, this.words]),
      this.open,
      element("div", "wsr-state", {}, [this.state, this.again]),
      help,
    ]);
    this.refreshAll();
  }

  refreshAll() {
    for (const { number } of this.reading.items) this.refresh(number);
  }

  refresh(number) {
    const option = this.#options.get(number);
    const item = this.reading.item(number);
    if (option && item) setText(option, optionText(item, this.reading.isDone(number)));
    const { done, items } = this.reading.progress;
    this.bar.value = done;
    setText(this.words, `${done} of ${items} done`);
    this.open.disabled = done === items;
  }

  show(number) {
    this.list.value = String(number);
    const { may_jump: mayJump } = this.reading.settings;
    this.back.disabled = number <= 1 || !mayJump;
    this.on.disabled = number >= this.reading.items.length;
  }

  // { kind, count, detail }
  say(state) {
    this.state.dataset.kind = state.kind;
    setText(this.state, savingSentence(state));
    this.again.hidden = !["unreachable", "signedOut", "refused"].includes(state.kind);
  }
}

// `what`: an answer, unless it is a shape.
export function savingSentence({ kind, count, detail, what = "answer" }) {
  const answers = count === 1 ? `1 ${what}` : `${count} ${what}s`;
  switch (kind) {
    case "saved":
      return "Saved";
    case "saving":
      return "Saving…";
    case "draft":
      return "Not saved yet: Enter gives what you typed";
    case "unreachable":
      return `Not saved: the lab cannot be reached, trying again (${answers})`;
    case "signedOut":
      return `Not saved: you are signed out. Sign in again; nothing is lost (${answers})`;
    case "conflict":
      return `${answers} changed in another window: choose one`;
    case "refused":
      return `Not saved: ${detail || "the lab does not take this answer."}`;
    default:
      return "";
  }
}

function optionText({ name, needed, answered }, isDone) {
  if (isDone) return `✓ ${name}`;
  return answered ? `◐ ${name} (${answered} of ${needed})` : `○ ${name}`;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function hint(key) {
  return element("kbd", "", { "aria-hidden": "true" }, [key]);
}
