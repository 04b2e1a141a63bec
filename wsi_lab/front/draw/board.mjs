// Where a layer is drawn on: shapes, tools, what is chosen, and a canvas over whatever shows the
// slide. That is the `surface`: { element, view(), onMove(f) -> stop, centreOn({ x, y }) }, with a
// view as in `painting.mjs`; the board knows nothing else of it.

import { shapeAt } from "./hitting.mjs";
import { BoxTool, PointTool } from "./making.mjs";
import { BrushTool } from "./brushing.mjs";
import { EditTool, MoveTool } from "./editing.mjs";
import { FreehandTool, HoleTool, LineTool, PolygonTool } from "./tracing.mjs";
import { paintShape } from "./painting.mjs";
import { isHiddenBy } from "./shapes.mjs";
import { wishOfKey } from "./tools.mjs";

const HIT_REACH = 5;
const BRUSH_RADII = [2, 400];
const FILL = 0.22;

export class Board {
  selected = new Set();
  brushRadius = 24;
  current = [];
  fill = FILL;
  hidden = new Set();
  marked = new Set();
  ghost = null;
  #previews = new Map();
  #frame = null;
  #heard = [];
  #undo = [];
  #tap = null;
  #isRemoved = false;

  // `rules`: { mayEdit(key), colourOf(shape) }; what is drawn goes to `drawing`.
  constructor(surface, drawing, rules) {
    this.surface = surface;
    this.drawing = drawing;
    this.rules = rules;
    this.canvas = document.createElement("canvas");
    this.canvas.className = "wsl-drawing";
    surface.element.append(this.canvas);
    this.pen = this.canvas.getContext("2d");
    this.tools = toolsOf(this);
    this.use("move");
    this.#undo.push(surface.onMove(() => this.paint()));
    drawing.onChange(({ keys, isOwn }) => this.#changed(keys, isOwn));
    this.paint();
  }

  // What is saved of it afterwards is painted no more.
  remove() {
    this.#isRemoved = true;
    this.#heard = [];
    for (const undo of this.#undo) undo();
    cancelAnimationFrame(this.#frame);
    this.canvas.remove();
    this.surface.element.style.cursor = "";
  }

  // `listener()`: after the tool, what is chosen, or shapes changed.
  onChange(listener) {
    this.#heard.push(listener);
  }

  // Tools

  use(name) {
    this.tool?.cancel();
    this.#tap = null;
    this.toolName = name;
    this.tool = this.tools[name];
    this.pointer(this.tool.cursor);
    this.#told();
  }

  pointer(cursor) {
    this.surface.element.style.cursor = cursor;
  }

  resizeBrush(factor) {
    const [least, most] = BRUSH_RADII;
    this.brushRadius = Math.min(most, Math.max(least, this.brushRadius * factor));
    this.repaint();
  }

  // What a key asks for; tells whether it was anything.
  key(event) {
    const wish = wishOfKey(event);
    if (!wish) return false;
    const [act, ...values] = wish;
    return this.acts[act](...values) !== false;
  }

  acts = {
    use: (name) => this.use(name),
    undo: () => this.choose(null, false, this.drawing.undo()),
    redo: () => this.choose(null, false, this.drawing.redo()),
    finish: () => this.tool.finish(),
    cancel: () => this.#cancel(),
    back: () => this.tool.back() || this.#remove(),
    remove: () => this.tool.remove() || this.#remove(),
    brush: (factor) => this.resizeBrush(factor),
    label: (number, isMore) => this.onLabel?.(number, isMore),
    all: () => this.chooseAll(),
    step: (direction) => this.tool.step?.(direction) ?? false,
    nudge: (dx, dy) => this.#nudge(dx, dy),
    tap: () => this.tap(),
  };

  // As if the hand had pressed in the middle of the view: for those who draw by keys.
  tap() {
    const { left, top, scale, width, height } = this.surface.view();
    const at = { x: left + width / 2 / scale, y: top + height / 2 / scale, scale };
    const event = { ...at, shift: false, alt: false };
    this.#tap = at;
    if (!this.tool.down(event)) this.tool.click(event);
    this.tool.up(event);
    this.repaint();
  }

  // Shapes

  get list() {
    return this.drawing.list.filter(({ labels }) => !isHiddenBy(this.hidden, labels));
  }

  mayEdit(key) {
    return this.rules.mayEdit(key);
  }

  editable() {
    return this.list.filter(({ key }) => this.mayEdit(key));
  }

  // Those that a brush or a cut may change, and which of them are chosen.
  areas() {
    const all = this.editable().filter(({ dimension }) => dimension === 2);
    return { all, chosen: all.filter(({ key }) => this.selected.has(key)) };
  }

  chosen() {
    return [...this.selected].map((key) => this.drawing.shapes.get(key)).filter(Boolean);
  }

  shapeAt({ x, y, scale }) {
    const reach = HIT_REACH / scale;
    return shapeAt(this.chosen(), x, y, reach) ?? shapeAt(this.list, x, y, reach);
  }

  // Another click on what is chosen leaves it; `keys` instead of a shape chooses several.
  choose(shape, isMore = false, keys = shape ? [shape.key] : []) {
    const chosen = isMore ? new Set(this.selected) : new Set();
    for (const key of keys) {
      if (isMore && chosen.has(key)) chosen.delete(key);
      else chosen.add(key);
    }
    this.selected = chosen;
    this.#told();
  }

  chooseAll() {
    this.choose(
      null,
      false,
      this.editable().map(({ key }) => key),
    );
  }

  add(shape) {
    const made = { ...shape, labels: [...this.current] };
    this.drawing.apply([[made.key, made]]);
    this.choose(made);
  }

  put(key, shape) {
    this.commit([[key, shape]]);
  }

  commit(changes) {
    this.drawing.apply(changes);
  }

  // Shapes as they would be, while a hand holds them.
  preview(shapes) {
    this.#previews = new Map(shapes.map((shape) => [shape.key, shape]));
    this.repaint();
  }

  keepPreview() {
    const changes = [...this.#previews];
    this.#previews = new Map();
    this.commit(changes);
    this.repaint();
  }

  shown(key) {
    return this.#previews.get(key) ?? this.drawing.shapes.get(key);
  }

  // Brings a place into view if it is not.
  show({ x, y }) {
    const { left, top, scale, width, height } = this.surface.view();
    const [sx, sy] = [(x - left) * scale, (y - top) * scale];
    if (sx < 20 || sy < 20 || sx > width - 20 || sy > height - 20) this.surface.centreOn({ x, y });
    this.repaint();
  }

  // Painting

  lookOf(shape) {
    return {
      colour: this.rules.colourOf(shape),
      fill: this.fill,
      width: this.selected.has(shape.key) ? 2.5 : 1.8,
      isSelected: this.selected.has(shape.key),
      dash: this.marked.has(shape.key) ? [7, 4] : null,
    };
  }

  newLook() {
    const colour = this.rules.colourOf({ labels: this.current });
    return { colour, fill: this.fill, width: 2, isSelected: true, dash: null };
  }

  repaint() {
    if (this.#isRemoved) return;
    this.#frame ??= requestAnimationFrame(() => this.paint());
  }

  paint() {
    cancelAnimationFrame(this.#frame);
    this.#frame = null;
    const view = this.surface.view();
    const { pen, canvas } = this;
    const ratio = globalThis.devicePixelRatio || 1;
    const [width, height] = [Math.round(view.width * ratio), Math.round(view.height * ratio)];
    if (canvas.width !== width || canvas.height !== height) {
      Object.assign(canvas, { width, height });
      Object.assign(canvas.style, { width: `${view.width}px`, height: `${view.height}px` });
    }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, view.width, view.height);
    for (const shape of this.list) {
      if (!this.selected.has(shape.key)) this.#paintOne(shape, view);
    }
    for (const shape of this.chosen()) this.#paintOne(shape, view);
    if (this.ghost) paintShape(pen, this.ghost, view, ghostLook(this.rules.colourOf(this.ghost)));
    this.tool.paint(pen, view);
    if (this.#tap) cross(pen, view);
  }

  #paintOne(shape, view) {
    const shown = this.#previews.get(shape.key) ?? shape;
    paintShape(this.pen, shown, view, this.lookOf(shape));
  }

  #cancel() {
    if (this.tool.cancel()) return true;
    if (this.selected.size) {
      this.choose(null);
      return true;
    }
    if (this.toolName === "move") return false;
    this.use("move");
    return true;
  }

  #remove() {
    const changes = this.chosen()
      .filter(({ key }) => this.mayEdit(key))
      .map(({ key }) => [key, null]);
    this.commit(changes);
    return changes.length > 0;
  }

  #nudge(dx, dy) {
    const { scale } = this.surface.view();
    return this.tools.edit.nudge(dx / scale, dy / scale);
  }

  #changed(keys, isOwn) {
    for (const key of keys) {
      if (!this.drawing.shapes.has(key)) this.selected.delete(key);
      if (!isOwn && this.#previews.has(key)) this.tool.cancel();
    }
    this.#told();
  }

  #told() {
    this.repaint();
    for (const listener of this.#heard) listener();
  }
}

function toolsOf(board) {
  return {
    move: new MoveTool(board),
    edit: new EditTool(board),
    point: new PointTool(board),
    polyline: new LineTool(board),
    polygon: new PolygonTool(board),
    rectangle: new BoxTool(board, "rectangle"),
    ellipse: new BoxTool(board, "ellipse"),
    freehand: new FreehandTool(board),
    brush: new BrushTool(board),
    eraser: new BrushTool(board, true),
    hole: new HoleTool(board),
  };
}

function ghostLook(colour) {
  return { colour, fill: 0.08, width: 2, isSelected: false, dash: [3, 5] };
}

function cross(pen, { width, height }) {
  const [x, y] = [width / 2, height / 2];
  pen.save();
  for (const [colour, lineWidth] of [
    ["#fff", 4],
    ["#111", 1.5],
  ]) {
    pen.strokeStyle = colour;
    pen.lineWidth = lineWidth;
    pen.beginPath();
    pen.moveTo(x - 10, y);
    pen.lineTo(x + 10, y);
    pen.moveTo(x, y - 10);
    pen.lineTo(x, y + 10);
    pen.stroke();
  }
  pen.restore();
}
