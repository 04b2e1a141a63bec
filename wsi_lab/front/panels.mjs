// What lies over the slide: tools, scale bar, numbers, and the sentence when something is wrong.

import { button, drawing, element } from "./dom.mjs";
import { magnification, position, resolution, scaleBar } from "./readouts.mjs";

const ICONS = {
  in: "M8 3v10M3 8h10",
  out: "M3 8h10",
  fit: "M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3",
  right: "M12.5 5.5A5.2 5.2 0 1 0 13.2 9M12.8 2.5v3.2H9.6",
  full: "M9 7l4-4M9.5 3H13v3.5M7 9l-4 4M3 9.5V13h3.5",
  leave: "M13 3 9 7M9 3.5V7h3.5M3 13l4-4M7 12.5V9H3.5",
  help: "M5.8 6a2.3 2.3 0 1 1 3.2 2.1c-.7.3-1 .8-1 1.5M8 12.3v.1",
};
const SCALE_ROOM = 160;

export class Tools {
  constructor(acts) {
    this.full = button("Full screen (F)", ICONS.full, acts.fullScreen);
    this.full.disabled = !document.fullscreenEnabled;
    const tools = [
      button("Zoom in (+)", ICONS.in, () => acts.zoom(1)),
      button("Zoom out (−)", ICONS.out, () => acts.zoom(-1)),
      button("Whole slide (Home)", ICONS.fit, acts.fit),
      button("Turn right (R)", ICONS.right, () => acts.turn(90)),
      element("hr"),
      this.full,
      button("Keys and mouse (?)", ICONS.help, acts.help),
    ];
    const labels = { id: "tools", role: "toolbar", "aria-label": "View" };
    labels["aria-orientation"] = "vertical";
    this.el = element("div", "panel", labels, tools);
  }

  fullScreen(isFull) {
    const label = isFull ? "Leave full screen (F)" : "Full screen (F)";
    this.full.title = label;
    this.full.setAttribute("aria-label", label);
    this.full.replaceChildren(drawing(isFull ? ICONS.leave : ICONS.full));
  }
}

export class Scale {
  constructor({ mpp }) {
    this.mpp = mpp;
    this.text = element("div");
    this.bar = element("div", "", { id: "bar" });
    this.el = element("div", "panel", { id: "scale", title: "Scale" }, [this.text, this.bar]);
  }

  update(downsample) {
    const isKnown = this.mpp !== null;
    const bar = scaleBar((this.mpp ?? 1) * downsample, SCALE_ROOM, isKnown);
    this.bar.style.width = `${bar.width}px`;
    this.text.textContent = bar.label;
  }
}

export class Numbers {
  constructor({ mpp, objective }) {
    this.slide = { mpp, objective };
    this.placeText = element("span", "", { id: "place", title: "Level-0 pixel under the mouse" });
    this.mppText = element("span", "", { id: "resolution", title: "Resolution on the screen" });
    this.zoomText = element("strong", "", { id: "magnification", title: "Magnification" });
    const parts = [this.placeText, this.mppText, this.zoomText];
    this.el = element("div", "panel", { id: "numbers" }, parts);
  }

  update(downsample) {
    const { mpp, objective } = this.slide;
    this.mppText.textContent = resolution(mpp, downsample);
    this.zoomText.textContent = magnification(objective, mpp, downsample);
  }

  // Where the mouse is on the slide, or `null`.
  point(pixel) {
    this.placeText.textContent = pixel ? position(pixel) : "";
  }
}
