// Draws tiles on whole pixels of the screen, each to where the next begins. OpenSeadragon's own
// way is to stretch every tile by a pixel against seams, which blurs what is shown one to one.

/* global OpenSeadragon */

const EPSILON = 1e-6;

export class WholePixels extends OpenSeadragon.CanvasDrawer {
  draw(images) {
    for (const image of images) {
      if (isParallel(image)) for (const { tile } of image.getTilesToDraw()) snap(tile);
    }
    super.draw(images);
  }

  minimumOverlapRequired(image) {
    return !isParallel(image);
  }
}

// Whether pixels of the slide are parallel to those of the screen.
function isParallel({ viewport }) {
  return viewport.getRotation(true) % 90 === 0;
}

function snap({ position, size }) {
  const right = whole(position.x + size.x);
  const bottom = whole(position.y + size.y);
  position.x = whole(position.x);
  position.y = whole(position.y);
  size.x = right - position.x;
  size.y = bottom - position.y;
}

function whole(length) {
  const perPixel = OpenSeadragon.pixelDensityRatio;
  return Math.round(length * perPixel + EPSILON) / perPixel;
}
