// Numbers as a microscopist reads them: pure functions, no page.

const STEPS = [1, 2, 5];

// The longest round length that fits into `room` pixels of the screen. `perPixel` is in
// micrometres, or in level-0 pixels where the slide's scale is not known.
export function scaleBar(perPixel, room, isKnown) {
  const most = perPixel * room;
  const decade = 10 ** Math.floor(Math.log10(most));
  const step = STEPS.findLast((each) => each * decade <= most * (1 + 1e-9)) ?? 1;
  const length = step * decade;
  return {
    width: length / perPixel,
    length,
    label: isKnown ? lengthText(length) : `${trimmed(length)} px`,
  };
}

export function lengthText(micrometres) {
  if (micrometres >= 1000) return `${trimmed(micrometres / 1000)} mm`;
  if (micrometres >= 1) return `${trimmed(micrometres)} µm`;
  return `${trimmed(micrometres * 1000)} nm`;
}

// Objective times zoom where the objective is known; told from the scale where only that is
// known (a 10x objective is taken to give 1 µm per pixel); else how large pixels are drawn.
export function magnification(objective, mpp, downsample) {
  if (objective) return `${threeDigits(objective / downsample)}×`;
  if (mpp) return `≈ ${threeDigits(10 / (mpp * downsample))}×`;
  return `${threeDigits(100 / downsample)} %`;
}

export function resolution(mpp, downsample) {
  if (!mpp) return `${threeDigits(downsample)} px/px`;
  return `${threeDigits(mpp * downsample)} µm/px`;
}

export function position({ x, y }) {
  return `x ${grouped(Math.floor(x))}  y ${grouped(Math.floor(y))}`;
}

function trimmed(number) {
  return String(Number(number.toPrecision(6)));
}

function threeDigits(number) {
  if (number >= 100) return grouped(Math.round(number));
  return String(Number(number.toPrecision(3)));
}

function grouped(whole) {
  // A thin space keeps thousands apart without looking like a decimal sign to anybody.
  return String(whole).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
}
