// The brush and the eraser: a round area that follows the hand, added to a shape or taken off.

import { difference, simplified, strokeArea, union } from "./booleans.mjs";
import { shapeAt } from "./hitting.mjs";
import { Tool } from "./making.mjs";
import { areaLike, boxesMeet, boxOf, shapeOf } from "./shapes.mjs";

const EVERY = 0.15;
const TOLERANCE = 0.04;

export class BrushTool extends Tool {
  cursor = "none";
  followsTheWay = true;
  #points = [];
  #at = null;
  #isErasing = false;
  #target = null;
  #radius = 1;

  constructor(board, isEraser = false) {
    super(board);
    this.isEraser = isEraser;
  }

  down(at) {
    this.#isErasing = this.isEraser !== at.alt;
    this.#points = [[at.x, at.y]];
    this.#radius = this.board.brushRadius / at.scale;
    this.#target = shapeAt(this.board.areas().chosen, at.x, at.y, this.#radius);
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
    else this.#add(stroke);
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

  // To the chosen area that the stroke began at, or as a shape of its own.
  #add(stroke) {
    if (!this.#target) {
      this.board.add(areaLike(shapeOf("polygon", stroke), stroke));
      return;
    }
    const shape = this.board.drawing.shapes.get(this.#target.key);
    if (shape) this.board.put(shape.key, areaLike(shape, union(shape.parts, stroke)));
  }

  // From the selected shapes if the stroke meets any of them, else from whatever it meets.
  #erase(stroke) {
    const box = boxOf(shapeOf("brush", stroke));
    const isMet = (shape) => boxesMeet(boxOf(shape), box);
    const { all, chosen } = this.board.areas();
    const met = chosen.filter(isMet);
    const changes = [];
    for (const shape of met.length ? met : all.filter(isMet)) {
      const parts = difference(shape.parts, stroke);
      if (!isUnchanged(shape.parts, parts)) {
        changes.push([shape.key, parts.length ? areaLike(shape, parts) : null]);
      }
    }
    this.board.commit(changes);
  }
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
