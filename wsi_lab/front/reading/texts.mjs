// Questions that are answered in words, and those that only explain something.

import { element } from "../dom.mjs";

export class TextControl {
  constructor(question, told) {
    this.told = told;
    this.text = element("textarea", "wsr-text", { rows: "2", "aria-label": question.name });
    this.text.addEventListener("input", () => told.type(this.text.value));
    this.el = element("div", "", {}, [this.text]);
  }

  get typed() {
    return { value: this.text.value.trim() };
  }

  focus() {
    this.text.focus({ preventScroll: true });
  }

  accepts() {
    return true;
  }

  show(answer, isLocked) {
    const isTyping = this.text === document.activeElement && this.text.value.trim() === answer;
    if (!isTyping && this.text.value !== answer) this.text.value = answer;
    this.text.readOnly = isLocked;
  }

  key() {
    return false;
  }
}

export class ExplanationControl {
  constructor(question) {
    this.el = element("p", "wsr-explanation", {}, [question.configuration || ""]);
    this.el.hidden = !question.configuration;
  }

  get typed() {
    return null;
  }

  focus() {}

  show() {}

  key() {
    return false;
  }
}
