import assert from "node:assert/strict";
import { test } from "node:test";

import { Pictures } from "../../../wsi_lab/front/map/pictures.mjs";

// A page whose lab gives these answers, and what was asked and waited for.
function pageThat(...answers) {
  const asked = [];
  const pauses = [];
  const pictures = new Pictures({
    fetch: async (url, { headers, signal }) => {
      asked.push([url, headers.Authorization]);
      const answer = answers.shift();
      if (answer === "never") {
        return new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        });
      }
      if (answer instanceof Error) throw answer;
      return answer;
    },
    headers: () => ({ Authorization: "Bearer t" }),
    later: (act, milliseconds) => {
      pauses.push(milliseconds);
      queueMicrotask(act);
    },
  });
  return { pictures, asked, pauses };
}

const image = () => ({ src: "", decode: async () => {} });
const good = () => new Response(new Blob(["jpeg"]));

test("a picture is fetched with the headers and shown as it came", async () => {
  const { pictures, asked } = pageThat(good());
  const shown = image();
  await pictures.show(shown, "/a.jpg");
  assert.deepEqual(asked, [["/a.jpg", "Bearer t"]]);
  assert.match(shown.src, /^blob:/);
});

test("what fails for the moment is asked for again, ever more slowly", async () => {
  const busy = () => new Response(null, { status: 503 });
  const { pictures, asked, pauses } = pageThat(new TypeError(), busy(), busy(), good());
  const shown = image();
  await pictures.show(shown, "/a.jpg");
  assert.equal(asked.length, 4);
  assert.deepEqual(pauses, [1000, 2000, 4000]);
});

test("a picture that cannot be had is not asked for again", async () => {
  const { pictures, asked } = pageThat(new Response(null, { status: 404 }));
  await assert.rejects(pictures.show(image(), "/a.jpg"));
  assert.equal(asked.length, 1);
});

test("a picture that is not wanted any more is given up", async () => {
  const { pictures, asked } = pageThat("never", "never");
  const wanted = new AbortController();
  const one = pictures.show(image(), "/a.jpg", wanted.signal);
  const other = pictures.show(image(), "/b.jpg");
  wanted.abort();
  await assert.rejects(one);
  pictures.end();
  await assert.rejects(other);
  assert.equal(asked.length, 2);
});
