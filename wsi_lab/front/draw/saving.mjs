// What was drawn goes to the lab by itself. Each shape has its own turn: it is sent when it differs
// from what the lab has, one request at a time, with the revision that it was made from. What the
// lab did not take stays in the browser's own store until it does.

import { Alarm } from "./alarm.mjs";
import { newKey, sameShape } from "./shapes.mjs";
import { alike, itemText, shapeOfItem } from "./wire.mjs";

const KEEP_MS = 30;
const GATHER_MS = 250;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
const MOST_REQUESTS = 4;
// What the lab has of a shape of a load that an earlier page changed: it is not looked at again.
const UNSEEN = {};

// Why a shape was not taken: `status` 0 when nothing answered; `current` is the shape as the lab
// has it now, after a change by somebody else, and `winner` tells whose: { changed_by, changed_on }.
export class Refusal extends Error {
  constructor(status, detail = "", current = null, winner = {}) {
    super(detail || `refused (${status})`);
    this.status = status;
    this.detail = detail;
    this.current = current;
    this.winner = winner;
  }

  get kind() {
    if (this.status === 409 || this.status === 412) return "conflict";
    if (this.status === 404 || this.status === 410) return "gone";
    if (this.status === 401) return "signedOut";
    if ([0, 408, 425, 429].includes(this.status) || this.status >= 500) return "unreachable";
    return "refused";
  }
}

export class Saving {
  #entries = new Map();
  #byId = new Map();
  // When shapes were removed: a list that was asked for before still has them.
  #removed = new Map();
  #toKeep = new Set();
  #keeping = null;
  #running = 0;
  #alarm;
  #clock = 0;
  #closed = false;
  #isLeaving = false;

  // lab: { create(text), change(id, revision, text), remove(id, revision) } -> items, as in
  // `wire.mjs`; clock: { now(), later(f, ms), cancelLater(handle) }; kept: { put(key, value, text),
  // drop(key), all() -> [[key, value, item]] }; told: { state({ kind, count, detail }), conflict(entry) }
  constructor(drawing, lab, clock, kept, told) {
    this.drawing = drawing;
    this.lab = lab;
    this.clock = clock;
    this.kept = kept;
    this.told = told;
    this.#alarm = new Alarm(clock, () => this.#pump());
    drawing.onChange(({ keys, isOwn }) => {
      if (isOwn) this.#changed(keys);
    });
  }

  close() {
    this.#closed = true;
    this.#alarm.stop();
    this.clock.cancelLater(this.#keeping);
    for (const entry of this.#toKeep) this.#keep(entry);
  }

  // Sends what is left, once, and ends. What the lab does not take stays kept.
  leave() {
    this.#alarm.stop();
    this.clock.cancelLater(this.#keeping);
    for (const entry of this.#toKeep) this.#keep(entry);
    for (const entry of this.#entries.values()) entry.notBefore = 0;
    this.#isLeaving = true;
    this.#pump();
  }

  // A mark to hand to `receive`, taken before the list is asked for: what was sent since is newer.
  get mark() {
    return this.#clock;
  }

  aboutOf(key) {
    return this.#entries.get(key)?.about ?? null;
  }

  entryOf(key) {
    return this.#entries.get(key) ?? null;
  }

  get unsaved() {
    return [...this.#entries.values()].filter((entry) => this.#isDirty(entry));
  }

  // Whether the lab does not have all yet that it may still take.
  get isUnderWay() {
    return this.unsaved.some(({ problem }) => problem !== "refused");
  }

  get conflicts() {
    return [...this.#entries.values()].filter((entry) => entry.conflict);
  }

  // All shapes of the layer as the lab lists them.
  receive(items, mark) {
    const seen = new Set();
    for (const item of items) {
      if (this.#removed.get(item.id) > mark) continue;
      const entry = this.#byId.get(item.id) ?? this.#newEntry(item.key ?? undefined);
      seen.add(entry);
      if (!this.#mayReceive(entry, mark)) continue;
      if (entry.id === item.id && entry.revision === item.revision && entry.saved) continue;
      this.#take(entry, item);
    }
    for (const entry of [...this.#entries.values()]) {
      const isElsewhere = entry.isBulk || seen.has(entry) || entry.id === null;
      if (!isElsewhere && this.#mayReceive(entry, mark)) this.#take(entry, null);
    }
    this.#report();
  }

  // One shape that is not of the list: of a load, taken in hand.
  adopt(item, isBulk) {
    const entry = this.#byId.get(item.id) ?? this.#newEntry(item.key ?? undefined);
    entry.isBulk = isBulk;
    if (!entry.saved) this.#take(entry, item);
    return entry.key;
  }

  // Puts back a shape of a load that was taken in hand and left as it was.
  release(key) {
    const entry = this.#entries.get(key);
    if (!entry?.isBulk || entry.busy || this.#isDirty(entry)) return false;
    this.#forget(entry);
    this.drawing.receive(key, null);
    return true;
  }

  // What an earlier page could not send any more. Call it once, after the first `receive`.
  restore() {
    for (const [key, value, item] of this.kept.all()) {
      const shape = item && shapeOfItem(item, key);
      const known = value.id === null ? null : this.#byId.get(value.id);
      if (value.id !== null && !known && !value.isBulk && !shape) {
        // It was to be removed, and somebody else did.
        this.kept.drop(key);
        continue;
      }
      const entry = known ?? this.#newEntry(key, value.key);
      if (known && known.key !== key) {
        this.kept.drop(key);
        if (shape) shape.key = known.key;
      }
      if (known) entry.revision = value.revision;
      else if (value.isBulk) {
        this.#know(entry, value);
        Object.assign(entry, { isBulk: true, saved: UNSEEN, about: null });
      } else if (value.id !== null) entry.conflict = { mine: shape, theirs: null, winner: {} };
      entry.isRepeated = true;
      if (entry.conflict) this.told.conflict(entry);
      else this.drawing.apply([[entry.key, shape]]);
    }
    this.#report();
    this.#alarm.in(GATHER_MS);
  }

  // Both: mine becomes a shape of its own; theirs: mine is given up.
  resolve(key, choice) {
    const entry = this.#entries.get(key);
    const mine = entry?.conflict?.mine;
    if (!entry?.conflict) return;
    entry.conflict = null;
    this.kept.drop(key);
    if (choice === "both" && mine) {
      const own = { ...mine, key: newKey() };
      this.drawing.apply([[own.key, own]]);
    }
    if (entry.id === null && !this.drawing.shapes.has(key)) this.#forget(entry);
    this.#report();
  }

  retry() {
    for (const entry of this.#entries.values()) {
      entry.notBefore = 0;
      entry.problem = null;
    }
    this.#alarm.in(0);
  }

  #newEntry(key = newKey(), wireKey = key) {
    const there = this.#entries.get(key);
    if (there) return there;
    const entry = {
      key,
      wireKey,
      id: null,
      revision: null,
      saved: null,
      about: null,
      busy: false,
      pause: FIRST_PAUSE_MS,
      notBefore: 0,
      problem: null,
      conflict: null,
      isBulk: false,
      isRepeated: false,
      acked: -1,
    };
    this.#entries.set(key, entry);
    return entry;
  }

  #forget(entry) {
    this.#entries.delete(entry.key);
    if (this.#byId.get(entry.id) === entry) this.#byId.delete(entry.id);
  }

  #mayReceive(entry, mark) {
    return !entry.busy && !entry.conflict && !this.#isDirty(entry) && entry.acked <= mark;
  }

  #take(entry, item) {
    const shape = item && shapeOfItem(item, entry.key);
    this.#know(entry, item);
    entry.saved = shape;
    this.drawing.receive(entry.key, shape);
    if (!item) this.#forget(entry);
  }

  #know(entry, item) {
    if (this.#byId.get(entry.id) === entry && entry.id !== item?.id) this.#byId.delete(entry.id);
    entry.id = item?.id ?? null;
    entry.revision = item?.revision ?? null;
    entry.about = item ? { ...item, geometry: null } : null;
    if (item) this.#byId.set(item.id, entry);
  }

  #isDirty(entry) {
    return !entry.conflict && this.#wanted(entry) !== entry.saved;
  }

  #wanted(entry) {
    return this.drawing.shapes.get(entry.key) ?? null;
  }

  #changed(keys) {
    for (const key of keys) {
      const entry = this.#newEntry(key);
      entry.problem = null;
      // Somebody who goes on drawing on theirs has chosen it.
      if (entry.conflict && this.#wanted(entry) !== entry.saved) entry.conflict = null;
      this.#toKeep.add(entry);
    }
    this.#keepSoon();
    this.#report();
    this.#alarm.in(GATHER_MS);
  }

  // After the picture has followed the hand: to put a large outline into words takes a while.
  #keepSoon() {
    this.#keeping ??= this.clock.later(() => {
      this.#keeping = null;
      for (const entry of this.#toKeep) this.#keep(entry);
      this.#toKeep.clear();
    }, KEEP_MS);
  }

  #keep(entry) {
    if (!this.#isDirty(entry)) {
      if (!entry.conflict && !entry.busy) this.kept.drop(entry.key);
      return;
    }
    const shape = this.#wanted(entry);
    const { wireKey, id, revision, isBulk } = entry;
    const value = { key: wireKey, id, revision, isBulk };
    this.kept.put(entry.key, value, shape && itemText(shape));
  }

  #pump() {
    const now = this.clock.now();
    let next = Infinity;
    for (const entry of this.#entries.values()) {
      if (this.#closed || entry.busy || !this.#isDirty(entry)) continue;
      if (entry.problem === "refused") continue;
      if (entry.notBefore > now) next = Math.min(next, entry.notBefore - now);
      else if (this.#running < MOST_REQUESTS) this.#send(entry);
    }
    if (next < Infinity && !this.#isLeaving) this.#alarm.in(next);
  }

  async #send(entry) {
    const shape = this.#wanted(entry);
    entry.busy = true;
    this.#running += 1;
    this.#report();
    try {
      this.#sent(entry, shape, await this.#ask(entry, shape));
    } catch (error) {
      this.#failed(entry, shape, error);
    } finally {
      entry.busy = false;
      this.#running -= 1;
      this.#keep(entry);
      this.#report();
      this.#pump();
    }
  }

  #ask(entry, shape) {
    if (!shape) return entry.id === null ? null : this.lab.remove(entry.id, entry.revision);
    if (entry.id === null) return this.lab.create(itemText(shape, entry.wireKey));
    return this.lab.change(entry.id, entry.revision, itemText(shape, null));
  }

  #sent(entry, shape, item) {
    const wasNew = entry.id === null;
    this.#clock += 1;
    entry.acked = this.#clock;
    entry.pause = FIRST_PAUSE_MS;
    entry.problem = null;
    if (!shape) {
      if (entry.id !== null) this.#removed.set(entry.id, this.#clock);
      this.#know(entry, null);
      entry.saved = null;
      // The lab would take the same key for the shape that was removed.
      entry.wireKey = newKey();
      return;
    }
    this.#know(entry, item);
    entry.isBulk = false;
    // A repeated key is answered with the shape as it came the first time, maybe an earlier one.
    entry.saved = wasNew && entry.isRepeated ? shapeOfItem(item, entry.key) : shape;
    entry.isRepeated = false;
    if (entry.saved !== shape && sameShape(entry.saved, shape)) entry.saved = shape;
  }

  #failed(entry, shape, error) {
    const refusal = error instanceof Refusal ? error : new Refusal(0, String(error));
    if (refusal.kind === "conflict" || (refusal.kind === "gone" && entry.id !== null)) {
      this.#lost(entry, shape, refusal);
      return;
    }
    // What a new shape was to go on is gone.
    entry.problem = refusal.kind === "gone" ? "refused" : refusal.kind;
    entry.detail = refusal.detail;
    entry.isRepeated = true;
    entry.notBefore = this.clock.now() + entry.pause;
    entry.pause = Math.min(2 * entry.pause, LONGEST_PAUSE_MS);
  }

  // Somebody else's change came first: theirs is shown, mine is kept until its hand decides.
  #lost(entry, shape, { current, winner }) {
    const theirs = current && shapeOfItem(current, entry.key);
    const mine = this.#wanted(entry);
    this.#clock += 1;
    entry.acked = this.#clock;
    if (alike(theirs, shape)) {
      // It was my own change, whose answer was lost; or both did the same.
      this.#know(entry, current);
      entry.saved = shape;
      return;
    }
    this.#know(entry, current);
    entry.saved = theirs;
    entry.conflict = { mine, theirs, winner: winner.changed_on ? winner : { ...current } };
    this.drawing.receive(entry.key, theirs);
    this.told.conflict(entry);
  }

  #report() {
    const unsaved = this.unsaved;
    const of = (kind) => unsaved.filter((entry) => entry.problem === kind);
    for (const kind of ["refused", "signedOut", "unreachable"]) {
      const [first, ...rest] = of(kind);
      if (first) {
        this.told.state({ kind, count: 1 + rest.length, detail: first.detail });
        return;
      }
    }
    const kind = unsaved.length ? "saving" : this.conflicts.length ? "conflict" : "saved";
    this.told.state({ kind, count: unsaved.length || this.conflicts.length, detail: "" });
  }
}
