// A viewer of slides in any page: a Leaflet map of its own, and all that `Viewer` puts on it.

/* global L */

import { tokenHeaders } from "../dom.mjs";
import { toPixels } from "./frame.mjs";
import { Marks } from "./marks.mjs";
import { Pictures } from "./pictures.mjs";
import { MapSurface } from "./surface.mjs";
import { Viewer } from "./viewer.mjs";

// As in wsi_lab/widgets/viewer.py, and what ipyleaflet's map does by itself.
const DEEPEST_ZOOM = 3;
const ZOOMS_BEYOND_ONE_TILE = 4;
const MAP_OPTIONS = {
  zoomSnap: 0,
  zoomControl: false,
  attributionControl: false,
  scrollWheelZoom: false,
  doubleClickZoom: false,
  boxZoom: false,
  keyboard: false,
  inertiaDeceleration: 3000,
  inertiaMaxSpeed: 1500,
};
const SIGNED_OUT =
  "You may not see this slide any more. Open the link that you were sent, or sign in, then try again.";

// Leaflet puts itself on the window too, where another page's own may be.
L.noConflict();

export class MapView {
  // What is heard: how it stands with what is drawn, { kind, count, detail }; the sentence in the
  // picture, or ""; which of the marks was chosen.
  onState = () => {};
  onError = () => {};
  onMark = () => {};
  #wishes;
  #options;
  #sizes = null;
  #marks = [];
  #turn = 0;
  #isReady = false;
  #isRemoved = false;

  // `slide`: { name, width, height, tileSize, zooms, mpp, objective, version, url }.
  // options: headers(), of all that is asked for; fullScreen, the element that fills the screen
  // instead of the map; legends, the colours of each colour map from low to high; reader, whose
  // shapes the browser keeps until they are saved.
  constructor(el, slide, options = {}) {
    this.element = el;
    this.slide = slide;
    this.#options = options;
    this.#wishes = new Wishes({ legends: options.legends ?? {} }, (state) => this.#heard(state));
    // When all tiles of a view are drawn, or told to be none.
    this.ready = new Promise((resolve) => {
      this.#sizes = new ResizeObserver(() => this.#begin(resolve));
    });
    this.#sizes.observe(el);
  }

  // Shows [x, y, width, height] of level-0 pixels as large as it goes.
  show(box, { isAtOnce = false } = {}) {
    this.#want({ box, isAtOnce });
  }

  fit({ isAtOnce = false } = {}) {
    this.#want({ fit: true, isAtOnce });
  }

  // The tools of a layer appear, and what is drawn saves itself; with `null` they go.
  draw(layerId) {
    this.#wishes.want({ drawn: layerId === null ? {} : { layer: layerId } });
  }

  // Layers to see that are not drawn on: [{ layer, opacity, hide, … }], as `SlideViewer.show` has.
  showLayers(layers) {
    this.#wishes.want({ shown: layers });
  }

  // Outlines with names: [{ box, label, state }], state: "todo", "done" or "current".
  marks(marks) {
    this.#marks = marks;
    this.drawnMarks?.show(marks);
  }

  focus() {
    this.element.focus({ preventScroll: true });
  }

  // Does what a key asks for that was pressed elsewhere; returns whether it means anything here.
  key(event) {
    return this.viewer?.key(event) ?? false;
  }

  remove() {
    this.#isRemoved = true;
    this.#sizes.disconnect();
    this.drawnMarks?.remove();
    this.viewer?.stop();
    this.pictures?.end();
    this.map?.remove();
  }

  // A map needs the size of its element, which has none before it is part of a page.
  #begin(resolve) {
    const { element: el, slide } = this;
    if (this.map || !el.clientWidth || !el.clientHeight) return;
    this.#sizes.disconnect();
    const { headers = tokenHeaders, fullScreen = null, reader = "" } = this.#options;
    this.pictures = new Pictures({
      fetch: (url, asked) => fetch(url, asked),
      headers,
      later: (act, milliseconds) => setTimeout(act, milliseconds),
    });
    const least = 1 - slide.zooms;
    const limits = { minZoom: least - ZOOMS_BEYOND_ONE_TILE, maxZoom: DEEPEST_ZOOM };
    this.map = L.map(el, { crs: L.CRS.Simple, ...limits, ...MAP_OPTIONS });
    this.map.setView([-slide.height / 2, slide.width / 2], least);
    const layer = L.gridLayer({
      tileSize: slide.tileSize,
      ...limits,
      minNativeZoom: least,
      maxNativeZoom: 0,
      bounds: [
        [-slide.height, 0],
        [0, slide.width],
      ],
      noWrap: true,
    });
    this.viewer = new Viewer(this.#wishes, slide, this.map, layer, {
      headers,
      showPicture: (image, url) => this.pictures.show(image, url).catch(() => {}),
      newTiles: (url, options) => fetchedTiles(this.pictures, url, options),
      fullScreen,
      sentences: { identity: SIGNED_OUT },
      // A place among a reader's slides may be another slide's another day.
      keptFor: `${reader} ${slide.version} `,
    });
    this.viewer.start();
    this.#waitForTiles(layer, resolve);
    this.#beginMarks();
  }

  #beginMarks() {
    const surface = new MapSurface(this.map, this.viewer.motion);
    this.drawnMarks = new Marks(surface, (index) => this.onMark(index));
    this.drawnMarks.show(this.#marks);
    this.map.on("click", ({ latlng }) => {
      const index = this.drawnMarks.at(toPixels(latlng));
      if (index >= 0) this.onMark(index);
    });
  }

  #waitForTiles(layer, resolve) {
    const look = () => {
      const tiles = Object.values(layer._tiles).filter(({ current }) => current);
      if (!tiles.length || tiles.some(({ loaded }) => !loaded)) return;
      layer.off("tileload load", look);
      this.map.off("moveend", look);
      this.#isReady = true;
      resolve();
    };
    layer.on("tileload load", look);
    this.map.on("moveend", look);
    look();
  }

  #want(goal) {
    this.#turn += 1;
    // Nothing flies to where a picture that nobody has seen yet should begin.
    const isAtOnce = goal.isAtOnce || !this.#isReady;
    this.#wishes.want({ goal: { ...goal, isAtOnce, turn: this.#turn } });
  }

  #heard({ saving, error }) {
    if (this.#isRemoved) return;
    if (saving !== undefined) this.onState(saving);
    if (error !== undefined) this.onError(error);
  }
}

// What is wanted of a viewer, and what it says, without a kernel: see `Viewer`.
class Wishes {
  #listeners = new Set();

  constructor(values, told) {
    this.values = values;
    this.told = told;
  }

  get(name) {
    return this.values[name];
  }

  on(names, act) {
    const listener = { names, act };
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  say(state) {
    Object.assign(this.values, state);
    this.told(state);
  }

  want(wishes) {
    Object.assign(this.values, wishes);
    for (const { names, act } of [...this.#listeners]) {
      if (names.some((name) => name in wishes)) act();
    }
  }
}

function fetchedTiles(pictures, url, options) {
  const wanted = new Map();
  const tiles = L.gridLayer(options);
  tiles.createTile = ({ x, y, z }, done) => {
    const image = document.createElement("img");
    image.alt = "";
    image.setAttribute("role", "presentation");
    const asked = new AbortController();
    wanted.set(image, asked);
    const address = L.Util.template(url, { x, y, z: z + options.zoomOffset });
    pictures.show(image, address, asked.signal).then(
      () => done(null, image),
      (error) => asked.signal.aborted || done(error, image),
    );
    return image;
  };
  tiles.on("tileunload", ({ tile }) => {
    wanted.get(tile)?.abort();
    wanted.delete(tile);
  });
  return tiles;
}
