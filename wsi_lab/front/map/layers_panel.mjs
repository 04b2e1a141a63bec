// The list of layers: what is shown of each, and how strongly.

import { button, element } from "../dom.mjs";
import { swatch } from "./toolbar.mjs";

const STACK = "M8 2l6 3.5-6 3.5-6-3.5zM2 8.5L8 12l6-3.5M2 11.5L8 15l6-3.5";

export class LayersPanel {
  #open = true;

  // acts: { show(id, isShown), label(id, name, isShown), opacity(id, share) }; maps: the colours of
  // each colour map, from low to high.
  constructor(acts, maps) {
    this.acts = acts;
    this.maps = maps;
    this.body = element("div", "wsl-layers-body");
    this.toggle = button("Layers (L)", STACK, () => this.flip());
    this.toggle.setAttribute("aria-expanded", "true");
    const head = element("div", "wsl-layers-head", {}, [
      element("strong", "", {}, ["Layers"]),
      this.toggle,
    ]);
    this.el = element("div", "wsl-panel wsl-layers", {}, [head, this.body]);
  }

  flip() {
    this.#open = !this.#open;
    this.el.classList.toggle("wsl-closed", !this.#open);
    this.toggle.setAttribute("aria-expanded", String(this.#open));
  }

  // shown: id -> { isShown, hidden, opacity, style, isDrawn }
  update(layers, shown) {
    const focused = this.el.contains(document.activeElement) && document.activeElement.dataset.name;
    this.body.replaceChildren(...layers.map((layer) => this.#layer(layer, shown.get(layer.id))));
    if (focused) this.body.querySelector(`[data-name="${CSS.escape(focused)}"]`)?.focus();
  }

  #layer(layer, view) {
    const isShown = Boolean(view?.isShown);
    const eye = check(`${layer.id}`, layer.name, isShown, (on) => this.acts.show(layer.id, on));
    const { grids } = layer;
    const count = layer.count || !grids.length ? layer.count.toLocaleString("en") : "";
    eye.append(element("span", "wsl-count", {}, [count]));
    if (view?.isDrawn) eye.append(element("span", "wsl-drawn", { title: "Drawn on" }, ["✎"]));
    const box = element("div", "wsl-layer", {}, [eye]);
    if (!isShown) return box;
    const rows = [...layer.labels, { ...layer.without_label, name: "", colour: layer.colour }];
    const by = view.style.by;
    for (const label of rows) {
      if (label.name === "" && !label.count && (layer.labels.length || grids.length)) continue;
      const name = `${layer.id}/${label.name}`;
      const row = check(name, label.name || "No label", !view.hidden.has(label.name), (on) =>
        this.acts.label(layer.id, label.name, on),
      );
      row.classList.add("wsl-layer-label");
      if (!by || by === "label") row.insertBefore(swatch(label.colour), row.lastChild);
      row.append(element("span", "wsl-count", {}, [label.count.toLocaleString("en")]));
      box.append(row);
    }
    if (by && by !== "label") {
      const known = layer.properties.find(({ name }) => name === by);
      box.append(this.#legend(by, known, view.style));
    }
    for (const grid of grids) box.append(this.#legend(grid.name, grid, view.style));
    box.append(this.#slider(layer, view));
    return box;
  }

  #legend(name, known, { map = "viridis", low = known?.low, high = known?.high }) {
    const bar = element("div", "wsl-legend-bar");
    if (this.maps[map]) bar.style.background = `linear-gradient(90deg, ${this.maps[map].join()})`;
    return element("div", "wsl-legend", { title: name }, [
      element("span", "", {}, [endText(low)]),
      bar,
      element("span", "", {}, [endText(high)]),
    ]);
  }

  #slider(layer, view) {
    const slider = element("input", "wsl-opacity", {
      type: "range",
      min: "0",
      max: "100",
      title: `Opacity of ${layer.name}`,
      "aria-label": `Opacity of ${layer.name}`,
    });
    slider.dataset.name = `${layer.id}//opacity`;
    slider.value = String(Math.round(100 * view.opacity));
    slider.addEventListener("input", () => this.acts.opacity(layer.id, slider.value / 100));
    return slider;
  }
}

function check(name, text, isOn, act) {
  const box = element("input", "", { type: "checkbox" });
  box.dataset.name = name;
  box.checked = isOn;
  box.addEventListener("change", () => act(box.checked));
  return element("label", "wsl-layer-row", { title: `Show ${text}` }, [
    box,
    element("span", "wsl-layer-text", {}, [text]),
  ]);
}

function endText(end) {
  return Number.isFinite(end) ? String(Number(end.toPrecision(3))) : "";
}
