import assert from "node:assert/strict";
import test from "node:test";

import { kindOfRefusal } from "../../../../wsi_lab/server/slidescore/front/leave.mjs";
import { Recording } from "../../../../wsi_lab/server/slidescore/front/recording.mjs";

function recorded(answer = async () => ({ session: 7 })) {
  const told = [];
  const at = { time: 1000, x: 0 };
  const recording = new Recording({
    look: () => [at.x, 0, 100.4, 50, 1, 2],
    now: () => at.time,
    post: async (body, isLast) => {
      told.push({ ...body, isLast });
      return answer();
    },
  });
  const see = (time, x) => {
    Object.assign(at, { time, x });
    recording.note();
  };
  return { recording, told, see };
}

test("what is seen is told once, with when it was seen first", async () => {
  const { recording, told, see } = recorded();
  see(1000, 0);
  see(1500, 0);
  see(2000, 30);
  await recording.send();
  assert.deepEqual(told, [
    {
      session: null,
      events: [
        [0, 0, 0, 100, 50, 1, 2],
        [1000, 30, 0, 100, 50, 1, 2],
      ],
      isLast: false,
    },
  ]);
  see(3000, 60);
  await recording.send();
  await recording.send();
  assert.deepEqual([told.length, told[1].session, told[1].events.length], [2, 7, 1]);
});

test("what could not be told is told later", async () => {
  const answers = [Promise.reject(new Error("503")), { session: 3 }];
  const { recording, told, see } = recorded(async () => answers.shift());
  see(1000, 0);
  await recording.send();
  see(1100, 1);
  await recording.send();
  assert.deepEqual(
    told.map(({ events }) => events.length),
    [1, 2],
  );
});

test("leaving while the session begins does not begin a second one", async () => {
  let answer = null;
  const { recording, told, see } = recorded(() => new Promise((resolve) => (answer = resolve)));
  see(1000, 0);
  const sending = recording.send();
  see(1100, 1);
  await recording.send({ isLast: true });
  assert.equal(told.length, 1);
  answer({ session: 1 });
  await sending;
  recording.send({ isLast: true });
  assert.deepEqual([told[1].session, told[1].isLast], [1, true]);
});

test("the last message is short enough to outlive its page", async () => {
  const { recording, told, see } = recorded();
  for (let step = 0; step < 9000; step += 1) see(1000 + step, 100_000_000 + step);
  await recording.send({ isLast: true });
  assert.ok(JSON.stringify(told[0]).length < 60_000);
  assert.equal(told[0].events.at(-1)[1], 100_008_999);
});

test("503 means that leave has ended, unless the server says when to come again", () => {
  assert.equal(kindOfRefusal(503, new Headers()), "access");
  assert.equal(kindOfRefusal(503, new Headers({ "Retry-After": "1" })), "busy");
  assert.equal(kindOfRefusal(404, new Headers()), "gone");
});
