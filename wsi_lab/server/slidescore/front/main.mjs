// The page of a slide of a study.

import { TileFetcher } from "../../../front/fetching.mjs";
import { showSlide } from "../../../front/page.mjs";
import { renewal, toldIn } from "../../../front/renewing.mjs";
import { DeepZoom } from "./deepzoom.mjs";
import { Drawings } from "./drawings.mjs";
import { LayerPanel } from "./layers.mjs";
import { askJson, kindOfRefusal } from "./leave.mjs";
import { Recording } from "./recording.mjs";

const slide = toldIn(document.getElementById("slide").textContent);
const pyramid = new DeepZoom(slide);
const fetcher = new TileFetcher({
  ...slide,
  renew: renewal(slide),
  locate: (tile, leave) => `${slide.tiles}/${leave}/i_files/${tile}`,
  kindOf: kindOfRefusal,
});

showSlide({
  slide,
  pyramid,
  fetcher,
  addressOf: (zoom, column, row) => `${pyramid.level(zoom)}/${column}_${row}.jpeg`,
  upright: slide.rotation,
  startBox: slide.core?.box,
  keys: { l: ["layers"], c: ["core"] },
  begun,
});

function begun(viewer, moving) {
  const drawings = new Drawings(viewer, slide.width, slide.core?.box ?? null);
  const goToCore = () => slide.core && moving.fitBox(slide.core.box);
  const panel = new LayerPanel({
    show: (index, isShown) => drawings.show(index, isShown),
    core: slide.core?.words,
    goToCore,
  });
  document.body.insertBefore(panel.el, document.getElementById("corner"));
  const add = (layers) => {
    drawings.add(layers);
    panel.add(layers);
  };
  add(slide.drawn);
  if (!slide.isGuest) load(add, panel);
  record(viewer, moving, drawings);
  return { core: goToCore, layers: () => panel.toggle() };
}

async function load(add, panel) {
  try {
    add((await askJson(`${slide.tiles}/${fetcher.token}/Layers.json`)).layers);
  } catch {
    panel.failed(() => load(add, panel));
  }
}

function record(viewer, moving, drawings) {
  let mouse = null;
  viewer.element.addEventListener("pointermove", ({ clientX, clientY }) => {
    const under = moving.under(clientX, clientY);
    mouse = under ?? mouse;
    drawings.point(under);
  });
  // Whoever was given a link looks at the slide in the name of nobody.
  if (slide.isGuest) return;
  const look = () => {
    const { x, y, downsample, rotation } = moving.place();
    const { x: across, y: down } = viewer.viewport.getContainerSize();
    const sides = [across * downsample, down * downsample];
    const [width, height] = rotation % 180 === 90 ? sides.reverse() : sides;
    return [x - width / 2, y - height / 2, width, height, (mouse ?? { x }).x, (mouse ?? { y }).y];
  };
  const post = (body, isLast) =>
    askJson(`${slide.tiles}/${fetcher.token}/Viewing.json`, { body, isLast });
  new Recording({ look, post }).start();
}
