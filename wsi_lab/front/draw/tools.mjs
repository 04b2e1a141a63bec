// The tools by name, key and icon, and what other keys mean while one draws.

export const TOOLS = [
  [
    "move",
    "M",
    "Choose and move",
    "M8 2v12M2 8h12M6 4l2-2 2 2M6 12l2 2 2-2M4 6L2 8l2 2M12 6l2 2-2 2",
  ],
  ["edit", "E", "Edit corners", "M3.5 12.5L12 4M3.5 12.5m-1.5-1.5h3v3h-3zM12 4m-1.5-1.5h3v3h-3z"],
  ["point", ".", "Point", "M8 14S3.5 9.6 3.5 6.3a4.5 4.5 0 0 1 9 0C12.5 9.6 8 14 8 14zM8 6.3h.01"],
  ["polyline", "V", "Line", "M2 12l4-7 4 5 4-7"],
  ["polygon", "P", "Polygon", "M8 2l6 4.5-2.3 7H4.3L2 6.5z"],
  ["rectangle", "R", "Rectangle (Shift: square)", "M2.5 4h11v8h-11z"],
  [
    "ellipse",
    "O",
    "Ellipse (Shift: circle)",
    "M14 8c0 2.5-2.7 4.3-6 4.3S2 10.5 2 8s2.7-4.3 6-4.3S14 5.5 14 8z",
  ],
  ["freehand", "D", "Freehand", "M3 11c-2-4 2-8 6-7s5 3 3 5-5-1-5 1 4 1 4 3"],
  [
    "brush",
    "B",
    "Brush (Alt: erase; [ ] or Alt+wheel: size)",
    "M13.5 2.5L7.5 8.5M7 9c-2-.5-3.5 1-3.5 2.5 0 1-.7 1.7-1.5 2 3 .7 6-.5 6-3 0-.6-.4-1.2-1-1.5z",
  ],
  [
    "eraser",
    "X",
    "Eraser ([ ] or Alt+wheel: size)",
    "M6 13.5h7.5M3 9.5l6.5-6.5 4 4-6.5 6.5H5.5L3 11z M6 6.5l4 4",
  ],
  ["hole", "H", "Cut a hole", "M2.5 4.5L8 2l5.5 2.5v7L8 14l-5.5-2.5zM8 6a2 2 0 1 0 .01 0"],
].map(([name, key, title, icon]) => ({ name, key, title, icon }));

const BY_KEY = Object.fromEntries(TOOLS.map(({ name, key }) => [key.toLowerCase(), name]));
const BRUSH_GROWTH = 1.15;
const NUDGES = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

// What an event of the keyboard asks a board for: `[act, …]`, or `null`.
export function wishOfKey({ key, code = "", shiftKey, ctrlKey, altKey, metaKey }) {
  const small = key.toLowerCase();
  if (ctrlKey || metaKey) {
    if (altKey) return null;
    if (small === "z") return [shiftKey ? "redo" : "undo"];
    if (small === "y") return ["redo"];
    return small === "a" ? ["all"] : null;
  }
  if (altKey) {
    const step = shiftKey ? 10 : 1;
    return Object.hasOwn(NUDGES, key) ? ["nudge", ...NUDGES[key].map((way) => way * step)] : null;
  }
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(code);
  if (digit) return ["label", Number(digit[1]), shiftKey];
  switch (key) {
    case "Enter":
      return ["finish"];
    case "Escape":
      return ["cancel"];
    case "Backspace":
      return ["back"];
    case "Delete":
      return ["remove"];
    case "[":
      return ["brush", 1 / BRUSH_GROWTH];
    case "]":
      return ["brush", BRUSH_GROWTH];
    case "Insert":
    case "i":
      return ["tap"];
    case "n":
      return ["step", 1];
    case "N":
      return ["step", -1];
    default:
      return !shiftKey && Object.hasOwn(BY_KEY, small) ? ["use", BY_KEY[small]] : null;
  }
}
