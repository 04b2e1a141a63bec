// Shapes on a canvas. A view is { left, top, scale, width, height }: the level-0 pixel in its
// corner, pixels of the screen per level-0 pixel, and its size on the screen.

import { PIECE, piecesOf, touches } from "./pieces.mjs";
import { boxesMeet, boxOf, ringsOf } from "./shapes.mjs";

const STEP = 0.7;
const TOO_SMALL = 1.5;
const POINT_RADIUS = 5;
const HANDLE = 3.6;
const HANDLE_EVERY = 14;

export function viewBox({ left, top, scale, width, height }, margin = 0) {
  const [across, down] = [(width + margin) / scale, (height + margin) / scale];
  return [left - margin / scale, top - margin / scale, left + across, top + down];
}

// `look`: { colour, fill, width, isSelected, dash }
export function paintShape(pen, shape, view, look) {
  const box = viewBox(view, 24);
  if (!boxesMeet(boxOf(shape), box)) return 0;
  pen.save();
  pen.lineJoin = "round";
  pen.lineCap = "round";
  const drawn = shape.dimension === 0 ? paintPoints(pen, shape, view, look) : paintRings();
  pen.restore();
  return drawn;

  function paintRings() {
    const [left, top, right, bottom] = boxOf(shape);
    if ((right - left + bottom - top) * view.scale < TOO_SMALL) {
      pen.fillStyle = look.colour;
      pen.fillRect((left - view.left) * view.scale - 1, (top - view.top) * view.scale - 1, 2, 2);
      return 1;
    }
    pen.beginPath();
    const count = trace(pen, shape, view, box);
    if (shape.dimension === 2 && look.fill > 0) {
      pen.fillStyle = look.colour;
      pen.globalAlpha = look.fill;
      pen.fill("evenodd");
      pen.globalAlpha = 1;
    }
    outline(pen, look);
    return count;
  }
}

function outline(pen, look) {
  if (look.isSelected) {
    pen.strokeStyle = "rgb(255 255 255 / 85%)";
    pen.lineWidth = look.width + 3;
    pen.stroke();
  }
  if (look.dash) pen.setLineDash(look.dash);
  pen.strokeStyle = look.colour;
  pen.lineWidth = look.width;
  pen.stroke();
}

// The outlines of a shape as a path. Of pieces beside the view only their ends are drawn, which
// cannot be seen; in the view, corners closer than a pixel of the screen are one. Returns how
// many were drawn.
export function trace(pen, shape, view, box = viewBox(view, 24)) {
  let count = 0;
  for (const ring of ringsOf(shape)) {
    count += traceRing(pen, ring, view, box);
    if (shape.dimension === 2) pen.closePath();
  }
  return count;
}

function traceRing(pen, ring, { left, top, scale }, box) {
  const boxes = piecesOf(ring);
  const corners = ring.length / 2;
  let [lastX, lastY] = [Infinity, Infinity];
  let count = 0;
  for (let piece = 0; 4 * piece < boxes.length; piece += 1) {
    const first = piece * PIECE;
    const isSeen = touches(boxes, piece, box);
    const end = isSeen ? Math.min(first + PIECE, corners) : first + 1;
    for (let i = first; i < end; i += 1) {
      const x = (ring[2 * i] - left) * scale;
      const y = (ring[2 * i + 1] - top) * scale;
      const isNear = Math.abs(x - lastX) < STEP && Math.abs(y - lastY) < STEP;
      if (isNear && i !== corners - 1) continue;
      if (count === 0) pen.moveTo(x, y);
      else pen.lineTo(x, y);
      [lastX, lastY] = [x, y];
      count += 1;
    }
  }
  return count;
}

function paintPoints(pen, shape, view, look) {
  for (const [x, y] of ringsOf(shape)) {
    pen.beginPath();
    pen.arc((x - view.left) * view.scale, (y - view.top) * view.scale, POINT_RADIUS, 0, 7);
    pen.fillStyle = look.colour;
    pen.globalAlpha = 0.55;
    pen.fill();
    pen.globalAlpha = 1;
    outline(pen, look);
  }
  return shape.parts.length;
}

// Corners to take hold of, as far as there is room for them; `active` is drawn larger.
export function paintHandles(pen, shape, view, colour, active) {
  const box = viewBox(view);
  pen.save();
  pen.fillStyle = "#fff";
  pen.strokeStyle = colour;
  pen.lineWidth = 1.6;
  const taken = new Set();
  for (const ring of ringsOf(shape)) {
    const boxes = piecesOf(ring);
    for (let piece = 0; 4 * piece < boxes.length; piece += 1) {
      if (!touches(boxes, piece, box)) continue;
      const end = Math.min((piece + 1) * PIECE, ring.length / 2);
      for (let i = piece * PIECE; i < end; i += 1) {
        const x = (ring[2 * i] - view.left) * view.scale;
        const y = (ring[2 * i + 1] - view.top) * view.scale;
        const cell = Math.round(x / HANDLE_EVERY) * 2 ** 16 + Math.round(y / HANDLE_EVERY);
        if (taken.has(cell)) continue;
        taken.add(cell);
        handle(pen, x, y, HANDLE);
      }
    }
  }
  if (active) {
    pen.fillStyle = colour;
    handle(pen, (active.x - view.left) * view.scale, (active.y - view.top) * view.scale, 5.5);
  }
  pen.restore();
}

export function handle(pen, x, y, radius) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
  pen.fill();
  pen.stroke();
}
