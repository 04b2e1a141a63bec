// One reader at work: which item is before them, what its picture and its questions are, and what
// comes next.

import { lookAhead } from "./ahead.mjs";
import { Cores } from "./cores.mjs";
import { Form } from "./form.mjs";
import { Hands } from "./hands.mjs";
import { Items } from "./items.mjs";
import { HelpCard } from "./keys.mjs";
import { unsentDrawings } from "./kept.mjs";
import { ProgressBar } from "./progress.mjs";
import { Reading, coreName } from "./reading.mjs";
import { Room } from "./room.mjs";
import { AnswerSaving, worstOf } from "./saving.mjs";
import { SlideTabs } from "./slide_tabs.mjs";
import { Stage } from "./stage.mjs";
import { Timing } from "./timing.mjs";
import { Ways } from "./ways.mjs";

const READING_CLOCK = {
  now: () => performance.now(),
  later: (act, milliseconds) => setTimeout(act, milliseconds),
  cancelLater: (handle) => clearTimeout(handle),
};
// Of the tools that suit a kind best: point, line, polygon.
const TOOL_KEYS = { AnnoPoints: ".", AnnoMeasure: "v", AnnoShapes: "p" };

export class Sitting {
  number = null;
  core = null;
  #wanted = null;
  #failedItem = null;
  #turn = 0;
  #answersState = { kind: "saved", count: 0, detail: "" };
  #isReady = false;
  #error = "";
  #isClosed = false;

  // `said`: the reading as the lab tells it; `makeView(el, slide)`: a `MapView`; `isAlone`: that
  // there is nothing else on the page, so that all keys are meant for it.
  constructor(root, { said, lab, kept, makeView, told, isAlone = false }) {
    this.root = root;
    this.isAlone = isAlone;
    this.lab = lab;
    this.kept = kept;
    this.told = told;
    const inOrder = !said.settings.may_jump;
    this.saving = new AnswerSaving(lab, READING_CLOCK, kept, this.#savingTold(), { inOrder });
    this.reading = new Reading(said, (place) => this.saving.valueOf(place));
    this.items = new Items(lab, READING_CLOCK, this.#itemsTold());
    this.stage = new Stage(makeView, this.#stageTold());
    this.tabs = new SlideTabs((at) => this.showSlide(at));
    this.cores = new Cores({
      go: (core, isByKey) => this.goToCore(core, isByKey ? "cores" : "form"),
    });
    this.form = new Form(this.reading, this.saving, this.#formTold());
    this.bar = new ProgressBar(this.reading, {
      go: (number) => this.go(number),
      step: (by) => this.ways.step(by),
      open: () => this.ways.toOpen(),
      help: () => this.help.open(),
      retry: () => this.retry(),
    });
    this.help = new HelpCard({
      hasCores: this.reading.items.some((item) => item.core_count > 0),
      hasSlides: this.reading.items.some((item) => item.slides.length > 1),
    });
    if (said.settings.is_timed) {
      const send = (item, body, isLast) => lab.time(item, body, isLast);
      this.timing = new Timing(send, READING_CLOCK, () => !document.hidden);
    }
    this.ways = new Ways(this);
    this.room = new Room(root, this);
    this.hands = new Hands(this);
  }

  // Begins where an earlier sitting ended, or at an item.
  start(item = null) {
    this.saving.restore();
    const isAsked = item !== null && this.reading.item(item) && this.reading.settings.may_jump;
    const number = isAsked ? item : (this.#itemWithUnsent() ?? this.reading.first);
    if (number === null) this.room.cover("This study has no slides yet.");
    else this.go(number, { isForced: true });
  }

  remove() {
    this.#isClosed = true;
    this.form.giveAll();
    this.hands.remove();
    this.timing?.close();
    this.saving.close();
    this.items.close();
    this.stage.remove();
    this.room.close();
  }

  // Whether an item is on its way, and keys must wait for it.
  get isUnderWay() {
    return this.number !== this.#wanted;
  }

  // The item that is shown, or that is on its way.
  get wanted() {
    return this.#wanted;
  }

  async go(number, { isForced = false } = {}) {
    if (!this.reading.item(number) || number === this.#wanted) return;
    // What cannot be taken back is not given by a step that leads nowhere.
    if (this.reading.settings.may_change) this.form.giveAll();
    const objection = isForced ? "" : this.reading.objection(this.number, number);
    if (objection) {
      this.say(objection);
      this.bar.show(this.number);
      return;
    }
    this.form.giveAll();
    this.#wanted = number;
    this.#turn += 1;
    const turn = this.#turn;
    this.room.away(number);
    try {
      if (!this.reading.detail(number)) await this.items.load(number);
    } catch (refusal) {
      if (turn !== this.#turn || this.#isClosed) return;
      this.#notLoaded(number, refusal);
      return;
    }
    if (turn === this.#turn && !this.#isClosed) this.#arrive(number);
  }

  // `focus`: what has the keys then: "form", "cores", or nothing new.
  goToCore(core, focus = "form") {
    this.core = core;
    this.form.show(this.number, core);
    this.cores.go(core);
    this.#frame();
    if (focus === "form") this.form.focusOpen();
    else if (focus === "cores") this.cores.focus();
    this.room.announce(`Core ${coreName(core)}`);
  }

  showSlide(at) {
    const slide = this.reading.detail(this.number)?.slides[at];
    if (!slide) return;
    this.tabs.show(at);
    delete this.root.dataset.painted;
    this.stage.show(this.#slideOf(slide)).then(() => this.#lookAhead());
    // Shapes that an earlier page could not send are sent by the tools that made them.
    const unsent = this.#unsentOn(slide);
    if (unsent !== undefined && this.stage.drawn === null) this.stage.draw(unsent);
    this.form.refreshAll();
  }

  draw(question) {
    const isEnd = this.stage.drawn === question.id;
    this.stage.draw(isEnd ? null : question.id, TOOL_KEYS[question.kind]);
    this.form.refreshAll();
    if (this.stage.drawn === null) this.form.focus(question);
    else this.stage.focus();
  }

  retry() {
    if (this.#isClosed) return;
    this.saving.retry();
    if (this.#failedItem !== null) {
      const number = this.#failedItem;
      this.#wanted = this.number;
      this.go(number, { isForced: true });
    }
  }

  say(sentence) {
    this.room.say(sentence);
  }

  #arrive(number) {
    const detail = this.reading.detail(number);
    this.number = number;
    this.#failedItem = null;
    this.room.arrived(number);
    this.core =
      detail.asked.find((core) => this.reading.isOpenCore(number, core)) ?? detail.asked[0] ?? null;
    this.form.show(number, this.core);
    this.cores.current = this.core;
    this.cores.show(detail.asked, (core) => this.#countOf(number, core));
    this.bar.show(number);
    this.bar.refresh(number);
    this.tabs.set(detail.slides.map(({ name }) => name));
    this.timing?.open(number);
    const unsent = detail.slides.findIndex((slide) => this.#unsentOn(slide) !== undefined);
    this.showSlide(Math.max(unsent, 0));
    this.#frame();
    // In a notebook the keys stay where they are until the reader comes here.
    if (this.isAlone || this.root.contains(document.activeElement)) this.form.focusOpen();
    else this.form.markOpen();
    const { done, items } = this.reading.progress;
    const open = this.reading.open(number).length;
    this.room.announce(`${detail.name}. ${open} to answer. ${done} of ${items} done.`);
    this.hands.replay();
    this.#tell();
    if (this.items.isStale(number)) this.items.refreshSoon(number);
  }

  #countOf(number, core) {
    const needed = this.reading.questions.filter((each) => each.isNeeded && !each.isDrawn);
    const open = this.reading.open(number, core).filter(({ isDrawn }) => !isDrawn);
    return { needed: needed.length, answered: needed.length - open.length };
  }

  // The current core, or all of the slide.
  #frame() {
    if (!this.core) return;
    const { view } = this.stage;
    view?.marks(this.cores.marks);
    if (!this.reading.settings.cores_at_once) view?.show(this.core.box);
  }

  #notLoaded(number, refusal) {
    this.#failedItem = number;
    const isAway = refusal.kind === "unreachable";
    const sentence = isAway
      ? "The lab cannot be reached. What you answered is kept here and sent when it can."
      : refusal.detail || "This cannot be opened.";
    // Back to where one was; with nothing to go back to there is only the sentence.
    this.#wanted = this.number;
    if (this.number === null) this.room.cover(sentence);
    else {
      this.room.arrived(this.number);
      this.bar.show(this.number);
      this.say(sentence);
      this.hands.forget();
    }
    if (isAway && this.number === null) setTimeout(() => this.retry(), 3000);
  }

  #slideOf({ number, tile_size: tileSize, ...slide }) {
    const { name, width, height, zooms, mpp, objective, version } = slide;
    const about = { name, width, height, tileSize, zooms, mpp, objective, version };
    return { number, url: this.lab.slideUrl(number), ...about };
  }

  // The question that shapes were drawn for on a slide which the lab does not have yet.
  #unsentOn({ number }) {
    const found = unsentDrawings(this.reading.reader, this.lab.slideUrl(number));
    return found.find((layer) => this.reading.question(layer));
  }

  #itemWithUnsent() {
    const { items, settings } = this.reading;
    const isUnsent = ({ slides }) => slides.some((slide) => this.#unsentOn(slide) !== undefined);
    const found = settings.may_jump && items.find(isUnsent);
    return found ? found.number : null;
  }

  #lookAhead() {
    const turn = this.#turn;
    lookAhead({
      reading: this.reading,
      items: this.items,
      stage: this.stage,
      number: this.number,
      slideOf: (slide) => this.#slideOf(slide),
      isCurrent: () => turn === this.#turn && !this.#isClosed,
    });
  }

  #itemsTold() {
    return {
      take: (detail) => {
        this.saving.receive(detail.number, detail.answers);
        this.reading.receive(detail);
        this.bar.refresh(detail.number);
      },
      // What counts shapes, and what others answered, is the lab's to say.
      refreshed: (number) => {
        if (number !== this.number) return;
        this.form.refreshAll();
        this.cores.refresh();
        this.#tell();
      },
    };
  }

  #savingTold() {
    return {
      state: (state) => {
        this.#answersState = state;
        this.#tell();
      },
      place: (place) => this.#placeChanged(place),
      saved: ({ item, questionId }) => {
        const { settings } = this.reading;
        const isDrawn = this.reading.question(questionId)?.isDrawn;
        if (settings.shows_others || isDrawn) this.items.refreshSoon(item);
      },
    };
  }

  #placeChanged(place) {
    this.reading.recount(place.item);
    this.bar.refresh(place.item);
    this.form.refresh(place);
    if (place.item !== this.number || !place.core) return;
    this.cores.refresh();
    this.stage.view?.marks(this.cores.marks);
  }

  #stageTold() {
    return {
      // What is swapped in is seen with the next frame.
      painted: (slide) => requestAnimationFrame(() => this.#painted(slide)),
      state: (slide, { kind }) => {
        const item = this.reading.itemOfSlide(slide);
        if (kind === "saved" && item) this.items.refreshSoon(item.number);
        this.#tell();
      },
      error: (sentence) => {
        this.#error = sentence;
        this.#tell();
      },
      mark: (index) => {
        const core = this.cores.coreAt(index);
        if (core) this.goToCore(core);
      },
    };
  }

  #painted(slide) {
    if (this.#isClosed || this.stage.number !== slide || this.isUnderWay) return;
    this.root.dataset.painted = this.number;
    this.#isReady = true;
    this.#tell();
  }

  #formTold() {
    return {
      draw: (question) => this.draw(question),
      nothing: (place) => this.saving.set(place, "[]"),
      drawing: () => this.stage.drawn,
      said: (sentence) => this.room.announce(sentence),
    };
  }

  // Of answers and drawings together.
  get state() {
    return worstOf([this.#answersState, ...this.stage.states]);
  }

  #tell() {
    if (this.#isClosed) return;
    const state = this.state;
    this.bar.say(state);
    this.root.dataset.saving = state.kind;
    const { answered, needed } = this.reading.progress;
    this.told({
      study: this.reading.study.name,
      // Whoever wished for one that is on its way would hear that it is another.
      item: this.isUnderWay ? null : this.number,
      answered,
      needed,
      saving: state.kind,
      ready: this.#isReady,
      error: this.#error,
    });
  }
}
