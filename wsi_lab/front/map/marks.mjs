// Outlines over the slide that say what is where and how far it is: the cores of a microarray.

const SVG_NAMES = "http://www.w3.org/2000/svg";
const SMALLEST_LABELLED = 26;
const CORNER_SHARE = 0.12;
const STATE_WORDS = { todo: "to do", done: "done", current: "current" };

// What a mark is called by whoever cannot see it.
export function nameOfMark({ label, state }) {
  return [label, STATE_WORDS[state]].filter(Boolean).join(", ");
}

// The index of the smallest mark around a place, or -1.
export function markAt(marks, { x, y }) {
  let found = -1;
  for (const [i, { box }] of marks.entries()) {
    const [left, top, width, height] = box;
    const isInside = x >= left && y >= top && x < left + width && y < top + height;
    if (isInside && (found < 0 || areaOfBox(box) < areaOfBox(marks[found].box))) found = i;
  }
  return found;
}

function areaOfBox([, , width, height]) {
  return width * height;
}

export class Marks {
  #marks = [];
  #drawn = [];
  #placedScale;
  #stop;

  // `surface`: a `MapSurface`; `told(index)`: one was chosen by key.
  constructor(surface, told) {
    this.surface = surface;
    this.told = told;
    this.el = svgElement("svg", { class: "wsl-marks", role: "group", "aria-label": "Cores" });
    this.scaled = svgElement("g");
    this.el.append(this.scaled);
    surface.element.append(this.el);
    this.#stop = surface.onMove(() => this.place());
  }

  // marks: [{ box: [x, y, width, height], label, state }]; state: todo, done or current.
  show(marks) {
    if (!this.#isSameButStates(marks)) {
      this.#drawn = marks.map((mark, i) => this.#draw(mark, i));
      this.scaled.replaceChildren(...this.#drawn.map(({ el }) => el));
      this.#placedScale = undefined;
    }
    this.#marks = marks;
    // One of them is a stop of the Tab key, not all.
    const current = marks.findIndex(({ state }) => state === "current");
    for (const [i, mark] of marks.entries()) {
      const { el, text } = this.#drawn[i];
      el.dataset.state = mark.state;
      el.setAttribute("aria-label", nameOfMark(mark));
      el.setAttribute("aria-current", String(mark.state === "current"));
      el.setAttribute("tabindex", i === Math.max(0, current) ? "0" : "-1");
      text.textContent = mark.state === "done" ? `${mark.label} ✓` : mark.label;
    }
    this.place();
  }

  at(place) {
    return markAt(this.#marks, place);
  }

  // Follows the map.
  place() {
    if (!this.#marks.length) return;
    const { left, top, scale, width, height } = this.surface.view();
    this.el.style.width = `${width}px`;
    this.el.style.height = `${height}px`;
    const [x, y] = [-left * scale, -top * scale];
    this.scaled.setAttribute("transform", `matrix(${scale} 0 0 ${scale} ${x} ${y})`);
    // Words keep their size on the screen; while the map is only pushed, their place stays.
    if (scale === this.#placedScale) return;
    this.#placedScale = scale;
    const narrowest = Math.min(...this.#marks.map(({ box }) => box[2]));
    this.el.classList.toggle("wsl-unlabelled", narrowest * scale < SMALLEST_LABELLED);
    for (const { text, box } of this.#drawn) {
      const at = `translate(${box[0] + box[2] / 2} ${box[1]}) scale(${1 / scale})`;
      text.setAttribute("transform", at);
    }
  }

  remove() {
    this.#stop();
    this.el.remove();
  }

  #isSameButStates(marks) {
    const told = (each) => each.map(({ box, label }) => [box, label]);
    return JSON.stringify(told(marks)) === JSON.stringify(told(this.#marks));
  }

  #draw({ box }, i) {
    const [x, y, width, height] = box;
    const corner = CORNER_SHARE * Math.min(width, height);
    const shape = { x, y, width, height, rx: corner };
    const text = svgElement("text", { y: "-5", "aria-hidden": "true" });
    const el = svgElement("g", { role: "button", class: "wsl-mark" });
    el.append(svgElement("rect", { ...shape, class: "wsl-mark-halo" }), svgElement("rect", shape));
    el.append(text);
    el.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      this.told(i);
    });
    // A click that is none of the mouse: of what reads the page aloud.
    el.addEventListener("click", (event) => {
      event.stopPropagation();
      this.told(i);
    });
    return { el, text, box };
  }
}

function svgElement(tag, attributes = {}) {
  const made = document.createElementNS(SVG_NAMES, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
