/** Puts the built client where a project has it, without the sources and packages beside it. */

import { cpSync, existsSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const built = fileURLToPath(new URL("../../../", import.meta.url));
const installed = fileURLToPath(new URL("../node_modules/s3-file-uploader-client/", import.meta.url));

if (!existsSync(`${built}dist/index.js`)) {
  console.error("The client is not built. Run `npm run build` in clients/typescript first.");
  process.exit(1);
}
rmSync(installed, { recursive: true, force: true });
for (const name of ["dist", "package.json"]) cpSync(`${built}${name}`, `${installed}${name}`, { recursive: true });
