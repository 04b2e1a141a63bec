// The whole slide in a corner, with a frame around what is in view; click or drag to go there.

import { button, element } from "../dom.mjs";
import { toPixels } from "./frame.mjs";

const LONGEST_SIDE = 168;
const SMALLEST_FRAME = 6;
const ICON_HIDE = "M4 12 12 4M6 4h6v6";
const ICON_SHOW = "M12 4 4 12M10 12H4V6";

export class Overview {
  constructor(map, slide, motion) {
    this.map = map;
    this.slide = slide;
    this.motion = motion;
    this.scale = LONGEST_SIDE / Math.max(slide.width, slide.height);
    this.el = this.#build();
    this.update();
  }

  update() {
    const { map, scale } = this;
    const size = map.getSize();
    const perPixel = 2 ** -map.getZoom() * scale;
    const centre = toPixels(map.getCenter());
    const width = Math.max(SMALLEST_FRAME, size.x * perPixel);
    const height = Math.max(SMALLEST_FRAME, size.y * perPixel);
    const { style } = this.frame;
    style.width = `${width}px`;
    style.height = `${height}px`;
    style.transform = `translate(${centre.x * scale - width / 2}px, ${centre.y * scale - height / 2}px)`;
  }

  #build() {
    const { slide, scale } = this;
    this.image = element("img", "", { alt: "", draggable: "false" });
    // The image is for the slide's first tile: the slide is in its top left corner.
    const side = slide.tileSize * 2 ** (slide.zooms - 1) * scale;
    this.image.style.width = `${side}px`;
    this.image.style.height = `${side}px`;
    this.frame = element("div", "wsl-overview-frame");
    this.area = element("div", "wsl-overview-area", {
      role: "img",
      "aria-label": "Overview of the slide; click to go there",
    });
    this.area.style.width = `${slide.width * scale}px`;
    this.area.style.height = `${slide.height * scale}px`;
    this.area.append(this.image, this.frame);
    for (const type of ["pointerdown", "pointermove"]) {
      this.area.addEventListener(type, (event) => this.#go(event));
    }
    const panel = element("div", "wsl-panel wsl-overview", {}, [this.area]);
    const hide = button("Hide the overview", ICON_HIDE, () => this.#show(panel, false));
    const show = button("Show the overview", ICON_SHOW, () => this.#show(panel, true));
    hide.classList.add("wsl-overview-hide");
    show.classList.add("wsl-overview-show");
    panel.append(hide, show);
    return panel;
  }

  #show(panel, isShown) {
    panel.classList.toggle("wsl-overview-closed", !isShown);
    panel.querySelector(isShown ? ".wsl-overview-hide" : ".wsl-overview-show").focus();
  }

  #go(event) {
    if (event.type === "pointerdown") this.area.setPointerCapture(event.pointerId);
    else if (event.buttons === 0) return;
    event.preventDefault();
    const box = this.area.getBoundingClientRect();
    const point = {
      x: ((event.clientX - box.left) / box.width) * this.slide.width,
      y: ((event.clientY - box.top) / box.height) * this.slide.height,
    };
    this.motion.goTo(point, null, { animate: event.type === "pointerdown" });
  }
}
