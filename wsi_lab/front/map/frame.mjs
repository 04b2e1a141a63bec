// The only place of the browser's half where map units become level-0 pixels: lng is x, lat is -y,
// and zoom 0 is full resolution. Everything that crosses to Python is in level-0 pixels.

export function toPixels(latlng) {
  return { x: latlng.lng, y: 0 - latlng.lat };
}

export function toMap({ x, y }) {
  return { lat: 0 - y, lng: x };
}

// Level-0 pixels per pixel of the screen.
export function downsampleOf(zoom) {
  return 2 ** -zoom;
}

export function zoomOf(downsample) {
  return -Math.log2(downsample);
}

// The zoom at which a rectangle of level-0 pixels fills a view of screen pixels, with a margin.
export function zoomToFit(rectangle, view, margin = 0.04) {
  const room = 1 - margin;
  return Math.min(
    Math.log2((view.width * room) / rectangle.width),
    Math.log2((view.height * room) / rectangle.height),
  );
}

export function insideSlide({ x, y }, slide) {
  return x >= 0 && y >= 0 && x < slide.width && y < slide.height;
}

export function clampToSlide({ x, y }, slide) {
  return {
    x: Math.min(Math.max(x, 0), slide.width),
    y: Math.min(Math.max(y, 0), slide.height),
  };
}
