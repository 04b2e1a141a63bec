// Items as the lab tells them: each is asked for once, and again when others may have changed it.

const REFRESH_AFTER_MS = 400;
const STALE_AFTER_MS = 30_000;

export class Items {
  #loads = new Map();
  #loadedAt = new Map();
  #refreshing = new Map();
  #isClosed = false;

  // `take(detail)`: hears what an item is; `refreshed(number)`: that it was asked for anew.
  constructor(lab, clock, { take, refreshed }) {
    this.lab = lab;
    this.clock = clock;
    this.take = take;
    this.refreshed = refreshed;
  }

  close() {
    this.#isClosed = true;
    for (const timer of this.#refreshing.values()) this.clock.cancelLater(timer);
  }

  // Resolves when an item is known.
  load(number) {
    if (!this.#loads.has(number)) {
      const load = this.#ask(number).finally(() => this.#loads.delete(number));
      this.#loads.set(number, load);
    }
    return this.#loads.get(number);
  }

  isStale(number) {
    return this.clock.now() - (this.#loadedAt.get(number) ?? -Infinity) > STALE_AFTER_MS;
  }

  refreshSoon(number) {
    this.clock.cancelLater(this.#refreshing.get(number));
    const timer = this.clock.later(() => this.#refresh(number), REFRESH_AFTER_MS);
    this.#refreshing.set(number, timer);
  }

  async #refresh(number) {
    try {
      await this.#ask(number);
    } catch {
      return;
    }
    if (!this.#isClosed) this.refreshed(number);
  }

  async #ask(number) {
    const detail = await this.lab.item(number);
    if (this.#isClosed) return;
    this.#loadedAt.set(number, this.clock.now());
    this.take(detail);
  }
}
