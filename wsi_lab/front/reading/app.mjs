// The app that readers score with: the slide on the left, the questions on the right, the bar over
// both. `mount` puts it into an element of a page or of a notebook's cell.

import { MapView } from "../map/view.mjs";
import { element, tokenHeaders } from "../dom.mjs";
import { KeptAnswers } from "./kept.mjs";
import { ReadingLab, refusalSentence } from "./lab.mjs";
import { Sitting } from "./sitting.mjs";

const AGAIN_AFTER_MS = [1000, 3000, 10_000, 20_000];

// `base`: where the lab is mounted, with a slash at its end; `study`: its id; `headers()`: who
// asks; `hasToken`: that it is by a link's token; `item`: where to begin; `height`: as CSS, else
// that of `el`; `isAlone`: that all keys of the page are meant for it; `told(state)`: hears
// { study, item, answered, needed, saving, ready, error } whenever one of them may have changed;
// `item` is `null` while another one is on its way.
export function mount(el, { base, study, headers = tokenHeaders, ...options }) {
  const { hasToken = false, item = null, isAlone = false, told = () => {} } = options;
  const lab = new ReadingLab({ base, study, headers });
  const root = element("div", "wsr", { "data-lm-suppress-shortcuts": "true" });
  root.style.height = options.height ?? "";
  el.append(root);
  let sitting = null;
  let timer = null;
  let isRemoved = false;

  // It may be asked for by hand while an earlier try is still on its way: one of them begins.
  const begin = async (tries = 0) => {
    clearTimeout(timer);
    let said;
    try {
      said = await lab.reading();
    } catch (refusal) {
      if (isRemoved || sitting) return;
      const sentence = refusalSentence(refusal, hasToken);
      root.replaceChildren(cover(sentence, () => begin()));
      told({ ready: false, error: sentence });
      if (refusal.kind !== "unreachable") return;
      const wait = AGAIN_AFTER_MS[Math.min(tries, AGAIN_AFTER_MS.length - 1)];
      timer = setTimeout(() => begin(tries + 1), wait);
      return;
    }
    if (isRemoved || sitting) return;
    clearTimeout(timer);
    const kept = new KeptAnswers(lab.url, said.reader);
    const about = { headers, fullScreen: root, reader: said.reader };
    const makeView = (inside, slide) => new MapView(inside, slide, about);
    sitting = new Sitting(root, { said, lab, kept, makeView, told, isAlone });
    sitting.start(item);
  };
  root.append(element("p", "wsr-cover", { role: "status" }, ["Opening…"]));
  begin();
  return {
    go: (number) => sitting?.go(number),
    remove() {
      isRemoved = true;
      clearTimeout(timer);
      sitting?.remove();
      root.remove();
    },
  };
}

function cover(sentence, again) {
  const button = element("button", "wsr-plain", { type: "button" }, ["Try again"]);
  button.addEventListener("click", () => again());
  const text = element("p", "", { role: "alert" }, [sentence]);
  return element("div", "wsr-cover", {}, [text, button]);
}
