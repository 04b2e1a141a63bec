// Drawing on one layer in a viewer: the board over the map, what it knows of the layer, its tools
// and cards, and the saving.

import { Board } from "../draw/board.mjs";
import { Drawing } from "../draw/drawing.mjs";
import { Saving } from "../draw/saving.mjs";
import { areaOf } from "../draw/shapes.mjs";
import { ConflictCards } from "./cards.mjs";
import { Kept } from "./calls.mjs";
import { Hand, MapSurface } from "./surface.mjs";
import { Toolbar } from "./toolbar.mjs";

const CLOCK = {
  now: () => performance.now(),
  later: (act, milliseconds) => setTimeout(act, milliseconds),
  cancelLater: (handle) => clearTimeout(handle),
};

export class Desk {
  state = { kind: "loading" };
  #own = new Set();
  #reading = null;
  #isRead = false;
  #isTaking = false;
  #closed = false;
  #whenSaved = null;
  #undo = [];

  // told: { state(), chosen(ids), taken() }
  constructor(viewer, calls, layer, told) {
    this.calls = calls;
    this.layer = layer;
    this.told = told;
    this.slide = viewer.slide;
    this.drawing = new Drawing();
    const { map, motion } = viewer;
    this.kept = new Kept((viewer.page.keptFor ?? "") + calls.slideUrl, layer.id);
    this.saving = new Saving(this.drawing, this.#lab(), CLOCK, this.kept, {
      state: (state) => this.#say(state),
      conflict: (entry) => this.cards.show(entry),
    });
    this.surface = new MapSurface(map, motion);
    this.board = new Board(this.surface, this.drawing, {
      mayEdit: (key) => this.#mayEdit(key),
      colourOf: (shape) => this.colourOf(shape),
    });
    this.board.onLabel = (number, isMore) => this.label(number, isMore);
    this.board.current = layer.labels.slice(0, 1).map(({ name }) => name);
    this.hand = new Hand(this.surface, this.board);
    this.hand.onClick = (at) => this.#clicked(at);
    this.toolbar = new Toolbar(this.board, layer, {
      label: (number, isMore) => this.label(number, isMore),
      retry: () => this.#retry(),
      focus: () => this.#focus(),
    });
    this.cards = new ConflictCards({
      ghost: (shape) => this.#ghost(shape),
      resolve: (key, choice) => {
        this.saving.resolve(key, choice);
        // The card goes, and with it what has the keys.
        this.#focus();
      },
    });
    viewer.chrome.el.querySelector(".wsl-top").after(this.toolbar.el, this.cards.el);
    viewer.chrome.shield(this.toolbar.el);
    viewer.chrome.shield(this.cards.el);
    this.board.onChange(() => this.#boardChanged());
    this.#undo.push(listening(globalThis, "online", () => this.saving.retry()));
    this.#undo.push(
      listening(globalThis, "beforeunload", (event) => {
        // Too large for the browser's own store, and the lab does not have it yet.
        if (this.kept.isFull && this.saving.unsaved.length) event.preventDefault();
      }),
    );
    this.#meet(layer);
  }

  #focus() {
    this.surface.element.focus({ preventScroll: true });
  }

  // Takes the tools away and saves on; `then()`: all is saved, and the desk is no more.
  retire(then) {
    this.#clear();
    this.#whenSaved = then;
    this.#endIfSaved();
  }

  remove() {
    this.#end();
    this.saving.leave();
  }

  // Leaves what is not saved yet to another desk of the same layer.
  handOver() {
    this.#end();
    this.saving.close();
  }

  #endIfSaved() {
    const then = this.#whenSaved;
    if (!then || this.saving.isUnderWay) return;
    this.handOver();
    then();
  }

  #end() {
    this.#whenSaved = null;
    this.#clear();
    for (const undo of this.#undo) undo();
  }

  #clear() {
    if (this.#closed) return;
    this.#closed = true;
    this.hand.remove();
    this.board.remove();
    this.toolbar.el.remove();
    this.cards.el.remove();
  }

  key(event) {
    return this.hand.key(event) || this.board.key(event);
  }

  // The layer as the lab tells of it now.
  update(layer) {
    const before = this.layer;
    this.layer = layer;
    this.#meet(layer);
    if (wordsOf(layer) !== wordsOf(before)) this.toolbar.relabel(layer);
    if (layer.hand_revision !== before.hand_revision) this.read();
    this.board.repaint();
  }

  // Reads all shapes; once at a time, and once more when it was asked for meanwhile.
  async read() {
    if (this.#reading) {
      this.#reading.again = true;
      return;
    }
    const reading = { again: false };
    this.#reading = reading;
    if (!this.#isRead) this.#say({ kind: "loading" });
    try {
      const { mark } = this.saving;
      const items = await this.calls.shapes(this.layer.id);
      if (this.#closed) return;
      const isFirst = !this.#isRead;
      this.#isRead = true;
      this.saving.receive(items, mark);
      if (isFirst) this.saving.restore();
    } catch (refusal) {
      if (!this.#isRead && !this.#closed) this.#say({ kind: "failed", detail: refusal.detail });
    } finally {
      this.#reading = null;
      if (reading.again && !this.#closed) this.read();
    }
  }

  // Gives what is chosen a label, and what is drawn from now on.
  label(number, isMore) {
    const label = this.layer.labels[number - 1];
    if (!label) return false;
    const changes = this.board
      .chosen()
      .filter(({ key }) => this.#mayEdit(key))
      .map((shape) => [
        shape.key,
        { ...shape, labels: labelled(shape.labels, label.name, isMore) },
      ]);
    this.board.current = labelled(isMore ? this.board.current : [], label.name, isMore);
    this.board.commit(changes);
    this.board.repaint();
    this.toolbar.update();
    return true;
  }

  colourOf({ labels }) {
    const label = this.layer.labels.find(({ name }) => labels.includes(name));
    return label?.colour ?? (this.layer.colour || "#e6550d");
  }

  // What lies under the mouse, as a card wants it.
  under(at) {
    const shape = this.board.shapeAt(at);
    if (!shape) return null;
    const about = this.saving.aboutOf(shape.key);
    return {
      labels: shape.labels,
      area: areaOf(shape),
      layer: this.layer.name,
      author: about?.author,
      properties: shape.properties,
      colour: this.colourOf(shape),
    };
  }

  // Ids of shapes of loads that are drawn here and need not be in tiles.
  get taken() {
    return [...this.drawing.shapes.keys()]
      .map((key) => this.saving.entryOf(key))
      .filter((entry) => entry?.isBulk)
      .map((entry) => entry.id);
  }

  #lab() {
    const lab = this.calls.of(this.layer.id);
    const create = async (text) => {
      const made = await lab.create(text);
      this.#own.add(made.author);
      return made;
    };
    return { ...lab, create };
  }

  #mayEdit(key) {
    if (!this.layer.may_draw) return false;
    const about = this.saving.aboutOf(key);
    if (!about) return true;
    return this.layer.may_change_others || this.#own.has(about.author) || about.may_change === true;
  }

  #retry() {
    if (this.#isRead) this.saving.retry();
    else this.read();
  }

  #meet({ authors }) {
    for (const { author, is_own } of authors) if (is_own) this.#own.add(author);
  }

  #say(state) {
    this.state = state;
    if (!this.#closed) {
      this.toolbar.say(state);
      this.#mark();
    }
    this.told.state();
    this.#endIfSaved();
  }

  #mark() {
    const failed = this.saving.unsaved.filter((entry) => entry.problem);
    const conflicts = this.saving.conflicts;
    this.board.marked = new Set([...failed, ...conflicts].map(({ key }) => key));
    this.cards.keep(new Set(conflicts.map(({ key }) => key)));
    this.board.repaint();
  }

  #ghost(shape) {
    this.board.ghost = shape;
    this.board.repaint();
  }

  #boardChanged() {
    this.toolbar.update();
    const ids = [...this.board.selected].map((key) => this.saving.entryOf(key)?.id ?? null);
    this.told.chosen(ids.filter((id) => id !== null));
    this.#release();
  }

  // Shapes of loads that were taken in hand and are neither chosen nor changed go back.
  #release() {
    if (this.#isTaking) return;
    let isAny = false;
    for (const key of this.drawing.shapes.keys()) {
      if (!this.board.selected.has(key) && this.saving.release(key)) isAny = true;
    }
    if (isAny) this.told.taken();
  }

  // A click beside all shapes that are drawn here may have met one of a load.
  async #clicked(at) {
    const isChoosing = this.board.toolName === "move" || this.board.toolName === "edit";
    if (!isChoosing || this.board.selected.size || !this.layer.bulk_count) return;
    const query = {
      x: at.x,
      y: at.y,
      radius: 4 / at.scale,
      layer: this.layer.id,
      tier: "bulk",
      limit: 1,
    };
    let items;
    try {
      ({ items } = await this.calls.at(query));
    } catch {
      return;
    }
    const [item] = items;
    if (!item || this.#closed || this.board.selected.size || !this.layer.may_draw) return;
    this.#isTaking = true;
    const key = this.saving.adopt(item, true);
    this.board.choose(this.drawing.shapes.get(key));
    this.#isTaking = false;
    this.told.taken();
  }
}

function labelled(labels, name, isMore) {
  if (!isMore) return [name];
  return labels.includes(name) ? labels.filter((each) => each !== name) : [...labels, name];
}

// What the tools show of a layer.
function wordsOf({ name, labels }) {
  return JSON.stringify([name, ...labels.map((label) => [label.name, label.colour])]);
}

function listening(target, type, act) {
  target.addEventListener(type, act);
  return () => target.removeEventListener(type, act);
}
