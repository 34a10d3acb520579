import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
const TESTS = fileURLToPath(new URL("../../../../tests/chromium/", import.meta.url));

/** Return how to launch the Chromium of this machine, or else the one that `make test` installs. */
export function findChromium(): { executablePath: string; env: Record<string, string> } {
  const env = Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  );
  const folders = (process.env.PATH ?? "").split(delimiter);
  const own = folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find(isProgram);
  if (own) return { executablePath: own, env };
  const brought = join(TESTS, "node_modules/.unpacked");
  const libraries = { LD_LIBRARY_PATH: join(brought, "al2023/lib"), FONTCONFIG_FILE: join(TESTS, "fonts.conf") };
  return { executablePath: join(brought, "chromium"), env: { ...env, ...libraries } };
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // No such file, or none that may be run.
  }
}
