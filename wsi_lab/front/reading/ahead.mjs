// What Enter will lead to is loaded behind what is seen, one after the other.

const ITEMS_AHEAD = 2;

// `isCurrent()`: whether the reader is still where this began.
export async function lookAhead({ reading, items, stage, number, slideOf, isCurrent }) {
  for (const next of itemsAhead(reading, number)) {
    try {
      if (!reading.detail(next)) await items.load(next);
    } catch {
      return;
    }
    if (!isCurrent()) return;
    const { slides, asked } = reading.detail(next);
    if (!slides.length) continue;
    await stage.prepare(slideOf(slides[0]));
    if (!isCurrent()) return;
    const core = asked.find((each) => reading.isOpenCore(next, each));
    if (core && !reading.settings.cores_at_once) stage.viewOf(slides[0].number)?.show(core.box);
  }
}

// A lab that is read in order tells nothing of what comes later.
export function itemsAhead(reading, number) {
  const { may_jump: mayJump } = reading.settings;
  if (!mayJump) return reading.isDone(number) && reading.item(number + 1) ? [number + 1] : [];
  const found = [];
  let at = number;
  while (found.length < ITEMS_AHEAD) {
    const next = reading.nextOpen(at) ?? (reading.item(at + 1) ? at + 1 : null);
    if (next === null || next === number || found.includes(next)) break;
    found.push(next);
    at = next;
  }
  return found;
}
