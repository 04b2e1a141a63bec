// Tools that make shapes with few clicks: points, rectangles, ellipses.
//
// A tool hears of the hand by `down`, `drag`, `up` and `hover` with { x, y, scale, shift, alt } (x
// and y in level-0 pixels, scale as in a view), by `leave`, and by `cancel`, `finish`, `back` and
// `remove`, which tell whether there was anything to be done. `down` tells whether it takes the
// hand at all; where not, a drag moves the view, and a press without one is a `click`.

import { paintShape } from "./painting.mjs";
import { ellipse, rectangle, ringOf, shapeOf } from "./shapes.mjs";

export class Tool {
  cursor = "crosshair";
  // Whether `drag` is to hear of all places that the hand came through, or of the last one only.
  followsTheWay = false;

  constructor(board) {
    this.board = board;
  }

  down() {
    return true;
  }

  drag() {}
  up() {}
  hover() {}
  leave() {}
  click() {}

  cancel() {
    return false;
  }

  finish() {
    return false;
  }

  back() {
    return false;
  }

  // Removes what is held; tells whether there was anything.
  remove() {
    return false;
  }

  paint() {}
}

export class PointTool extends Tool {
  down({ x, y }) {
    this.board.add(shapeOf("point", [[ringOf([[x, y]])]]));
    return true;
  }
}

const DRAW_BOX = { rectangle, ellipse };
const SMALLEST = 3;

// Dragged from corner to corner, or clicked at both; with Shift a square or a circle.
export class BoxTool extends Tool {
  #from = null;
  #to = null;
  #isDragged = false;

  constructor(board, kind) {
    super(board);
    this.kind = kind;
  }

  down(at) {
    if (this.#from) {
      this.#to = at;
      this.#isDragged = true;
    } else {
      this.#from = this.#to = at;
      this.#isDragged = false;
    }
    return true;
  }

  drag(at) {
    this.#to = at;
    this.#isDragged ||= this.#size() >= SMALLEST;
    this.board.repaint();
  }

  hover(at) {
    if (!this.#from) return;
    this.#to = at;
    this.board.repaint();
  }

  up() {
    if (this.#isDragged) this.finish();
  }

  finish() {
    if (!this.#from) return false;
    const shape = this.#size() >= SMALLEST ? this.#shape() : null;
    this.cancel();
    if (shape) this.board.add(shape);
    return true;
  }

  cancel() {
    const had = this.#from !== null;
    this.#from = this.#to = null;
    this.board.repaint();
    return had;
  }

  paint(pen, view) {
    if (this.#from) paintShape(pen, this.#shape(), view, this.board.newLook());
  }

  #size() {
    const { x, y, scale } = this.#to;
    return Math.min(Math.abs(x - this.#from.x), Math.abs(y - this.#from.y)) * scale;
  }

  #shape() {
    const { x, y } = this.#from;
    let [dx, dy] = [this.#to.x - x, this.#to.y - y];
    if (this.#to.shift) {
      const side = Math.max(Math.abs(dx), Math.abs(dy));
      [dx, dy] = [Math.sign(dx || 1) * side, Math.sign(dy || 1) * side];
    }
    return shapeOf(this.kind, DRAW_BOX[this.kind](x, y, x + dx, y + dy));
  }
}
