// What ipyleaflet's map lacks to be a slide viewer. This script is shown inside a control of the
// map, finds the live Leaflet map of that view, and works on it; see SlideViewer in viewer.py.

import { Annotating } from "./annotating.mjs";
import { Chrome } from "./chrome.mjs";
import { tokenHeaders } from "../../front/dom.mjs";
import { downsampleOf, toMap, zoomOf } from "./frame.mjs";
import { Link } from "./linking.mjs";
import { TileLoader } from "./loader.mjs";
import { Motion } from "./motion.mjs";
import { Overview } from "./overview.mjs";
import { Backdrop, SlideTiles } from "./tiles.mjs";

const POLL_MS = 20;
const POLL_SLOWLY_MS = 250;
const POLLS_IN_A_HURRY = 200;
const CURSOR_EVERY_MS = 150;
const BUSY_AFTER_MS = 250;
const PAN_SHARE = 0.2;
const SCROLLING_MS = 300;

class Viewer {
  #undo = [];
  #link = null;
  #isAlone = false;
  #mayHaveStrayed = false;
  #scrolledAt = -Infinity;
  #cursorTimer = null;
  #busyTimer = null;

  constructor(model, map, layer) {
    this.model = model;
    this.map = map;
    this.layer = layer;
    this.slide = model.get("slide");
  }

  start() {
    const { map, slide } = this;
    this.#silence();
    this.motion = new Motion(map, slide);
    this.#firstView();
    this.loader = new TileLoader(this.#urls(), pageOf(), {
      trouble: (trouble) => this.#trouble(trouble),
      well: () => this.#well(),
      activity: (count) => this.#busy(count > 0),
    });
    this.tiles = new SlideTiles(this.layer, map, slide, this.loader);
    const overviewUrl = this.#urls().single(0, 0, 0);
    this.backdrop = new Backdrop(map, slide, overviewUrl);
    const overview = new Overview(map, slide, this.motion, overviewUrl);
    this.chrome = new Chrome(map, slide, this.motion, overview, {
      retry: () => this.#retry(),
      fullScreen: () => this.#toggleFullScreen(),
    });
    this.annotating = new Annotating(this, (state) => this.#say(state));
    this.#listen();
    this.#relink();
    this.#annotate();
    this.#tell();
    this.#say({ ready: true });
  }

  stop() {
    this.#link?.leave();
    clearTimeout(this.#cursorTimer);
    clearTimeout(this.#busyTimer);
    for (const undo of this.#undo.reverse()) undo();
    this.annotating.stop();
    this.loader.close();
    this.tiles.remove();
    this.backdrop.remove();
    this.chrome.remove();
  }

  place() {
    return { ...this.motion.middle, downsample: downsampleOf(this.map.getZoom()) };
  }

  follow({ x, y, downsample }, isLast) {
    this.motion.follow(toMap({ x, y }), zoomOf(downsample), isLast);
  }

  // ipyleaflet sends the kernel a message for every move of the mouse.
  #silence() {
    this.map.off("mousemove mouseover mouseout mousedown mouseup preclick");
  }

  #firstView() {
    const { model, motion } = this;
    const goal = model.get("goal");
    const seen = model.get("view");
    if (seen?.width > 0 && !(goal?.turn > seen.turn)) {
      motion.goTo(seen, seen.downsample, { animate: false });
    } else if (goal?.x !== undefined) {
      motion.goTo(goal, goal.downsample ?? 2 ** -motion.fitZoom(), { animate: false });
    } else {
      motion.fit({ animate: false });
    }
  }

  #listen() {
    const { map, model } = this;
    const container = map.getContainer();
    container.classList.add("wsl-map");
    container.tabIndex = 0;
    container.setAttribute("role", "application");
    container.setAttribute("aria-roledescription", "slide viewer");
    container.setAttribute("aria-label", this.slide.name);
    this.#on(map, "move", () => this.#moved(false));
    this.#on(map, "moveend", () => this.#moved(true));
    this.#on(map, "dragstart", () => {
      this.motion.stop();
      this.#mayHaveStrayed = true;
    });
    this.#on(map, "mousemove", (event) => this.#point(event));
    this.#on(map, "mouseout", () => this.#point(null));
    this.#on(map, "click", (event) => this.annotating.click(event));
    this.#on(map, "dblclick", (event) => {
      this.motion.zoomStep(event.originalEvent.shiftKey ? -1 : 1, event.containerPoint);
    });
    this.#listenTo(container, "wheel", (event) => this.#wheel(event), { passive: false });
    this.#listenTo(
      document,
      "wheel",
      (event) => {
        if (!container.contains(event.target)) this.#scrolledAt = performance.now();
      },
      { passive: true, capture: true },
    );
    // JupyterLab listens at the document, before anything inside of it: only the window is earlier.
    this.#listenTo(
      window,
      "keydown",
      (event) => {
        if (container.contains(event.target)) this.#key(event);
      },
      true,
    );
    this.#listenTo(container, "pointerdown", (event) => this.#alone(event.altKey), true);
    this.#listenTo(document, "fullscreenchange", () => this.#resized());
    this.#listenTo(window, "online", () => this.loader.retry());
    this.#listenTo(document, "visibilitychange", () => {
      if (!document.hidden && this.loader.troubled) this.loader.retry();
    });
    const sizes = new ResizeObserver(() => this.#resized());
    sizes.observe(container);
    this.#undo.push(() => sizes.disconnect());
    this.#onModel("change:goal", () => this.#obey(model.get("goal")));
    this.#onModel("change:group", () => this.#relink());
    this.#onModel("change:shown change:drawn", () => this.#annotate());
  }

  #moved(isLast) {
    this.chrome.update();
    this.annotating.point(null);
    if (this.#isAlone) this.#link?.realign();
    else this.#link?.moved(isLast);
    if (!isLast) return;
    this.#tell();
    if (this.#mayHaveStrayed) this.motion.comeBack();
    this.#mayHaveStrayed = false;
  }

  #tell() {
    const { map, model } = this;
    const turn = model.get("goal")?.turn ?? 0;
    const { x: width, y: height } = map.getSize();
    const view = { ...this.place(), width, height, turn };
    if (!sameView(view, model.get("view"))) this.#say({ view });
  }

  // A kernel that is gone hears nothing; the picture goes on without it.
  #say(state) {
    try {
      this.model.set(state);
      this.model.save_changes();
    } catch {
      return;
    }
  }

  #obey(goal) {
    if (goal?.fit) this.motion.fit();
    else if (goal?.x !== undefined) this.motion.goTo(goal, goal.downsample ?? null);
    // Python learns that its wish was heard even where nothing had to move.
    if (!this.motion.isMoving) this.#tell();
  }

  #point(event) {
    const pixels = this.chrome.point(event?.latlng);
    this.annotating.point(event);
    this.cursor = pixels ? [pixels.x, pixels.y] : null;
    this.#cursorTimer ??= setTimeout(() => {
      this.#cursorTimer = null;
      this.#say({ cursor: this.cursor });
    }, CURSOR_EVERY_MS);
  }

  // A turn of the wheel that began elsewhere scrolls the notebook on over the picture.
  #wheel(event) {
    const now = performance.now();
    if (now - this.#scrolledAt < SCROLLING_MS) {
      this.#scrolledAt = now;
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    this.#alone(event.altKey);
    this.motion.wheel(event, this.map.mouseEventToContainerPoint(event));
  }

  #key(event) {
    if (event.target.closest("input, textarea, select")) return;
    const presses = event.target.closest("button") && (event.key === "Enter" || event.key === " ");
    if (!presses && this.annotating.key(event)) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    if (event.ctrlKey || event.metaKey) return;
    // Tab and Escape lead out, Shift+Enter runs the cell. All others mean nothing to the notebook
    // while the picture has the focus: there they delete cells and restart kernels.
    const leadsOut = event.key === "Tab" || event.key === "Escape";
    if (leadsOut || (event.key === "Enter" && event.shiftKey)) return;
    event.stopPropagation();
    const { x, y } = this.map.getSize();
    const acts = {
      "+": () => this.motion.zoomStep(1),
      "=": () => this.motion.zoomStep(1),
      "-": () => this.motion.zoomStep(-1),
      _: () => this.motion.zoomStep(-1),
      ArrowLeft: () => this.#pan(-x, 0),
      ArrowRight: () => this.#pan(x, 0),
      ArrowUp: () => this.#pan(0, -y),
      ArrowDown: () => this.#pan(0, y),
      0: () => this.motion.fit(),
      Home: () => this.motion.fit(),
      f: () => this.#toggleFullScreen(),
    };
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    this.#alone(event.altKey);
    act();
  }

  #pan(x, y) {
    this.#mayHaveStrayed = true;
    this.motion.panBy(PAN_SHARE * x, PAN_SHARE * y);
  }

  // With Alt held the viewer moves without the ones it is linked to: to line them up.
  #alone(isAlone) {
    this.#isAlone = isAlone;
  }

  #annotate() {
    this.annotating.want(this.model.get("shown") ?? [], this.model.get("drawn"));
  }

  #relink() {
    this.#link?.leave();
    const group = this.model.get("group");
    this.#link = group ? new Link(group, this) : null;
    this.chrome.linked(Boolean(group));
  }

  #resized() {
    const container = this.map.getContainer();
    if (container.clientWidth === 0 || container.clientHeight === 0) return;
    const wasFitted = this.motion.isFitted;
    this.map.invalidateSize({ animate: false, pan: true });
    if (wasFitted) this.motion.fit({ animate: false });
    this.chrome.fullScreen(document.fullscreenElement === container);
    container.classList.toggle("wsl-narrow", container.clientWidth < 640);
    container.classList.toggle("wsl-small", container.clientWidth < 420);
    container.classList.toggle("wsl-flat", container.clientHeight < 260);
    this.chrome.update();
    this.#tell();
  }

  #toggleFullScreen() {
    const container = this.map.getContainer();
    if (document.fullscreenElement === container) document.exitFullscreen();
    // A page may forbid it to what it embeds; then nothing happens.
    else container.requestFullscreen?.().catch(() => {});
  }

  #retry() {
    if (this.tiles.broken > 0) {
      this.#well();
      this.tiles.again();
    }
    this.loader.retry();
  }

  #trouble(trouble) {
    this.chrome.complain(trouble);
    this.#setError(this.chrome.alertText.textContent);
  }

  #well() {
    this.chrome.quiet();
    this.#setError("");
  }

  #setError(sentence) {
    if (this.model.get("error") !== sentence) this.#say({ error: sentence });
  }

  #busy(isBusy) {
    if (!isBusy) {
      clearTimeout(this.#busyTimer);
      this.#busyTimer = null;
      this.chrome?.busy(false);
    } else {
      this.#busyTimer ??= setTimeout(() => this.chrome.busy(true), BUSY_AFTER_MS);
    }
  }

  #urls() {
    const { slide } = this;
    const query = `v=${encodeURIComponent(slide.version)}`;
    return {
      bundle: (z, tiles) => {
        const list = tiles.map(({ x, y }) => `${x}.${y}`).join(",");
        return `${slide.url}/tiles/${z}?tiles=${list}&${query}`;
      },
      single: (z, x, y) => `${slide.url}/tiles/${z}/${x}/${y}.jpg?${query}`,
    };
  }

  #on(map, types, listener) {
    map.on(types, listener);
    this.#undo.push(() => map.off(types, listener));
  }

  #onModel(type, listener) {
    this.model.on(type, listener);
    this.#undo.push(() => this.model.off(type, listener));
  }

  #listenTo(target, type, listener, options) {
    target.addEventListener(type, listener, options);
    this.#undo.push(() => target.removeEventListener(type, listener, options));
  }
}

function pageOf() {
  return {
    fetch: (url, options) => fetch(url, options),
    headers: tokenHeaders,
    now: () => performance.now(),
    later: (act, milliseconds) => setTimeout(act, milliseconds),
    cancelLater: (handle) => clearTimeout(handle),
  };
}

function sameView(a, b) {
  return ["x", "y", "downsample", "width", "height", "turn"].every((key) => a[key] === b?.[key]);
}

// The Leaflet map around an element: ipyleaflet keeps one for every view of its map model. In a
// tab that is not shown yet it has no size, and may get one much later.
async function findMap(model, el, signal) {
  const owner = await model.widget_manager.get_model(model.get("map_id"));
  for (let polls = 0; !signal.aborted; polls += 1) {
    for (const view of Object.values(owner.views ?? {})) {
      const map = (await view).obj;
      if (map && map.getContainer().contains(el) && map.getContainer().clientHeight > 0) {
        const layer = Object.values(map._layers).find((each) => each.getTileUrl);
        if (layer) return { map, layer };
      }
    }
    const wait = polls < POLLS_IN_A_HURRY ? POLL_MS : POLL_SLOWLY_MS;
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
  return null;
}

export default {
  async render({ model, el, signal }) {
    // The control only carries this script; what it shows is laid over the whole map.
    el.closest(".leaflet-control")?.style.setProperty("display", "none");
    el.style.display = "none";
    findMap(model, el, signal).then((found) => {
      if (!found || signal.aborted) return;
      el.closest(".leaflet-control")?.style.setProperty("display", "none");
      const viewer = new Viewer(model, found.map, found.layer);
      viewer.start();
      signal.addEventListener("abort", () => viewer.stop());
    });
  },
};
