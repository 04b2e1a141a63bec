// Tools that choose shapes, move them and their corners.

import { nearestEdge, nearestVertex } from "./hitting.mjs";
import { Tool } from "./making.mjs";
import { paintHandles } from "./painting.mjs";
import { forgetPieces } from "./pieces.mjs";
import {
  boxOf,
  ellipse,
  isUpright,
  moved,
  onGrid,
  rectangle,
  ringsOf,
  shapeOf,
  withParts,
  withRing,
} from "./shapes.mjs";

const CORNER_REACH = 8;
const EDGE_REACH = 6;
const SLIP = 3;

// Clicks choose, drags move what is chosen or, elsewhere, the view.
export class MoveTool extends Tool {
  cursor = "grab";
  #from = null;
  #shapes = [];
  #isMoving = false;

  down(at) {
    const shape = this.board.shapeAt(at);
    if (!shape || !this.board.selected.has(shape.key) || !this.board.mayEdit(shape.key)) {
      return false;
    }
    this.#shapes = this.board.chosen().filter(({ key }) => this.board.mayEdit(key));
    this.#from = at;
    this.#isMoving = false;
    return true;
  }

  drag(at) {
    const { x, y } = this.#from;
    this.#isMoving ||= Math.hypot(at.x - x, at.y - y) * at.scale > SLIP;
    if (!this.#isMoving) return;
    this.board.preview(this.#shapes.map((shape) => moved(shape, at.x - x, at.y - y)));
  }

  up(at) {
    if (!this.#from) return;
    if (this.#isMoving) this.board.keepPreview();
    else this.click(at);
    this.#from = null;
  }

  click(at) {
    this.board.choose(this.board.shapeAt(at), at.shift);
  }

  cancel() {
    const had = this.#isMoving && this.#from !== null;
    this.#from = null;
    this.#isMoving = false;
    if (had) this.board.preview([]);
    return had;
  }
}

// Takes hold of corners; on an edge it makes a corner first. Rectangles and ellipses are pulled
// at the corners of their boxes.
export class EditTool extends Tool {
  cursor = "default";
  #held = null;
  #active = null;
  #isMoved = false;
  #mover;

  constructor(board) {
    super(board);
    this.#mover = new MoveTool(board);
  }

  down(at) {
    const shape = this.#shape();
    const found = shape && this.#find(shape, at);
    if (!found) {
      this.#active = null;
      this.#held = this.#mover.down(at) ? "shape" : null;
      return this.#held !== null;
    }
    if (at.alt && found.kind === "vertex") {
      this.#remove(shape, found);
      return true;
    }
    this.#held = this.#hold(shape, found);
    this.#isMoved = false;
    this.board.repaint();
    return true;
  }

  drag(at) {
    if (this.#held === "shape") this.#mover.drag(at);
    else if (this.#held) {
      this.#isMoved = true;
      this.#pull(at);
    }
  }

  up(at) {
    if (this.#held === "shape") this.#mover.up(at);
    else if (this.#held && this.#isMoved) this.board.keepPreview();
    else this.board.preview([]);
    this.#held = null;
  }

  click(at) {
    this.#active = null;
    this.board.choose(this.board.shapeAt(at), at.shift);
  }

  hover(at) {
    const shape = this.#shape();
    const found = shape && this.#find(shape, at);
    this.board.pointer(found ? (found.kind === "edge" ? "copy" : "pointer") : "default");
  }

  cancel() {
    const had = this.#held !== null;
    this.#held = null;
    this.#mover.cancel();
    if (had) this.board.preview([]);
    else if (this.#active) {
      this.#active = null;
      this.board.repaint();
      return true;
    }
    return had;
  }

  remove() {
    const shape = this.#shape();
    if (!shape || !this.#active) return false;
    this.#remove(shape, this.#active);
    return true;
  }

  // To the next corner, or the one before, by keys.
  step(direction) {
    const shape = this.#shape();
    if (!shape) return false;
    const { ring = 0, i = direction > 0 ? -1 : 0 } = this.#active ?? {};
    const corners = this.#corners(shape);
    const count = corners[ring].length / 2;
    const next = (i + direction + count) % count;
    this.#active = { kind: "vertex", ring, i: next, ...placeOf(corners[ring], next) };
    this.board.show(this.#active);
    return true;
  }

  // Moves the corner that is taken by so many level-0 pixels, or what is chosen.
  nudge(dx, dy) {
    const shape = this.#shape();
    if (!shape) return false;
    if (!this.#active) {
      this.board.commit([[shape.key, moved(shape, dx, dy)]]);
      return true;
    }
    this.#held = this.#hold(shape, this.#active);
    this.#pull({ x: this.#active.x + dx, y: this.#active.y + dy });
    this.board.keepPreview();
    this.#held = null;
    return true;
  }

  paint(pen, view) {
    const shape = this.board.shown(this.#shape()?.key);
    if (!shape) return;
    const look = this.board.lookOf(shape);
    const at = isUpright(shape) ? boxShape(shape) : shape;
    paintHandles(pen, at, view, look.colour, this.#active);
  }

  #shape() {
    const chosen = this.board.chosen();
    return chosen.length === 1 && this.board.mayEdit(chosen[0].key) ? chosen[0] : null;
  }

  #corners(shape) {
    return ringsOf(isUpright(shape) ? boxShape(shape) : shape);
  }

  #find(shape, { x, y, scale }) {
    if (isUpright(shape)) {
      const corner = nearestVertex(boxShape(shape), x, y, CORNER_REACH / scale);
      return corner && { kind: "vertex", ...corner };
    }
    const corner = nearestVertex(shape, x, y, CORNER_REACH / scale);
    if (corner) return { kind: "vertex", ...corner };
    const edge = nearestEdge(shape, x, y, EDGE_REACH / scale);
    return edge && { kind: "edge", ...edge };
  }

  // A copy of the ring, which the hand changes in place: outlines of 40,000 corners are not
  // copied anew for every move.
  #hold(shape, found) {
    if (isUpright(shape)) {
      const box = boxOf(shape);
      const isLeft = found.i === 0 || found.i === 3;
      const isTop = found.i < 2;
      this.#active = { ...found };
      return { shape, fixed: [isLeft ? box[2] : box[0], isTop ? box[3] : box[1]] };
    }
    const old = ringsOf(shape)[found.ring];
    const isNew = found.kind === "edge";
    const ring = isNew ? withCorner(old, found.i + 1, found.x, found.y) : old.slice();
    const i = isNew ? found.i + 1 : found.i;
    this.#active = { kind: "vertex", ring: found.ring, i, ...placeOf(ring, i) };
    return { shape, ring, place: found.ring, i };
  }

  #pull({ x, y }) {
    const { shape, fixed, ring, place, i } = this.#held;
    const [toX, toY] = [onGrid(x), onGrid(y)];
    this.#active = { ...this.#active, x: toX, y: toY };
    if (fixed) {
      const drawn = shape.kind === "ellipse" ? ellipse : rectangle;
      const [left, right] = [fixed[0], toX].sort((a, b) => a - b);
      const [top, bottom] = [fixed[1], toY].sort((a, b) => a - b);
      this.board.preview([withParts(shape, drawn(left, top, right, bottom))]);
      return;
    }
    ring[2 * i] = toX;
    ring[2 * i + 1] = toY;
    forgetPieces(ring);
    this.board.preview([withRing(shape, place, ring)]);
  }

  #remove(shape, { ring: place, i }) {
    this.#active = null;
    this.board.repaint();
    if (isUpright(shape)) return;
    const ring = ringsOf(shape)[place];
    const least = shape.dimension + 1;
    const left = ring.filter((_, k) => Math.floor(k / 2) !== i);
    if (left.length / 2 >= least) this.board.commit([[shape.key, withRing(shape, place, left)]]);
    else this.board.commit([[shape.key, withoutRing(shape, place)]]);
  }
}

function placeOf(ring, i) {
  return { x: ring[2 * i], y: ring[2 * i + 1] };
}

function withCorner(ring, i, x, y) {
  const wider = new Float64Array(ring.length + 2);
  wider.set(ring.subarray(0, 2 * i));
  wider.set([onGrid(x), onGrid(y)], 2 * i);
  wider.set(ring.subarray(2 * i), 2 * i + 2);
  return wider;
}

// Without a hole, or without a part when it is the outline; `null` when nothing is left.
function withoutRing(shape, ringPlace) {
  let place = 0;
  const parts = [];
  for (const part of shape.parts) {
    const first = place;
    place += part.length;
    if (ringPlace === first) continue;
    parts.push(part.filter((_, i) => first + i !== ringPlace));
  }
  return parts.length ? withParts(shape, parts) : null;
}

function boxShape(shape) {
  return shapeOf("rectangle", rectangle(...boxOf(shape)), { key: shape.key });
}
