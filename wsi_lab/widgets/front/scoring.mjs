// The scoring app in a cell. It talks to the lab by itself: a kernel that is busy, restarts or
// ends takes nothing with it, and only hears how it stands.

import { mount } from "../../front/reading/app.mjs";

const HEARD = ["item", "answered", "needed", "saving", "ready", "error"];

// What a cell remembers of where its reader was, for the next time that it is drawn.
function startOf(model) {
  return model.get("item") || null;
}

export default {
  render({ model, el, signal }) {
    const told = (state) => {
      for (const name of HEARD) {
        const value = state[name] ?? null;
        if (name in state && value !== null && model.get(name) !== value) model.set(name, value);
      }
      // A kernel that is gone hears nothing; the app goes on without it.
      try {
        model.save_changes();
      } catch {
        return;
      }
    };
    const app = mount(el, {
      base: model.get("base_url"),
      study: model.get("study_id"),
      height: model.get("height"),
      item: startOf(model),
      told,
    });
    const go = () => {
      if (model.get("item")) app.go(model.get("item"));
    };
    model.on("change:item", go);
    signal.addEventListener("abort", () => {
      model.off("change:item", go);
      app.remove();
    });
  },
};
