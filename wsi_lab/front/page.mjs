// What every page of a slide does: viewer, tools, keys, and the place in its address.

/* global OpenSeadragon */

import { WholePixels } from "./drawing.mjs";
import { listen } from "./keys.mjs";
import { Moving } from "./moving.mjs";
import { Numbers, Scale, Tools } from "./panels.mjs";
import { hashOf, placeIn } from "./places.mjs";
import { SlideTiles } from "./tiles.mjs";
import { Troubles } from "./troubles.mjs";

const OVERVIEW_SIDE = 190;
const TILE_MEMORY_BYTES = 256 << 20;
const REMEMBER_MS = 250;
const MOST_ZOOM = 8;

// Whatever a browser would read as markup is refused, wherever it comes from; OpenSeadragon only
// ever empties elements this way.
globalThis.trustedTypes?.createPolicy("default", {
  createHTML(text) {
    if (text !== "") throw new TypeError("Text goes in as text.");
    return text;
  },
});

// OpenSeadragon writes a style of its own unless it finds one, which the page's policy forbids.
const itsStyle = document.createElementNS(null, "style");
itsStyle.setAttribute("data-openseadragon-mobile-css", "");
document.head.append(itsStyle);

// `slide`: what is told of it (`mpp`, `objective`); `addressOf`: what the fetcher calls a tile;
// `upright`: the degrees it is turned by; `startBox`: the part shown first, instead of all of it;
// `keys`: further ones (see `listen`); `begun`: called with viewer and moving when the slide is
// there, returns further acts.
export function showSlide({ pyramid, fetcher, addressOf, ...page }) {
  const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const tiles = new SlideTiles(pyramid, addressOf, fetcher);
  const viewer = new OpenSeadragon.Viewer({
    element: document.getElementById("viewer"),
    tileSources: [tiles],
    drawer: WholePixels,
    smoothTileEdgesMinZoom: Infinity,
    animationTime: isStill ? 0 : 0.4,
    springStiffness: 9,
    visibilityRatio: 0.4,
    minZoomImageRatio: 0.5,
    maxZoomPixelRatio: MOST_ZOOM,
    zoomPerScroll: 1.25,
    maxTilesPerFrame: 12,
    maxImageCacheCount: mostTiles(pyramid),
    // The fetcher has its own limits, and knows what of it passes.
    timeout: 600_000,
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true, flickEnabled: false },
    keyboardNavEnabled: false,
    showNavigationControl: false,
    showNavigator: true,
    navigatorElement: overview(pyramid),
    navigatorRotate: false,
    navigatorOpacity: 1,
    navigatorDisplayRegionColor: "#ff8a3d",
  });
  viewer.canvas.setAttribute("role", "application");
  viewer.canvas.setAttribute(
    "aria-label",
    "Slide. Arrow keys move, plus and minus zoom, question mark lists all keys.",
  );
  viewer.addHandler("viewport-change", () => fetcher.viewChanged());
  viewer.addOnceHandler("open", () => begin(viewer, pyramid, isStill, page));
}

function begin(viewer, pyramid, isStill, page) {
  const { slide, upright = 0, startBox = null, keys = {}, begun = () => ({}) } = page;
  const moving = new Moving(viewer, pyramid, isStill, upright);
  const scale = new Scale(slide);
  const numbers = new Numbers(slide);
  const said = document.getElementById("said");
  const acts = actsOf(moving, () => {
    said.textContent = `Magnification ${numbers.zoomText.textContent}`;
  });
  const tools = new Tools(acts);
  document.body.insertBefore(tools.el, document.getElementById("facts"));
  document.getElementById("corner").append(scale.el, numbers.el);
  const update = () => {
    const { downsample } = moving.place();
    scale.update(downsample);
    numbers.update(downsample);
  };
  viewer.addHandler("update-viewport", update);
  document.body.classList.add("busy");
  viewer.world.getItemAt(0).addHandler("fully-loaded-change", ({ fullyLoaded }) => {
    document.body.classList.toggle("busy", !fullyLoaded);
  });
  viewer.element.addEventListener("pointermove", ({ clientX, clientY }) => {
    numbers.point(moving.under(clientX, clientY));
  });
  viewer.element.addEventListener("pointerleave", () => numbers.point(null));
  document.addEventListener("fullscreenchange", () => {
    tools.fullScreen(document.fullscreenElement !== null);
  });
  new Troubles([viewer, viewer.navigator], () => location.reload());
  Object.assign(acts, begun(viewer, moving));
  listen(acts, () => document.getElementById("help").open, keys);
  startPlace(moving, pyramid, startBox);
  remember(viewer, moving, pyramid);
  update();
  viewer.canvas.focus({ focusVisible: false });
}

function actsOf(moving, sayZoom) {
  const facts = document.getElementById("facts");
  const later = () => moving.viewer.addOnceHandler("animation-finish", sayZoom);
  return {
    zoom(direction) {
      later();
      moving.zoomStep(direction);
    },
    fit() {
      later();
      moving.fit();
    },
    fullResolution() {
      later();
      moving.zoomTo(1);
    },
    move: (across, down) => moving.moveBy(across, down),
    turn: (degrees) => moving.turn(degrees),
    help: () => document.getElementById("help").showModal(),
    facts() {
      facts.open = !facts.open;
      if (facts.open) facts.querySelector("summary").focus();
    },
    fullScreen() {
      if (document.fullscreenElement) return void document.exitFullscreen();
      // Refused where this page is a frame that may not; then there is nothing to do.
      document.documentElement.requestFullscreen?.().catch(() => {});
    },
  };
}

function startPlace(moving, slide, startBox = null) {
  const place = placeIn(location.hash, slide);
  if (place) moving.goTo(place, { isAtOnce: true });
  else if (startBox) moving.fitBox(startBox, { isAtOnce: true });
  else moving.fit({ isAtOnce: true });
}

// Keeps the place in the address: a reload, a bookmark or a link comes back to it.
function remember(viewer, moving, slide) {
  let timer = null;
  const write = () => {
    const hash = moving.isFitted ? "" : hashOf(moving.place());
    const address = `${location.pathname}${location.search}${hash}`;
    if (hash !== location.hash) history.replaceState(null, "", address);
  };
  for (const change of ["animation-finish", "rotate", "viewport-change"]) {
    viewer.addHandler(change, () => {
      clearTimeout(timer);
      timer = setTimeout(write, REMEMBER_MS);
    });
  }
  addEventListener("hashchange", () => startPlace(moving, slide));
}

function overview({ width, height }) {
  const area = document.getElementById("overview");
  const perPixel = OVERVIEW_SIDE / Math.max(width, height);
  area.style.width = `${Math.max(24, Math.round(width * perPixel))}px`;
  area.style.height = `${Math.max(24, Math.round(height * perPixel))}px`;
  return area;
}

function mostTiles(pyramid) {
  const { tile_width, tile_height } = pyramid.zooms[pyramid.last];
  return Math.max(40, Math.floor(TILE_MEMORY_BYTES / (4 * tile_width * tile_height)));
}
