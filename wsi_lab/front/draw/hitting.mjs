// What lies under a point. Places are in level-0 pixels.

import { PIECE, piecesOf, touches } from "./pieces.mjs";
import { boxOf, ringsOf } from "./shapes.mjs";

// The topmost of shapes, which are listed as they lie on each other, or `null`.
export function shapeAt(shapes, x, y, radius) {
  for (let i = shapes.length - 1; i >= 0; i -= 1) {
    if (isHit(shapes[i], x, y, radius)) return shapes[i];
  }
  return null;
}

export function isHit(shape, x, y, radius) {
  const [left, top, right, bottom] = boxOf(shape);
  if (x < left - radius || x > right + radius || y < top - radius || y > bottom + radius) {
    return false;
  }
  return (shape.dimension === 2 && isInside(shape, x, y)) || isNearLine(shape, x, y, radius);
}

// Even-odd over all rings: holes are outside.
export function isInside(shape, x, y) {
  let inside = false;
  for (const ring of ringsOf(shape)) {
    if (crossings(ring, x, y) % 2 === 1) inside = !inside;
  }
  return inside;
}

function crossings(ring, x, y) {
  const boxes = piecesOf(ring);
  const corners = ring.length / 2;
  let count = 0;
  for (let piece = 0; 4 * piece < boxes.length; piece += 1) {
    const [top, right, bottom] = boxes.subarray(4 * piece + 1, 4 * piece + 4);
    if (y < top || y > bottom || x > right) continue;
    const last = Math.min((piece + 1) * PIECE, corners);
    for (let i = piece * PIECE; i < last; i += 1) {
      const j = i + 1 === corners ? 0 : i + 1;
      const [ay, by] = [ring[2 * i + 1], ring[2 * j + 1]];
      if (ay > y === by > y) continue;
      const at = ring[2 * i] + ((y - ay) / (by - ay)) * (ring[2 * j] - ring[2 * i]);
      if (at > x) count += 1;
    }
  }
  return count;
}

function isNearLine(shape, x, y, radius) {
  return nearestEdge(shape, x, y, radius) !== null || nearestVertex(shape, x, y, radius) !== null;
}

// { ring, i, x, y, distance } of the nearest corner within reach, or `null`.
export function nearestVertex(shape, x, y, radius) {
  let best = null;
  let least = radius * radius;
  forPieces(shape, x, y, radius, (ring, place, first, last) => {
    for (let i = first; i < last; i += 1) {
      const square = (ring[2 * i] - x) ** 2 + (ring[2 * i + 1] - y) ** 2;
      if (square <= least) {
        least = square;
        best = { ring: place, i, x: ring[2 * i], y: ring[2 * i + 1], distance: Math.sqrt(square) };
      }
    }
  });
  return best;
}

// { ring, i, x, y, distance } of the nearest point of an edge, that begins at corner i, or `null`.
export function nearestEdge(shape, x, y, radius) {
  if (shape.dimension === 0) return null;
  let best = null;
  let least = radius * radius;
  forPieces(shape, x, y, radius, (ring, place, first, last) => {
    const corners = ring.length / 2;
    for (let i = first; i < last; i += 1) {
      if (i + 1 === corners && shape.dimension === 1) break;
      const j = i + 1 === corners ? 0 : i + 1;
      const [ax, ay] = [ring[2 * i], ring[2 * i + 1]];
      const [dx, dy] = [ring[2 * j] - ax, ring[2 * j + 1] - ay];
      const square = dx * dx + dy * dy;
      const along = square ? ((x - ax) * dx + (y - ay) * dy) / square : 0;
      const share = Math.min(1, Math.max(0, along));
      const [px, py] = [ax + share * dx, ay + share * dy];
      const away = (px - x) ** 2 + (py - y) ** 2;
      if (away <= least) {
        least = away;
        best = { ring: place, i, x: px, y: py, distance: Math.sqrt(away) };
      }
    }
  });
  return best;
}

function forPieces(shape, x, y, radius, look) {
  const reach = [x - radius, y - radius, x + radius, y + radius];
  ringsOf(shape).forEach((ring, place) => {
    const boxes = piecesOf(ring);
    for (let piece = 0; 4 * piece < boxes.length; piece += 1) {
      if (!touches(boxes, piece, reach)) continue;
      look(ring, place, piece * PIECE, Math.min((piece + 1) * PIECE, ring.length / 2));
    }
  });
}
