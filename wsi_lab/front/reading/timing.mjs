// How long a reader looks at each item: seconds while the page can be seen.

const TELL_EVERY_MS = 15_000;

export class Timing {
  #visit = null;
  #unsent = new Map();
  #timer = null;

  // `send(item, { key, seconds }, isLast)`: tells the lab; clock: { now(), later(f, ms),
  // cancelLater(handle) }; `isSeen()`: whether the page can be seen.
  constructor(send, clock, isSeen, newKey = () => crypto.randomUUID()) {
    this.send = send;
    this.clock = clock;
    this.isSeen = isSeen;
    this.newKey = newKey;
  }

  // A visit to an item begins, and the one before ends.
  open(item) {
    if (this.#visit?.item === item) return;
    this.seen();
    this.#note();
    this.#tell(false);
    this.#visit = { item, key: this.newKey(), milliseconds: 0, since: null };
    this.seen();
    this.#later();
  }

  // The page was hidden or came back.
  seen() {
    const visit = this.#visit;
    if (!visit) return;
    this.#count();
    visit.since = this.isSeen() ? this.clock.now() : null;
  }

  // The page may go away now.
  leave() {
    this.seen();
    this.#note();
    this.#tell(true);
  }

  close() {
    this.leave();
    this.clock.cancelLater(this.#timer);
    this.#visit = null;
  }

  #count() {
    const visit = this.#visit;
    if (visit.since === null) return;
    const now = this.clock.now();
    visit.milliseconds += now - visit.since;
    visit.since = now;
  }

  #note() {
    const visit = this.#visit;
    if (!visit || visit.milliseconds < 50) return;
    const seconds = Math.round(visit.milliseconds / 100) / 10;
    if (visit.told !== seconds) this.#unsent.set(visit.key, { item: visit.item, seconds });
    visit.told = seconds;
  }

  #later() {
    this.clock.cancelLater(this.#timer);
    this.#timer = this.clock.later(() => {
      this.seen();
      this.#note();
      this.#tell(false);
      this.#later();
    }, TELL_EVERY_MS);
  }

  // The larger number counts, so that what was not heard may be said again.
  async #tell(isLast) {
    for (const [key, { item, seconds }] of [...this.#unsent]) {
      try {
        await this.send(item, { key, seconds }, isLast);
        if (this.#unsent.get(key)?.seconds === seconds) this.#unsent.delete(key);
      } catch {
        continue;
      }
    }
  }
}
