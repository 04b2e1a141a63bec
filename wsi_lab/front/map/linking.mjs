// Viewers that move together, in the browser alone. Every viewer is a script of its own here, so
// the groups live where all of them can find them.

const GROUPS = Symbol.for("wsi-lab.linked-viewers");

export function groups() {
  globalThis[GROUPS] ??= new Map();
  return globalThis[GROUPS];
}

// One viewer's place in a group. `viewer` offers place() -> {x, y, downsample} in level-0 pixels,
// follow(place, isLast), and slide.mpp.
export class Link {
  constructor(name, viewer) {
    this.name = name;
    this.viewer = viewer;
    this.isFollowing = false;
    this.anchor = null;
    const members = groups().get(name) ?? new Set();
    groups().set(name, members);
    // Whoever comes takes the magnification of those who are there, and keeps its own place.
    const [first] = members;
    members.add(this);
    if (first) this.#take(first);
    this.realign();
  }

  get #members() {
    return groups().get(this.name) ?? new Set();
  }

  // Where everybody is now is where they belong beside each other.
  realign() {
    for (const each of this.#members) each.anchor = each.viewer.place();
  }

  // This viewer was moved by its user; the others go as far, in micrometres.
  moved(isLast) {
    if (this.isFollowing) return;
    const others = [...this.#members].filter((each) => each !== this);
    const unit = unitOf(this.#members);
    const here = this.viewer.place();
    const scale = unit(this);
    const moved = {
      x: (here.x - this.anchor.x) * scale,
      y: (here.y - this.anchor.y) * scale,
      downsample: here.downsample * scale,
    };
    for (const other of others) other.go(moved, unit(other), isLast);
  }

  leave() {
    const members = this.#members;
    members.delete(this);
    if (members.size === 0) groups().delete(this.name);
  }

  // Another member moved. (Not private: that member's class is of another script.)
  go(moved, scale, isLast) {
    const to = {
      x: this.anchor.x + moved.x / scale,
      y: this.anchor.y + moved.y / scale,
      downsample: moved.downsample / scale,
    };
    this.isFollowing = true;
    try {
      this.viewer.follow(to, isLast);
    } finally {
      this.isFollowing = false;
    }
  }

  #take(first) {
    const unit = unitOf(this.#members);
    const downsample = (first.viewer.place().downsample * unit(first)) / unit(this);
    this.isFollowing = true;
    try {
      this.viewer.follow({ ...this.viewer.place(), downsample }, true);
    } finally {
      this.isFollowing = false;
    }
  }
}

// Micrometres per level-0 pixel where all of them know; level-0 pixels where one does not.
function unitOf(members) {
  const known = [...members].every((each) => each.viewer.slide.mpp);
  return known ? (each) => each.viewer.slide.mpp : () => 1;
}
