// Where the browser keeps answers that the lab has not taken yet: one entry a place.

import { ownStorage } from "../map/calls.mjs";

export class KeptAnswers {
  #mine = new Map();
  #tooLarge = new Set();

  // `url`: of the reading; `reader`: whose answers they are. Others may use the same browser.
  constructor(url, reader, storage = ownStorage()) {
    this.prefix = `wsi-lab/answers/${url}/${reader}/`;
    this.storage = storage;
  }

  // Whether something could not be kept.
  get isFull() {
    return this.#tooLarge.size > 0;
  }

  put(key, value) {
    const text = JSON.stringify(value);
    try {
      this.storage.setItem(this.prefix + key, text);
      this.#mine.set(key, text);
      this.#tooLarge.delete(key);
    } catch {
      this.#tooLarge.add(key);
    }
  }

  // Leaves what another window has put there since.
  drop(key) {
    this.#tooLarge.delete(key);
    const mine = this.#mine.get(key);
    this.#mine.delete(key);
    const there = this.storage?.getItem(this.prefix + key) ?? null;
    if (there !== null && (mine === undefined || mine === there)) {
      this.storage.removeItem(this.prefix + key);
    }
  }

  all() {
    const found = [];
    for (let i = 0; i < (this.storage?.length ?? 0); i += 1) {
      const name = this.storage.key(i);
      if (!name.startsWith(this.prefix)) continue;
      try {
        found.push([name.slice(this.prefix.length), JSON.parse(this.storage.getItem(name))]);
      } catch {
        continue;
      }
    }
    return found;
  }
}

// The layers of a slide that a reader drew on and whose shapes the lab does not have yet. They are
// kept for the slide that had this place then; see `Kept` of the map's calls.
export function unsentDrawings(reader, slideUrl, storage = ownStorage()) {
  const [begin, place] = [`wsi-lab/unsent/${reader} `, ` ${slideUrl}/`];
  const found = new Set();
  for (let i = 0; i < (storage?.length ?? 0); i += 1) {
    const [before, after] = storage.key(i).split(place);
    if (after && before.startsWith(begin)) found.add(Number(after.split("/")[0]));
  }
  return [...found];
}
