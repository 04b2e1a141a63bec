// Questions that a number is typed for, and the H-score with the percentages that make it.

import { element } from "../dom.mjs";
import { hScoreOf, numberOf } from "./values.mjs";

const RANGES = { Integer: "whole number", Real: "number", Percentage: "0–100", HScore: "0–300" };

function numberInput(label, className) {
  return element("input", className, {
    type: "text",
    inputmode: "decimal",
    autocomplete: "off",
    "aria-label": label,
  });
}

export class NumberControl {
  constructor(question, told) {
    this.kind = question.kind;
    this.told = told;
    this.input = numberInput(question.name, "wsr-number");
    this.input.addEventListener("input", () => told.type(this.input.value));
    const plainKind = this.kind.replace("Only", "");
    const parts = [this.input];
    if (plainKind === "Percentage") parts.push(element("span", "wsr-unit", {}, ["%"]));
    parts.push(element("span", "wsr-hint", {}, [RANGES[plainKind]]));
    this.el = element("div", "wsr-line", {}, parts);
  }

  get typed() {
    return numberOf(this.kind, this.input.value);
  }

  focus() {
    this.input.focus({ preventScroll: true });
    this.input.select();
  }

  accepts(answer) {
    return numberOf(this.kind, answer).value !== undefined;
  }

  // `answer` is what is typed, while it is being typed.
  show(answer, isLocked) {
    if (this.input.value !== answer) this.input.value = answer;
    this.input.readOnly = isLocked;
  }

  key() {
    return false;
  }
}

export class HScoreControl {
  constructor(question, told) {
    this.kind = question.kind;
    this.told = told;
    this.shares = [1, 2, 3].map((strength) => {
      return numberInput(`${question.name}: percentage of cells ${strength}+`, "wsr-share");
    });
    this.score = numberInput(`${question.name}: H-score from 0 to 300`, "wsr-number");
    for (const input of this.shares) input.addEventListener("input", () => this.#shareTyped());
    this.score.addEventListener("input", () => this.#scoreTyped());
    this.sum = element("span", "wsr-hint", {}, []);
    const fields = this.shares.map((input, at) => {
      return element("label", "wsr-field", {}, [element("span", "", {}, [`% ${at + 1}+`]), input]);
    });
    const total = element("label", "wsr-field", {}, [element("span", "", {}, ["H"]), this.score]);
    const equals = element("span", "wsr-unit", { "aria-hidden": "true" }, ["="]);
    const line = element("div", "wsr-line", {}, [...fields, equals, total]);
    this.el = element("div", "wsr-h-score", {}, [line, this.sum]);
    this.#tell();
  }

  get typed() {
    if (this.#hasShares) return hScoreOf(this.shares.map(({ value }) => value));
    return numberOf(this.kind, this.score.value);
  }

  focus() {
    const [first] = this.shares;
    first.focus({ preventScroll: true });
    first.select();
  }

  accepts(answer) {
    return numberOf(this.kind, answer).value !== undefined;
  }

  // The percentages are not kept: an answer is its number.
  show(answer, isLocked, isNew) {
    const hasShares = !isNew && this.#hasShares;
    const isMade = hasShares && this.typed.value === answer && answer !== "";
    const isTyping = hasShares && this.shares.includes(document.activeElement);
    if (!isMade && !(isTyping && this.score.value === answer)) this.#clear(answer);
    for (const input of [...this.shares, this.score]) input.readOnly = isLocked;
    this.#tell();
  }

  // Enter leads through the percentages, from the last one on.
  key({ key }, where) {
    const at = this.shares.indexOf(document.activeElement);
    if (key !== "Enter" || where !== "number" || at < 0 || at === this.shares.length - 1) {
      return false;
    }
    const next = this.shares[at + 1];
    next.focus({ preventScroll: true });
    next.select();
    return true;
  }

  get #hasShares() {
    return this.shares.some(({ value }) => value.trim() !== "");
  }

  #clear(answer) {
    for (const input of this.shares) input.value = "";
    if (this.score.value !== answer) this.score.value = answer;
  }

  #shareTyped() {
    const { value } = this.typed;
    this.score.value = this.#hasShares ? (value ?? "") : "";
    this.#tell();
    this.told.type(this.score.value);
  }

  #scoreTyped() {
    for (const input of this.shares) input.value = "";
    this.#tell();
    this.told.type(this.score.value);
  }

  #tell() {
    const { negative } = this.#hasShares ? this.typed : {};
    this.sum.textContent =
      negative === undefined
        ? "Percentages of cells, or the H-score itself"
        : `${negative} % negative`;
  }
}
