// Questions with something to choose from, and other words beside it.

import { element } from "../dom.mjs";
import { choiceOf, choicesOf } from "./values.mjs";

const MOST_IN_SIGHT = 12;

// A control shows an answer and tells what the hand makes of it: told: { choose(answer),
// type(text) }; `typed` is what is not given yet, { value } or { problem }, or `null`. `show` hears
// whether the answer is about something else than before, of which nothing is typed yet.

export class ChoiceControl {
  #radios = new Map();

  constructor(question, told, name) {
    this.question = question;
    this.told = told;
    this.choices = choicesOf(question);
    const options = this.choices.map((choice) => this.#option(choice, name));
    this.el = element("div", "wsr-choices", {}, options);
    const isLong = this.choices.some(({ label }) => label.length > 24);
    this.el.classList.toggle("wsr-long", isLong);
  }

  get typed() {
    return null;
  }

  focus() {
    const checked = [...this.#radios.values()].find((radio) => radio.checked);
    (checked ?? this.#radios.values().next().value)?.focus({ preventScroll: true });
  }

  accepts(answer) {
    return choiceOf(this.question, answer) !== null;
  }

  show(answer, isLocked) {
    const chosen = answer === "" ? null : choiceOf(this.question, answer);
    for (const [value, radio] of this.#radios) {
      radio.checked = value === chosen?.value;
      radio.disabled = isLocked;
    }
  }

  key({ key }) {
    const choice = this.choices.find(({ keys }) => keys.includes(key.toLowerCase()));
    if (choice) {
      this.#radios.get(choice.value).focus({ preventScroll: true });
      this.told.choose(choice.value);
      return true;
    }
    if (key !== "Backspace" && key !== "Delete") return false;
    this.told.choose("");
    return true;
  }

  #option({ value, label, keys }, name) {
    const radio = element("input", "", { type: "radio", name, value });
    radio.addEventListener("change", () => this.told.choose(value));
    this.#radios.set(value, radio);
    const parts = [radio, element("span", "wsr-label", {}, [label])];
    // What begins with its key says so itself.
    const [key] = keys;
    if (key && !label.startsWith(key)) {
      parts.push(element("kbd", "", { "aria-hidden": "true" }, [key]));
    }
    return element("label", "wsr-choice", {}, parts);
  }
}

// More options than can be taken in at a glance: a list that is searched by typing.
export class ListControl {
  constructor(question, told, name) {
    this.question = question;
    this.told = told;
    const options = choicesOf(question).map(({ value }) => option(value, value));
    const labels = { name, "aria-label": question.name };
    this.list = element("select", "wsr-list", labels, [option("", "Choose…"), ...options]);
    this.list.addEventListener("change", () => told.choose(this.list.value));
    this.el = element("div", "", {}, [this.list]);
  }

  static suits(question) {
    return choicesOf(question).length > MOST_IN_SIGHT;
  }

  get typed() {
    return null;
  }

  focus() {
    this.list.focus({ preventScroll: true });
  }

  accepts(answer) {
    return choiceOf(this.question, answer) !== null;
  }

  show(answer, isLocked) {
    this.list.value = answer === "" ? "" : (choiceOf(this.question, answer)?.value ?? "");
    this.list.disabled = isLocked;
  }

  key({ key }) {
    if (key !== "Backspace" && key !== "Delete") return false;
    this.told.choose("");
    return true;
  }
}

function option(value, text) {
  return element("option", "", { value }, [text]);
}

// Another control with room for other words than it takes.
export class WithOther {
  #isOpen = false;

  constructor(main, question, told) {
    this.main = main;
    this.told = told;
    const labels = { type: "text", "aria-label": `${question.name}: other answer` };
    this.text = element("input", "wsr-text", { ...labels, autocomplete: "off" });
    this.text.addEventListener("input", () => told.type(this.text.value));
    const hint = element("kbd", "", { "aria-hidden": "true" }, ["o"]);
    const open = { type: "button", "aria-expanded": "false" };
    this.button = element("button", "wsr-plain wsr-other", open, ["Other…", hint]);
    this.button.addEventListener("click", () => this.#turn(!this.#isOpen, true));
    this.el = element("div", "wsr-with-other", {}, [main.el, this.button, this.text]);
    this.#turn(false, false);
  }

  get typed() {
    return this.#isOpen ? { value: this.text.value.trim() } : this.main.typed;
  }

  focus() {
    if (this.#isOpen) this.text.focus({ preventScroll: true });
    else this.main.focus();
  }

  show(answer, isLocked, isNew) {
    const isOther = answer !== "" && !this.main.accepts(answer);
    const isTyping = !isNew && this.#isOpen && this.text === document.activeElement;
    this.main.show(isOther ? "" : answer, isLocked, isNew);
    this.text.disabled = this.button.disabled = isLocked;
    if (isTyping && answer === "") return;
    if (!isTyping) this.text.value = isOther ? answer : "";
    this.#turn(isOther, false);
  }

  key(event, where) {
    if (where === "text") return false;
    if (event.key.toLowerCase() === "o") {
      this.#turn(true, true);
      return true;
    }
    return this.main.key(event, where);
  }

  #turn(isOpen, isFocused) {
    this.#isOpen = isOpen;
    this.text.hidden = !isOpen;
    this.button.setAttribute("aria-expanded", String(isOpen));
    if (isFocused && isOpen) this.text.focus();
    else if (isFocused) this.main.focus();
  }
}
