// What a Leaflet map lacks to be a viewer of slides: tiles in bundles, read-outs, keys, drawing.

import { Annotating } from "./annotating.mjs";
import { Chrome } from "./chrome.mjs";
import { downsampleOf, toMap, zoomOf } from "./frame.mjs";
import { Link } from "./linking.mjs";
import { TileLoader } from "./loader.mjs";
import { Motion } from "./motion.mjs";
import { Overview } from "./overview.mjs";
import { Backdrop, SlideTiles } from "./tiles.mjs";

const CURSOR_EVERY_MS = 150;
const BUSY_AFTER_MS = 250;
const PAN_SHARE = 0.2;
const SCROLLING_MS = 300;

export class Viewer {
  #undo = [];
  #link = null;
  #isAlone = false;
  #mayHaveStrayed = false;
  #scrolledAt = -Infinity;
  #cursorTimer = null;
  #busyTimer = null;

  // `model`: what is wanted of it, and who is told. It has get(name), for goal, view, shown, drawn,
  // group and legends, on(names, act), which returns how to end that, and say(state).
  // `layer`: the map's layer of tiles, which it takes over.
  // `page`: where it is: headers() of all that it asks for; showPicture(image, url) and
  // newTiles(url, options), for what else is drawn by the lab; maybe keepsKeys, that nobody else
  // is to hear keys pressed in it, fullScreen, what fills the screen instead of the map alone,
  // sentences (see `Chrome`), and keptFor, whose shapes are kept apart until they are saved.
  constructor(model, slide, map, layer, page) {
    this.model = model;
    this.slide = slide;
    this.map = map;
    this.layer = layer;
    this.page = page;
  }

  start() {
    const { map, slide, page } = this;
    this.motion = new Motion(map, slide);
    this.#firstView();
    this.loader = new TileLoader(this.#urls(), fetchingWith(page.headers), {
      trouble: (trouble) => this.#trouble(trouble),
      well: () => this.#well(),
      activity: (count) => this.#busy(count > 0),
    });
    this.tiles = new SlideTiles(this.layer, map, slide, this.loader);
    this.backdrop = new Backdrop(map, slide);
    const overview = new Overview(map, slide, this.motion);
    for (const { image } of [this.backdrop, overview]) {
      page.showPicture(image, this.#urls().single(0, 0, 0));
    }
    const acts = { retry: () => this.#retry(), fullScreen: () => this.#toggleFullScreen() };
    this.chrome = new Chrome(map, slide, this.motion, overview, acts, page.sentences);
    this.annotating = new Annotating(this);
    this.#listen();
    this.#relink();
    this.#annotate();
    this.#tell();
    this.model.say({ ready: true });
  }

  stop() {
    this.#link?.leave();
    clearTimeout(this.#cursorTimer);
    clearTimeout(this.#busyTimer);
    for (const undo of this.#undo.reverse()) undo();
    this.motion.stop();
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

  // Does what a key asks for; returns whether it means anything here.
  key(event) {
    if (this.annotating.key(event)) {
      event.preventDefault();
      return true;
    }
    if (event.ctrlKey || event.metaKey) return false;
    const act = this.#actOf(event.key);
    if (!act) return false;
    event.preventDefault();
    this.#alone(event.altKey);
    act();
    return true;
  }

  #firstView() {
    const { model, motion } = this;
    const goal = model.get("goal");
    const seen = model.get("view");
    if (seen?.width > 0 && !(goal?.turn > seen.turn)) {
      motion.goTo(seen, seen.downsample, { animate: false });
    } else if (goal?.box) {
      motion.fitBox(goal.box, { animate: false });
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
        if (container.contains(event.target)) this.#hear(event);
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
    this.#undo.push(model.on(["goal"], () => this.#obey(model.get("goal"))));
    this.#undo.push(model.on(["group"], () => this.#relink()));
    this.#undo.push(model.on(["shown", "drawn"], () => this.#annotate()));
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
    if (!sameView(view, model.get("view"))) model.say({ view });
  }

  #obey(goal) {
    const options = { animate: !goal?.isAtOnce };
    if (goal?.fit) this.motion.fit(options);
    else if (goal?.box) this.motion.fitBox(goal.box, options);
    else if (goal?.x !== undefined) this.motion.goTo(goal, goal.downsample ?? null, options);
    // Whoever wished learns that it was heard even where nothing had to move.
    if (!this.motion.isMoving) this.#tell();
  }

  #point(event) {
    const pixels = this.chrome.point(event?.latlng);
    this.annotating.point(event);
    this.cursor = pixels ? [pixels.x, pixels.y] : null;
    this.#cursorTimer ??= setTimeout(() => {
      this.#cursorTimer = null;
      this.model.say({ cursor: this.cursor });
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

  #hear(event) {
    if (event.target.closest("input, textarea, select")) return;
    const isPress = event.key === "Enter" || event.key === " ";
    const presses = isPress && event.target.closest("button, [role='button']");
    const isTaken = !presses && this.key(event);
    if (isTaken || (this.page.keepsKeys && !leadsOut(event))) event.stopPropagation();
  }

  #actOf(key) {
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
    return Object.hasOwn(acts, key) ? acts[key] : null;
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
    if (wasFitted) this.motion.refit();
    this.chrome.fullScreen(document.fullscreenElement === this.#whole);
    container.classList.toggle("wsl-narrow", container.clientWidth < 640);
    container.classList.toggle("wsl-small", container.clientWidth < 420);
    container.classList.toggle("wsl-flat", container.clientHeight < 260);
    this.chrome.update();
    this.#tell();
  }

  get #whole() {
    return this.page.fullScreen ?? this.map.getContainer();
  }

  #toggleFullScreen() {
    if (document.fullscreenElement === this.#whole) document.exitFullscreen();
    // A page may forbid it to what it embeds; then nothing happens.
    else this.#whole.requestFullscreen?.().catch(() => {});
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
    if (this.model.get("error") !== sentence) this.model.say({ error: sentence });
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

  #listenTo(target, type, listener, options) {
    target.addEventListener(type, listener, options);
    this.#undo.push(() => target.removeEventListener(type, listener, options));
  }
}

function fetchingWith(headers) {
  return {
    fetch: (url, options) => fetch(url, options),
    headers,
    now: () => performance.now(),
    later: (act, milliseconds) => setTimeout(act, milliseconds),
    cancelLater: (handle) => clearTimeout(handle),
  };
}

// Keys that never mean the picture: Tab and Escape lead out of it, Shift+Enter runs a notebook's
// cell. All others mean nothing to a notebook while the picture has the focus: there they delete
// cells and restart kernels.
function leadsOut({ key, shiftKey, ctrlKey, metaKey }) {
  return ctrlKey || metaKey || key === "Tab" || key === "Escape" || (key === "Enter" && shiftKey);
}

function sameView(a, b) {
  return ["x", "y", "downsample", "width", "height", "turn"].every((key) => a[key] === b?.[key]);
}
