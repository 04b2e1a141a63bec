// Where and how what is drawn lies on the screen: pure functions, no page. A matrix is that of a
// canvas, [a, b, c, d, e, f]: from level-0 pixels to pixels of the screen.

const NEAR = 8;
const HEAT_OPACITY = 0.6;
const [SMALLEST, USUAL, LARGEST] = [11, 14, 60];

export function placed([a, b, c, d, e, f], x, y) {
  return [a * x + c * y + e, b * x + d * y + f];
}

// How many pixels of the screen a level-0 pixel is wide.
export function magnified([a, b]) {
  return Math.hypot(a, b);
}

// The points within a screen, each once for every pixel of it.
export function dotsIn(points, matrix, { width, height }, margin) {
  const found = new Map();
  for (let at = 0; at < points.length; at += 2) {
    const [x, y] = placed(matrix, points[at], points[at + 1]);
    const isInside = x > -margin && y > -margin && x < width + margin && y < height + margin;
    const pixel = Math.round(x) + 100_000 * Math.round(y);
    if (isInside && !found.has(pixel)) found.set(pixel, [x, y]);
  }
  return [...found.values()];
}

// The words to write: those that are always shown, and those of what is pointed at, if anything.
export function wordsShown(words, pointer, perPixel) {
  return words.filter(
    ({ always, box }) => always || (pointer && isIn(box, pointer, NEAR / perPixel)),
  );
}

export function letterHeight(height, perPixel) {
  return height ? Math.min(LARGEST, Math.max(SMALLEST, height * perPixel)) : USUAL;
}

// The pixels of a heat map, red, green, blue and opacity in turn.
export function heatPixels(values, colour) {
  const parts = partsOf(colour);
  const bytes = atob(values);
  const pixels = new Uint8ClampedArray(4 * bytes.length);
  for (let at = 0; at < bytes.length; at += 1) {
    pixels.set([...parts, bytes.charCodeAt(at) * HEAT_OPACITY], 4 * at);
  }
  return pixels;
}

export function partsOf(colour) {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}

function isIn([x, y, width, height], pointer, near) {
  const isAcross = pointer.x >= x - near && pointer.x <= x + width + near;
  return isAcross && pointer.y >= y - near && pointer.y <= y + height + near;
}
