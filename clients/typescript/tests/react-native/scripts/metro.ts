/** Bundles an app that imports the built client by Metro, for both platforms. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { getDefaultConfig, mergeConfig } from "@react-native/metro-config";
import { runBuild } from "metro";

const EXPORTS = ["createClient", "useUpload", "expoFiles", "blobUtilFiles"];

const root = dirname(import.meta.dirname);
const folder = mkdtempSync(join(tmpdir(), "s3-file-uploader-metro-"));
const config = mergeConfig(getDefaultConfig(root), {
  watchFolders: [root],
  resolver: { useWatchman: false },
  cacheStores: [],
  resetCache: true,
  maxWorkers: 1,
  reporter: { update: () => undefined },
});

try {
  for (const platform of ["android", "ios"] as const) {
    const out = join(folder, `${platform}.js`);
    await runBuild(config, { entry: "metro/entry.js", platform, dev: false, minify: false, out });
    check(platform, readFileSync(out, "utf8"));
  }
} finally {
  rmSync(folder, { recursive: true });
}

function check(platform: string, bundle: string): void {
  const missing = EXPORTS.filter((name) => !bundle.includes(`${name}:`) && !bundle.includes(`exports.${name}`));
  if (missing.length) throw new Error(`The bundle for ${platform} lacks ${missing.join(", ")}.`);
  if (/"node:\w/.test(bundle)) throw new Error(`The bundle for ${platform} asks for a module of Node.js.`);
  console.log(`Metro, ${platform}: ${bundle.length} bytes`);
}
