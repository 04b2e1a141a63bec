// What keys ask for, and the card that lists them.

import { element } from "../dom.mjs";

// What has the focus: "text" takes every letter, "number" digits, "list" letters and arrows,
// "choice" is a radio button, "button" is pressed by Enter, "cores" the grid, "slide" the picture,
// "question" anything else on the form.
export function whereIs(target, stage, grid) {
  if (stage?.contains(target)) return isTyped(target) ? "text" : "slide";
  if (grid?.contains(target)) return "cores";
  const tag = target?.tagName;
  if (tag === "TEXTAREA") return "text";
  if (tag === "SELECT") return "list";
  if (tag === "BUTTON") return "button";
  if (tag !== "INPUT") return "question";
  if (target.type === "radio") return "choice";
  return target.inputMode === "decimal" ? "number" : "text";
}

function isTyped(target) {
  return Boolean(target.closest?.("input, textarea, select"));
}

const READING_LETTERS = {
  n: "next",
  p: "previous",
  u: "open",
  c: "comment",
  m: "slide",
  g: "cores",
  "[": "asideBefore",
  "]": "asideAfter",
  "?": "help",
};
const EVERYWHERE = { PageDown: "next", PageUp: "previous", Escape: "form" };

// The command that a key is, or `null`: it is typed, or means nothing.
export function readingCommand({ key, shiftKey, ctrlKey, altKey, metaKey }, where, hasLines) {
  if (ctrlKey || altKey || metaKey) return null;
  if (Object.hasOwn(EVERYWHERE, key)) return EVERYWHERE[key];
  if (key === "Enter") return where === "button" || shiftKey ? null : "confirm";
  if (key === "ArrowDown" || key === "ArrowUp") {
    if (where === "list" || where === "slide" || where === "cores" || hasLines) return null;
    return key === "ArrowDown" ? "questionAfter" : "questionBefore";
  }
  if (where === "text" || where === "list") return null;
  const letter = key.length === 1 ? key.toLowerCase() : key;
  return Object.hasOwn(READING_LETTERS, letter) ? READING_LETTERS[letter] : null;
}

const READING_KEYS = [
  [["1", "…", "9"], "Choose an answer; intensities by their own digit"],
  [["o"], "Another answer, where one is taken"],
  [["⌫"], "Take an answer back"],
  [["Enter"], "Give what is typed, go to the next open question, then to the next open item"],
  [["↑", "↓"], "Question before, question after (also Tab)"],
  [["n", "p"], "Next, previous (also Page Down, Page Up)"],
  [["u"], "Next that is not done"],
  [["c"], "Comment"],
  [["d", "0"], "Draw; nothing to mark"],
  [["m"], "To the slide: arrows move it, + and − zoom, Home shows all of it"],
  [["Esc"], "Back to the questions"],
];
const SLIDE_KEYS = [[["[", "]"], "Slide of the case before, after"]];
const CORE_KEYS = [
  [["[", "]"], "Core before, core after"],
  [["g"], "To the grid of cores: arrows move in it"],
];

export class HelpCard {
  constructor({ hasCores, hasSlides }) {
    const more = hasCores ? CORE_KEYS : hasSlides ? SLIDE_KEYS : [];
    const rows = [...READING_KEYS, ...more].map(([keys, act]) => {
      const shown = keys.map((key) => (key === "…" ? "…" : element("kbd", "", {}, [key])));
      const parts = shown.flatMap((each, at) => (at ? [" ", each] : [each]));
      return element("div", "", {}, [element("dt", "", {}, parts), element("dd", "", {}, [act])]);
    });
    const title = element("h2", "", {}, ["Keys"]);
    const close = element("button", "wsr-plain", { type: "button" }, ["Close"]);
    close.addEventListener("click", () => this.close());
    const parts = [title, element("dl", "", {}, rows), close];
    this.el = element("dialog", "wsr-help", { "aria-label": "Keys" }, parts);
    this.closeButton = close;
  }

  get isOpen() {
    return this.el.open;
  }

  open() {
    if (!this.el.open) this.el.showModal();
    this.closeButton.focus();
  }

  close() {
    this.el.close();
  }
}
