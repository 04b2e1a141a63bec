// The panel that says what is drawn on the slide, and shows or hides it.

import { element } from "../../../front/dom.mjs";

export class LayerPanel {
  #boxes = [];

  // `show(index, isShown)`: shows or hides a layer; `core`: words about the core, or `null`;
  // `goToCore`: moves there.
  constructor({ show, core, goToCore }) {
    this.show = show;
    this.list = element("ul");
    this.note = element("p", "", { role: "status" });
    const summary = element("summary", "", { title: "Show or hide all (L)" }, [
      "Drawn on the slide",
    ]);
    this.details = element("details", "", { open: "" }, [
      summary,
      element("div", "scrolled", {}, [this.list, this.note]),
    ]);
    const parts = core ? [corePart(core, goToCore), this.details] : [this.details];
    const labels = { id: "drawn", "aria-label": "Layers" };
    this.el = element("section", "panel", labels, parts);
    this.#update();
  }

  add(layers) {
    for (const layer of layers) this.list.append(this.#item(layer));
    this.#update();
  }

  toggle() {
    const isShown = !this.#boxes.some(({ checked }) => checked);
    for (const [index, box] of this.#boxes.entries()) {
      box.checked = isShown;
      this.show(index, isShown);
    }
  }

  // Says that layers did not come, and asks for them again when told to.
  failed(again) {
    const ask = element("button", "again", { type: "button" }, ["Try again"]);
    ask.addEventListener("click", () => {
      this.note.replaceChildren();
      again();
    });
    this.note.replaceChildren("What is drawn could not be loaded. ", ask);
    this.#update();
  }

  #item(layer) {
    const box = element("input", "", { type: "checkbox" });
    const index = this.#boxes.push(box) - 1;
    box.checked = true;
    box.addEventListener("change", () => this.show(index, box.checked));
    const swatch = element("i", "swatch", { "aria-hidden": "true" });
    swatch.style.background = layer.colour;
    const about = element("small", "", {}, aboutLayer(layer));
    const words = element("span", "", {}, [element("bdi", "", {}, [layer.title]), about]);
    return element("li", "", {}, [element("label", "", {}, [box, swatch, words])]);
  }

  #update() {
    this.details.hidden = !this.#boxes.length && !this.note.childNodes.length;
    this.el.hidden = this.details.hidden && this.el.children.length === 1;
  }
}

function aboutLayer({ author, count, leftOut }) {
  const shapes = `${count} ${count === 1 ? "shape" : "shapes"}`;
  const missing = leftOut ? `, ${leftOut} not shown` : "";
  return author ? [element("bdi", "", {}, [author]), ` · ${shapes}${missing}`] : [shapes + missing];
}

function corePart(words, goToCore) {
  const go = element("button", "again", { type: "button", title: "Show this core (C)" }, ["Show"]);
  go.addEventListener("click", goToCore);
  return element("div", "", { id: "core" }, [element("span", "", {}, [`Core ${words}`]), go]);
}
