import assert from "node:assert/strict";
import { test } from "node:test";

import { Alarm } from "../../wsi_lab/front/draw/alarm.mjs";
import { Clock } from "./drawing_support.mjs";

function newAlarm() {
  const clock = new Clock();
  const rung = [];
  return { clock, rung, alarm: new Alarm(clock, () => rung.push(clock.now())) };
}

test("an alarm rings once, at the earliest of the times that it was asked for", async () => {
  const { clock, rung, alarm } = newAlarm();
  for (const wait of [500, 200, 900]) alarm.in(wait);
  await clock.pass(2000);
  assert.deepEqual(rung, [200]);
  alarm.in(100);
  await clock.pass(2000);
  assert.deepEqual(rung, [200, 2100]);
});

test("an alarm that was stopped rings only when it is asked anew", async () => {
  const { clock, rung, alarm } = newAlarm();
  alarm.in(100);
  alarm.stop();
  await clock.pass(1000);
  assert.deepEqual(rung, []);
  alarm.in(300);
  await clock.pass(1000);
  assert.deepEqual(rung, [1300]);
});
