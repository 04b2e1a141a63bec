// Layers of annotations in a viewer: which are shown and how, what lies under the mouse, and the
// desk of the one that is drawn on. Asks the lab now and then whether anything changed.

import { aboutShape, aboutValue, Card } from "./cards.mjs";
import { LabCalls } from "./calls.mjs";
import { Desk } from "./desk.mjs";
import { LayersPanel } from "./layers_panel.mjs";
import { OverlayTiles, overlayUrl } from "./overlays.mjs";
import { MapSurface } from "./surface.mjs";
import { isHiddenBy } from "../draw/shapes.mjs";

const LAYERS_EVERY_MS = 4000;
const REST_MS = 140;
const POINTING_REACH = 4;

export class Annotating {
  wantsDrawn = null;
  #views = new Map();
  #layers = [];
  #desk = null;
  // Those that are drawn on no more and still save, by their layers.
  #retired = new Map();
  #poll = null;
  #rest = null;
  #asked = null;
  #isStarted = false;
  #closed = false;

  constructor(viewer) {
    const { map, slide, page } = viewer;
    this.viewer = viewer;
    this.calls = new LabCalls(slide.url, page.headers);
    this.tiles = new OverlayTiles(map, slide, viewer.layer.options, page.newTiles);
    this.surface = new MapSurface(map, viewer.motion);
    const acts = {
      show: (id, isShown) => this.#choose(id, { isShown }),
      opacity: (id, opacity) => this.#choose(id, { opacity }),
      label: (id, name, isShown) => this.#showLabel(id, name, isShown),
    };
    this.panel = new LayersPanel(acts, viewer.model.get("legends"));
    this.card = new Card();
  }

  // What is wanted: layers to show with their styles, and one to draw on.
  want(shown, drawn) {
    const draws = drawn?.layer ?? null;
    for (const [id, { wish }] of this.#views) {
      if (!wish || shown.some(({ layer }) => layer === id)) continue;
      this.#views.delete(id);
      if (id === draws) this.#viewOf(id).isShown = true;
    }
    for (const { layer, hide = [], opacity = 1, ...style } of shown) {
      const wish = JSON.stringify([hide, opacity, style]);
      if (this.#views.get(layer)?.wish === wish) continue;
      this.#views.set(layer, { isShown: true, hidden: new Set(hide), opacity, style, wish });
    }
    if (draws !== this.wantsDrawn) {
      // What was drawn on is shown further only where that or the panel wants it.
      const before = this.#views.get(this.wantsDrawn);
      if (before && !before.wish) before.isShown = false;
      this.wantsDrawn = draws;
      if (draws !== null) this.#viewOf(draws).isShown = true;
    }
    if (shown.length || this.wantsDrawn !== null) this.#start();
    this.#refresh();
  }

  key(event) {
    if (event.key === "l" && !event.ctrlKey && !event.altKey && !event.metaKey && this.#isStarted) {
      this.panel.flip();
      return true;
    }
    if (this.card.isSticky && event.key === "Escape") {
      this.card.hide();
      return true;
    }
    return this.#desk?.key(event) ?? false;
  }

  stop() {
    this.#closed = true;
    clearTimeout(this.#poll);
    clearTimeout(this.#rest);
    this.#asked?.abort();
    for (const desk of [this.#desk, ...this.#retired.values()]) desk?.remove();
    this.tiles.remove();
    for (const el of [this.panel.el, this.card.el]) el.remove();
  }

  // The mouse came to rest or left.
  point(event) {
    clearTimeout(this.#rest);
    this.#asked?.abort();
    if (this.card.isSticky) return;
    if (!event) {
      this.card.hide();
      return;
    }
    const { x, y } = event.containerPoint;
    if (!this.#isStarted || !this.#isLooking || event.originalEvent.buttons) {
      this.card.hide();
      return;
    }
    const { originalEvent } = event;
    this.#rest = setTimeout(
      () => this.#tell(this.surface.under(originalEvent), { x, y }, false),
      REST_MS,
    );
  }

  click(event) {
    if (!this.#isStarted || !this.#isLooking) return;
    clearTimeout(this.#rest);
    this.#asked?.abort();
    this.card.hide();
    if (this.#desk) return;
    this.#tell(this.surface.under(event.originalEvent), event.containerPoint, true);
  }

  get #isLooking() {
    return !this.#desk || this.#desk.board.toolName === "move";
  }

  async #tell(at, place, isSticky) {
    const { mpp } = this.viewer.slide;
    const drawn = this.#desk?.under(at);
    if (drawn) {
      this.card.show(aboutShape(drawn, mpp), place, isSticky);
      return;
    }
    const ids = this.#layers.filter(({ id }) => this.#views.get(id)?.isShown).map(({ id }) => id);
    if (!ids.length) return;
    const asked = new AbortController();
    // What was clicked at is told even if the mouse moves on.
    if (!isSticky) this.#asked = asked;
    const query = {
      x: at.x,
      y: at.y,
      radius: POINTING_REACH / at.scale,
      layer: ids.join(","),
      geometry: false,
    };
    let said;
    try {
      said = await this.calls.at(query, asked.signal);
    } catch {
      return;
    }
    if (asked.signal.aborted || this.#closed) return;
    const item = said.items.find((each) => !this.#isHidden(each));
    if (item) this.card.show(aboutShape(item, mpp), place, isSticky);
    else if (said.values.length) this.card.show(aboutValue(said.values[0]), place, isSticky);
    else this.card.hide();
  }

  #isHidden({ layer_id, labels }) {
    return isHiddenBy(
      this.#viewOf(layer_id).hidden,
      labels.map(({ name }) => name),
    );
  }

  #start() {
    if (this.#isStarted) return;
    this.#isStarted = true;
    const { chrome } = this.viewer;
    chrome.el.append(this.card.el);
    chrome.el.querySelector(".wsl-top-right").append(this.panel.el);
    chrome.shield(this.panel.el);
    this.#ask();
  }

  async #ask() {
    clearTimeout(this.#poll);
    try {
      const said = document.hidden && this.#layers.length ? null : await this.calls.layers();
      if (this.#closed) return;
      if (said) {
        this.#layers = said.items;
        this.#refresh();
      }
    } catch {
      // The slide's own tiles tell when the lab is gone; it is asked again here anyway.
    }
    if (!this.#closed) this.#askIn(LAYERS_EVERY_MS);
  }

  #askIn(milliseconds) {
    clearTimeout(this.#poll);
    this.#poll = setTimeout(() => this.#ask(), milliseconds);
  }

  #viewOf(id) {
    if (!this.#views.has(id)) {
      this.#views.set(id, { isShown: false, hidden: new Set(), opacity: 1, style: {} });
    }
    return this.#views.get(id);
  }

  #choose(id, changes) {
    Object.assign(this.#viewOf(id), changes);
    this.#refresh("opacity" in changes);
  }

  #showLabel(id, name, isShown) {
    const { hidden } = this.#viewOf(id);
    if (isShown) hidden.delete(name);
    else hidden.add(name);
    this.#refresh();
  }

  // Brings the map in line with what is wanted. `isSliding`: the panel's own slider is in use.
  #refresh(isSliding = false) {
    this.#refreshDesk();
    this.#layers.forEach((layer, order) => this.#showLayer(layer, order));
    const known = new Set(this.#layers.map(({ id }) => id));
    for (const id of this.#views.keys()) if (!known.has(id)) this.tiles.hide(id);
    if (isSliding || !this.#isStarted) return;
    const views = new Map(
      [...this.#views].map(([id, view]) => [id, { ...view, isDrawn: id === this.#desk?.layer.id }]),
    );
    // Those that are shown first; a study may have many more.
    const isShown = ({ id }) => (views.get(id)?.isShown ? 0 : 1);
    this.panel.update(
      [...this.#layers].sort((a, b) => isShown(a) - isShown(b)),
      views,
    );
  }

  #showLayer(layer, order) {
    const view = this.#views.get(layer.id);
    const isDrawn = this.#desk?.layer.id === layer.id;
    if (isDrawn) {
      this.#desk.board.hidden = view.isShown
        ? view.hidden
        : new Set(["", ...layer.labels.map((l) => l.name)]);
      this.#desk.board.canvas.style.opacity = String(view.opacity);
      this.#desk.board.repaint();
    }
    const isEmpty = isDrawn
      ? !layer.bulk_count && !layer.grids.length
      : !layer.count && !layer.grids.length;
    if (!view?.isShown || isEmpty) {
      this.tiles.hide(layer.id);
      return;
    }
    const tier = isDrawn ? "bulk" : (view.style.tier ?? "all");
    const skip = isDrawn ? this.#desk.taken : [];
    const url = overlayUrl(this.viewer.slide.url, layer, view.style, {
      tier,
      hidden: view.hidden,
      skip,
    });
    this.tiles.show(layer.id, url, view.opacity, order);
  }

  #refreshDesk() {
    const layer = this.#layers.find(({ id }) => id === this.wantsDrawn);
    if (this.#desk && this.#desk.layer.id !== layer?.id) this.#retire();
    if (!layer) return;
    if (this.#desk) this.#desk.update(layer);
    else this.#open(layer);
  }

  #open(layer) {
    const before = this.#retired.get(layer.id);
    // What the browser could not keep cannot be handed over; it is waited for.
    if (before?.kept.isFull) return;
    before?.handOver();
    this.#retired.delete(layer.id);
    const desk = new Desk(this.viewer, this.calls, layer, {
      state: () => this.#saved(desk),
      chosen: (ids) => this.viewer.model.say({ chosen: ids }),
      taken: () => this.#refresh(),
    });
    this.#desk = desk;
    desk.read();
  }

  // Goes on saving what was drawn, without the tools.
  #retire() {
    const desk = this.#desk;
    const { id } = desk.layer;
    this.#desk = null;
    this.#retired.set(id, desk);
    desk.retire(() => {
      this.#retired.delete(id);
      this.#tellSaving();
      if (id === this.wantsDrawn) this.#refresh();
    });
  }

  // How it stands with what is drawn; what is not saved comes first.
  #tellSaving() {
    const desks = [this.#desk, ...this.#retired.values()].filter(Boolean);
    const desk = desks.find(({ state }) => state.kind !== "saved") ?? desks[0];
    const state = desk?.state ?? { kind: "" };
    this.viewer.model.say({ saving: { count: 0, detail: "", ...state } });
  }

  #saved(desk) {
    if (this.#closed) return;
    this.#tellSaving();
    if (desk.state.kind !== "saved") return;
    // Counts in the panel follow what was drawn.
    this.#askIn(LAYERS_EVERY_MS / 4);
  }
}
