// The page for readers: who asks is in the link that they were sent, or known to Jupyter.

import { tokenHeaders } from "../dom.mjs";
import { mount } from "./app.mjs";
import { linkToken } from "./link.mjs";

const study = location.pathname.split("/").at(-1);
const base = new URL("..", location.href).pathname;
const token = linkToken(location, history, sessionStorageOf());

mount(document.getElementById("reading"), {
  base,
  study,
  hasToken: token !== null,
  headers: token === null ? tokenHeaders : () => ({ Authorization: `Bearer ${token}` }),
  isAlone: true,
  told({ study: name }) {
    if (name) document.title = name;
  },
});
// Another link that is opened in this tab changes nothing but the fragment.
addEventListener("hashchange", () => {
  if (location.hash.startsWith("#wsi_")) location.reload();
});

function sessionStorageOf() {
  try {
    return globalThis.sessionStorage;
  } catch {
    return null;
  }
}
