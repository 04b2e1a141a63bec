// What counts as an answer to each kind of question, how it is typed, and how it is shown. The lab
// judges in the end; here a reader is told while the hand is still on the keys.

const WHOLE = /^[+-]?[0-9]{1,18}$/;
const DECIMAL = /^[+-]?([0-9]{1,18}(\.[0-9]{0,18})?|\.[0-9]{1,18})(e[+-]?[0-9]{1,2})?$/i;
const LIMITS = {
  Percentage: [0, 100],
  PercentageOnly: [0, 100],
  HScore: [0, 300],
  HScoreOnly: [0, 300],
};
const STRENGTHS = ["0 negative", "1 weak", "2 moderate", "3 strong"];
const WITH_OTHER = new Set(["PositiveNegative", "Intensities", "Percentage", "HScore"]);
const FAMILIES = {
  choice: [
    ...["DropDown", "PositiveNegative", "Intensities", "Checkbox", "ClickFriendly"],
    ...["IntensitiesOnly", "PositiveNegativeOnly", "ClickFriendlyOnly", "ClickFriendlyPollOnly"],
  ],
  number: ["Integer", "Real", "Percentage", "PercentageOnly"],
  hScore: ["HScore", "HScoreOnly"],
  text: ["FreeText"],
  explanation: ["Explanation"],
  drawn: ["AnnoPoints", "AnnoMeasure", "AnnoShapes"],
};

// Which of the controls a kind is answered with.
export function familyOf(kind) {
  const found = Object.keys(FAMILIES).find((family) => FAMILIES[family].includes(kind));
  return found ?? "text";
}

// Whether a kind takes other words besides its own.
export function takesOther(kind) {
  return WITH_OTHER.has(kind);
}

// What one may choose from: { value, label, keys }; the first of the keys is shown.
export function choicesOf({ kind, options }) {
  if (kind.startsWith("Intensities")) {
    return STRENGTHS.map((label, at) => ({ value: String(at), label, keys: [String(at)] }));
  }
  if (kind.startsWith("PositiveNegative")) {
    return [
      { value: "Positive", label: "Positive", keys: ["1", "+"] },
      { value: "Negative", label: "Negative", keys: ["2", "-"] },
    ];
  }
  if (kind === "Checkbox") {
    return [
      { value: "True", label: "Yes", keys: ["1", "y"] },
      { value: "False", label: "No", keys: ["2"] },
    ];
  }
  const digits = ownDigits(options);
  return options.map((value, at) => {
    const key = digits ? digits[at] : at < 9 ? String(at + 1) : null;
    return { value, label: value, keys: key === null ? [] : [key] };
  });
}

// Options that begin with digits of their own, such as 0, 1+, 2+, 3+, are chosen by these.
function ownDigits(options) {
  const digits = options.map((each) => /^([0-9])(?![0-9.,])/.exec(each)?.[1] ?? null);
  const isPlain = digits.every((digit) => digit !== null);
  return isPlain && new Set(digits).size === options.length ? digits : null;
}

// The choice that a stored answer is, or `null`.
export function choiceOf(question, answer) {
  const wanted = answer.trim().toLowerCase();
  const word =
    question.kind === "Checkbox" ? ({ 1: "true", 0: "false" }[wanted] ?? wanted) : wanted;
  return choicesOf(question).find(({ value }) => value.toLowerCase() === word) ?? null;
}

export function shownAnswer(question, answer) {
  if (answer === "") return "no answer";
  if (familyOf(question.kind) === "drawn") return answer === "[]" ? "nothing to mark" : "shapes";
  return (familyOf(question.kind) === "choice" && choiceOf(question, answer)?.label) || answer;
}

// { value } of what was typed, or { problem }, a sentence. Nothing typed is no answer.
export function numberOf(kind, typed) {
  const text = typed.trim().replace(",", ".");
  if (text === "") return { value: "" };
  if (kind === "Integer") {
    return WHOLE.test(text) ? { value: text } : { problem: "This is a whole number, such as 12." };
  }
  const plain = kind.startsWith("Percentage") ? text.replace(/\s*%$/, "") : text;
  const limits = LIMITS[kind];
  const asked = limits ? `a number from ${limits[0]} to ${limits[1]}` : "a number, such as 0.5";
  const isOne = DECIMAL.test(plain);
  const isWithin = !limits || (Number(plain) >= limits[0] && Number(plain) <= limits[1]);
  return isOne && isWithin ? { value: plain } : { problem: `This is ${asked}.` };
}

// The H-score of the percentages of cells that are weakly, moderately and strongly stained:
// 1 · p1 + 2 · p2 + 3 · p3. { value, negative }, or { problem }; with nothing typed no answer.
export function hScoreOf(typed) {
  if (typed.every((each) => each.trim() === "")) return { value: "" };
  const parts = typed.map((each) => (each.trim() === "" ? "0" : each));
  const found = parts.map((each) => numberOf("PercentageOnly", each));
  const wrong = found.find(({ problem }) => problem);
  if (wrong) return { problem: "Each percentage is a number from 0 to 100." };
  const shares = found.map(({ value }) => Number(value));
  const sum = shares.reduce((all, each) => all + each, 0);
  if (sum > 100 + 1e-9) {
    return { problem: `The three percentages add up to ${inDecimals(sum)}; there are only 100.` };
  }
  const score = shares.reduce((all, each, at) => all + (at + 1) * each, 0);
  return { value: inDecimals(score), negative: inDecimals(100 - sum) };
}

function inDecimals(number) {
  return String(Number(number.toFixed(6)));
}
