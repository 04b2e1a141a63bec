// Tools that follow a way: click by click, or wherever the pressed hand goes.

import { difference, simplified, untangled } from "./booleans.mjs";
import { shapeAt } from "./hitting.mjs";
import { Tool } from "./making.mjs";
import { handle } from "./painting.mjs";
import { areaLike, ringOf, shapeOf, signedArea } from "./shapes.mjs";

const TRACE_EVERY = 2;
const TRACE_TOLERANCE = 0.4;
const CLOSING = 9;
const DOUBLE = 3;

class PathTool extends Tool {
  least = 2;
  followsTheWay = true;
  isClosed = false;
  #points = [];
  #at = null;
  #isTracing = false;
  #down = null;

  down(at) {
    if (this.#isClosing(at)) {
      this.finish();
      return true;
    }
    this.#down = at;
    this.#push(at, DOUBLE);
    this.#at = at;
    this.board.repaint();
    return true;
  }

  drag(at) {
    if (!this.#down) return;
    this.#at = at;
    this.#isTracing ||= away(at, [this.#down.x, this.#down.y]) > 2 * TRACE_EVERY;
    if (this.#isTracing) this.#push(at, TRACE_EVERY);
    this.board.repaint();
  }

  up() {
    this.#down = null;
    const wasTracing = this.#isTracing;
    this.#isTracing = false;
    if (wasTracing && this.isDoneWhenLeft) this.finish();
  }

  hover(at) {
    if (this.#points.length === 0) return;
    this.#at = at;
    this.board.repaint();
  }

  finish() {
    const points = simplified(this.#points, TRACE_TOLERANCE / (this.#at?.scale ?? 1));
    const had = this.cancel();
    if (points.length >= this.least) this.done(points);
    return had;
  }

  cancel() {
    const had = this.#points.length > 0;
    this.#points = [];
    this.#down = null;
    this.#isTracing = false;
    this.board.repaint();
    return had;
  }

  back() {
    if (this.#points.length === 0) return false;
    this.#points.pop();
    this.board.repaint();
    return true;
  }

  remove() {
    return this.back();
  }

  paint(pen, view) {
    if (this.#points.length === 0) return;
    const look = this.board.newLook();
    const places = [...this.#points, ...(this.#at ? [[this.#at.x, this.#at.y]] : [])].map(
      ([x, y]) => [(x - view.left) * view.scale, (y - view.top) * view.scale],
    );
    pen.save();
    pen.lineJoin = "round";
    pen.beginPath();
    for (const [x, y] of places) pen.lineTo(x, y);
    if (this.isClosed) {
      pen.globalAlpha = look.fill;
      pen.fillStyle = look.colour;
      pen.fill();
      pen.globalAlpha = 1;
    }
    pen.strokeStyle = "rgb(255 255 255 / 80%)";
    pen.lineWidth = look.width + 2.5;
    pen.stroke();
    pen.strokeStyle = look.colour;
    pen.lineWidth = look.width;
    if (this.isCutting) pen.setLineDash([6, 4]);
    pen.stroke();
    pen.setLineDash([]);
    pen.fillStyle = this.isClosed && this.#at && this.#isClosing(this.#at) ? look.colour : "#fff";
    pen.lineWidth = 1.6;
    handle(pen, ...places[0], 5);
    pen.restore();
  }

  #push({ x, y, scale }, every) {
    const last = this.#points.at(-1);
    if (!last || Math.hypot(x - last[0], y - last[1]) * scale >= every) this.#points.push([x, y]);
  }

  #isClosing(at) {
    return this.isClosed && this.#points.length > 2 && away(at, this.#points[0]) <= CLOSING;
  }
}

function away({ x, y, scale }, [px, py]) {
  return Math.hypot(x - px, y - py) * scale;
}

export class LineTool extends PathTool {
  done(points) {
    this.board.add(shapeOf("polyline", [[ringOf(points)]]));
  }
}

export class PolygonTool extends PathTool {
  least = 3;
  isClosed = true;

  done(points) {
    const parts = areaOfPath(points);
    if (parts) this.board.add(areaLike(shapeOf("polygon", parts), parts));
  }
}

// Follows the pressed hand, and is done when it lets go.
export class FreehandTool extends PolygonTool {
  isDoneWhenLeft = true;
}

// Cuts what it goes around out of the selected area, or of the one that it begins in.
export class HoleTool extends PathTool {
  least = 3;
  isClosed = true;
  isDoneWhenLeft = true;
  isCutting = true;

  done(points) {
    const cut = areaOfPath(points);
    const shape = cut && this.#target(points);
    if (!shape) return;
    const parts = difference(shape.parts, cut);
    this.board.put(shape.key, parts.length ? areaLike(shape, parts) : null);
  }

  #target(points) {
    const { all, chosen } = this.board.areas();
    const [x, y] = points[0];
    return shapeAt(chosen, x, y, 0) ?? chosen.at(-1) ?? shapeAt(all, x, y, 0);
  }
}

// A way around that crosses itself is the area of all its loops.
function areaOfPath(points) {
  const ring = ringOf(points);
  const parts = untangled(ring);
  if (parts.length === 0) return null;
  const isPlain = parts.length === 1 && parts[0].length === 1;
  const isSame =
    isPlain && Math.abs(signedArea(ring)) >= 0.9999 * Math.abs(signedArea(parts[0][0]));
  return isSame && parts[0][0].length === ring.length ? [[ring]] : parts;
}
