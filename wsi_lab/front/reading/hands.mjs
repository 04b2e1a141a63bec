// Keys and other events of the browser, and what becomes of them. Keys that come while an item is
// still on its way wait for it.

import { readingCommand, whereIs } from "./keys.mjs";

const MOST_ESCAPES = 4;

export class Hands {
  #undo = [];
  #waiting = [];

  constructor(sitting) {
    this.sitting = sitting;
    // JupyterLab listens at the document, before anything inside of it: only the window is earlier.
    this.#on(window, "keydown", (event) => this.#key(event), true);
    this.#on(window, "online", () => sitting.retry());
    this.#on(window, "pagehide", () => this.#leave());
    this.#on(window, "beforeunload", (event) => this.#warn(event));
    this.#on(document, "visibilitychange", () => this.#seen());
  }

  remove() {
    for (const undo of this.#undo) undo();
  }

  // The item is there: what was typed ahead is for it.
  replay() {
    const waiting = this.#waiting.splice(0);
    for (const [at, event] of waiting.entries()) {
      if (this.sitting.isUnderWay) {
        this.#waiting.unshift(...waiting.slice(at));
        return;
      }
      const target = document.activeElement;
      if (!this.#press(event, target)) typeInto(target, event);
    }
  }

  forget() {
    this.#waiting = [];
  }

  #key(event) {
    const { root, help, isAlone } = this.sitting;
    const isHere = root.contains(event.target) || (isAlone && event.target === document.body);
    if (!isHere || event.isComposing) return;
    if (help.isOpen) {
      this.#helpKey(event);
      return;
    }
    if (this.sitting.isUnderWay && !isModified(event) && event.key !== "Tab") {
      this.#waiting.push(event);
      swallow(event);
      return;
    }
    if (this.#press(event, event.target)) swallow(event);
    // Tab leads out, Shift+Enter runs the cell. All others mean nothing to the notebook while the
    // app has the focus: there they delete cells and restart kernels.
    else if (!isModified(event) && event.key !== "Tab" && !runsCell(event)) keep(event);
  }

  // Whether it was taken.
  #press(event, target) {
    const { sitting } = this;
    if (isModified(event)) return this.#isOnSlide(target) && this.#slideKey(event, target);
    const where = whereIs(target, sitting.stage.el, sitting.cores.el);
    if (where === "slide" && this.#slideKey(event, target)) return true;
    if (where === "cores" && sitting.cores.key(event)) return true;
    if (where !== "cores" && sitting.form.key(event, where)) return true;
    const command = readingCommand(event, where, hasLines(target));
    if (command) return this.#obey(command);
    if (where === "slide") return this.#aside(event);
    return false;
  }

  // Digits answer although the focus is on the slide, unless they belong to its tools.
  #slideKey(event, target) {
    const { stage } = this.sitting;
    const isAnswer = /^[0-9]$/.test(event.key) || event.key === "Enter";
    if (isAnswer && stage.drawn === null && !isModified(event)) return false;
    if (target.closest?.("button") && (event.key === "Enter" || event.key === " ")) return false;
    const isTaken = Boolean(stage.view?.key(event));
    // With points nothing is half done: one press leads back, however many the tools would take.
    if (event.key !== "Escape" || !isTaken || this.#drawnKind !== "AnnoPoints") return isTaken;
    for (let turn = 0; turn < MOST_ESCAPES && stage.view.key(event); turn += 1);
    return false;
  }

  get #drawnKind() {
    const { stage, reading } = this.sitting;
    return reading.question(stage.drawn)?.kind ?? null;
  }

  // What is typed on the slide goes where it is asked for.
  #aside({ key }) {
    if (!/^[0-9]$/.test(key) || this.sitting.stage.drawn !== null) return false;
    this.sitting.form.focus();
    return false;
  }

  #isOnSlide(target) {
    return this.sitting.stage.el.contains(target);
  }

  #obey(command) {
    const { sitting } = this;
    const acts = {
      next: () => sitting.ways.step(1),
      previous: () => sitting.ways.step(-1),
      open: () => sitting.ways.toOpen(),
      comment: () => sitting.form.comment() || sitting.say("This study asks for no comment."),
      slide: () => sitting.stage.focus(),
      cores: () => sitting.cores.focus(),
      asideBefore: () => sitting.ways.stepAside(-1),
      asideAfter: () => sitting.ways.stepAside(1),
      help: () => sitting.help.open(),
      form: () => this.#toForm(),
      confirm: () => sitting.ways.confirm(),
      questionAfter: () => sitting.form.step(1),
      questionBefore: () => sitting.form.step(-1),
    };
    acts[command]();
    return true;
  }

  // From the slide to the question; from a text out of it, so that letters are commands again.
  #toForm() {
    const { form } = this.sitting;
    const field = form.el.contains(document.activeElement) ? form.field : null;
    if (field) field.el.focus({ preventScroll: true });
    else form.focus();
  }

  #helpKey(event) {
    if (event.key === "Tab" || event.key === "Enter" || event.key === " ") {
      keep(event);
      return;
    }
    swallow(event);
    if (event.key !== "Escape" && event.key !== "?") return;
    this.sitting.help.close();
    this.sitting.form.focus();
  }

  #seen() {
    this.sitting.timing?.seen();
    if (document.hidden) this.#leave();
    else this.sitting.saving.retry();
  }

  // The page may not come back.
  #leave() {
    this.sitting.form.giveAll();
    this.sitting.timing?.leave();
  }

  // What the lab does not have is kept here, but only here.
  #warn(event) {
    const { saving, kept, stage } = this.sitting;
    const isStuck = saving.unsaved.some((place) => {
      const { problem, conflict } = saving.about(place);
      return problem || conflict;
    });
    if (isStuck || stage.unsaved.length || (kept.isFull && saving.unsaved.length)) {
      event.preventDefault();
    }
  }

  #on(target, type, act, options) {
    target.addEventListener(type, act, options);
    this.#undo.push(() => target.removeEventListener(type, act, options));
  }
}

function swallow(event) {
  event.preventDefault();
  keep(event);
}

// The view listens at the window too, and has been asked.
function keep(event) {
  event.stopImmediatePropagation();
}

function isModified({ ctrlKey, altKey, metaKey }) {
  return ctrlKey || altKey || metaKey;
}

function runsCell(event) {
  return event.key === "Enter" && event.shiftKey && event.target.tagName !== "TEXTAREA";
}

function hasLines(target) {
  return target?.tagName === "TEXTAREA" && target.value.includes("\n");
}

// A letter that was pressed before its field was there.
function typeInto(target, { key }) {
  const isField = target?.tagName === "TEXTAREA" || target?.tagName === "INPUT";
  if (!isField || target.type === "radio" || target.readOnly || key.length !== 1) return;
  target.setRangeText(key, target.selectionStart, target.selectionEnd, "end");
  target.dispatchEvent(new Event("input", { bubbles: true }));
}
