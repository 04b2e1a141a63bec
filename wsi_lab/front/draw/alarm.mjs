// Rings once, at the earliest of the times that it was asked for.

export class Alarm {
  #timer = null;
  #due = Infinity;

  // clock: { now(), later(f, ms), cancelLater(handle) }; `ring()`: what is done then.
  constructor(clock, ring) {
    this.clock = clock;
    this.ring = ring;
  }

  in(milliseconds) {
    const due = this.clock.now() + milliseconds;
    if (this.#timer !== null && this.#due <= due) return;
    this.stop();
    this.#due = due;
    this.#timer = this.clock.later(() => {
      this.#timer = null;
      this.ring();
    }, milliseconds);
  }

  stop() {
    this.clock.cancelLater(this.#timer);
    this.#timer = null;
  }
}
