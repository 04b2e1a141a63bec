// Areas joined and cut, by Clipper on whole numbers: hundredths of a level-0 pixel. Corners that
// stay are given back exactly as they were.

import { Clipper64, PolyTree64 } from "../clipper2/Engine.js";
import { ClipType, FillRule, PathType } from "../clipper2/Core.js";

const SCALE = 100;
const ROUND_CORNERS = 32;

export function union(parts, added) {
  return combined(ClipType.Union, parts, added);
}

export function difference(parts, taken) {
  return combined(ClipType.Difference, parts, taken);
}

// Without crossings of its own outline: a loop that was drawn across itself stays filled.
export function untangled(ring) {
  return combined(ClipType.Union, [[ring]], [], FillRule.NonZero);
}

function combined(type, subject, clip, rule = FillRule.EvenOdd) {
  const known = new Map();
  const clipper = new Clipper64();
  // Parts of one shape may touch each other, but not lie on each other, except in a stroke.
  clipper.addPaths(paths(subject, known), PathType.Subject);
  if (clip.length) clipper.addPaths(paths(clip, known), PathType.Clip);
  return made(clipper, type, rule, known);
}

function made(clipper, type, rule, known) {
  const tree = new PolyTree64();
  clipper.execute(type, rule, tree);
  const parts = [];
  collect(tree, parts, known);
  return parts;
}

function paths(parts, known) {
  return parts.flat().map((ring) => {
    const path = new Array(ring.length / 2);
    for (let i = 0; i < path.length; i += 1) {
      const [x, y] = [ring[2 * i], ring[2 * i + 1]];
      const point = { x: Math.round(x * SCALE), y: Math.round(y * SCALE), z: 0 };
      known.set(nameOf(point), [x, y]);
      path[i] = point;
    }
    return path;
  });
}

function nameOf({ x, y }) {
  return x * 2 ** 27 + y;
}

function collect(node, parts, known) {
  for (let i = 0; i < node.count; i += 1) {
    const outer = node.child(i);
    const part = [ringOfPath(outer.poly, known)];
    parts.push(part);
    for (let j = 0; j < outer.count; j += 1) {
      const hole = outer.child(j);
      part.push(ringOfPath(hole.poly, known));
      collect(hole, parts, known);
    }
  }
}

function ringOfPath(path, known) {
  const ring = new Float64Array(2 * path.length);
  path.forEach((point, i) => {
    const there = known.get(nameOf(point));
    ring[2 * i] = there ? there[0] : point.x / SCALE;
    ring[2 * i + 1] = there ? there[1] : point.y / SCALE;
  });
  return ring;
}

// What a round brush covers that was drawn through points.
export function strokeArea(points, radius) {
  const clipper = new Clipper64();
  clipper.addPaths(capsules(points, radius), PathType.Subject);
  return made(clipper, ClipType.Union, FillRule.NonZero, new Map());
}

function capsules(points, radius) {
  if (points.length === 1) return [capsule(points[0], points[0], radius)];
  return points.slice(1).map((to, i) => capsule(points[i], to, radius));
}

// A way from a to b with a round end at each. Corners have the same angles everywhere, so that
// capsules that follow each other share theirs; the two that are farthest from the way are at both.
function capsule([ax, ay], [bx, by], radius) {
  const step = (2 * Math.PI) / ROUND_CORNERS;
  const last = Math.round((Math.atan2(by - ay, bx - ax) + Math.PI / 2) / step);
  const path = [];
  const put = (x, y, i) => {
    const [dx, dy] = [radius * Math.cos(i * step), radius * Math.sin(i * step)];
    path.push({ x: Math.round((x + dx) * SCALE), y: Math.round((y + dy) * SCALE), z: 0 });
  };
  const half = ROUND_CORNERS / 2;
  for (let i = last - half; i <= last; i += 1) put(bx, by, i);
  for (let i = last; i <= last + half; i += 1) put(ax, ay, i);
  return path;
}

// Points of a hand's way without those that a line through their neighbours tells as well.
export function simplified(points, tolerance) {
  if (points.length < 3) return points;
  const keep = new Uint8Array(points.length);
  keep[0] = keep[points.length - 1] = 1;
  const spans = [[0, points.length - 1]];
  while (spans.length) {
    const [first, last] = spans.pop();
    const [far, distance] = farthest(points, first, last);
    if (distance > tolerance) {
      keep[far] = 1;
      spans.push([first, far], [far, last]);
    }
  }
  return points.filter((_, i) => keep[i]);
}

function farthest(points, first, last) {
  const [ax, ay] = points[first];
  const [dx, dy] = [points[last][0] - ax, points[last][1] - ay];
  const square = dx * dx + dy * dy;
  let [far, most] = [first, -1];
  for (let i = first + 1; i < last; i += 1) {
    const [x, y] = [points[i][0] - ax, points[i][1] - ay];
    const share = square ? Math.min(1, Math.max(0, (x * dx + y * dy) / square)) : 0;
    const away = Math.hypot(x - share * dx, y - share * dy);
    if (away > most) [far, most] = [i, away];
  }
  return [far, most];
}
