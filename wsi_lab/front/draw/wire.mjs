// Shapes as the lab's interface words them.

import {
  boxOf,
  geometryText,
  lineOrArea,
  partsOf,
  sameLabels,
  sameShape,
  shapeOf,
} from "./shapes.mjs";

const NEAR = 0.011;

const TEXTS = new WeakMap();

// What is sent, as JSON: labels by their names, and no key where there is to be none. Kept with the
// shape: outlines of 40,000 corners are put into words once, for the browser's own store and for
// the lab.
export function itemText(shape, key = shape.key) {
  const { kind, labels, properties } = shape;
  const about = JSON.stringify({ key: key ?? undefined, kind, labels, properties });
  if (!TEXTS.has(shape)) TEXTS.set(shape, geometryText(shape));
  return `${about.slice(0, -1)},"geometry":${TEXTS.get(shape)}}`;
}

// What came, or `null` where it has no place of its own.
export function shapeOfItem(item, key) {
  const parts = item.geometry && partsOf(item.geometry);
  if (!parts?.length) return null;
  const known = ["point", "polyline", "polygon", "rectangle", "ellipse", "brush"];
  const kind = known.includes(item.kind) ? item.kind : lineOrArea(item.geometry);
  const labels = (item.labels ?? []).map((label) => label.name ?? label);
  return shapeOf(kind, parts, { key, labels, properties: item.properties ?? {} });
}

// Whether two shapes are the same but for how numbers are rounded and an ellipse is told.
export function alike(a, b) {
  if (!a || !b) return !a && !b;
  if (sameShape(a, b)) return true;
  if (a.kind !== b.kind || !sameLabels(a, b)) return false;
  if (a.kind === "ellipse") return isNear(boxOf(a), boxOf(b));
  const [rings, others] = [a.parts.flat(), b.parts.flat()];
  return rings.length === others.length && rings.every((ring, i) => isNear(ring, others[i]));
}

function isNear(a, b) {
  return a.length === b.length && a.every((value, i) => Math.abs(value - b[i]) <= NEAR);
}
