// Layers that the lab draws: one more layer of tiles for each, on the slide's own grid.

const DEEPER = 3;
const Z_INDEX = 10;

// The address of a layer's tiles. `style`: what was asked for; `view`: what was chosen in the panel.
export function overlayUrl(slideUrl, layer, style, view) {
  // What is drawn by hand changes no tile that shows loads only.
  const isBulk = view.tier === "bulk";
  const words = new URLSearchParams({ v: isBulk ? layer.bulk_revision : layer.revision });
  for (const name of ["by", "map", "low", "high", "fill", "line", "width", "author"]) {
    if (style[name] !== undefined && style[name] !== null) words.set(name, style[name]);
  }
  words.set("tier", view.tier);
  const hidden = idsOf(layer, view.hidden);
  if (hidden.length) words.set("hide", hidden.join(","));
  if (view.skip.length) words.set("skip", view.skip.join(","));
  return `${slideUrl}/overlay/${layer.id}/{z}/{x}/{y}.png?${words}`;
}

function idsOf(layer, names) {
  const ids = layer.labels.filter(({ name }) => names.has(name)).map(({ id }) => id);
  return names.has("") ? [0, ...ids] : ids;
}

export class OverlayTiles {
  #layers = new Map();

  // `options`: of the slide's own layer of tiles, whose grid it is; `newTiles(url, options)`: makes
  // another layer.
  constructor(map, slide, options, newTiles) {
    this.map = map;
    this.slide = slide;
    this.options = options;
    this.newTiles = newTiles;
  }

  // Shows a layer at an address; another address takes over when its tiles are there.
  show(id, url, opacity, order) {
    const shown = this.#layers.get(id);
    if (shown?.url === url) {
      shown.tiles.setOpacity(opacity);
      return;
    }
    const tiles = this.#tiles(url, opacity, order);
    this.#layers.set(id, { tiles, url });
    if (!shown) return;
    const leave = () => shown.tiles.remove();
    tiles.once("load", leave);
    tiles.once("remove", leave);
  }

  hide(id) {
    this.#layers.get(id)?.tiles.remove();
    this.#layers.delete(id);
  }

  remove() {
    for (const id of [...this.#layers.keys()]) this.hide(id);
  }

  #tiles(url, opacity, order) {
    const { tileSize, zooms } = this.slide;
    const { options } = this;
    const tiles = this.newTiles(url, {
      tileSize,
      zoomOffset: zooms - 1,
      minZoom: options.minZoom,
      maxZoom: options.maxZoom,
      minNativeZoom: 1 - zooms,
      maxNativeZoom: DEEPER,
      bounds: options.bounds,
      noWrap: true,
      opacity,
      zIndex: Z_INDEX + order,
      className: "wsl-overlay-tiles",
      keepBuffer: 1,
    });
    tiles.addTo(this.map);
    return tiles;
  }
}
