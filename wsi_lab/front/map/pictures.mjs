// Pictures by their address where a cookie does not say who asks: an image element cannot send
// headers. What fails for the moment is asked for again for as long as the picture is wanted.

const FIRST_PAUSE_OF_PICTURES_MS = 1000;
const LONGEST_PAUSE_OF_PICTURES_MS = 30_000;

export class Pictures {
  #ended = new AbortController();

  // page: { fetch(url, options), headers(), later(act, milliseconds) }
  constructor(page) {
    this.page = page;
  }

  // Resolves when the image shows it; rejects when it cannot be had or is not wanted any more.
  async show(image, url, signal = this.#ended.signal) {
    const blob = await this.#blob(url, AbortSignal.any([signal, this.#ended.signal]));
    const address = URL.createObjectURL(blob);
    try {
      image.src = address;
      await image.decode();
    } finally {
      URL.revokeObjectURL(address);
    }
  }

  end() {
    this.#ended.abort();
  }

  async #blob(url, signal) {
    for (let pause = FIRST_PAUSE_OF_PICTURES_MS; ; pause *= 2) {
      signal.throwIfAborted();
      const answer = await this.#ask(url, signal);
      if (answer?.ok) return answer.blob();
      const isPassing = !answer || [408, 425, 429].includes(answer.status) || answer.status >= 500;
      if (!isPassing) throw new Error(`no picture (${answer.status})`);
      await new Promise((resolve) => {
        this.page.later(resolve, Math.min(pause, LONGEST_PAUSE_OF_PICTURES_MS));
      });
    }
  }

  // The answer, or `null` when there is none.
  async #ask(url, signal) {
    try {
      return await this.page.fetch(url, {
        credentials: "same-origin",
        headers: this.page.headers(),
        redirect: "manual",
        // The slide's own tiles come first.
        priority: "low",
        signal,
      });
    } catch {
      signal.throwIfAborted();
      return null;
    }
  }
}
