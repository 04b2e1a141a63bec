import js from "@eslint/js";
import globals from "globals";

export default [
  {
    ignores: [
      ".venv/",
      ".venv-phas/",
      "node_modules/",
      "build/",
      "dist/",
      "**/*.min.js",
      "wsi_lab/front/clipper2/",
      "wsi_lab/front/leaflet/",
    ],
  },
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2024, sourceType: "module" },
    rules: {
      curly: ["error", "multi-line"],
      eqeqeq: "error",
      "no-console": "error",
      "no-restricted-properties": [
        "error",
        { property: "innerHTML", message: "Text from the lab goes in as text." },
        { property: "outerHTML", message: "Text from the lab goes in as text." },
        { property: "insertAdjacentHTML", message: "Text from the lab goes in as text." },
      ],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
    },
  },
  { files: ["wsi_lab/**/*.mjs"], languageOptions: { globals: globals.browser } },
  { files: ["tests/**/*.mjs", "*.mjs"], languageOptions: { globals: globals.node } },
];
