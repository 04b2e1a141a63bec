// Questions that are answered on the slide: points, measures, outlines.

import { element } from "../dom.mjs";

export class DrawnControl {
  // told: { draw(), nothing() }
  constructor(question, told) {
    this.told = told;
    this.count = element("span", "wsr-count", {}, []);
    this.drawButton = keyButton("Draw", "d", () => told.draw());
    this.nothingButton = keyButton("Nothing to mark", "0", () => told.nothing());
    const swatch = element("i", "wsr-swatch", { "aria-hidden": "true" });
    swatch.style.background = question.colour;
    const buttons = [this.drawButton, this.nothingButton];
    const state = element("div", "wsr-drawn", {}, [swatch, this.count]);
    this.el = element("div", "wsr-line", {}, [state, ...buttons]);
  }

  get typed() {
    return null;
  }

  // The question has the keys, not one of its buttons, so that Enter goes on.
  focus() {
    this.el.closest("fieldset").focus({ preventScroll: true });
  }

  // `count`: shapes, 0 where there is nothing to mark, or `null` where nothing was answered;
  // `isDrawing`: whether the tools are out.
  showCount({ count, isDrawing }, isLocked) {
    this.count.textContent = countText(count, isDrawing);
    this.drawButton.setAttribute("aria-pressed", String(isDrawing));
    this.drawButton.disabled = isLocked;
    this.nothingButton.disabled = isLocked || count > 0;
    this.nothingButton.setAttribute("aria-pressed", String(count === 0));
  }

  show() {}

  key({ key }) {
    const button = { d: this.drawButton, 0: this.nothingButton }[key.toLowerCase()];
    if (!button) return false;
    if (!button.disabled) button.click();
    return true;
  }
}

function countText(count, isDrawing) {
  if (count) return count === 1 ? "1 shape" : `${count} shapes`;
  if (count === 0) return "Nothing to mark";
  return isDrawing ? "Draw on the slide; Esc leads back" : "Nothing drawn yet";
}

export function keyButton(label, key, act, className = "wsr-plain") {
  const hint = element("kbd", "", { "aria-hidden": "true" }, [key]);
  const made = element("button", className, { type: "button" }, [label, hint]);
  made.addEventListener("click", act);
  return made;
}
