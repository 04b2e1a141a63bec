// One question on the form: what is asked, the control, and what there is to say about the answer.

import { element } from "../dom.mjs";
import { ChoiceControl, ListControl, WithOther } from "./choices.mjs";
import { DrawnControl, keyButton } from "./drawn.mjs";
import { HScoreControl, NumberControl } from "./numbers.mjs";
import { ExplanationControl, TextControl } from "./texts.mjs";
import { familyOf, shownAnswer, takesOther } from "./values.mjs";

const NEEDS_ENTER = "Not saved yet: Enter gives this answer.";
const IS_FINAL = "Not saved yet: Enter gives this answer. It cannot be changed then.";

let fieldCount = 0;

export class Field {
  #place = null;

  // told: { choose(answer), type(text), draw(), nothing(), resolve(choice), giveUp(), retry() }
  constructor(question, told, { mayChange }) {
    this.question = question;
    this.told = told;
    this.mayChange = mayChange;
    this.family = familyOf(question.kind);
    fieldCount += 1;
    this.id = `wsr-question-${fieldCount}`;
    this.control = this.#control();
    this.mark = element("span", "wsr-mark", { "aria-hidden": "true" });
    this.note = element("p", "wsr-note", { id: `${this.id}-note` });
    this.card = element("div", "wsr-card", { role: "group" });
    this.others = element("p", "wsr-others");
    const parts = [question.name];
    if (!question.isNeeded && this.family !== "explanation") {
      parts.push(element("span", "wsr-optional", {}, ["optional"]));
    }
    const legend = element("legend", "", {}, [...parts, this.mark]);
    const about = { "data-question": question.id, "data-kind": question.kind, tabindex: "-1" };
    const rest = [this.control.el, this.note, this.card, this.others];
    this.el = element("fieldset", "wsr-question", about, [legend, ...rest]);
    this.el.setAttribute("aria-describedby", this.note.id);
    this.note.hidden = this.card.hidden = this.others.hidden = true;
  }

  // Whether it can have the keys at all.
  get isAsked() {
    return this.family !== "explanation";
  }

  focus() {
    if (this.card.hidden) this.control.focus();
    else this.card.querySelector("button").focus({ preventScroll: true });
    this.el.scrollIntoView({ block: "nearest" });
  }

  // What is typed and not given yet, { value } or { problem }; `null` where nothing is.
  get typed() {
    return this.control.typed;
  }

  // Shows what is known of its answer: { answer, about, isLocked, others, drawn }; see `Form`.
  show(place, { answer, about, isAnswered, isLocked, others, drawn }) {
    const isNew = place !== this.#place;
    this.#place = place;
    // What is locked loses the focus, and keys with it.
    const isLeft = isLocked && this.control.el.contains(document.activeElement);
    if (isLeft) this.el.focus({ preventScroll: true });
    this.control.show(about.draft ?? answer, isLocked, isNew);
    if (drawn) this.control.showCount(drawn, isLocked);
    this.mark.textContent = isAnswered && about.draft === null ? "✓" : "";
    this.el.classList.toggle("wsr-answered", isAnswered);
    this.#say(about, isLocked);
    this.#offer(about);
    this.others.hidden = !others.length;
    const said = others.map((each) => `${each.reader}: ${shownAnswer(this.question, each.answer)}`);
    this.others.textContent = said.join(" · ");
  }

  complain(sentence) {
    this.note.hidden = !sentence;
    this.note.classList.toggle("wsr-problem", Boolean(sentence));
    for (const input of this.el.querySelectorAll("input:not([type=radio]), textarea")) {
      input.setAttribute("aria-invalid", String(Boolean(sentence)));
    }
    this.note.textContent = sentence;
  }

  #say({ draft, problem, detail }, isLocked) {
    if (problem === "refused") {
      this.complain(detail || "The lab does not take this answer.");
      return;
    }
    const typed = draft === null ? null : this.typed;
    if (typed?.problem && document.activeElement?.closest?.("fieldset") !== this.el) {
      this.complain(typed.problem);
      return;
    }
    this.complain("");
    const isWaiting = draft !== null && (this.family !== "text" || !this.mayChange);
    const sentence = isWaiting ? (this.mayChange ? NEEDS_ENTER : IS_FINAL) : "";
    this.note.textContent = isLocked ? "Given. This study lets no answer be changed." : sentence;
    this.note.hidden = !this.note.textContent;
  }

  #offer({ conflict, problem }) {
    const key = conflict ? `${conflict.mine}\n${conflict.theirs}` : (problem ?? "");
    if (this.card.dataset.about === key) return;
    this.card.dataset.about = key;
    const hadFocus = this.card.contains(document.activeElement);
    this.card.replaceChildren();
    if (conflict) this.#offerBoth(conflict);
    else if (problem === "refused") {
      this.card.append(
        keyButton("Try again", "k", () => this.told.retry()),
        keyButton("Put back", "t", () => this.told.giveUp()),
      );
    }
    this.card.hidden = !this.card.childNodes.length;
    if (hadFocus) this.focus();
  }

  #offerBoth({ mine, theirs }) {
    const [yours, there] = [mine, theirs].map((each) => shownAnswer(this.question, each));
    const sentence = "This answer was changed in another window since you saw it.";
    this.card.append(
      element("p", "", { role: "alert" }, [sentence]),
      keyButton(`Keep mine: ${yours}`, "k", () => this.told.resolve("mine")),
      keyButton(`Take the other: ${there}`, "t", () => this.told.resolve("theirs")),
    );
  }

  // Keys of the card, wherever the question has the focus.
  cardKey({ key }) {
    if (this.card.hidden) return false;
    const at = ["k", "t"].indexOf(key.toLowerCase());
    const pressed = this.card.querySelectorAll("button")[at];
    pressed?.click();
    return Boolean(pressed);
  }

  #control() {
    const { question, told, family } = this;
    const name = `${this.id}-answer`;
    if (family === "text") return new TextControl(question, told);
    if (family === "explanation") return new ExplanationControl(question);
    if (family === "drawn") return new DrawnControl(question, told);
    const main = this.#main(question, told, name);
    return takesOther(question.kind) ? new WithOther(main, question, told) : main;
  }

  #main(question, told, name) {
    if (this.family === "number") return new NumberControl(question, told);
    if (this.family === "hScore") return new HScoreControl(question, told);
    const Kind = ListControl.suits(question) ? ListControl : ChoiceControl;
    return new Kind(question, told, name);
  }
}
