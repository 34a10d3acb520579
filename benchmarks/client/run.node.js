// In Node.js, send files by one client: each line of standard input is a JSON list of paths, each answer a line.

import { statSync } from "node:fs";
import { basename } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";

/** Run until standard input ends. A failed upload ends the process with its error. */
export async function run(connect) {
  const send = connect(JSON.parse(process.env.CLIENT_CONFIG));
  for await (const line of createInterface({ input: process.stdin })) {
    const paths = JSON.parse(line);
    if (paths.length) await send(paths.map((path) => ({ name: basename(path), size: statSync(path).size, data: path })));
    process.stdout.write("done\n");
  }
}
