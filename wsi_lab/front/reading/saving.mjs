// Answers go to the lab by themselves, each as soon as it is given. A place (a question about an
// item, or about one core of it) has its own turn: one request at a time, with the revision that
// its answer was made from. What the lab has not acknowledged stays in the browser's own store.

import { Alarm } from "../draw/alarm.mjs";
import { Refusal } from "../draw/saving.mjs";

const FIRST_WAIT_FOR_LAB_MS = 1000;
const LONGEST_WAIT_FOR_LAB_MS = 20_000;
const MOST_ANSWERS_AT_ONCE = 4;
// From what needs a hand to what passes by itself.
const SAVING_RANKS = ["refused", "signedOut", "unreachable", "conflict", "saving", "draft"];

export function placeKey({ item, questionId, core }) {
  return core ? `${item}/${questionId}/${core.row}.${core.column}` : `${item}/${questionId}`;
}

export function placeOfKey(key) {
  const [item, questionId, at] = key.split("/");
  const [row, column] = at ? at.split(".").map(Number) : [];
  return { item: Number(item), questionId: Number(questionId), core: at ? { row, column } : null };
}

export class AnswerSaving {
  #entries = new Map();
  #running = 0;
  #alarm;
  #isClosed = false;

  // lab: { answer(item, body) }; clock: { now(), later(f, ms), cancelLater(handle) }; kept:
  // { put(key, value), drop(key), all() }; told: { state({ kind, count, detail }), place(place),
  // saved(place) }; `inOrder`: the lab takes answers about an item only after those about
  // the items before it.
  constructor(lab, clock, kept, told, { inOrder = false } = {}) {
    this.lab = lab;
    this.clock = clock;
    this.kept = kept;
    this.told = told;
    this.inOrder = inOrder;
    this.#alarm = new Alarm(clock, () => this.#pump());
  }

  close() {
    this.#isClosed = true;
    this.#alarm.stop();
  }

  // The answer as the reader gave it, whether the lab has it or not; "" is none.
  valueOf(place) {
    return this.#entries.get(placeKey(place))?.wanted ?? "";
  }

  // { draft, problem, detail, conflict: { mine, theirs } or null, isSaved }
  about(place) {
    const entry = this.#entries.get(placeKey(place));
    if (!entry) return { draft: null, problem: null, detail: "", conflict: null, isSaved: true };
    const { draft, problem, detail, conflict } = entry;
    return { draft, problem, detail, conflict, isSaved: !isPending(entry) && draft === null };
  }

  get unsaved() {
    return [...this.#entries.values()].filter(isPending).map(({ place }) => place);
  }

  get drafts() {
    return [...this.#entries.values()].filter((entry) => entry.draft !== null);
  }

  // The reader's answers about an item as the lab has them: all there are.
  receive(item, answers) {
    const there = new Map(
      answers.map((each) => {
        const place = { item, questionId: each.question_id, core: each.core };
        return [placeKey(place), each];
      }),
    );
    for (const [key, current] of there) this.#meet(this.#entry(placeOfKey(key)), current);
    for (const entry of this.#entries.values()) {
      const isGone = entry.place.item === item && !there.has(placeKey(entry.place));
      if (isGone) this.#meet(entry, { answer: "", revision: 0 });
    }
    this.#report();
    this.#pump();
  }

  // What an earlier page could not send any more. Call it once. Returns how many places it was.
  restore() {
    const found = this.kept.all();
    for (const [key, { wanted, revision, doubts, draft }] of found) {
      const entry = this.#entry(placeOfKey(key));
      entry.draft = draft;
      if (wanted !== null && wanted !== entry.wanted) {
        const current = entry.isKnown ? currentOf(entry) : null;
        Object.assign(entry, { wanted, revision, doubts, saved: null });
        if (current) this.#meet(entry, current);
      }
      this.#keep(entry);
      this.told.place(entry.place);
    }
    this.#report();
    this.#pump();
    return found.length;
  }

  // An answer that was given: it is sent at once.
  set(place, answer) {
    const entry = this.#entry(place);
    entry.draft = null;
    if (answer !== entry.wanted || entry.problem === "refused") {
      entry.wanted = answer;
      entry.notBefore = 0;
      this.#settle(entry);
    }
    // Somebody who goes on to answer has chosen, and has seen what the lab has.
    entry.conflict = null;
    this.#changed(entry);
    this.#pump();
  }

  // An answer that is being typed and is not given yet; `null` when it is taken back.
  draft(place, text) {
    if (text === null && !this.#entries.has(placeKey(place))) return;
    const entry = this.#entry(place);
    if (entry.draft === text) return;
    entry.draft = text;
    this.#changed(entry);
  }

  // After a conflict: "mine" is sent once more, "theirs" stays.
  resolve(place, choice) {
    const entry = this.#entry(place);
    if (!entry.conflict) return;
    if (choice === "mine") entry.wanted = entry.conflict.mine;
    entry.conflict = null;
    this.#changed(entry);
    this.#pump();
  }

  // Puts back what the lab has in place of what it refused.
  giveUp(place) {
    const entry = this.#entry(place);
    if (entry.busy || entry.saved === null) return;
    entry.wanted = entry.saved;
    entry.draft = null;
    this.#settle(entry);
    this.#changed(entry);
  }

  // Asks again at once: the network is back, or somebody signed in or pressed a button.
  retry() {
    for (const entry of this.#entries.values()) {
      entry.notBefore = 0;
      if (entry.problem === "refused") this.#settle(entry);
      entry.pause = FIRST_WAIT_FOR_LAB_MS;
    }
    this.#pump();
  }

  #entry(place) {
    const key = placeKey(place);
    if (!this.#entries.has(key)) {
      this.#entries.set(key, {
        place,
        wanted: "",
        saved: "",
        revision: 0,
        isKnown: false,
        // Answers that were sent without the lab having been heard: it may have taken them.
        doubts: [],
        draft: null,
        busy: false,
        problem: null,
        detail: "",
        conflict: null,
        notBefore: 0,
        pause: FIRST_WAIT_FOR_LAB_MS,
      });
    }
    return this.#entries.get(key);
  }

  // The lab says what it has.
  #meet(entry, current) {
    if (entry.busy || entry.revision > current.revision) return;
    const isMine =
      entry.revision === current.revision ||
      entry.wanted === current.answer ||
      entry.doubts.includes(current.answer);
    const isClean = entry.saved === entry.wanted && !entry.conflict;
    if (!isClean && !isMine) {
      this.#lose(entry, current);
      return;
    }
    if (isClean) entry.wanted = current.answer;
    this.#know(entry, current);
    if (entry.saved === entry.wanted) this.#settle(entry);
    this.#keep(entry);
    this.told.place(entry.place);
  }

  // Somebody else's answer came first, in another window: both are shown until one is chosen.
  #lose(entry, current) {
    entry.conflict = { mine: entry.conflict?.mine ?? entry.wanted, theirs: current.answer };
    entry.wanted = current.answer;
    this.#know(entry, current);
    this.#settle(entry);
    this.#keep(entry);
    this.told.place(entry.place);
  }

  #know(entry, current) {
    if (entry.revision !== current.revision) entry.doubts = [];
    Object.assign(entry, { saved: current.answer, revision: current.revision, isKnown: true });
  }

  #settle(entry) {
    entry.problem = null;
    entry.detail = "";
  }

  #changed(entry) {
    this.#keep(entry);
    this.told.place(entry.place);
    this.#report();
  }

  #keep(entry) {
    const key = placeKey(entry.place);
    const { draft, revision, doubts, conflict } = entry;
    const isPendingNow = isPending(entry);
    if (!isPendingNow && draft === null) {
      this.kept.drop(key);
      return;
    }
    const wanted = conflict ? conflict.mine : isPendingNow ? entry.wanted : null;
    // A revision that both values are known of would let mine win unseen.
    this.kept.put(key, { wanted, revision: conflict ? -1 : revision, doubts, draft });
  }

  #pump() {
    if (this.#isClosed) return;
    const now = this.clock.now();
    const dirty = [...this.#entries.values()].filter(isSendable);
    const first = Math.min(...dirty.map(({ place }) => place.item));
    let next = Infinity;
    for (const entry of dirty) {
      if (entry.busy || (this.inOrder && entry.place.item > first)) continue;
      if (entry.notBefore > now) next = Math.min(next, entry.notBefore - now);
      else if (this.#running < MOST_ANSWERS_AT_ONCE) this.#send(entry);
    }
    if (next < Infinity) this.#alarm.in(next);
  }

  async #send(entry) {
    const { item, questionId, core } = entry.place;
    const answer = entry.wanted;
    entry.busy = true;
    this.#running += 1;
    if (!entry.doubts.includes(answer)) entry.doubts.push(answer);
    this.#changed(entry);
    const body = { question_id: questionId, core, answer, revision: Math.max(0, entry.revision) };
    try {
      const stored = await this.lab.answer(item, body);
      entry.busy = false;
      Object.assign(entry, { saved: answer, revision: stored.revision, doubts: [], isKnown: true });
      entry.pause = FIRST_WAIT_FOR_LAB_MS;
      this.#settle(entry);
      this.told.saved(entry.place);
    } catch (error) {
      entry.busy = false;
      this.#failed(entry, error);
    } finally {
      this.#running -= 1;
      this.#changed(entry);
      this.#pump();
    }
  }

  #failed(entry, error) {
    const refusal = error instanceof Refusal ? error : new Refusal(0, String(error));
    const { kind, current, detail } = refusal;
    if (kind === "conflict" && current) {
      this.#meet(entry, current);
      return;
    }
    // A conflict without what the lab has is a study that lets nothing be changed.
    const isFinal = kind === "conflict" || kind === "gone";
    entry.problem = isFinal ? "refused" : kind;
    entry.detail = detail;
    // What was refused was not stored.
    if (entry.problem === "refused") entry.doubts = [];
    entry.notBefore = this.clock.now() + entry.pause;
    entry.pause = Math.min(2 * entry.pause, LONGEST_WAIT_FOR_LAB_MS);
  }

  #report() {
    const found = new Map();
    let detail = "";
    for (const entry of this.#entries.values()) {
      const kind = kindOfEntry(entry);
      if (!kind) continue;
      found.set(kind, 1 + (found.get(kind) ?? 0));
      if (kind === "refused") detail ||= entry.detail;
    }
    const kind = SAVING_RANKS.find((each) => found.has(each)) ?? "saved";
    this.told.state({ kind, count: found.get(kind) ?? 0, detail });
  }
}

function isDirty(entry) {
  return entry.wanted !== entry.saved && !entry.conflict;
}

function isSendable(entry) {
  return isDirty(entry) && entry.problem !== "refused";
}

function isPending(entry) {
  return isDirty(entry) || entry.conflict !== null || entry.busy;
}

function currentOf({ saved, revision }) {
  return { answer: saved, revision };
}

function kindOfEntry(entry) {
  if (isDirty(entry) && entry.problem) return entry.problem;
  if (entry.conflict) return "conflict";
  if (isDirty(entry) || entry.busy) return "saving";
  return entry.draft === null ? null : "draft";
}

// Of several states, of answers and of drawings, the one that is to be shown.
export function worstOf(states) {
  const rank = ({ kind }) => (SAVING_RANKS.includes(kind) ? SAVING_RANKS.indexOf(kind) : Infinity);
  return states
    .filter((state) => state?.kind)
    .reduce((worst, each) => (rank(each) < rank(worst) ? each : worst));
}
