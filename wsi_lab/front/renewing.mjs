// What the server told this page about its slide, and how the page gets another token for it:
// by asking for itself once more.

const BEGIN = '<script type="application/json" id="slide">';
const END = "</script>";

export function toldIn(text) {
  return JSON.parse(text);
}

// The text of the slide's facts in the text of a page; "<" is escaped within it.
export function factsIn(page) {
  const begin = page.indexOf(BEGIN);
  if (begin < 0) return null;
  const end = page.indexOf(END, begin);
  return end < 0 ? null : page.slice(begin + BEGIN.length, end);
}

// Returns a function that resolves to another token, or to `null` if there is none for this
// slide: the page is closed to whoever asks now, or shows another slide than it did.
export function renewal(slide, ask = askForThisPage) {
  return async () => {
    try {
      const facts = factsIn(await ask());
      const fresh = facts && toldIn(facts);
      return fresh && isSame(fresh, slide) ? fresh.token : null;
    } catch {
      return null;
    }
  };
}

function isSame(one, other) {
  return JSON.stringify({ ...one, token: "" }) === JSON.stringify({ ...other, token: "" });
}

async function askForThisPage() {
  const response = await fetch(location.href, { cache: "no-store", credentials: "same-origin" });
  return response.ok ? response.text() : "";
}
