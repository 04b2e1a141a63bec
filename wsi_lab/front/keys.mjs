// What keys do, wherever on the page the focus is.

const STEP = 100;
const LARGE_STEP = 400;
const ARROWS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

// What an event of the keyboard asks for: `[act, …]`, or `null`.
export function wishOf({ key, shiftKey, ctrlKey, altKey, metaKey }) {
  if (ctrlKey || altKey || metaKey) return null;
  if (Object.hasOwn(ARROWS, key)) {
    const step = shiftKey ? LARGE_STEP : STEP;
    return ["move", ...ARROWS[key].map((direction) => direction * step)];
  }
  switch (key) {
    case "+":
    case "=":
      return ["zoom", 1];
    case "-":
    case "_":
    case "−":
      return ["zoom", -1];
    case "0":
    case "Home":
      return ["fit"];
    case "1":
      return ["fullResolution"];
    case "r":
      return ["turn", 90];
    case "R":
      return ["turn", -90];
    case "f":
    case "F":
      return ["fullScreen"];
    case "i":
    case "I":
      return ["facts"];
    case "?":
      return ["help"];
    default:
      return null;
  }
}

// `more`: what further keys ask for, by their small letters.
export function listen(acts, isBusyElsewhere, more = {}) {
  addEventListener("keydown", (event) => {
    const wish = event.defaultPrevented || isBusyElsewhere() ? null : wishIn(event, more);
    if (!wish) return;
    event.preventDefault();
    const [act, ...values] = wish;
    acts[act](...values);
  });
}

function wishIn(event, more) {
  const wish = wishOf(event);
  if (wish || event.ctrlKey || event.altKey || event.metaKey) return wish;
  const key = event.key.toLowerCase();
  return Object.hasOwn(more, key) ? more[key] : null;
}
