import assert from "node:assert/strict";
import { test } from "node:test";

import {
  choiceOf,
  choicesOf,
  familyOf,
  hScoreOf,
  numberOf,
  shownAnswer,
  takesOther,
} from "../../../wsi_lab/front/reading/values.mjs";

const KINDS = [
  ...["FreeText", "Integer", "Real", "DropDown", "PositiveNegative", "Intensities", "Percentage"],
  ...["Checkbox", "ClickFriendly", "PercentageOnly", "IntensitiesOnly", "PositiveNegativeOnly"],
  ...["ClickFriendlyOnly", "ClickFriendlyPollOnly", "Explanation", "HScore", "HScoreOnly"],
  ...["AnnoPoints", "AnnoMeasure", "AnnoShapes"],
];

test("all twenty kinds have a control", () => {
  assert.deepEqual(
    KINDS.map((kind) => [kind, familyOf(kind)]).filter(
      ([kind, family]) => family === "text" && kind !== "FreeText",
    ),
    [],
  );
  assert.equal(KINDS.length, 20);
  assert.deepEqual(KINDS.filter(takesOther), [
    "PositiveNegative",
    "Intensities",
    "Percentage",
    "HScore",
  ]);
});

test("options are chosen by their place, intensities and options of digits by themselves", () => {
  const keys = (kind, options = []) => choicesOf({ kind, options }).map((each) => each.keys[0]);
  assert.deepEqual(keys("IntensitiesOnly"), ["0", "1", "2", "3"]);
  assert.deepEqual(keys("DropDown", ["benign", "malignant"]), ["1", "2"]);
  assert.deepEqual(keys("DropDown", ["0", "1+", "2+", "3+"]), ["0", "1", "2", "3"]);
  assert.deepEqual(keys("DropDown", ["10", "20"]), ["1", "2"]);
  assert.deepEqual(keys("DropDown", ["1", "1.5"]), ["1", "2"]);
  const many = keys("DropDown", [..."abcdefghijk"]);
  assert.deepEqual(many.slice(-3), ["9", undefined, undefined]);
});

test("stored answers are recognised as choices whatever their case", () => {
  const yes = { kind: "Checkbox", options: [] };
  assert.equal(choiceOf(yes, "1").value, "True");
  assert.equal(choiceOf(yes, "False").label, "No");
  assert.equal(choiceOf({ kind: "PositiveNegative", options: [] }, "positive").value, "Positive");
  assert.equal(choiceOf({ kind: "PositiveNegative", options: [] }, "weak"), null);
  assert.equal(shownAnswer(yes, "True"), "Yes");
  assert.equal(shownAnswer({ kind: "Intensities", options: [] }, "2"), "2 moderate");
  assert.equal(shownAnswer({ kind: "AnnoPoints", options: [] }, "[]"), "nothing to mark");
});

test("numbers are taken as they are typed, with a comma too, and judged by their kind", () => {
  assert.deepEqual(numberOf("Real", " 0,5 "), { value: "0.5" });
  assert.deepEqual(numberOf("PercentageOnly", "35 %"), { value: "35" });
  assert.deepEqual(numberOf("Percentage", ""), { value: "" });
  for (const [kind, typed] of [
    ["Integer", "1.5"],
    ["PercentageOnly", "101"],
    ["PercentageOnly", "-1"],
    ["Real", "abc"],
    ["HScoreOnly", "301"],
  ]) {
    assert.match(numberOf(kind, typed).problem, /^This is a .*\.$/, `${kind} ${typed}`);
  }
});

test("the H-score is made of its percentages, which are at most a hundred together", () => {
  assert.deepEqual(hScoreOf(["10", "20", "30"]), { value: "140", negative: "40" });
  assert.deepEqual(hScoreOf(["0", "0", "100"]), { value: "300", negative: "0" });
  assert.deepEqual(hScoreOf(["", "", "12.5"]), { value: "37.5", negative: "87.5" });
  assert.deepEqual(hScoreOf(["33,3", "33.3", "33.4"]).negative, "0");
  assert.deepEqual(hScoreOf(["", " ", ""]), { value: "" });
  assert.match(hScoreOf(["50", "40", "30"]).problem, /add up to 120/);
  assert.match(hScoreOf(["x", "", ""]).problem, /from 0 to 100/);
});
