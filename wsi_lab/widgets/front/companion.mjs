// Makes a viewer of slides of ipyleaflet's map. This script is shown inside a control of the map,
// finds the live Leaflet map of that view, and works on it; see SlideViewer in viewer.py.

import { tokenHeaders } from "../../front/dom.mjs";
import { Viewer } from "../../front/map/viewer.mjs";

const POLL_MS = 20;
const POLL_SLOWLY_MS = 250;
const POLLS_IN_A_HURRY = 200;

// The traits of the widget: what Python wants, and what it is told.
class Traits {
  constructor(model) {
    this.model = model;
  }

  get(name) {
    return this.model.get(name);
  }

  on(names, act) {
    const types = names.map((name) => `change:${name}`).join(" ");
    this.model.on(types, act);
    return () => this.model.off(types, act);
  }

  // A kernel that is gone hears nothing; the picture goes on without it.
  say(state) {
    try {
      this.model.set(state);
      this.model.save_changes();
    } catch {
      return;
    }
  }
}

// In a notebook a cookie says who asks, and Leaflet's own images bring it.
function notebook(layer) {
  const Tiles = layer.constructor;
  return {
    headers: tokenHeaders,
    showPicture: (image, url) => {
      image.src = url;
    },
    newTiles: (url, options) => new Tiles(url, options),
    keepsKeys: true,
  };
}

// ipyleaflet sends the kernel a message for every move of the mouse and every load of tiles;
// nobody listens, and a busy kernel queues them.
function silence(map, layer) {
  map.off("mousemove mouseover mouseout mousedown mouseup preclick");
  layer.off("loading load");
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
      const { map, layer } = found;
      silence(map, layer);
      const viewer = new Viewer(new Traits(model), model.get("slide"), map, layer, notebook(layer));
      viewer.start();
      signal.addEventListener("abort", () => viewer.stop());
    });
  },
};
