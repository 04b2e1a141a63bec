// What a viewer asks the lab besides tiles: layers, shapes, what lies where. And where the
// browser keeps what the lab did not take yet.

import { Refusal } from "../draw/saving.mjs";

const TIMEOUT_MS = 60_000;

export class LabCalls {
  // `slideUrl`: …/slides/{id}; `headers()`: who asks.
  constructor(slideUrl, headers, ask = (url, options) => fetch(url, options)) {
    this.slideUrl = slideUrl;
    this.slideId = Number(slideUrl.split("/").at(-1));
    this.v1 = slideUrl.replace(/\/slides\/[^/]*$/, "");
    this.headers = headers;
    this.ask = ask;
    this.etag = null;
  }

  // `null` when nothing changed since the last time.
  async layers() {
    const headers = this.etag ? { "If-None-Match": this.etag } : {};
    const answer = await this.#send("GET", `${this.slideUrl}/layers`, {
      headers,
      cache: "no-store",
    });
    if (answer.status === 304) return null;
    this.etag = answer.headers.get("ETag");
    return answer.json();
  }

  async at(query, signal) {
    const words = new URLSearchParams(query);
    return (await this.#send("GET", `${this.slideUrl}/annotations/at?${words}`, { signal })).json();
  }

  async shapes(layerId) {
    const items = [];
    let cursor = null;
    do {
      const more = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
      const url = `${this.v1}/layers/${layerId}/shapes?slide_id=${this.slideId}${more}`;
      const page = await (await this.#send("GET", url)).json();
      items.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor);
    return items;
  }

  // The lab as `Saving` wants it.
  of(layerId) {
    const shapes = `${this.v1}/layers/${layerId}/shapes?slide_id=${this.slideId}`;
    const one = (id) => `${this.v1}/annotations/${id}`;
    return {
      create: async (text) => {
        const answer = await this.#send("POST", shapes, { text: `{"shapes":[${text}]}` });
        return (await answer.json()).items[0];
      },
      change: async (id, revision, text) => {
        return (await this.#send("PATCH", one(id), { text, revision })).json();
      },
      remove: async (id, revision) => {
        await this.#send("DELETE", one(id), { revision });
      },
    };
  }

  async #send(method, url, { text, revision, headers = {}, ...options } = {}) {
    Object.assign(headers, this.headers());
    if (revision !== undefined) headers["If-Match"] = `"r${revision}"`;
    if (text) headers["Content-Type"] = "application/json";
    let answer;
    try {
      answer = await this.ask(url, {
        method,
        headers,
        body: text,
        credentials: "same-origin",
        redirect: "manual",
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...options,
      });
    } catch (error) {
      throw new Refusal(0, error.name === "AbortError" ? "aborted" : "");
    }
    if (answer.ok || answer.status === 304) return answer;
    throw await refusalOf(answer);
  }
}

// What the lab did not do, as it words that.
export async function refusalOf(answer) {
  // Whoever is not signed in is led to a page to sign in at.
  if (answer.type === "opaqueredirect") return new Refusal(401);
  const said = (await answer.json().catch(() => null)) ?? {};
  const detail = typeof said.detail === "string" ? said.detail : "";
  const winner = { changed_by: said.changed_by, changed_on: said.changed_on };
  return new Refusal(answer.status, detail, said.current ?? null, winner);
}

// A store of unsent shapes in the browser: one entry a shape.
export class Kept {
  #tooLarge = new Set();

  constructor(slideUrl, layerId, storage = ownStorage()) {
    this.prefix = `wsi-lab/unsent/${slideUrl}/${layerId}/`;
    this.storage = storage;
  }

  // Whether there was no room for a shape.
  get isFull() {
    return this.#tooLarge.size > 0;
  }

  // `text`: the shape as JSON, or `null` for one that is to be removed.
  put(key, value, text) {
    try {
      this.storage.setItem(this.prefix + key, `${JSON.stringify(value)}\n${text}`);
      this.#tooLarge.delete(key);
    } catch {
      this.#tooLarge.add(key);
    }
  }

  drop(key) {
    this.#tooLarge.delete(key);
    this.storage?.removeItem(this.prefix + key);
  }

  all() {
    const found = [];
    for (let i = 0; i < (this.storage?.length ?? 0); i += 1) {
      const name = this.storage.key(i);
      if (!name.startsWith(this.prefix)) continue;
      try {
        const [value, text] = this.storage.getItem(name).split("\n");
        found.push([name.slice(this.prefix.length), JSON.parse(value), JSON.parse(text)]);
      } catch {
        continue;
      }
    }
    return found;
  }
}

// Where a browser keeps what pages give it, or `null`: it may forbid it, even to be asked for.
export function ownStorage() {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
}
