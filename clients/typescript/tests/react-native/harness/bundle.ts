/** Bundles React Native's own JavaScript, and the client, into scripts that run without Node's globals. */

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { transformAsync } from "@babel/core";
import { build, type BuildOptions, type Plugin } from "esbuild";

export type Platform = "android" | "ios";

const FOLDER = fileURLToPath(new URL("..", import.meta.url));
const { resolve } = createRequire(import.meta.url);
/** The file of React Native that gives an app XMLHttpRequest, FormData, Blob, FileReader, fetch, URL and AbortController. */
const GLOBALS = "react-native/Libraries/Core/setUpXHR";
const EVENTS = "react-native/Libraries/EventEmitter/RCTDeviceEventEmitter";

/** Metro transforms these sources with the same preset. */
const babel: Plugin = {
  name: "react-native-babel-preset",
  setup({ onLoad }) {
    onLoad({ filter: /node_modules\/(@react-native|react-native)\/.*\.js$/ }, async ({ path }) => {
      const result = await transformAsync(await readFile(path, "utf8"), {
        filename: path,
        babelrc: false,
        configFile: false,
        presets: [[resolve("@react-native/babel-preset"), { enableBabelRuntime: false, dev: false }]],
      });
      return { contents: result?.code ?? "", loader: "js" };
    });
  },
};

/** Return a script that defines the globals of React Native, and hands over its emitter of native events. */
export function bundleReactNative(platform: Platform): Promise<string> {
  const contents = `require("${GLOBALS}"); globalThis.__events = require("${EVENTS}").default;`;
  const extensions = [`.${platform}.js`, ".native.js", ".js", ".json"];
  return bundle({ stdin: { contents, resolveDir: FOLDER }, resolveExtensions: extensions, plugins: [babel] });
}

/** Return a script that defines `__module` as the exports of these TypeScript or JavaScript lines. */
export function bundleModule(contents: string, resolveDir = FOLDER): Promise<string> {
  return bundle({ stdin: { contents, resolveDir, loader: "ts" }, globalName: "__module", conditions: ["react-native"] });
}

async function bundle(options: BuildOptions): Promise<string> {
  const result = await build({
    bundle: true,
    write: false,
    platform: "neutral",
    mainFields: ["main"],
    target: "es2022",
    format: "iife",
    logLevel: "error",
    define: { __DEV__: "false", "process.env.NODE_ENV": '"production"', global: "globalThis" },
    ...options,
  });
  return result.outputFiles?.[0]?.text ?? "";
}
