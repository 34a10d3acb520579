// Unpack the browser beside its package, with the libraries, the font and the graphics that a small machine lacks.
import { mkdirSync, readdirSync } from "node:fs";
import { inflate } from "@sparticuz/chromium";

const packed = "node_modules/@sparticuz/chromium/bin";
process.env.TMPDIR = new URL("node_modules/.unpacked", import.meta.url).pathname;
mkdirSync(process.env.TMPDIR);
await Promise.all(readdirSync(packed).map((name) => inflate(`${packed}/${name}`)));
