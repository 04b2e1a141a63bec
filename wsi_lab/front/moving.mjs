// How the view moves: by buttons, keys, the address of the page, and when it is told to.
// Places are in level-0 pixels; see `places.mjs`.

/* global OpenSeadragon */

import { limited, nextDownsample } from "./places.mjs";

const MARGIN = 0.05;
const HANDS = ["canvas-drag", "canvas-scroll", "canvas-pinch", "canvas-double-click"];
const NAVIGATOR_HANDS = ["navigator-click", "navigator-drag", "navigator-scroll"];

export class Moving {
  // Whether the whole slide is shown, so that another size of the window should fit it anew.
  isFitted = false;

  // `upright`: the degrees by which the slide is turned as it is meant to be seen.
  constructor(viewer, { width, height }, isStill, upright = 0) {
    this.viewer = viewer;
    this.width = width;
    this.height = height;
    this.isStill = isStill;
    this.upright = upright;
    for (const hand of [...HANDS, ...NAVIGATOR_HANDS]) {
      viewer.addHandler(hand, () => {
        this.isFitted = false;
      });
    }
    viewer.addHandler("after-resize", () => {
      if (!this.isFitted) return;
      // OpenSeadragon is not done yet with what it does itself.
      queueMicrotask(() => this.fit({ isAtOnce: true }));
    });
  }

  // Where the view is; with `isGoal`, where it is on its way to.
  place({ isGoal = false } = {}) {
    const { viewport } = this.viewer;
    const centre = viewport.getCenter(!isGoal);
    return {
      x: centre.x * this.width,
      y: centre.y * this.width,
      downsample: this.#downsample(viewport.getZoom(!isGoal)),
      rotation: viewport.getRotation(!isGoal),
    };
  }

  goTo({ x, y, downsample, rotation }, { isAtOnce = false } = {}) {
    const { viewport } = this.viewer;
    const now = isAtOnce || this.isStill;
    this.isFitted = false;
    if (rotation !== undefined) viewport.setRotation(rotation, now);
    viewport.zoomTo(this.#zoom(limited(downsample, this.fitting)), null, now);
    viewport.panTo(new OpenSeadragon.Point(x / this.width, y / this.width), now);
  }

  fit({ isAtOnce = false } = {}) {
    this.fitBox([0, 0, this.width, this.height], { isAtOnce });
    this.isFitted = true;
  }

  // Shows a part of the slide, upright.
  fitBox([x, y, width, height], { isAtOnce = false } = {}) {
    const middle = { x: x + width / 2, y: y + height / 2 };
    const downsample = this.#fitting(width, height);
    this.goTo({ ...middle, downsample, rotation: this.upright }, { isAtOnce });
  }

  // The downsample at which the whole slide is in view, upright, with a margin.
  get fitting() {
    return this.#fitting(this.width, this.height);
  }

  zoomStep(direction) {
    const { downsample } = this.place({ isGoal: true });
    this.zoomTo(nextDownsample(downsample, direction));
  }

  zoomTo(downsample) {
    this.goTo({ ...this.place({ isGoal: true }), rotation: undefined, downsample });
    this.viewer.viewport.applyConstraints(this.isStill);
  }

  // By pixels of the screen, as it is turned.
  moveBy(across, down) {
    const { viewport } = this.viewer;
    this.isFitted = false;
    viewport.panBy(
      viewport.deltaPointsFromPixels(new OpenSeadragon.Point(across, down), false),
      this.isStill,
    );
    viewport.applyConstraints(this.isStill);
  }

  turn(degrees) {
    const { viewport } = this.viewer;
    this.isFitted = false;
    viewport.setRotation(viewport.getRotation() + degrees, this.isStill);
  }

  // The point of the slide under a point of the window, or `null` beside the slide.
  under(clientX, clientY) {
    const box = this.viewer.element.getBoundingClientRect();
    const inside = new OpenSeadragon.Point(clientX - box.left, clientY - box.top);
    const { x, y } = this.viewer.viewport.pointFromPixel(inside, true).times(this.width);
    return x >= 0 && y >= 0 && x < this.width && y < this.height ? { x, y } : null;
  }

  #fitting(width, height) {
    const { x, y } = this.viewer.viewport.getContainerSize();
    const [across, down] = this.upright % 180 ? [height, width] : [width, height];
    return Math.max(across / x, down / y) / (1 - MARGIN);
  }

  #downsample(zoom) {
    return this.width / (zoom * this.viewer.viewport.getContainerSize().x);
  }

  #zoom(downsample) {
    return this.width / (downsample * this.viewer.viewport.getContainerSize().x);
  }
}
