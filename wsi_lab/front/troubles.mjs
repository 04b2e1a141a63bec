// Tiles that did not come: which, why, what the user is told, and when they are asked for again.

import { element } from "./dom.mjs";

const AGAIN = "Try again";
const RELOAD = "Reload";
// From what nothing helps against but another page, to what touches single tiles.
const KINDS = {
  access: {
    title: "Your access to this slide has run out.",
    text: "Reload the page to go on; the view stays where it is.",
    act: RELOAD,
  },
  changed: {
    title: "This slide has been replaced.",
    text: "Reload the page to see the new one.",
    act: RELOAD,
  },
  gone: {
    title: "This slide is no longer there.",
    text: "It was moved or deleted since this page was opened.",
    act: AGAIN,
  },
  unreachable: {
    title: "The server does not answer.",
    text: "What is missing is asked for again as soon as it does.",
    act: AGAIN,
    comesBack: true,
  },
  store: {
    title: "The slide cannot be reached at the moment.",
    text: "What is missing is asked for again by itself.",
    act: AGAIN,
    comesBack: true,
  },
  busy: {
    title: "The server is very busy.",
    text: "What is missing is asked for again by itself.",
    act: AGAIN,
    comesBack: true,
  },
  damaged: {
    title: "Some tiles of this slide cannot be read.",
    text: "The rest is shown. The file may be damaged.",
    act: AGAIN,
  },
};
const RANKS = Object.keys(KINDS);
const RETRIES_MS = [5000, 10_000, 20_000, 30_000];

export class Troubles {
  #failed = new Map();
  #timer = null;
  #waits = 0;
  #asked = false;

  // `views`: OpenSeadragon's viewers of the slide; `reload`: loads the page anew.
  constructor(views, reload) {
    this.reload = reload;
    this.el = document.getElementById("alert");
    for (const view of views) {
      view.addHandler("tile-load-failed", (event) => this.#add(event));
      view.addHandler("tile-loaded", () => this.#works());
    }
    addEventListener("online", () => this.retry());
  }

  // Asks for everything anew that did not come.
  retry() {
    clearTimeout(this.#timer);
    this.#timer = null;
    const failed = [...this.#failed];
    this.#failed.clear();
    this.#asked = failed.length > 0;
    const images = new Set();
    for (const [tile, { image }] of failed) {
      tile.exists = true;
      images.add(image);
    }
    // Without a change OpenSeadragon does not look again for what it lacks; this is one of none.
    for (const image of images) image.setClip(image.getClip());
  }

  #add({ tile, tiledImage: image, tileRequest: trouble }) {
    this.#failed.set(tile, { image, kind: trouble?.kind ?? "unreachable" });
    const kinds = new Set([...this.#failed.values()].map(({ kind }) => kind));
    const kind = RANKS.find((each) => kinds.has(each));
    this.#show(kind);
    if (KINDS[kind].comesBack) this.#later();
  }

  #works() {
    this.#waits = 0;
    if (!this.#asked || this.#failed.size) return;
    this.#asked = false;
    this.el.hidden = true;
    this.el.dataset.kind = "";
  }

  #later() {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => this.retry(), RETRIES_MS[this.#waits]);
    this.#waits = Math.min(this.#waits + 1, RETRIES_MS.length - 1);
  }

  // The same sentence is said once, however many tiles it is about.
  #show(kind) {
    if (!this.el.hidden && this.el.dataset.kind === kind) return;
    const { title, text, act } = KINDS[kind];
    const sentence = element("p", "", {}, [element("strong", "", {}, [title]), text]);
    const again = element("button", "again", { type: "button" }, [act]);
    again.addEventListener("click", () => (act === RELOAD ? this.reload() : this.retry()));
    this.el.dataset.kind = kind;
    this.el.replaceChildren(sentence, again);
    this.el.hidden = false;
  }
}
