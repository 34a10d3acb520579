// npm packs the client when it installs it (`install-links` in .npmrc). Later builds of it are copied by this script.
const { cpSync, rmSync } = require("node:fs");
const { join } = require("node:path");

const built = join(__dirname, "../../typescript");
const installed = join(__dirname, "../node_modules/s3-file-uploader-client");
rmSync(join(installed, "dist"), { recursive: true, force: true });
for (const name of ["dist", "package.json"]) cpSync(join(built, name), join(installed, name), { recursive: true });
