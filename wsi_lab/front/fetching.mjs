// Tiles over HTTP: what failed for the moment is asked again, a token that ran out is renewed,
// and what remains is a `Trouble` of a kind that the page has a sentence for.

const WAITS_MS = [400, 1200, 3000];
// A server asks the store of its slides more than once itself, and a network that is gone is
// better said soon than waited for.
const MOST_TRIES = { busy: 3, store: 1, unreachable: 1 };
const LONGEST_WAIT_MS = 10_000;
const TIMEOUT_MS = 30_000;
const MOST_AT_ONCE = 8;

export class Trouble extends Error {
  // kind: access, gone, changed, unreachable, store, busy, damaged
  constructor(kind, status = 0) {
    super(`${kind} (${status})`);
    this.kind = kind;
    this.status = status;
  }
}

export function kindOf(status) {
  if (status === 401 || status === 403) return "access";
  if (status === 404) return "gone";
  if (status === 400 || status === 415) return "changed";
  if (status === 429 || status === 503) return "busy";
  if (status === 502 || status === 504) return "store";
  return "damaged";
}

export class TileFetcher {
  #underWay = new Map();
  #renewing = null;
  #running = 0;
  #queue = [];
  #view = 0;

  // `version`: of the slide, so that a browser keeps no tile of another; `token`: what lets this
  // page see tiles, or nothing; `renew`: returns another one or `null`. `locate` makes of an address
  // and a token what is asked for, unless the token is a query; `kindOf` reads a refusal. `isOnline`,
  // `ask` and `wait` are the browser's own, except in tests.
  constructor({
    version,
    token,
    renew,
    isOnline,
    ask = askBrowser,
    wait = waitBrowser,
    ...reading
  }) {
    this.version = version;
    this.token = token;
    this.renew = renew;
    this.locate = reading.locate ?? ((address, query) => this.#withQuery(address, query));
    this.kindOf = reading.kindOf ?? kindOf;
    this.isOnline = isOnline ?? (() => navigator.onLine);
    this.ask = ask;
    this.wait = wait;
  }

  // What is asked for from now on is for another view.
  viewChanged() {
    this.#view += 1;
  }

  // The bytes of a tile. Viewer and overview often want the same one at the same time.
  get(address) {
    let wanted = this.#underWay.get(address);
    if (!wanted) {
      wanted = this.#get(address).finally(() => this.#underWay.delete(address));
      this.#underWay.set(address, wanted);
    }
    return wanted;
  }

  async #get(address) {
    let isRenewed = false;
    for (let tries = 0; ;) {
      const { blob, token, kind, status, after } = await this.#inTurn(address);
      if (blob) return blob;
      if (kind === "access" && token && !isRenewed) {
        isRenewed = true;
        await this.#renewed(token, status);
        continue;
      }
      const isOffline = kind === "unreachable" && !this.isOnline();
      if (isOffline || tries >= (MOST_TRIES[kind] ?? 0)) throw new Trouble(kind, status);
      await this.wait(Math.min(Math.max(WAITS_MS[tries], after * 1000), LONGEST_WAIT_MS));
      tries += 1;
    }
  }

  #withQuery(address, token) {
    const version = this.version && `v=${encodeURIComponent(this.version)}`;
    const query = [version, token].filter(Boolean).join("&");
    return query ? `${address}?${query}` : address;
  }

  // In their order, but those that the present view asked for before those of views gone by.
  async #inTurn(address) {
    if (this.#running === MOST_AT_ONCE) {
      await new Promise((go) => this.#queue.push({ go, view: this.#view }));
    } else {
      this.#running += 1;
    }
    const answer = await this.#answer(address);
    if (this.#queue.length) this.#next().go();
    else this.#running -= 1;
    return answer;
  }

  #next() {
    const newest = this.#queue.at(-1).view;
    const first = this.#queue.findIndex(({ view }) => view === newest);
    return this.#queue.splice(first, 1)[0];
  }

  async #answer(address) {
    // Whoever comes while a token is renewed waits for it.
    await this.#renewing;
    const token = this.token;
    let response;
    try {
      response = await this.ask(this.locate(address, token));
      if (response.ok) return { blob: await response.blob() };
    } catch {
      return { kind: "unreachable", status: 0, after: 0, token };
    }
    const { status, headers } = response;
    const kind = this.kindOf(status, headers);
    return { kind, status, after: Number(headers.get("Retry-After")) || 0, token };
  }

  // All tiles that were refused with the same token wait for the one new one.
  async #renewed(token, status) {
    if (token !== this.token) return;
    this.#renewing ??= this.#renewOnce();
    if (!(await this.#renewing)) throw new Trouble("access", status);
  }

  async #renewOnce() {
    const fresh = await this.renew();
    if (fresh) this.token = fresh;
    this.#renewing = null;
    return fresh;
  }
}

function askBrowser(url) {
  return fetch(url, { credentials: "same-origin", signal: AbortSignal.timeout(TIMEOUT_MS) });
}

function waitBrowser(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
