// What lies over the map: buttons, scale bar, read-outs, and the sentence when something is wrong.

import { button, element } from "../dom.mjs";
import { insideSlide, toPixels } from "./frame.mjs";
import { magnification, position, resolution, scaleBar } from "../readouts.mjs";

const ICONS = {
  in: "M8 3v10M3 8h10",
  out: "M3 8h10",
  fit: "M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3",
  full: "M9 7l4-4M9.5 3H13v3.5M7 9l-4 4M3 9.5V13h3.5",
};
const SCALE_ROOM = 150;
const SENTENCES = {
  identity: "You are signed out. Sign in to Jupyter in another tab, then try again.",
  unreachable: "The lab does not answer. It is asked again by itself.",
  failed: "The lab failed to make tiles of this slide. It is asked again by itself.",
  refused: "Some tiles of this slide cannot be shown.",
};

export class Chrome {
  // `sentences`: other ones than its own, by the kind of a trouble.
  constructor(map, slide, motion, overview, acts, sentences = {}) {
    this.map = map;
    this.slide = slide;
    this.motion = motion;
    this.overview = overview;
    this.sentences = { ...SENTENCES, ...sentences };
    this.el = this.#build(acts);
    map.getContainer().append(this.el);
    this.update();
  }

  // Follows the map.
  update() {
    const { mpp, objective } = this.slide;
    const downsample = 2 ** -this.map.getZoom();
    const bar = scaleBar((mpp ?? 1) * downsample, SCALE_ROOM, Boolean(mpp));
    this.bar.style.width = `${bar.width}px`;
    this.barText.textContent = bar.label;
    this.bar.dataset.length = String(bar.length);
    this.zoomText.textContent = magnification(objective, mpp, downsample);
    this.mppText.textContent = resolution(mpp, downsample);
    this.overview.update();
  }

  // Where the mouse is, or `null` when it is elsewhere. Returns level-0 pixels on the slide.
  point(latlng) {
    const pixels = latlng ? toPixels(latlng) : null;
    const here = pixels && insideSlide(pixels, this.slide) ? pixels : null;
    this.cursorText.textContent = here ? position(here) : "";
    return here;
  }

  busy(isBusy) {
    this.el.classList.toggle("wsl-busy", isBusy);
  }

  complain(trouble) {
    const sentence = this.sentences[trouble.kind];
    const isExplained = trouble.detail && trouble.status !== 401;
    // Somebody who is signed in and may not see the slide is told so by the lab.
    const isForbidden = isExplained && trouble.status === 403;
    this.alertText.textContent = isForbidden
      ? trouble.detail
      : [sentence, isExplained ? trouble.detail : ""].join(" ").trim();
    this.alert.hidden = false;
  }

  quiet() {
    this.alert.hidden = true;
  }

  // What is pressed on a panel is not meant for the map underneath.
  shield(panel) {
    for (const type of ["mousedown", "dblclick", "wheel", "click", "pointerdown"]) {
      panel.addEventListener(type, (event) => event.stopPropagation());
    }
  }

  linked(isLinked) {
    this.chain.hidden = !isLinked;
  }

  fullScreen(isFull) {
    const label = isFull ? "Leave full screen (f)" : "Full screen (f)";
    this.full.title = label;
    this.full.setAttribute("aria-label", label);
  }

  remove() {
    this.el.remove();
  }

  #build(acts) {
    this.full = button("Full screen (f)", ICONS.full, acts.fullScreen);
    const zoom = element("div", "wsl-panel wsl-tools", { role: "toolbar", "aria-label": "View" }, [
      button("Zoom in (+)", ICONS.in, () => this.motion.zoomStep(1)),
      button("Zoom out (−)", ICONS.out, () => this.motion.zoomStep(-1)),
      button("Whole slide (0)", ICONS.fit, () => this.motion.fit()),
      this.full,
    ]);
    const name = element("div", "wsl-chip wsl-name", { title: this.slide.name });
    name.textContent = this.slide.name;
    this.chain = element("div", "wsl-chip wsl-chain", {
      title: "Moves together with other viewers. Hold Alt to move this one alone.",
    });
    this.chain.textContent = "linked";
    this.chain.hidden = true;
    const body = element("div", "wsl-chrome", {}, [
      element("div", "wsl-progress", { "aria-hidden": "true" }),
      element("div", "wsl-corner wsl-top-left", {}, [zoom]),
      element("div", "wsl-corner wsl-top", {}, [name, this.chain]),
      element("div", "wsl-corner wsl-top-right", {}, [this.overview.el]),
      element("div", "wsl-corner wsl-bottom-left", {}, [this.#scale()]),
      element("div", "wsl-corner wsl-bottom-right", {}, [this.#numbers()]),
      this.#complaint(acts),
    ]);
    for (const panel of body.querySelectorAll(".wsl-panel, .wsl-alert")) this.shield(panel);
    return body;
  }

  #scale() {
    this.barText = element("div", "wsl-bar-text");
    this.bar = element("div", "wsl-bar");
    return element("div", "wsl-chip wsl-scale", { title: "Scale" }, [this.barText, this.bar]);
  }

  #numbers() {
    this.cursorText = element("span", "wsl-cursor", { title: "Level-0 pixels under the mouse" });
    this.zoomText = element("strong", "wsl-magnification", { title: "Magnification" });
    this.mppText = element("span", "wsl-mpp", { title: "Resolution on the screen" });
    const parts = [this.cursorText, this.mppText, this.zoomText];
    return element("div", "wsl-chip wsl-numbers", {}, parts);
  }

  #complaint(acts) {
    this.alertText = element("span", "wsl-alert-text");
    this.again = element("button", "wsl-again", { type: "button" });
    this.again.textContent = "Try again";
    this.again.addEventListener("click", acts.retry);
    const close = button("Close this message", "M4 4l8 8M12 4l-8 8", () => this.quiet());
    this.alert = element("div", "wsl-alert", { role: "alert" }, [
      this.alertText,
      this.again,
      close,
    ]);
    this.alert.hidden = true;
    return this.alert;
  }
}
