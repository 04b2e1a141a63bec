// What the reading page asks the lab besides tiles and shapes.

import { tokenHeaders } from "../dom.mjs";
import { Refusal } from "../draw/saving.mjs";
import { refusalOf } from "../map/calls.mjs";

const READING_TIMEOUT_MS = 30_000;

export class ReadingLab {
  // `base`: where the lab is mounted, with a slash at its end; `headers()`: who asks, for every
  // request; by default Jupyter's token, to go with its cookie.
  constructor({ base, study, headers = tokenHeaders, ask = (...args) => fetch(...args) }) {
    this.url = `${base}v1/studies/${study}/reading`;
    this.headers = headers;
    this.ask = ask;
  }

  slideUrl(number) {
    return `${this.url}/slides/${number}`;
  }

  reading() {
    return this.#send("GET", "");
  }

  item(number) {
    return this.#send("GET", `/items/${number}`);
  }

  // What is stored now: { question_id, core, answer, revision, answered_on }.
  answer(number, body) {
    return this.#send("PUT", `/items/${number}/answers`, { body });
  }

  // With `isLast` the browser sends it although the page goes away.
  time(number, body, isLast) {
    return this.#send("PUT", `/items/${number}/time`, { body, keepalive: isLast });
  }

  async #send(method, path, { body, keepalive = false } = {}) {
    const headers = { Accept: "application/json", ...this.headers() };
    if (body) headers["Content-Type"] = "application/json";
    let answer;
    try {
      answer = await this.ask(this.url + path, {
        method,
        headers,
        body: body && JSON.stringify(body),
        credentials: "same-origin",
        redirect: "manual",
        cache: "no-store",
        keepalive,
        signal: AbortSignal.timeout(READING_TIMEOUT_MS),
      });
      if (answer.status === 204) return null;
      if (answer.ok) return await answer.json();
    } catch {
      throw new Refusal(0);
    }
    throw await refusalOf(answer);
  }
}

// What a reader is told who cannot begin, by the kind of a refusal.
export function refusalSentence({ kind, status, detail }, hasToken) {
  if (kind === "signedOut" && hasToken) {
    return "This link has ended. Ask whoever sent it to you for a new one.";
  }
  if (kind === "signedOut") {
    return "Nobody is signed in. Open the link that you were sent, or sign in and load this page again.";
  }
  if (kind === "unreachable") return "The lab cannot be reached. It is tried again by itself.";
  if (status === 403) return detail || "This study is not open to you.";
  if (status === 404) return "There is no such study, or it is not open to you.";
  return detail || "This study cannot be opened.";
}
