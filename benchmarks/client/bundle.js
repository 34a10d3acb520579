// Bundle the pages into a folder, and print the bytes of each client: minified, and compressed as servers send it.

import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = import.meta.dirname;
const list = (folder, ending) => readdirSync(join(here, folder)).filter((name) => name.endsWith(ending)).map((name) => join(here, folder, name));
const options = { bundle: true, minify: true, platform: "browser", logLevel: "warning" };

await build({ ...options, entryPoints: list("contenders", ".page.js"), outdir: process.argv[2] });
const { outputFiles } = await build({ ...options, entryPoints: list("sizes", ".js"), format: "esm", outdir: ".", write: false });
const sizes = outputFiles.map(({ path, contents }) => [
  basename(path, ".js"),
  { minified: contents.length, gzip: gzipSync(contents, { level: 9 }).length, brotli: brotliCompressSync(contents).length },
]);
process.stdout.write(JSON.stringify(Object.fromEntries(sizes)));
