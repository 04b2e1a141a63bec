// What is where on the page, and the sentences that come and go.

import { element } from "../dom.mjs";

const TOAST_MS = 3000;

export class Room {
  #timer = null;

  constructor(root, { bar, tabs, stage, cores, form, help }) {
    this.root = root;
    this.live = element("p", "wsr-unseen", { "aria-live": "polite" });
    this.toast = element("div", "wsr-toast", { "aria-hidden": "true", hidden: "" });
    this.notice = element("div", "wsr-cover", { hidden: "" });
    const slide = [tabs.el, stage.el, this.notice, this.toast];
    const left = element("div", "wsr-left", {}, slide);
    const right = element("div", "wsr-right", {}, [cores.el, form.el, foot()]);
    const main = element("div", "wsr-main", {}, [left, right]);
    root.replaceChildren(bar.el, main, this.live, help.el);
  }

  // An item is on its way, or is there.
  away(number) {
    this.root.dataset.item = number;
    delete this.root.dataset.painted;
    this.root.classList.add("wsr-away");
  }

  arrived(number) {
    this.root.dataset.item = number;
    this.root.classList.remove("wsr-away");
    this.notice.hidden = true;
  }

  // For those who hear it.
  announce(sentence) {
    // The same sentence once more is said once more.
    this.live.textContent = this.live.textContent === sentence ? `${sentence}\u00a0` : sentence;
  }

  // For everybody.
  say(sentence) {
    this.announce(sentence);
    this.toast.textContent = sentence;
    this.toast.hidden = false;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.toast.hidden = true;
    }, TOAST_MS);
  }

  // Instead of a slide.
  cover(sentence) {
    this.notice.replaceChildren(element("p", "", { role: "alert" }, [sentence]));
    this.notice.hidden = false;
    this.root.classList.remove("wsr-away");
  }

  close() {
    clearTimeout(this.#timer);
    this.root.replaceChildren();
  }
}

// The keys that one needs first.
function foot() {
  const hints = [
    ["Enter", "on"],
    ["n", "next"],
    ["p", "previous"],
    ["?", "all keys"],
  ].map(([key, act]) => element("span", "", {}, [element("kbd", "", {}, [key]), ` ${act}`]));
  return element("p", "wsr-foot", { "aria-hidden": "true" }, hints);
}
