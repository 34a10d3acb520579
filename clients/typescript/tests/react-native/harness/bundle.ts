/** Bundles React Native's own JavaScript, and the client, into scripts that run without Node's globals. */

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { transformAsync } from "@babel/core";
import { build, type BuildOptions, type Plugin } from "esbuild";

export type Platform = "android" | "ios";

const FOLDER = fileURLToPath(new URL("..", import.meta.url));
const { resolve } = createRequire(import.meta.url);
const SHIMS = `${FOLDER}harness/shims/`;
/** The file of React Native that gives an app XMLHttpRequest, FormData, Blob, FileReader, fetch, URL and AbortController. */
const GLOBALS = "react-native/Libraries/Core/setUpXHR";
/** What packages with native code import from "react-native". */
const EXPORTS = `globalThis.__reactNative = {
  DeviceEventEmitter: require("react-native/Libraries/EventEmitter/RCTDeviceEventEmitter").default,
  NativeEventEmitter: require("react-native/Libraries/EventEmitter/NativeEventEmitter").default,
  NativeModules: require("react-native/Libraries/BatchedBridge/NativeModules").default,
  Platform: require("react-native/Libraries/Utilities/Platform").default,
  TurboModuleRegistry: require("react-native/Libraries/TurboModule/TurboModuleRegistry"),
};`;

/** Metro transforms these sources with the same preset. */
const babel: Plugin = {
  name: "react-native-babel-preset",
  setup({ onLoad }) {
    onLoad(
      { filter: /node_modules\/(@react-native|react-native|react-native-blob-util)\/.*\.js$/ },
      async ({ path }) => {
        const result = await transformAsync(await readFile(path, "utf8"), {
          filename: path,
          babelrc: false,
          configFile: false,
          presets: [[resolve("@react-native/babel-preset"), { enableBabelRuntime: false, dev: false }]],
        });
        return { contents: result?.code ?? "", loader: "js" };
      },
    );
  },
};

/** Expo gives an app a URL of its own, since React Native's cannot be changed. The client gets React Native's here. */
const expoUrl: Plugin = {
  name: "expo-url",
  setup({ onLoad }) {
    onLoad({ filter: /node_modules\/expo-file-system\/.*\.js$/ }, async ({ path }) => ({
      contents: `import { URL } from "whatwg-url-minimum";\n${await readFile(path, "utf8")}`,
    }));
  },
};

/** Return a script that defines the globals of React Native, and `__reactNative` with what packages import from it. */
export function bundleReactNative(platform: Platform): Promise<string> {
  const contents = `require("${GLOBALS}"); ${EXPORTS}`;
  const extensions = [`.${platform}.js`, ".native.js", ".js", ".json"];
  return bundle({ stdin: { contents, resolveDir: FOLDER }, resolveExtensions: extensions, plugins: [babel] });
}

/** Return a script that defines `__module` as the exports of these TypeScript or JavaScript lines. */
export function bundleModule(contents: string, resolveDir = FOLDER): Promise<string> {
  const stdin = { contents, resolveDir, loader: "ts" as const };
  const alias = { "react-native": `${SHIMS}react-native.cjs`, "expo-modules-core": `${SHIMS}expo-modules-core.cjs` };
  return bundle({ stdin, alias, globalName: "__module", conditions: ["react-native"], plugins: [babel, expoUrl] });
}

const bundles = new Map<string, Promise<string>>();

/** Return a bundle of these options. Each is built once a process: Babel takes longer than most tests. */
function bundle(options: BuildOptions): Promise<string> {
  const key = JSON.stringify([options.stdin, options.resolveExtensions]);
  const built = bundles.get(key) ?? buildBundle(options);
  bundles.set(key, built);
  return built;
}

async function buildBundle(options: BuildOptions): Promise<string> {
  const result = await build({
    bundle: true,
    write: false,
    platform: "neutral",
    mainFields: ["react-native", "main"],
    target: "es2022",
    format: "iife",
    logLevel: "error",
    define: { __DEV__: "false", "process.env.NODE_ENV": '"production"', global: "globalThis" },
    ...options,
  });
  return result.outputFiles?.[0]?.text ?? "";
}
