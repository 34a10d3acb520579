// Bundle an app of the docs for Chromium: `node bundle.js ENTRY OUTPUT`, as Metro does for a phone.
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import process from "node:process";
import { transformAsync } from "@babel/core";
import { build } from "esbuild";

const [entry, outfile] = process.argv.slice(2);
const standIn = (name) => join(import.meta.dirname, "stand_ins", `${name}.ts`);

/** Expo's template for new apps compiles components by the React Compiler, which memoizes them. */
const reactCompiler = {
  name: "react-compiler",
  setup({ onLoad }) {
    onLoad({ filter: /App\.tsx$/ }, async ({ path }) => {
      const { code } = await transformAsync(await readFile(path, "utf8"), {
        filename: path,
        configFile: false,
        parserOpts: { plugins: ["typescript", "jsx"] },
        plugins: ["babel-plugin-react-compiler"],
      });
      if (!code.includes("react/compiler-runtime")) throw new Error(`${basename(path)} was not compiled.`);
      return { contents: code, loader: "tsx" };
    });
  },
};

await build({
  entryPoints: [entry],
  outfile,
  bundle: true,
  format: "iife",
  jsx: "automatic",
  logLevel: "warning",
  resolveExtensions: [".web.tsx", ".web.ts", ".web.js", ".tsx", ".ts", ".js"],
  alias: {
    "react-native": "react-native-web",
    "expo-file-system": standIn("expo-file-system"),
    "expo-image-picker": standIn("expo-image-picker"),
    "react-native-image-picker": standIn("react-native-image-picker"),
    "react-native-blob-util": standIn("react-native-blob-util"),
    "@kesha-antonov/react-native-background-downloader": standIn("background-downloader"),
  },
  define: { "process.env.NODE_ENV": '"development"', __DEV__: "true", global: "globalThis" },
  plugins: [reactCompiler],
});
