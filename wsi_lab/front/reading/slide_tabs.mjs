// The slides of a case, where items are cases.

import { element } from "../dom.mjs";

export class SlideTabs {
  #buttons = [];

  // `show(at)`: brings one to the front.
  constructor(show) {
    this.show_ = show;
    this.at = 0;
    this.el = element("div", "wsr-tabs", { role: "group", "aria-label": "Slides of this case" });
    this.el.hidden = true;
  }

  // One slide needs no tab.
  set(names) {
    this.#buttons = names.map((name, at) => {
      const made = element("button", "wsr-tab", { type: "button" }, [name]);
      made.addEventListener("click", () => this.show_(at));
      return made;
    });
    this.el.replaceChildren(...this.#buttons);
    this.el.hidden = names.length < 2;
    this.show(0);
  }

  get count() {
    return this.#buttons.length;
  }

  show(at) {
    this.at = at;
    for (const [index, each] of this.#buttons.entries()) {
      if (index === at) each.setAttribute("aria-current", "true");
      else each.removeAttribute("aria-current");
    }
  }
}
