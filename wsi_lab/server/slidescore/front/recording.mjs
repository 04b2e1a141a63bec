// Remembers what was in view and where the mouse was, and tells the server from time to time.
// It is as good as it gets: what cannot be sent is lost in the end, and nobody is told.

const SAMPLE_MS = 500;
const FIRST_MS = 2000;
const SEND_MS = 10_000;
const MOST_KEPT = 4000;
// What a browser still sends for a page that is gone has at most 64 KiB.
const MOST_LAST = 600;

export class Recording {
  #events = [];
  #session = null;
  #isSending = false;
  #last = "";

  // `look`: returns x, y, width and height of the view and x, y of the mouse, in level-0 pixels;
  // `post(told, isLast)`: sends it and resolves to what the server answers; `now`: milliseconds.
  constructor({ look, post, now = () => performance.now() }) {
    this.look = look;
    this.post = post;
    this.now = now;
    this.began = now();
  }

  note() {
    const seen = this.look().map(Math.round);
    const text = seen.join();
    if (text === this.#last) return;
    this.#last = text;
    this.#events.push([Math.round(this.now() - this.began), ...seen]);
    if (this.#events.length > MOST_KEPT) this.#events.shift();
  }

  async send({ isLast = false } = {}) {
    // A second session would begin if the number of the first one is still under way.
    if (!this.#events.length || (this.#isSending && (!isLast || this.#session === null))) return;
    const events = this.#events.splice(isLast ? -MOST_LAST : 0);
    this.#isSending = true;
    try {
      this.#session = (await this.post({ session: this.#session, events }, isLast)).session;
    } catch {
      this.#events.unshift(...events);
    } finally {
      this.#isSending = false;
    }
  }

  // Goes on until the page is left.
  start() {
    setInterval(() => document.hidden || this.note(), SAMPLE_MS);
    setTimeout(() => this.send(), FIRST_MS);
    setInterval(() => this.send(), SEND_MS);
    const last = () => {
      this.note();
      this.send({ isLast: true });
    };
    addEventListener("pagehide", last);
    document.addEventListener("visibilitychange", () => document.hidden && last());
  }
}
