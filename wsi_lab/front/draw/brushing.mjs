// The brush and the eraser: a round area that follows the hand, added to a shape or taken off.

import { difference, simplified, strokeArea, union } from "./booleans.mjs";
import { isHit } from "./hitting.mjs";
import { Tool } from "./making.mjs";
import { areaLike, boxOf, shapeOf } from "./shapes.mjs";

const EVERY = 0.15;
const TOLERANCE = 0.04;

export class BrushTool extends Tool {
  cursor = "none";
  #points = [];
  #at = null;
  #isErasing = false;
  #targets = [];
  #radius = 1;

  constructor(board, isEraser = false) {
    super(board);
    this.isEraser = isEraser;
  }

  down(at) {
    this.#isErasing = this.isEraser !== at.alt;
    this.#points = [[at.x, at.y]];
    this.#radius = this.board.brushRadius / at.scale;
    this.#targets = this.#touched(at);
    this.#at = at;
    this.board.repaint();
    return true;
  }

  drag(at) {
    this.#at = at;
    const [x, y] = this.#points.at(-1) ?? [Infinity, Infinity];
    if (Math.hypot(at.x - x, at.y - y) >= EVERY * this.#radius) this.#points.push([at.x, at.y]);
    this.board.repaint();
  }

  hover(at) {
    this.#at = at;
    this.board.repaint();
  }

  leave() {
    this.#at = null;
    this.board.repaint();
  }

  up() {
    if (this.#points.length === 0) return;
    const stroke = strokeArea(simplified(this.#points, TOLERANCE * this.#radius), this.#radius);
    this.#points = [];
    if (this.#isErasing) this.#erase(stroke);
    else this.#add(stroke, this.#targets[0]);
    this.board.repaint();
  }

  cancel() {
    const had = this.#points.length > 0;
    this.#points = [];
    this.board.repaint();
    return had;
  }

  paint(pen, view) {
    pen.save();
    const look = this.board.newLook();
    if (this.#points.length) {
      pen.beginPath();
      for (const [x, y] of this.#points) {
        pen.lineTo((x - view.left) * view.scale, (y - view.top) * view.scale);
      }
      const [x, y] = this.#points[0];
      if (this.#points.length === 1) {
        pen.lineTo((x - view.left) * view.scale + 0.01, (y - view.top) * view.scale);
      }
      pen.lineCap = pen.lineJoin = "round";
      pen.lineWidth = 2 * this.#radius * view.scale;
      pen.globalAlpha = 0.4;
      pen.strokeStyle = this.#isErasing ? "#fff" : look.colour;
      pen.stroke();
      pen.globalAlpha = 1;
    }
    if (this.#at) this.#circle(pen, view, look);
    pen.restore();
  }

  #circle(pen, view, look) {
    const { x, y, alt } = this.#at;
    const isErasing = this.#points.length ? this.#isErasing : this.isEraser !== alt;
    pen.beginPath();
    const [sx, sy] = [(x - view.left) * view.scale, (y - view.top) * view.scale];
    pen.arc(sx, sy, this.board.brushRadius, 0, 7);
    pen.strokeStyle = "rgb(255 255 255 / 85%)";
    pen.lineWidth = 3;
    pen.stroke();
    pen.strokeStyle = isErasing ? "#222" : look.colour;
    pen.lineWidth = 1.5;
    if (isErasing) pen.setLineDash([5, 4]);
    pen.stroke();
  }

  #touched({ x, y }) {
    const { selected } = this.board;
    const areas = this.board.editable().filter((shape) => shape.dimension === 2);
    const hit = areas.filter((shape) => isHit(shape, x, y, this.#radius));
    return hit.filter((shape) => selected.has(shape.key)).reverse();
  }

  #add(stroke, target) {
    if (!target) {
      const shape = shapeOf("brush", stroke);
      this.board.add(areaLike({ ...shape, kind: "polygon" }, stroke));
      return;
    }
    const shape = this.board.drawing.shapes.get(target.key);
    if (shape) this.board.put(target.key, areaLike(shape, union(shape.parts, stroke)));
  }

  // From the selected shapes if the stroke meets any of them, else from whatever it meets.
  #erase(stroke) {
    const areas = this.board
      .editable()
      .filter(
        (shape) => shape.dimension === 2 && meets(boxOf(shape), boxOf(shapeOf("brush", stroke))),
      );
    const chosen = areas.filter((shape) => this.board.selected.has(shape.key));
    const changes = [];
    for (const shape of chosen.length ? chosen : areas) {
      const parts = difference(shape.parts, stroke);
      if (!isUnchanged(shape.parts, parts)) {
        changes.push([shape.key, parts.length ? areaLike(shape, parts) : null]);
      }
    }
    this.board.commit(changes);
  }
}

function meets(a, b) {
  return a[0] <= b[2] && a[2] >= b[0] && a[1] <= b[3] && a[3] >= b[1];
}

// A cut that misses a shape gives it back, maybe from another corner on.
function isUnchanged(before, after) {
  const [one, other] = [before.flat(), after.flat()];
  return (
    one.length === other.length &&
    one.reduce((n, r) => n + r.length, 0) === other.reduce((n, r) => n + r.length, 0) &&
    Math.abs(sum(one) - sum(other)) < 1e-6 * Math.abs(sum(one))
  );
}

function sum(rings) {
  return rings.reduce((all, ring) => all + ring.reduce((a, b) => a + b, 0), 0);
}
