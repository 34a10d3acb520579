/** Compiles every built file of the client by Hermes's compiler, which refuses syntax that the engine does not run. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { transformSync } from "esbuild";

const FOLDERS: Partial<Record<NodeJS.Platform, string>> = {
  linux: "linux64-bin",
  darwin: "osx-bin",
  win32: "win64-bin",
};

const modules = join(import.meta.dirname, "../node_modules");
const compiler = join(modules, "hermes-compiler/hermesc", FOLDERS[process.platform] ?? process.platform, "hermesc");
const built = join(modules, "s3-file-uploader-client/dist");
const folder = mkdtempSync(join(tmpdir(), "s3-file-uploader-hermes-"));

try {
  // `node.js` is the entry for Node.js alone. It has an async generator, which Hermes refuses.
  for (const name of readdirSync(built)) if (name.endsWith(".js") && name !== "node.js") compile(name);
} finally {
  rmSync(folder, { recursive: true });
}

/** Hermes runs scripts, not modules: only `import` and `export` are rewritten, as Metro does. */
function compile(name: string): void {
  const script = join(folder, name);
  const { code } = transformSync(readFileSync(join(built, name), "utf8"), { format: "cjs", target: "esnext" });
  writeFileSync(script, code);
  execFileSync(compiler, ["-O", "-emit-binary", "-out", `${script}.hbc`, script], { stdio: "inherit" });
  console.log(`Hermes, ${name}: ${statSync(`${script}.hbc`).size} bytes of bytecode`);
}
