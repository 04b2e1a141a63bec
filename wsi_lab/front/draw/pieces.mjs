// Rings in pieces of so many corners, each with its box: what lies beside a view or a point is
// passed over piece by piece, so that outlines of 100,000 corners cost what is seen of them.

import { widen } from "./shapes.mjs";

export const PIECE = 64;

const PIECES = new WeakMap();

// Boxes [left, top, right, bottom] one after the other; each holds the first corner of the next
// piece too, and the last one of a ring that is closed holds the ring's first corner.
export function piecesOf(ring) {
  let boxes = PIECES.get(ring);
  if (!boxes) {
    boxes = measured(ring);
    PIECES.set(ring, boxes);
  }
  return boxes;
}

// A ring was changed in place, which only the hand that holds a corner of its own copy does.
export function forgetPieces(ring) {
  PIECES.delete(ring);
}

function measured(ring) {
  const count = Math.ceil(ring.length / 2 / PIECE);
  const boxes = new Float64Array(4 * count);
  for (let i = 0; i < count; i += 1) {
    const box = [Infinity, Infinity, -Infinity, -Infinity];
    widen(box, ring, 2 * PIECE * i, Math.min(2 * PIECE * (i + 1) + 2, ring.length));
    if (i === count - 1) widen(box, ring, 0, 2);
    boxes.set(box, 4 * i);
  }
  return boxes;
}

export function touches(boxes, i, [left, top, right, bottom]) {
  return (
    boxes[4 * i] <= right &&
    boxes[4 * i + 2] >= left &&
    boxes[4 * i + 1] <= bottom &&
    boxes[4 * i + 3] >= top
  );
}
