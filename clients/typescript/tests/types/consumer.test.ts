import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";

const run = promisify(execFile);
const compilers = ["typescript", "typescript-newest"];
const projects = ["bundler", "nodenext", "node-bundler", "node-nodenext"];

beforeAll(() => {
  if (!existsSync("dist/index.d.ts"))
    throw new Error("These tests compile the built package: run `npm run build` first.");
});

describe.each(compilers)("the built types with %s", (compiler) => {
  test("is the version that it should be", async () => {
    const { stdout } = await run(process.execPath, [`node_modules/${compiler}/bin/tsc`, "--version"]);
    expect(stdout).toMatch(compiler === "typescript" ? /Version 5\.9\./ : /Version 7\./);
  });

  test.each(projects)("compile in an app: %s", async (project) => {
    const options = [`node_modules/${compiler}/bin/tsc`, "--project", `tests/consumer/${project}.json`];
    await expect(run(process.execPath, options)).resolves.toMatchObject({ stdout: "" });
  });
});
