// Where the view is: in the address of the page, and from one zoom to the next. Pure functions;
// level-0 pixels, and `downsample`, level-0 pixels per pixel of the screen.

const SMALLEST_DOWNSAMPLE = 1 / 8;

// The place that the part of an address after "#" names, or `null`.
export function placeIn(hash, { width, height }) {
  const said = new URLSearchParams(hash.replace(/^#/, ""));
  const [x, y, downsample] = ["x", "y", "downsample"].map((name) => Number(said.get(name) || NaN));
  const isOnSlide = x >= 0 && x <= width && y >= 0 && y <= height;
  if (!isOnSlide || !(downsample > 0 && downsample < Infinity)) return null;
  const rotation = Number(said.get("rotation") || 0);
  return { x, y, downsample, rotation: Number.isFinite(rotation) ? turned(rotation) : 0 };
}

export function hashOf({ x, y, downsample, rotation }) {
  const parts = [`x=${Math.round(x)}`, `y=${Math.round(y)}`];
  parts.push(`downsample=${Number(downsample.toPrecision(4))}`);
  if (turned(rotation)) parts.push(`rotation=${turned(rotation)}`);
  return `#${parts.join("&")}`;
}

// 0 ≤ degrees < 360.
export function turned(degrees) {
  return ((Math.round(degrees) % 360) + 360) % 360;
}

// The next halving or doubling, where stored pixels fall on whole ones or on fractions of them.
export function nextDownsample(downsample, direction) {
  const zoom = -Math.log2(downsample);
  const next = direction > 0 ? Math.floor(zoom + 1 + 1e-3) : Math.ceil(zoom - 1 - 1e-3);
  return 2 ** -next;
}

export function limited(downsample, fitting) {
  const largest = Math.max(fitting * 2, 1);
  return Math.min(largest, Math.max(SMALLEST_DOWNSAMPLE, downsample));
}
