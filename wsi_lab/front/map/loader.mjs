// Fetches tiles: a view's new ones in one request, single ones where that fails, none that
// nobody wants any more. Knows nothing of the page; `fetch` and the clock are handed in.

import { BundleReader } from "./bundles.mjs";

const BUNDLES_AT_ONCE = 3;
const SINGLES_AT_ONCE = 6;
const TILES_PER_BUNDLE = 64;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
const SINGLE_TILES_FOR_MS = 60_000;
const PASSING = new Set([408, 429, 502, 503, 504]);

// Why tiles do not come: `identity` (sign in again), `unreachable` (nothing answers, or says it is
// busy), `failed` (the server broke over it), `refused` (this slide or tile cannot be had).
export class Trouble extends Error {
  constructor(kind, status, detail) {
    super(detail ?? kind);
    this.kind = kind;
    this.status = status;
    this.detail = detail;
  }
}

export class TileLoader {
  #waiting = [];
  #parked = new Set();
  #bundles = new Set();
  #singles = new Set();
  #pumping = false;
  #retry = null;
  #wait = FIRST_WAIT_MS;
  #noBundlesUntil = 0;
  #closed = false;

  // urls: { bundle(z, tiles), single(z, x, y) }; page: { fetch, headers(), now(), later(f, ms),
  // cancelLater(handle) }; told: { trouble(Trouble), well(), activity(count) }
  constructor(urls, page, told) {
    this.urls = urls;
    this.page = page;
    this.told = told;
    this.troubled = false;
  }

  // Returns a ticket; `deliver` gets a blob, `fail` a Trouble, unless it is cancelled first.
  request(tile, deliver, fail) {
    const ticket = { ...tile, deliver, fail, state: "waiting", batch: null };
    this.#waiting.push(ticket);
    this.#soon();
    return ticket;
  }

  cancel(ticket) {
    if (ticket.state === "done") return;
    ticket.state = "done";
    this.#parked.delete(ticket);
    ticket.batch?.drop();
    this.#report();
  }

  // Asks again for what could not be had; the user pressed a button, or the network is back.
  retry() {
    this.page.cancelLater(this.#retry);
    this.#retry = null;
    for (const ticket of this.#parked) {
      ticket.state = "waiting";
      this.#waiting.push(ticket);
    }
    this.#parked.clear();
    this.#soon();
  }

  close() {
    this.#closed = true;
    this.page.cancelLater(this.#retry);
    for (const batch of [...this.#bundles, ...this.#singles]) batch.abort();
    this.#waiting = [];
    this.#parked.clear();
  }

  get counts() {
    return {
      waiting: this.#waiting.filter(isWanted).length,
      parked: this.#parked.size,
      bundles: this.#bundles.size,
      singles: this.#singles.size,
    };
  }

  #soon() {
    this.#report();
    if (this.#pumping) return;
    this.#pumping = true;
    // Leaflet asks for all tiles of a view within one turn; they share a request by waiting for it.
    queueMicrotask(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  #pump() {
    if (this.#closed) return;
    this.#waiting = this.#waiting.filter(isWanted);
    const bundling = this.page.now() >= this.#noBundlesUntil;
    while (bundling && this.#waiting.length > 0 && this.#bundles.size < BUNDLES_AT_ONCE) {
      this.#start(this.#bundles, this.#nextBundle(), (batch) => this.#fetchBundle(batch));
    }
    while (!bundling && this.#waiting.length > 0 && this.#singles.size < SINGLES_AT_ONCE) {
      this.#startSingle(this.#waiting.shift());
    }
  }

  // The newest zoom first: what was asked last is what the user looks at.
  #nextBundle() {
    const zoom = this.#waiting.at(-1).z;
    const chosen = [];
    const rest = [];
    for (const ticket of this.#waiting) {
      (ticket.z === zoom && chosen.length < TILES_PER_BUNDLE ? chosen : rest).push(ticket);
    }
    this.#waiting = rest;
    return chosen;
  }

  #startSingle(ticket) {
    this.#start(this.#singles, [ticket], (batch) => this.#fetchSingle(batch));
  }

  async #start(running, tickets, fetchThem) {
    const batch = new Batch(tickets);
    running.add(batch);
    try {
      await fetchThem(batch);
    } finally {
      running.delete(batch);
      if (!this.#closed) this.#soon();
    }
  }

  async #fetchBundle(batch) {
    const { tickets } = batch;
    const [{ z }] = tickets;
    let answer;
    try {
      answer = await this.#ask(this.urls.bundle(z, tickets), batch);
      await this.#readBundle(answer, batch);
    } catch (error) {
      if (batch.isAborted || this.#closed) return;
      const left = batch.left();
      if (error.kind === "identity" || error.kind === "unreachable") this.#park(left, error);
      else this.#fallBack(left);
    }
  }

  async #readBundle(answer, batch) {
    const reader = new BundleReader(batch.tickets.length);
    const body = answer.body.getReader();
    for (;;) {
      const { done, value } = await body.read();
      if (done) break;
      const first = reader.done;
      for (const [i, blob] of reader.push(value).entries()) {
        // A bundle may leave a tile out by giving it no bytes; it is then asked for by itself.
        if (blob !== null) this.#deliver(batch.tickets[first + i], blob);
      }
    }
    if (!reader.isComplete) throw new Error("a bundle that ends too early");
    if (batch.left().length > 0) this.#fallBack(batch.left());
  }

  // Bundles do not get through (a proxy, a damaged tile among them): tiles go one by one for a
  // while, which also tells which of them it was.
  #fallBack(tickets) {
    this.#noBundlesUntil = this.page.now() + SINGLE_TILES_FOR_MS;
    for (const ticket of tickets) ticket.batch = null;
    this.#waiting.unshift(...tickets);
  }

  async #fetchSingle(batch) {
    const [ticket] = batch.tickets;
    try {
      const answer = await this.#ask(this.urls.single(ticket.z, ticket.x, ticket.y), batch);
      this.#deliver(ticket, await answer.blob());
    } catch (error) {
      if (batch.isAborted || this.#closed) return;
      const trouble = error instanceof Trouble ? error : new Trouble("unreachable");
      if (trouble.kind === "refused") this.#give(ticket, trouble);
      else this.#park([ticket], trouble);
    }
  }

  async #ask(url, batch) {
    let answer;
    try {
      answer = await this.page.fetch(url, {
        credentials: "same-origin",
        headers: this.page.headers(),
        redirect: "manual",
        signal: batch.signal,
      });
    } catch (error) {
      if (batch.isAborted) throw error;
      throw new Trouble("unreachable");
    }
    if (answer.ok) return answer;
    throw await troubleOf(answer);
  }

  #deliver(ticket, blob) {
    if (ticket.state === "done") return;
    ticket.state = "done";
    this.#wait = FIRST_WAIT_MS;
    if (this.troubled) {
      this.troubled = false;
      this.told.well();
      this.retry();
    }
    ticket.deliver(blob);
    this.#report();
  }

  #give(ticket, trouble) {
    ticket.state = "done";
    ticket.fail(trouble);
    this.told.trouble(trouble);
  }

  #park(tickets, trouble) {
    for (const ticket of tickets.filter(isWanted)) {
      ticket.state = "parked";
      ticket.batch = null;
      this.#parked.add(ticket);
    }
    this.troubled = true;
    this.told.trouble(trouble);
    if (trouble.kind !== "identity" && this.#retry === null) {
      this.#retry = this.page.later(() => {
        this.#retry = null;
        this.retry();
      }, trouble.wait ?? this.#wait);
      this.#wait = Math.min(2 * this.#wait, LONGEST_WAIT_MS);
    }
  }

  #report() {
    const { waiting, bundles, singles } = this.counts;
    this.told.activity(waiting + bundles + singles);
  }
}

// Tickets that share one request, which ends when none of them is wanted any more.
class Batch {
  #controller = new AbortController();

  constructor(tickets) {
    this.tickets = tickets;
    for (const ticket of tickets) {
      ticket.state = "loading";
      ticket.batch = this;
    }
  }

  get signal() {
    return this.#controller.signal;
  }

  get isAborted() {
    return this.#controller.signal.aborted;
  }

  left() {
    return this.tickets.filter(isWanted);
  }

  drop() {
    if (this.left().length === 0) this.abort();
  }

  abort() {
    this.#controller.abort();
  }
}

function isWanted(ticket) {
  return ticket.state !== "done";
}

async function troubleOf(answer) {
  const { status } = answer;
  const detail = await detailOf(answer);
  if (answer.type === "opaqueredirect" || status === 401 || status === 403) {
    return new Trouble("identity", status, detail);
  }
  const kind = PASSING.has(status) ? "unreachable" : status >= 500 ? "failed" : "refused";
  const trouble = new Trouble(kind, status, detail);
  const seconds = Number(answer.headers.get("Retry-After"));
  if (seconds > 0) trouble.wait = Math.min(1000 * seconds, LONGEST_WAIT_MS);
  return trouble;
}

async function detailOf(answer) {
  try {
    const { detail } = await answer.json();
    return typeof detail === "string" ? detail : undefined;
  } catch {
    return undefined;
  }
}
