// Small cards over the picture: what lies under the mouse, and whose change was first.

import { element } from "../dom.mjs";
import { swatch } from "./toolbar.mjs";

const MOST_PROPERTIES = 8;
const PRESSED = '[aria-pressed="true"]';

export class Card {
  constructor() {
    this.el = element("div", "wsl-card", { role: "status" });
    this.el.hidden = true;
  }

  // `about`: { title, colour, lines: [[name, value]] } beside a place on the screen.
  show(about, { x, y }, isSticky = false) {
    const head = element("div", "wsl-card-head", {}, [
      swatch(about.colour),
      element("strong", "", {}, [about.title]),
    ]);
    const lines = about.lines.map(([name, value]) =>
      element("div", "wsl-card-line", {}, [
        element("span", "wsl-card-name", {}, [name]),
        element("span", "wsl-card-value", {}, [value]),
      ]),
    );
    this.el.replaceChildren(head, ...lines);
    this.el.classList.toggle("wsl-sticky", isSticky);
    this.el.hidden = false;
    const room = this.el.parentElement;
    const left =
      x + 16 + this.el.offsetWidth > room.clientWidth ? x - 12 - this.el.offsetWidth : x + 16;
    const top = Math.min(y + 14, room.clientHeight - this.el.offsetHeight - 6);
    this.el.style.transform = `translate(${Math.max(4, left)}px, ${Math.max(4, top)}px)`;
  }

  get isSticky() {
    return !this.el.hidden && this.el.classList.contains("wsl-sticky");
  }

  hide() {
    this.el.hidden = true;
  }
}

// What a card says of a shape as the lab tells it.
export function aboutShape(item, mpp) {
  const names = (item.labels ?? []).map((label) => label.name ?? label).join(", ");
  const lines = [];
  if (item.area > 0) lines.push(["Area", areaText(item.area, mpp)]);
  if (item.layer) lines.push(["Layer", item.layer]);
  if (item.author) lines.push(["By", item.author]);
  const more = Object.entries(item.properties ?? {}).filter(
    ([, value]) => typeof value !== "object",
  );
  for (const [name, value] of more.slice(0, MOST_PROPERTIES)) lines.push([name, valueText(value)]);
  if (more.length > MOST_PROPERTIES) lines.push(["…", `${more.length - MOST_PROPERTIES} more`]);
  return { title: names || "No label", colour: item.colour, lines };
}

export function aboutValue(value) {
  return { title: value.name, colour: "transparent", lines: [["Value", valueText(value.value)]] };
}

export function areaText(pixels, mpp) {
  if (!mpp) return `${rounded(pixels)} px²`;
  const square = pixels * mpp * mpp;
  return square < 1e5 ? `${rounded(square)} µm²` : `${rounded(square / 1e6)} mm²`;
}

function valueText(value) {
  return typeof value === "number" ? rounded(value) : String(value);
}

function rounded(number) {
  return Number.isInteger(number) ? String(number) : String(Number(number.toPrecision(4)));
}

// One card for each shape that somebody else changed first.
export class ConflictCards {
  #cards = new Map();

  constructor(acts) {
    this.acts = acts;
    this.el = element("div", "wsl-conflicts");
  }

  show(entry) {
    this.#cards.get(entry.key)?.remove();
    const { mine } = entry.conflict;
    const card = element("div", "wsl-panel wsl-conflict", { role: "alert" });
    card.append(element("div", "", {}, [sentenceOf(entry.conflict, Date.now())]));
    const row = element("div", "wsl-conflict-row");
    row.append(this.#choice("Keep theirs", entry.key, "theirs"));
    if (mine) {
      row.append(this.#choice("Keep both", entry.key, "both"));
      row.append(this.#show(mine));
    }
    card.append(row);
    this.#cards.set(entry.key, card);
    this.el.append(card);
  }

  // Cards of what is decided elsewhere go.
  keep(keys) {
    for (const [key, card] of this.#cards) {
      if (keys.has(key)) continue;
      if (card.querySelector(PRESSED)) this.acts.ghost(null);
      card.remove();
      this.#cards.delete(key);
    }
  }

  #choice(text, key, choice) {
    const made = element("button", "wsl-again", { type: "button" }, [text]);
    made.addEventListener("click", () => this.acts.resolve(key, choice));
    return made;
  }

  // One at a time: there is one ghost.
  #show(mine) {
    const attributes = { type: "button", "aria-pressed": "false" };
    const made = element("button", "wsl-again", attributes, ["Show mine"]);
    made.addEventListener("click", () => {
      const wasShown = made.getAttribute("aria-pressed") === "true";
      for (const each of this.el.querySelectorAll(PRESSED)) {
        each.setAttribute("aria-pressed", false);
      }
      made.setAttribute("aria-pressed", !wasShown);
      this.acts.ghost(wasShown ? null : mine);
    });
    return made;
  }
}

export function sentenceOf({ mine, theirs, winner }, now) {
  const who = winner.changed_by || winner.author || "Somebody";
  if (!theirs) return `${who} removed this shape that you changed.`;
  const when = ageText(now - Date.parse(winner.changed_on ?? ""));
  return `${who} changed this shape${when}${mine ? "" : "; you had removed it"}.`;
}

function ageText(milliseconds) {
  if (!Number.isFinite(milliseconds)) return "";
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 90) return ` ${seconds} s ago`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? ` ${minutes} min ago` : ` ${Math.round(minutes / 60)} h ago`;
}
