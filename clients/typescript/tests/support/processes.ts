import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";
import type { Assignment, Report } from "./child.js";

const HOOKS = new URL("hooks.js", import.meta.url).href;
const CHILD = fileURLToPath(new URL("child.ts", import.meta.url));
/** The first child that ends by itself leaves its compiled sources here: the others start in a third of the time. */
const COMPILED = mkdtempSync(join(tmpdir(), "s3-file-uploader-compiled-"));

afterAll(() => {
  rmSync(COMPILED, { recursive: true, force: true });
});

/** A running child. */
export interface Child {
  /** Resolves once the child has started its work. */
  begun: Promise<void>;
  /** The reports of the child, once it has ended or was killed. */
  ended: Promise<Report[]>;
  /** Kill it with SIGKILL. */
  kill(): void;
}

/** Run the client in a process of its own. `ended` rejects if it fails by itself. */
export function runChild(assignment: Assignment, onReport: (report: Report) => void = () => undefined): Child {
  const options = ["--no-warnings", "--experimental-transform-types", "--import", HOOKS];
  const child = spawn(process.execPath, [...options, CHILD, JSON.stringify(assignment)], {
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILED },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const reports: Report[] = [];
  let errors = "";
  child.stderr.on("data", (data: Buffer) => (errors += data.toString()));
  let begin: () => void;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  createInterface(child.stdout).on("line", (line) => {
    const report = JSON.parse(line) as Report;
    reports.push(report);
    if (report.event === "begun") begin();
    onReport(report);
  });
  const ended = once(child, "close").then(([code, signal]) => {
    if (code !== 0 && signal !== "SIGKILL") throw new Error(`The child ended with ${String(code)}: ${errors}`);
    return reports;
  });
  ended.catch(() => begin());
  return { begun, ended, kill: () => void child.kill("SIGKILL") };
}
