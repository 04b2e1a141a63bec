// Shapes as they are drawn: parts of rings in level-0 pixels, and GeoJSON in and out. A shape is
// never changed: an edit makes another one, which shares the rings that stayed.
//
// { key, kind, dimension, parts, labels, properties }: `parts` are lists of Float64Array
// [x0, y0, x1, y1, …]. Of an area, the first ring of a part is its outline and the others are
// holes, none closed by a repeated corner; a line or a point is a part of one ring.

const GRID = 100;
const ELLIPSE_CORNERS = 96;

// A name of one's own for a shape. (`crypto.randomUUID` is only there under https.)
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

export function shapeOf(kind, parts, { key = newKey(), labels = [], properties = {} } = {}) {
  return { key, kind, dimension: dimensionOf(kind, parts), parts, labels, properties };
}

function dimensionOf(kind, parts) {
  if (kind === "point" || parts.every(([ring]) => ring.length === 2)) return 0;
  return kind === "polyline" ? 1 : 2;
}

// What a hand can tell: hundredths of a level-0 pixel.
export function onGrid(value) {
  return Math.round(value * GRID) / GRID;
}

export function ringOf(points) {
  const ring = new Float64Array(2 * points.length);
  points.forEach(([x, y], i) => {
    ring[2 * i] = onGrid(x);
    ring[2 * i + 1] = onGrid(y);
  });
  return ring;
}

export function rectangle(x0, y0, x1, y1) {
  const [left, right] = x0 < x1 ? [x0, x1] : [x1, x0];
  const [top, bottom] = y0 < y1 ? [y0, y1] : [y1, y0];
  const corners = [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
  ];
  return [[ringOf(corners)]];
}

// Within a box, whose sides it touches exactly.
export function ellipse(x0, y0, x1, y1) {
  const [a, b] = [(x1 - x0) / 2, (y1 - y0) / 2];
  const corners = Array.from({ length: ELLIPSE_CORNERS }, (_, i) => {
    const angle = (2 * Math.PI * i) / ELLIPSE_CORNERS;
    return [x0 + a + a * Math.cos(angle), y0 + b + b * Math.sin(angle)];
  });
  return [[ringOf(corners)]];
}

export function ringsOf(shape) {
  return shape.parts.flat();
}

const BOXES = new WeakMap();

// [left, top, right, bottom]
export function boxOf(shape) {
  let box = BOXES.get(shape);
  if (!box) {
    box = [Infinity, Infinity, -Infinity, -Infinity];
    for (const ring of ringsOf(shape)) widen(box, ring);
    BOXES.set(shape, box);
  }
  return box;
}

export function boxesMeet(a, b) {
  return a[0] <= b[2] && a[2] >= b[0] && a[1] <= b[3] && a[3] >= b[1];
}

export function widen(box, ring, first = 0, last = ring.length) {
  for (let i = first; i < last; i += 2) {
    const x = ring[i];
    const y = ring[i + 1];
    if (x < box[0]) box[0] = x;
    if (x > box[2]) box[2] = x;
    if (y < box[1]) box[1] = y;
    if (y > box[3]) box[3] = y;
  }
}

// In square level-0 pixels, holes taken off.
export function areaOf(shape) {
  if (shape.dimension < 2) return 0;
  let sum = 0;
  for (const part of shape.parts) {
    part.forEach((ring, i) => {
      sum += (i === 0 ? 1 : -1) * Math.abs(signedArea(ring));
    });
  }
  return sum;
}

export function signedArea(ring) {
  const [x0, y0] = ring;
  let twice = 0;
  for (let i = 2; i + 3 < ring.length; i += 2) {
    twice += (ring[i] - x0) * (ring[i + 3] - y0) - (ring[i + 2] - x0) * (ring[i + 1] - y0);
  }
  return twice / 2;
}

export function withParts(shape, parts, kind = shape.kind) {
  return { ...shape, kind, parts, dimension: dimensionOf(kind, parts) };
}

export function withRing(shape, ringPlace, ring) {
  let place = 0;
  const parts = shape.parts.map((part) => part.map((old) => (place++ === ringPlace ? ring : old)));
  return withParts(shape, parts);
}

export function moved(shape, dx, dy) {
  const step = [dx, dy];
  const parts = shape.parts.map((part) =>
    part.map((ring) => ring.map((value, i) => onGrid(value + step[i % 2]))),
  );
  return withParts(shape, parts);
}

export function isUpright(shape) {
  if (shape.kind !== "rectangle" && shape.kind !== "ellipse") return false;
  const rings = ringsOf(shape);
  if (rings.length !== 1 || (shape.kind === "rectangle" && rings[0].length !== 8)) return false;
  const box = boxOf(shape);
  const drawn = { rectangle, ellipse }[shape.kind](...box);
  // An ellipse that came from elsewhere may have other corners, but its area tells what it is.
  return Math.abs(areaOf(shape) - Math.abs(signedArea(drawn[0][0]))) <= 0.01 * areaOf(shape);
}

// An area of rings as a boolean made them; a polygon has no holes in Slide Score.
export function areaLike(shape, parts) {
  const isPlain = parts.length === 1 && parts[0].length === 1 && shape.kind !== "brush";
  return withParts(shape, parts, isPlain ? "polygon" : "brush");
}

const TYPES = ["Point", "LineString", "Polygon"];

// Its GeoJSON as text, made without the lists it would be made of.
export function geometryText({ dimension, parts }) {
  const texts = parts.map((part) => {
    if (dimension === 0) return pairText(part[0], 0);
    if (dimension === 1) return ringText(part[0]);
    return `[${part.map((ring) => ringText(ring, pairText(ring, 0))).join(",")}]`;
  });
  const isOne = texts.length === 1;
  const type = isOne ? TYPES[dimension] : `Multi${TYPES[dimension]}`;
  return `{"type":"${type}","coordinates":${isOne ? texts[0] : `[${texts.join(",")}]`}}`;
}

// `last`: the text of a corner that closes it, or nothing.
function ringText(ring, last = "") {
  let text = "";
  for (let i = 0; i < ring.length; i += 2) text += `${i ? "," : ""}${pairText(ring, i)}`;
  return last ? `[${text},${last}]` : `[${text}]`;
}

function pairText(ring, i) {
  return `[${ring[i]},${ring[i + 1]}]`;
}

// `null` for what has no place or is a mixture.
export function partsOf(json) {
  switch (json?.type) {
    case "Point":
      return json.coordinates.length ? [[flat([json.coordinates])]] : null;
    case "MultiPoint":
      return json.coordinates.map((point) => [flat([point])]);
    case "LineString":
      return json.coordinates.length ? [[flat(json.coordinates)]] : null;
    case "MultiLineString":
      return json.coordinates.map((line) => [flat(line)]);
    case "Polygon":
      return json.coordinates.length ? [json.coordinates.map(open)] : null;
    case "MultiPolygon":
      return json.coordinates.map((part) => part.map(open));
    default:
      return null;
  }
}

export function lineOrArea(json) {
  if (json.type.endsWith("Point")) return "point";
  return json.type.endsWith("LineString") ? "polyline" : "polygon";
}

function flat(points) {
  const ring = new Float64Array(2 * points.length);
  points.forEach((point, i) => {
    ring[2 * i] = point[0];
    ring[2 * i + 1] = point[1];
  });
  return ring;
}

function open(points) {
  const [first, last] = [points[0], points.at(-1)];
  const isClosed = points.length > 1 && first[0] === last[0] && first[1] === last[1];
  return flat(isClosed ? points.slice(0, -1) : points);
}

// Whether all labels of a shape are among those that are hidden, where "" stands for none.
export function isHiddenBy(hidden, names) {
  return (names.length ? names : [""]).every((name) => hidden.has(name));
}

export function sameLabels(a, b) {
  return JSON.stringify([...a.labels].sort()) === JSON.stringify([...b.labels].sort());
}

// Whether two shapes say the same, whatever objects they are.
export function sameShape(a, b) {
  if (a === b) return true;
  if (!a || !b || a.kind !== b.kind || a.parts.length !== b.parts.length) return false;
  if (!sameLabels(a, b)) return false;
  return a.parts.every(
    (part, i) =>
      part.length === b.parts[i].length && part.every((ring, j) => sameRing(ring, b.parts[i][j])),
  );
}

function sameRing(a, b) {
  return a === b || (a.length === b.length && a.every((value, i) => value === b[i]));
}
