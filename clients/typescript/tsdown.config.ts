import { defineConfig } from "tsdown";

export default defineConfig({
  entry: ["src/index.ts", "src/react.ts", "src/expo.ts", "src/blob-util.ts", "src/node.ts"],
  format: "esm",
  target: "es2020",
  platform: "neutral",
  dts: true,
  fixedExtension: false,
  deps: { neverBundle: [/^node:/, "react"] },
});
