// The map as something to draw on (see `board.mjs`), and the hand that does: what a tool takes of
// the mouse does not move the map.

import { toMap } from "./frame.mjs";

const CLICK_SLIP = 4;
const OVER_THE_MAP = ".wsl-panel, .wsl-alert, .wsl-card";
const WHEEL_GROWTH = 1.15;

export class MapSurface {
  constructor(map, motion) {
    this.map = map;
    this.motion = motion;
    this.element = map.getContainer();
  }

  // To fractions of a pixel, where the map's own methods round to whole ones.
  view() {
    const { map } = this;
    const scale = 2 ** map.getZoom();
    const origin = map.getPixelOrigin();
    const pane = map._getMapPanePos();
    const { x: width, y: height } = map.getSize();
    return {
      left: (origin.x - pane.x) / scale,
      top: (origin.y - pane.y) / scale,
      scale,
      width,
      height,
    };
  }

  // The level-0 pixel under an event of the mouse, which may lie beside the slide.
  under(event) {
    const { left, top, scale } = this.view();
    const box = this.element.getBoundingClientRect();
    const [x, y] = [
      event.clientX - box.left - this.element.clientLeft,
      event.clientY - box.top - this.element.clientTop,
    ];
    const at = { x: left + x / scale, y: top + y / scale, scale };
    return { ...at, shift: event.shiftKey, alt: event.altKey };
  }

  onMove(act) {
    this.map.on("move resize", act);
    return () => this.map.off("move resize", act);
  }

  centreOn(place) {
    this.motion.stop();
    this.map.panTo(toMap(place), { animate: false });
  }
}

export class Hand {
  #undo = [];
  #isDrawing = false;
  #pressed = null;
  #isPanning = false;

  constructor(surface, board) {
    this.surface = surface;
    this.board = board;
    const { element } = surface;
    const on = (type, act, target = element) => {
      const options = { capture: true, passive: false };
      target.addEventListener(type, act, options);
      this.#undo.push(() => target.removeEventListener(type, act, options));
    };
    on("pointerdown", (event) => this.#down(event));
    on("pointermove", (event) => this.#move(event));
    on("pointerup", (event) => this.#up(event));
    on("pointerleave", (event) => event.target === element && board.tool.leave());
    on("pointercancel", () => this.#lost());
    on("wheel", (event) => this.#wheel(event));
    for (const type of ["mousedown", "click", "dblclick"]) on(type, (event) => this.#hide(event));
    on("keyup", (event) => this.#pan(event, false), globalThis);
    on("blur", () => this.#pan({ key: " " }, false), globalThis);
  }

  remove() {
    for (const undo of this.#undo) undo();
  }

  // With the space bar held a drag moves the view, whatever the tool is.
  key(event) {
    if (event.key !== " " || event.ctrlKey || event.altKey || event.metaKey) return false;
    this.#pan(event, true);
    return true;
  }

  #pan({ key }, isPanning) {
    if (key !== " " || this.#isPanning === isPanning) return;
    this.#isPanning = isPanning;
    this.board.pointer(isPanning ? "grab" : this.board.tool.cursor);
  }

  #isMine(event) {
    return !event.target.closest?.(OVER_THE_MAP);
  }

  #down(event) {
    if (!this.#isMine(event) || event.button !== 0) return;
    this.surface.element.focus({ preventScroll: true });
    const at = this.surface.under(event);
    this.#pressed = { clientX: event.clientX, clientY: event.clientY };
    this.#isDrawing = !this.#isPanning && this.board.tool.down(at);
    if (!this.#isDrawing) return;
    event.preventDefault();
    this.surface.element.setPointerCapture(event.pointerId);
  }

  #move(event) {
    if (this.#isDrawing) {
      const { tool } = this.board;
      const events = (tool.followsTheWay && event.getCoalescedEvents?.()) || [];
      for (const each of events.length ? events : [event]) tool.drag(this.surface.under(each));
    } else if (event.buttons === 0 && this.#isMine(event) && !this.#isPanning) {
      this.board.tool.hover(this.surface.under(event));
    }
  }

  #up(event) {
    const at = this.surface.under(event);
    if (this.#isDrawing) {
      this.#isDrawing = false;
      this.board.tool.up(at);
    } else if (this.#pressed && !this.#isPanning && !hasMoved(event, this.#pressed)) {
      this.board.tool.click(at);
      this.onClick?.(at);
    }
    this.#pressed = null;
  }

  #lost() {
    if (this.#isDrawing) this.board.tool.cancel();
    this.#isDrawing = false;
    this.#pressed = null;
  }

  // Leaflet and the notebook do not hear of what a tool took.
  #hide(event) {
    if (!this.#isMine(event)) return;
    const isChoosing = this.board.toolName === "move";
    if (event.type === "mousedown" ? !this.#isDrawing : isChoosing || this.#isPanning) return;
    event.stopImmediatePropagation();
    if (event.type === "mousedown") event.preventDefault();
    if (event.type === "dblclick") this.board.tool.finish();
  }

  #wheel(event) {
    if (!event.altKey || !this.#isMine(event) || this.board.tool.cursor !== "none") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.board.resizeBrush(event.deltaY < 0 ? WHEEL_GROWTH : 1 / WHEEL_GROWTH);
  }
}

function hasMoved(event, { clientX, clientY }) {
  return Math.hypot(event.clientX - clientX, event.clientY - clientY) > CLICK_SLIP;
}
