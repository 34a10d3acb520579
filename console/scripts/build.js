/**
 * Build the console into the static files of the app: `node scripts/build.js`.
 *
 * With `--check`, compare the committed files with what the sources give, and the first load with its limit.
 * With `--watch`, build after each change.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";
import { build, context } from "esbuild";

const FIRST_LOAD_LIMIT_BYTES = 60_000;
const folder = (path) => fileURLToPath(new URL(path, import.meta.url));
const TARGET = folder("../../s3_file_uploader/static/s3_file_uploader/console/");

const options = {
  absWorkingDir: folder(".."),
  entryPoints: { console: "src/main.tsx" },
  outdir: TARGET,
  bundle: true,
  minify: true,
  write: false,
  format: "esm",
  splitting: true,
  chunkNames: "[name]-[hash]",
  metafile: true,
  target: ["es2022", "chrome123", "firefox120", "safari17.5"],
  charset: "utf8",
  legalComments: "none",
  jsx: "automatic",
  jsxImportSource: "preact",
  alias: { "s3-file-uploader-client": folder("../../clients/typescript/src/index.ts") },
  // The icon of the page is referred to by the template.
  loader: { ".svg": "copy" },
};

if (process.argv.includes("--watch")) {
  const watching = await context({ ...options, write: true });
  await watching.watch();
} else {
  const { metafile, outputFiles } = await build(options);
  const built = new Map(outputFiles.map(({ path, contents }) => [basename(path), Buffer.from(contents)]));
  for (const name of readdirSync(folder("../static"))) built.set(name, readFileSync(join(folder("../static"), name)));
  if (process.argv.includes("--check")) check(built, firstLoad(metafile));
  else write(built, firstLoad(metafile));
}

/** Return the names of the files that the page loads at once: the rest comes when it is needed. */
function firstLoad({ outputs }) {
  const names = new Set(["console.css", ...readdirSync(folder("../static"))]);
  const add = (path) => {
    if (names.has(basename(path))) return;
    names.add(basename(path));
    for (const { kind, path: imported } of outputs[path].imports) if (kind === "import-statement") add(imported);
  };
  add(Object.keys(outputs).find((path) => basename(path) === "console.js"));
  return names;
}

function write(built, first) {
  rmSync(TARGET, { recursive: true, force: true });
  mkdirSync(TARGET, { recursive: true });
  for (const [name, contents] of built) writeFileSync(join(TARGET, name), contents);
  report(built, first);
}

function check(built, first) {
  const names = readdirSync(TARGET).sort();
  const differing = [...built].filter(
    ([name, contents]) => !names.includes(name) || !readFileSync(join(TARGET, name)).equals(contents),
  );
  const extra = names.filter((name) => !built.has(name));
  const wrong = [...differing.map(([name]) => name), ...extra];
  if (wrong.length) fail(`The committed files are not those of the sources: ${wrong.join(", ")}. Run npm run build.`);
  if (report(built, first) > FIRST_LOAD_LIMIT_BYTES)
    fail(`The first load is larger than ${FIRST_LOAD_LIMIT_BYTES} bytes.`);
}

/** Print the compressed sizes, and return the sum of the first load: with the texts of the languages, the largest. */
function report(built, first) {
  let sum = 0;
  for (const [name, contents] of built) {
    const size = brotliCompressSync(contents).length;
    if (first.has(name)) sum += size;
    console.log(`${name}: ${contents.length} bytes, ${size} compressed${first.has(name) ? "" : ", later"}`);
  }
  console.log(`First load: ${sum} of ${FIRST_LOAD_LIMIT_BYTES} bytes, by brotli`);
  return sum;
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
