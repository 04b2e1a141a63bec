// Gives one of Leaflet's layers of tiles better manners: tiles come in bundles, no larger than needed
// to be sharp, cut off where the slide ends.

// How much blur is put up with before the next sharper zoom is fetched: 2 ** 0.25 = 1.19 times.
const BLUR_ALLOWED = 0.25;

export function sharpestUseful(zoom, pixelRatio) {
  return Math.ceil(zoom + Math.log2(pixelRatio) - BLUR_ALLOWED) || 0; // never minus zero
}

// How much of an edge tile lies beyond the slide, as CSS for the image.
export function clipOf({ x, y, z }, slide) {
  const side = slide.tileSize;
  const right = (x + 1) * side - slide.width * 2 ** z;
  const bottom = (y + 1) * side - slide.height * 2 ** z;
  if (right <= 0 && bottom <= 0) return "";
  const inset = (beyond) => `${((100 * Math.max(0, beyond)) / side).toFixed(4)}%`;
  return `inset(0 ${inset(right)} ${inset(bottom)} 0)`;
}

// Where a tile begins and how large it is, both on whole pixels of the screen, so that neighbours
// neither overlap nor leave a gap. `at` and `side` are in pixels of the tile's own zoom.
export function snapped(at, side, scale, pixelRatio) {
  const round = (length) => Math.round(length * scale * pixelRatio) / pixelRatio;
  return { at: round(at), side: round(at + side) - round(at) };
}

export class SlideTiles {
  #tickets = new WeakMap();
  #undo;
  #snappedTo = {};

  constructor(layer, map, slide, loader) {
    this.layer = layer;
    this.map = map;
    this.slide = slide;
    this.loader = loader;
    this.broken = 0;
    this.#undo = this.#adopt();
    // Tiles that are there show at once; fading them in only delays the picture.
    map._fadeAnimated = false;
    map.addLayer(layer);
    layer.redraw();
    // The view was chosen before, and may stay as it is.
    this.#snapLevel(map.getCenter(), map.getZoom());
  }

  remove() {
    this.#undo();
  }

  // Asks anew for everything in view, for the tiles too that were refused.
  again() {
    this.broken = 0;
    this.layer.redraw();
  }

  #adopt() {
    const { layer } = this;
    const original = Object.getPrototypeOf(layer);
    let wanted = this.map.getZoom();
    const mine = {
      createTile: (coords, done) => this.#createTile(coords, done),
      _setView: (centre, zoom, noPrune, noUpdate) => {
        wanted = zoom;
        original._setView.call(layer, centre, zoom, noPrune, noUpdate);
        if (!noUpdate) this.#snapLevel(centre, zoom);
      },
      _setZoomTransform: (level, centre, zoom) => {
        this.#unsnap(level);
        original._setZoomTransform.call(layer, level, centre, zoom);
      },
      // Leaflet rounds to the nearest zoom and knows nothing of sharp screens.
      _clampZoom: () => {
        const sharpest = sharpestUseful(wanted, window.devicePixelRatio || 1);
        return Math.min(0, Math.max(1 - this.slide.zooms, sharpest));
      },
      _abortLoading: () => this.#dropOtherZooms(),
    };
    Object.assign(layer, mine);
    const forget = ({ tile }) => this.#forget(tile);
    const snap = ({ tile, coords }) => this.#snapNew(tile, coords);
    layer.on("tileunload", forget);
    layer.on("tileloadstart", snap);
    return () => {
      layer.off("tileunload", forget);
      layer.off("tileloadstart", snap);
      for (const name of Object.keys(mine)) delete layer[name];
    };
  }

  #createTile(coords, done) {
    const image = document.createElement("img");
    image.alt = "";
    image.setAttribute("role", "presentation");
    image.style.clipPath = clipOf(coords, this.slide);
    const { x, y } = coords;
    const z = coords.z + this.slide.zooms - 1;
    const ticket = this.loader.request(
      { z, x, y },
      (blob) => this.#show(image, blob, done),
      (trouble) => this.#spoil(image, trouble, done),
    );
    this.#tickets.set(image, ticket);
    return image;
  }

  async #show(image, blob, done) {
    const url = URL.createObjectURL(blob);
    try {
      image.src = url;
      await image.decode();
      done(null, image);
    } catch (error) {
      // Decoding also ends so when the tile was taken away meanwhile.
      if (this.#tickets.has(image)) this.#spoil(image, error, done);
    } finally {
      URL.revokeObjectURL(url);
    }
  }

  #spoil(image, error, done) {
    image.removeAttribute("src");
    image.classList.add("wsl-broken-tile");
    this.broken += 1;
    done(error, image);
  }

  #forget(image) {
    const ticket = this.#tickets.get(image);
    if (!ticket) return;
    this.#tickets.delete(image);
    this.loader.cancel(ticket);
  }

  // Leaflet scales a zoom's tiles all together, which puts their edges between pixels and draws
  // lines. At rest each tile is laid out by itself instead.
  #snapLevel(centre, zoom) {
    const { layer, map } = this;
    const level = layer._levels[layer._tileZoom];
    if (!level) return;
    const scale = map.getZoomScale(zoom, level.zoom);
    const origin = map._getNewPixelOrigin(centre, zoom);
    const corner = level.origin.multiplyBy(scale).subtract(origin).round();
    level.el.style.transform = `translate3d(${corner.x}px, ${corner.y}px, 0)`;
    this.#snappedTo = { level, scale };
    for (const { el, coords } of Object.values(layer._tiles)) this.#snapNew(el, coords);
  }

  #snapNew(image, coords) {
    const { level, scale } = this.#snappedTo;
    if (!level || coords.z !== level.zoom) return;
    const { tileSize } = this.slide;
    const { x, y } = image._leaflet_pos;
    const ratio = window.devicePixelRatio || 1;
    const across = snapped(x, tileSize, scale, ratio);
    const down = snapped(y, tileSize, scale, ratio);
    place(image, across.at, down.at, across.side, down.side);
  }

  #unsnap(level) {
    if (this.#snappedTo.level !== level) return;
    this.#snappedTo = {};
    const { tileSize } = this.slide;
    for (const { el, coords } of Object.values(this.layer._tiles)) {
      if (coords.z !== level.zoom) continue;
      place(el, el._leaflet_pos.x, el._leaflet_pos.y, tileSize, tileSize);
    }
  }

  #dropOtherZooms() {
    const { layer } = this;
    for (const [key, tile] of Object.entries(layer._tiles)) {
      if (tile.coords.z !== layer._tileZoom && !tile.loaded) layer._removeTile(key);
    }
  }
}

function place(image, x, y, width, height) {
  const { style } = image;
  style.transform = `translate3d(${x}px, ${y}px, 0)`;
  style.width = `${width}px`;
  style.height = `${height}px`;
}

// The whole slide as one blurred tile under the sharp ones, on glass-white, so that panning never
// looks into a void and no seam between tiles can be seen. `image` is for the slide's first tile.
export class Backdrop {
  constructor(map, slide) {
    this.map = map;
    this.slide = slide;
    this.pane = map.getPane("wsl-backdrop") ?? map.createPane("wsl-backdrop");
    this.pane.style.zIndex = 150;
    this.glass = document.createElement("div");
    this.glass.className = "wsl-glass";
    this.image = document.createElement("img");
    this.image.alt = "";
    this.glass.append(this.image);
    this.pane.append(this.glass);
    this.place = this.place.bind(this);
    map.on("zoom viewreset", this.place);
    this.place();
  }

  place() {
    const { map, slide } = this;
    const zoom = map.getZoom();
    const scale = 2 ** zoom;
    const corner = map.latLngToLayerPoint([0, 0]);
    const { style } = this.glass;
    style.transform = `translate3d(${corner.x}px, ${corner.y}px, 0)`;
    style.width = `${slide.width * scale}px`;
    style.height = `${slide.height * scale}px`;
    const side = slide.tileSize * 2 ** (zoom + slide.zooms - 1);
    this.image.style.width = `${side}px`;
    this.image.style.height = `${side}px`;
  }

  remove() {
    this.map.off("zoom viewreset", this.place);
    this.glass.remove();
  }
}
