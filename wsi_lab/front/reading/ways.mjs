// Where a key leads: to the next question that is open, the next core, slide or item.

import { isSameCore } from "./reading.mjs";

export class Ways {
  constructor(sitting) {
    this.sitting = sitting;
  }

  step(by) {
    const { sitting } = this;
    const next = (sitting.wanted ?? 0) + by;
    if (sitting.reading.item(next)) sitting.go(next);
    else sitting.say(by > 0 ? "This is the last one." : "This is the first one.");
  }

  // The next item that is not done.
  toOpen() {
    const { sitting } = this;
    const { reading, number } = sitting;
    const next = reading.nextOpen(number);
    if (next !== null) sitting.go(next);
    else if (reading.isDone(number)) sitting.say(allDone(sitting.state));
    else this.#toOpenHere();
  }

  // Enter: what is typed is given, then on to what is open.
  confirm() {
    const { sitting } = this;
    const { form, reading, number, core } = sitting;
    const { current } = form;
    if (!form.give()) return;
    if (reading.settings.cores_at_once && core && this.#toNextCoreOf(current)) return;
    const next = form.nextOpen();
    if (next && next !== current) {
      form.focus(next);
      return;
    }
    if (next) {
      const want = next.isDrawn ? "draw (D), or nothing to mark (0)" : "not answered yet";
      sitting.say(`${next.name}: ${want}`);
      return;
    }
    const open = core && reading.coreAfter(number, core, 1, true);
    if (open) sitting.goToCore(open);
    else if (reading.isDone(number)) this.toOpen();
    else this.#toOpenHere();
  }

  // The next core or the one before; where there are none, the slides of a case.
  stepAside(by) {
    const { reading, number, core, tabs } = this.sitting;
    const next = core && reading.coreAfter(number, core, by);
    if (next) this.sitting.goToCore(next);
    else if (tabs.count > 1) this.sitting.showSlide((tabs.at + by + tabs.count) % tabs.count);
  }

  // Where all cores are seen at once, one question is answered about all of them in turn.
  #toNextCoreOf(question) {
    const { sitting } = this;
    const { reading, number, core } = sitting;
    if (!question || question.isDrawn) return false;
    const cores = reading.detail(number).asked;
    const at = cores.findIndex((each) => isSameCore(each, core));
    const isOpen = (each) => !reading.isAnswered(reading.place(number, question, each));
    const next = cores.slice(at + 1).find(isOpen) ?? cores.find(isOpen);
    if (!next) return false;
    sitting.goToCore(next, "");
    sitting.form.focus(question);
    return true;
  }

  #toOpenHere() {
    const { sitting } = this;
    const { reading, number, core } = sitting;
    const next = core && reading.coreAfter(number, core, 1, true);
    if (next && !reading.open(number, core).length) sitting.goToCore(next);
    else sitting.form.focusOpen();
  }
}

function allDone({ kind }) {
  const isSaved = kind === "saved";
  return isSaved ? "All done. Everything is saved." : "All done. Not everything is saved yet.";
}
