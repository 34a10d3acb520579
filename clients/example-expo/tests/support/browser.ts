import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, type Browser } from "playwright-core";

const BROUGHT = fileURLToPath(new URL("../../../../tests/chromium/", import.meta.url));
const UNPACKED = join(BROUGHT, "node_modules/.unpacked");
const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** Start the Chromium of this machine, or else the one that `make test` has brought. */
export function startChromium(): Promise<Browser> {
  const args = ["--no-sandbox", "--disable-gpu"];
  const own = findOnPath();
  if (own) return chromium.launch({ executablePath: own, args });
  const env = { LD_LIBRARY_PATH: join(UNPACKED, "al2023/lib"), FONTCONFIG_FILE: join(BROUGHT, "fonts.conf") };
  return chromium.launch({ executablePath: join(UNPACKED, "chromium"), args, env: { ...process.env, ...env } });
}

function findOnPath(): string | undefined {
  const folders = String(process.env.PATH).split(delimiter);
  const paths = folders.flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return paths.find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
